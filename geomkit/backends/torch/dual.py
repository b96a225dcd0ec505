"""Forward mode inside of forward mode, for functions with a jvp of their own.

Torch (up to 2.13 at least) computes the jvp of an `autograd.Function` with forward mode switched
off, so that outer levels of jacfwd(jacfwd(f)) silently get zeros. Switched on again, the saved
arguments have to be taken without the tangents that the jvp is about.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["nested", "primal"]


def nested() -> Any:
    """Return the context for the body of a jvp: outer levels of forward mode see what happens."""
    return forward_ad._set_fwd_grad_enabled(True)


def primal(tensor: Tensor) -> Tensor:
    """Return a saved argument without its tangent at the innermost level.

    Args:
        tensor: what was saved for the jvp.

    Returns:
        The tensor without tangent.
    """
    value: Tensor = forward_ad.unpack_dual(tensor).primal
    return value
