"""Recurrences that tie special functions whose parameters differ by integers.

gamma(x + 1) = x gamma(x), J_(n+1) = (2 n/z) J_n - J_(n-1), ...: without them the field would take
such values for independent generators and not see zeros (DLMF 5.5, 10.6, 10.29).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy as sp

__all__ = ["RECURRENCES", "Recurrence"]


@dataclass(frozen=True)
class Recurrence:
    """How a function at a shifted argument is reached.

    Args:
        slot: the argument that may be shifted by an integer.
        reach: the function at this argument, k steps above (or below) a known one, in terms of
            values nearer to the known one; None when it is a generator of its own.
        derivative: derivative by an argument in terms of values at the same or the next
            parameter, or None for SymPy's own rule.
    """

    slot: int
    reach: Callable[[sp.Function, int], sp.Expr | None]
    derivative: Callable[[sp.Function, int], sp.Expr | None]


def _no_rule(expr: sp.Function, slot: int) -> sp.Expr | None:
    return None


def _gamma(expr: sp.Function, shift: int) -> sp.Expr:
    x = expr.args[0]
    if shift > 0:
        return (x - 1) * sp.gamma(x - 1)
    return sp.gamma(x + 1) / x


def _loggamma(expr: sp.Function, shift: int) -> sp.Expr:
    x = expr.args[0]
    if shift > 0:
        return sp.log(x - 1) + sp.loggamma(x - 1)
    return sp.loggamma(x + 1) - sp.log(x)


def _polygamma(expr: sp.Function, shift: int) -> sp.Expr | None:
    order, x = expr.args
    if not (order.is_Integer and order >= 0):
        return None
    n = int(order)

    def jump(y: sp.Expr) -> sp.Expr:  # psi_n(y + 1) - psi_n(y)
        return (-1) ** n * sp.factorial(n) / y ** (n + 1)

    if shift > 0:
        return sp.polygamma(n, x - 1) + jump(x - 1)
    return sp.polygamma(n, x + 1) - jump(x)


def _bessel(sign: int, scale: int) -> Callable[[sp.Function, int], sp.Expr | None]:
    """Three-term recurrence F_(n+1) = scale (2n/z) F_n + sign F_(n-1)."""

    def reach(expr: sp.Function, shift: int) -> sp.Expr | None:
        n, z = expr.args
        if shift in (0, 1):  # the pair F_n, F_(n+1) spans all
            return None
        f = expr.func
        if shift > 1:
            return scale * 2 * (n - 1) / z * f(n - 1, z) + sign * f(n - 2, z)
        return sign * (f(n + 2, z) - scale * 2 * (n + 1) / z * f(n + 1, z))

    return reach


def _bessel_slope(sign: int) -> Callable[[sp.Function, int], sp.Expr | None]:
    """F_n' = (n/z) F_n + sign F_(n+1)."""

    def derivative(expr: sp.Function, slot: int) -> sp.Expr | None:
        n, z = expr.args
        return n / z * expr + sign * expr.func(n + 1, z) if slot == 1 else None

    return derivative


RECURRENCES: Mapping[str, Recurrence] = {
    "gamma": Recurrence(0, _gamma, _no_rule),
    "loggamma": Recurrence(0, _loggamma, _no_rule),
    "polygamma": Recurrence(1, _polygamma, _no_rule),
    "besselj": Recurrence(0, _bessel(-1, 1), _bessel_slope(-1)),
    "bessely": Recurrence(0, _bessel(-1, 1), _bessel_slope(-1)),
    "besseli": Recurrence(0, _bessel(1, -1), _bessel_slope(1)),
    "besselk": Recurrence(0, _bessel(1, 1), _bessel_slope(-1)),
}
