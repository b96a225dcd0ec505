"""Lowering: from exact tensors of a metric to programs.

rational normal form -> factored -> common parts of all outputs once -> nodes of a `Program`.
"""

from __future__ import annotations

from geomkit.lower.lowering import lower
from geomkit.lower.requests import Request, read_requests

__all__ = ["Request", "lower", "read_requests"]
