"""Staged lowering: from the metric to curvature step by step in the program, nothing expanded."""

from __future__ import annotations

from typing import Any

from geomkit.errors import LoweringError

__all__ = ["lower_staged"]


def lower_staged(*args: Any) -> None:
    """Lower step by step.

    Args:
        *args: as for exact lowering.

    Raises:
        LoweringError: always, for now.
    """
    raise LoweringError("this metric does not fit the exact field, and there is no other way yet")
