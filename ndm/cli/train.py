"""`ndm train`."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from geomkit.terminal import console, emit

__all__ = ["run", "show_figures"]


def run(
    config: Path,
    overrides: list[str],
    seeds: list[int],
    *,
    output: Path | None,
    resume: bool,
    quiet: bool,
) -> None:
    """Train, and print what came out.

    Args:
        config: the YAML file.
        overrides: of keys.
        seeds: instead of the file's, if there are any.
        output: folder; by default runs/ and the name of the file.
        resume: go on with what is there.
        quiet: no progress bar.
    """
    from ndm.config import load_config

    chosen = [*overrides, f"seeds={seeds}"] if seeds else overrides
    read = load_config(config, chosen)

    from ndm.training import train

    folder = Path("runs") / config.stem if output is None else output
    result = train(read, folder, resume=resume, progress=not quiet and sys.stderr.isatty())
    show_figures(
        {
            part: {name: _spread(*value) for name, value in figures.items()}
            for part, figures in result.summary().items()
        },
        f"{len(result.seeds)} seeds" if len(result.seeds) > 1 else f"seed {result.seeds[0].seed}",
    )
    for seed in result.seeds:
        emit(f"seed {seed.seed}: {seed.epochs} epochs, the best was epoch {seed.best_epoch}")
    emit(f"written to {folder}")


def _spread(mean: float, deviation: float) -> str:
    return f"{mean:.4g}" if math.isnan(deviation) else f"{mean:.4g} ± {deviation:.2g}"


def show_figures(columns: dict[str, dict[str, str]], title: str) -> None:
    """Print a table of figures; a list where there is no room for a table.

    Args:
        columns: texts by name of the figure, by name of the column.
        title: above it.
    """
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    place = console()
    if place.width < _least_width(names, columns):
        emit(title)
        for name in names:
            emit(name.replace("_", " "))
            given = [(part, figures[name]) for part, figures in columns.items() if name in figures]
            emit("\n".join(f"  {part} {text}" for part, text in given))
        return
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    for part in columns:
        table.add_column(part, justify="right", no_wrap=True)
    for name in names:
        cells = [figures.get(name, "") for figures in columns.values()]
        table.add_row(name.replace("_", " "), *cells)
    place.print(table)


def _least_width(names: list[str], columns: dict[str, dict[str, str]]) -> int:
    """The width of the table with no figure cut; the names of figures may take several lines."""
    words = [word for name in names for word in name.split("_")]
    wide = [max(map(len, (part, *figures.values()))) for part, figures in columns.items()]
    return 1 + sum(width + 3 for width in (max(map(len, ("figure", *words))), *wide))
