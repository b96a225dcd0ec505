"""Makes the outputs of notebooks anew: `python notebooks/execute.py 01 08`, or all of them.

What is kept is what GitHub shows: tensors as LaTeX, which it typesets, and not also as HTML, in
which it does not. Nothing of the machine stays: no times of day, no metadata of an editor.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent


def execute(path: Path) -> None:
    """Run one notebook and write it back.

    Args:
        path: of the notebook.
    """
    notebook = nbformat.read(path, as_version=4)
    surroundings = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources=surroundings, record_timing=False
    ).execute()
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = _tidy(cell.outputs)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def _tidy(outputs: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for output in outputs:
        if "text/latex" in output.get("data", {}):
            output.data.pop("text/html", None)
        stream = output.get("name")  # None for what is no stream
        if kept and stream is not None and stream == kept[-1].get("name"):
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


if __name__ == "__main__":
    for notebook in sorted(FOLDER.glob("*.ipynb")):
        if len(sys.argv) == 1 or notebook.name.startswith(tuple(sys.argv[1:])):
            execute(notebook)
