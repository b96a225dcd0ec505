"""Factors such as (1 - s)(1 + s), written as the square c^2 of the eliminated partner."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from .polynomial import Poly

if TYPE_CHECKING:
    from .tower import Field

__all__ = ["gather_squares"]

Factors = list[tuple[Poly, int]]


def gather_squares(field: Field, content: Fraction, factors: Factors) -> tuple[Fraction, Factors]:
    """Write factors that make up the square of an eliminated sine or cosine as that square.

    Args:
        field: the field.
        content: rational factor.
        factors: irreducible polynomials with exponents.

    Returns:
        Content and factors of the same product.
    """
    for name, _, value, _ in field._relations:
        if field.generators[name].kind in ("sin", "cos", "sinh", "cosh"):
            content, factors = _gather(field, name, value, content, factors)
    return content, factors


def _gather(
    field: Field, name: str, value: Poly, content: Fraction, factors: Factors
) -> tuple[Fraction, Factors]:
    scale, parts = field.ring.factor(value)
    found = [k for part, _ in parts for p, k in factors if p == part]
    if len(found) < len(parts) or len({k > 0 for k in found}) != 1:
        return content, factors
    m = min(found, key=abs)
    squares = [p for p, _ in parts]
    rest = [(p, k - m if any(p == q for q in squares) else k) for p, k in factors]
    partner = field.ring.gens[field.ring.index[name]]
    return content / scale**m, [*((p, k) for p, k in rest if k), (partner, 2 * m)]
