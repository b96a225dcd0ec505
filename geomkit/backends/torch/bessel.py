"""Values of Bessel functions of whole order >= 0; `special` gives them their derivatives.

Torch has orders 0 and 1, but its J and Y are wrong in the seventh digit for arguments between 4
and 25 (torch 2.13).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["VALUES"]

# Steps of the downward recurrence beyond the order: for J at x <= order the error shrinks by a
# factor below 1/4 after the first few; for I by exp(-steps**2/x), at x <= 713 where double ends.
_STEPS = {"J": 60, "I": 160}


def _upward(order: int, x: Tensor, zeroth: Tensor, first: Tensor, sign: int) -> Tensor:
    """C_{k+1} = 2k/x C_k + sign C_{k-1}: stable for Y and K, and for J below order x."""
    if order == 0:
        return zeroth
    below, value = zeroth, first
    for k in range(1, order):
        below, value = value, 2 * k / x * value + sign * below
    return value


def _ratio(order: int, x: Tensor, steps: int, sign: int) -> Tensor:
    """C_order / (x C_{order-1}) for the solution that decays with the order, from above."""
    square = sign * x * x
    value = torch.zeros_like(x) + 1 / (2 * (order + steps + 1))
    for k in range(order + steps, order - 1, -1):
        value = 1 / (2 * k + square * value)
    return value


def _where_torch_is_right(x: Tensor, known: Tensor, series: Tensor) -> Tensor:
    return torch.where((x > 1) & (x < 25), series, known)


def _series(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return J_0, J_1, Y_0, Y_1 for 1 <= x <= 25."""
    # All J_k by downward recurrence; J_0 + 2 J_2 + 2 J_4 + ... = 1 gives the scale; Y_0 and Y_1
    # are Neumann's series in J_k (DLMF 10.8.3, Abramowitz and Stegun 9.1.88).
    x = x.clamp(1.0, 25.0)
    above, here = torch.zeros_like(x), torch.full_like(x, 1e-200)
    total, even, odd = torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(x)
    for k in range(90, 0, -1):  # here = J_k, up to the scale
        sign = -1 if k // 2 % 2 else 1
        if k % 2 == 0:
            total, even = total + 2 * here, even + sign * 2 / k * here
        elif k > 1:
            m = k // 2
            odd = odd + sign * k / (m * (m + 1)) * here
        above, here = here, 2 * k / x * here - above
    total = total + here
    j0, j1 = here / total, above / total
    # Numbers are written out: torch.compile fails on those from outside of a function's code.
    pi, euler = 3.141592653589793, 0.5772156649015329
    log = torch.log(x / 2) + euler
    y0 = 2 / pi * (log * j0 - 2 * even / total)
    y1 = 2 / pi * (-j0 / x + (log - 1) * j1 - odd / total)
    return j0, j1, y0, y1


def _j(order: int, x: Tensor) -> Tensor:
    odd = torch.where(x < 0, -1.0, 1.0)
    x = x.abs()
    zeroth = _where_torch_is_right(x, torch.special.bessel_j0(x), _series(x)[0])
    first = odd * _where_torch_is_right(x, torch.special.bessel_j1(x), _series(x)[1])
    x = odd * x
    if order < 2:
        return first if order else zeroth
    # Downward from order to 0, with powers of x taken out; then fit J_0 and J_1 at once, because
    # either may vanish.
    above, here = _ratio(order + 1, x, _STEPS["J"], -1), torch.ones_like(x)
    for k in range(order, 0, -1):
        above, here = here, 2 * k * here - x * x * above
    fitted = (zeroth * here + first * x * above) / (here * here + (x * above) ** 2)
    return torch.where(x.abs() > order, _upward(order, x, zeroth, first, -1), fitted * x**order)


def _i(order: int, x: Tensor) -> Tensor:
    value = torch.special.i0(x)
    if order == 1:
        return torch.special.i1(x)
    ratio = _ratio(order, x, _STEPS["I"], 1) if order else value
    for k in range(order, 0, -1):
        value = value * x * ratio
        ratio = 1 / (2 * (k - 1) + x * x * ratio) if k > 1 else ratio
    return value


def _y(order: int, x: Tensor) -> Tensor:
    zeroth = _where_torch_is_right(x, torch.special.bessel_y0(x), _series(x)[2])
    first = _where_torch_is_right(x, torch.special.bessel_y1(x), _series(x)[3])
    return _upward(order, x, zeroth, first, -1)


def _k(order: int, x: Tensor) -> Tensor:
    zeroth, first = torch.special.modified_bessel_k0(x), torch.special.modified_bessel_k1(x)
    return _upward(order, x, zeroth, first, 1)


VALUES = {"J": _j, "Y": _y, "I": _i, "K": _k}
