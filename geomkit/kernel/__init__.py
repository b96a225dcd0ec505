"""Kernels: programs in machine code, called with arrays of points.

`compile(metric, quantities, backend)` lowers exact tensors to a program and compiles it; `Kernel`
is what comes out.
"""

from __future__ import annotations

from geomkit.kernel.model import BACKENDS, Kernel, compile

__all__ = ["BACKENDS", "Kernel", "compile"]
