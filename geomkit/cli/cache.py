"""`geomkit cache`: the kernels that are kept on disk."""

from __future__ import annotations

from geomkit.terminal import emit

__all__ = ["run_clear", "run_info"]


def run_info() -> None:
    """Say where kernels are kept, how many, and how much room they take."""
    from geomkit import cache

    emit(str(cache.info()))


def run_clear() -> None:
    """Remove all kept kernels."""
    from geomkit import cache

    emit(f"removed from {cache.clear()}")
