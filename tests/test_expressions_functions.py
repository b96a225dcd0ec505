"""Functions of formulas that have limits of their own."""

from __future__ import annotations

import pytest
import sympy as sp

from geomkit.errors import ParseError
from geomkit.expressions import parse

x = sp.Symbol("x", real=True)


def test_orthogonal_polynomials_and_other_spellings() -> None:
    assert parse("legendre(2, x)", {"x": x}) == (3 * x**2 - 1) / 2
    assert parse("chebyshevt(3, x) + Integer(1)/2", {"x": x}) == 4 * x**3 - 3 * x + sp.Rational(
        1, 2
    )
    assert parse("sinc(x)", {"x": x}) == sp.sin(x) / x
    for text in ("legendre(x, x)", "legendre(30, x)", "hermite(20, x**20)"):
        with pytest.raises(ParseError):
            parse(text, {"x": x})
    with pytest.raises(ParseError, match="numbers are exact, write 1/2"):
        parse("S(1)/2", {"x": x})
