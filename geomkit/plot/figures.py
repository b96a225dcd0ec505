"""Figures without a window: made, styled and saved."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from geomkit.errors import FileError, GeomkitError

__all__ = ["COLOURS", "new_figure", "require", "save", "several_colours", "spelt"]

# The palette of Okabe and Ito: told apart by all kinds of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


_WORDS = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi "
    "psi omega"
)
_GREEK = dict(zip(_WORDS.split(), "αβγδεζηθκλμνξπρστφχψω", strict=True))


def require(package: str) -> Any:
    """Import a plotting package.

    Args:
        package: "matplotlib" or "plotly".

    Returns:
        The module.

    Raises:
        GeomkitError: it is not installed; the message says how to get it.
    """
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError:
        raise GeomkitError(
            f"plots need {package}, which is not installed: pip install 'geomkit-ndm[plot]'"
        ) from None


def new_figure(width: float = 6.4, height: float = 4.8, **axes: Any) -> tuple[Any, Any]:
    """Return a figure, and axes in it, that belong to no window; a notebook shows it all the same.

    Args:
        width: in inches.
        height: in inches.
        **axes: for `Figure.add_subplot`: `projection="3d"`.

    Returns:
        Figure and axes.
    """
    require("matplotlib")
    from .shown import ShownFigure

    figure = ShownFigure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot(**axes)


def several_colours(count: int) -> list[Any]:
    """Return colours for curves in order: those of `COLOURS`, or a gradual scale for many.

    Args:
        count: how many.

    Returns:
        The colours.

    Example:
        >>> several_colours(2)
        ['#0072B2', '#D55E00']
    """
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    require("matplotlib")
    from matplotlib import colormaps

    scale = colormaps["viridis"]
    return [scale(0.92 * k / (count - 1)) for k in range(count)]


def spelt(name: str) -> str:
    """Return the name of a coordinate as it is written: the Greek letter for "phi".

    Args:
        name: the name.

    Returns:
        The text.

    Example:
        >>> spelt("phi"), spelt("theta_1"), spelt("r")
        ('φ', 'θ_1', 'r')
    """
    word, separator, rest = name.partition("_")
    stem = word.rstrip("0123456789")
    return _GREEK.get(stem, stem) + word[len(stem) :] + separator + rest


def save(figure: Any, path: str | Path, *, dpi: int = 150) -> Path:
    """Write a figure to a file, completely or not at all.

    Args:
        figure: of matplotlib, or of plotly.
        path: where; missing folders are made. The suffix says how: .png, .pdf, .svg for
            matplotlib, .html (which needs no network) or .json for plotly.
        dpi: dots per inch, for .png.

    Returns:
        The path.

    Raises:
        FileError: the suffix is not one that this kind of figure can be written as, or the file
            cannot be written.

    Example:
        >>> import tempfile
        >>> from geomkit.plot.figures import new_figure
        >>> figure, axes = new_figure()
        >>> save(figure, tempfile.mkdtemp() + "/empty.png").name
        'empty.png'
    """
    path = Path(path)
    plotly = hasattr(figure, "write_html")
    known = (".html", ".json") if plotly else (".png", ".pdf", ".svg")
    if path.suffix.lower() not in known:
        kind = "a plotly" if plotly else "a matplotlib"
        raise FileError(
            f"{kind} figure cannot be written as {path.suffix or 'a file without suffix'}",
            file=str(path),
            remedy=f"use one of {', '.join(known)}",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".geomkit.", suffix=path.suffix)
        os.close(handle)
        try:
            _write(figure, Path(name), dpi)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FileError(
            f"cannot be written ({reason})", file=str(path), remedy="name another file"
        ) from None
    return path


def _write(figure: Any, path: Path, dpi: int) -> None:
    if path.suffix.lower() == ".html":
        figure.write_html(path, include_plotlyjs=True)
    elif path.suffix.lower() == ".json":
        figure.write_json(path)
    else:
        figure.savefig(path, dpi=dpi)
