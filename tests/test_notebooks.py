"""The notebooks as files; that their cells run is tested by nbmake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CELLS = 25  # a lesson that is read in one sitting

# Where a machine or a person shows: folders, times of day, memory addresses.
PRIVATE = re.compile(r"/(home|root|tmp|work|Users)/|\d\d:\d\d:\d\d|0x[0-9a-f]{8,}")


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def texts(notebook: Any) -> list[str]:
    """All that is there to be read: sources, and outputs but for pictures."""
    found = [cell.source for cell in notebook.cells]
    for output in outputs(notebook):
        found.append(output.get("text", ""))
        shown = output.get("data", {})
        found += [str(value) for kind, value in shown.items() if not kind.startswith("image/")]
    return found


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=4)  # type: ignore[no-untyped-call]


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 6


def test_it_is_a_lesson(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert len(notebook.cells) <= CELLS
    assert notebook.cells[0].cell_type == "markdown"
    assert re.match(r"# \d+ · ", notebook.cells[0].source)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert prose.index("## Exercises") < prose.index("### Solutions")


def test_outputs_are_those_of_one_run(notebook: Any) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = [(output.output_type, output.get("name")) for output in outputs(notebook)]
    assert ("error", None) not in kinds
    assert ("stream", "stderr") not in kinds  # no warnings in a lesson
    assert any("image/png" in output.get("data", {}) for output in outputs(notebook))


def test_every_figure_is_shown(notebook: Any) -> None:
    for output in outputs(notebook):
        shown = output.get("data", {})
        assert "<Figure" not in shown.get("text/plain", "") or "image/png" in shown


def test_nothing_of_the_machine_is_in_it(notebook: Any) -> None:
    assert not [text for text in texts(notebook) if PRIVATE.search(text)]
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert not [cell for cell in notebook.cells if cell.metadata]
