"""Families on torch tensors: numba kernels behind autograd on the CPU, plain torch elsewhere."""

from __future__ import annotations

from .function import evaluate, gradient

__all__ = ["evaluate", "gradient"]
