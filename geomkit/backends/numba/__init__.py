"""Programs in machine code, through numba.

The source of a kernel is a readable file in the cache folder; it needs numpy and numba only. Points
are computed in blocks of 64, so that the compiler computes several at once.
"""

from __future__ import annotations

from geomkit.backends.numba.code import Code, build

__all__ = ["Code", "build"]
