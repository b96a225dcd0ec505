"""Signs of polynomials on boxes that touch their zeros, by Bernstein coefficients.

On [0, 1]^m a polynomial lies between its least and its greatest Bernstein coefficient, so
coefficients of one sign prove that sign even where the polynomial vanishes on the boundary, as
r - 2 M does for r in [2 M, 8 M]. Interval arithmetic cannot see that.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, prod
from typing import TYPE_CHECKING

import sympy as sp

if TYPE_CHECKING:
    from geomkit.domain import Domain

__all__ = ["bernstein_sign"]

# More coefficients than this are not worth their time.
MAX_COEFFICIENTS = 4000
Tensor = dict[tuple[int, ...], Fraction]


def bernstein_sign(expression: sp.Expr, domain: Domain) -> int | None:
    """Return the sign of a polynomial on the interior of a domain, if it is seen.

    Args:
        expression: polynomial in symbols of the domain.
        domain: boxes whose bounds are polynomials in earlier symbols.

    Returns:
        +1 or -1 when all Bernstein coefficients have that sign or vanish, else None.

    Examples:
        >>> from geomkit.domain import Box, Domain
        >>> m, r = sp.symbols("m r", positive=True)
        >>> one, two = sp.Integer(1), sp.Integer(2)
        >>> bernstein_sign(r - 2 * m, Domain((Box(m, one, two), Box(r, 2 * m, 8 * m))))
        1
    """
    shares = []
    for box in reversed(domain.boxes):
        if expression.has(box.symbol):
            share = sp.Dummy()
            shares.append(share)
            expression = expression.subs(box.symbol, box.lower + share * (box.upper - box.lower))
    if not shares or expression.free_symbols - set(shares):
        return None
    try:
        poly = sp.Poly(expression, *shares, domain="QQ")
    except sp.PolynomialError:
        return None
    degrees = [max(poly.degree(share), 0) for share in shares]
    if poly.is_zero or prod(d + 1 for d in degrees) > MAX_COEFFICIENTS:
        return None
    coefficients = _bernstein(_terms(poly), degrees)
    signs = {(c > 0) - (c < 0) for c in coefficients.values()} - {0}
    return signs.pop() if len(signs) == 1 else None


def _terms(poly: sp.Poly) -> Tensor:
    return {tuple(m): Fraction(int(c.p), int(c.q)) for m, c in poly.terms()}


def _bernstein(terms: Tensor, degrees: list[int]) -> Tensor:
    """Return b_i = sum_(j <= i) C(i, j)/C(d, j) a_j, one variable after the other."""
    for axis, degree in enumerate(degrees):
        raised: Tensor = {}
        for exponents, coefficient in terms.items():
            j = exponents[axis]
            for i in range(j, degree + 1):
                key = (*exponents[:axis], i, *exponents[axis + 1 :])
                part = coefficient * Fraction(comb(i, j), comb(degree, j))
                raised[key] = raised.get(key, Fraction(0)) + part
        terms = raised
    return terms
