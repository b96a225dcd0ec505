"""A figure that a notebook shows by itself, without pyplot and its windows."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure

__all__ = ["ShownFigure"]


class ShownFigure(Figure):
    """A figure of matplotlib that is its own picture where it is the last line of a cell."""

    def _repr_png_(self) -> bytes:
        """The picture, as IPython asks for it."""
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()
