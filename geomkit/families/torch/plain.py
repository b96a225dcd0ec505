"""Where the formula of a family is found in plain torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from . import full, simple

__all__ = ["FORMULAS"]

FORMULAS: Mapping[str, Callable[..., Tensor]] = {
    "full": full.scalar,
    "full_contracted": full.scalar_contracted,
    "conformal": simple.conformal,
    "diagonal": simple.diagonal,
}
