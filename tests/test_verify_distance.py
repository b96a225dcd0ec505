"""Closed forms of distances: unit gradient, behaviour near the diagonal, wrong branches."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

import geomkit as gk
from geomkit.domain import Box, Domain
from geomkit.errors import FieldError
from geomkit.field import Budget
from geomkit.verify import ClaimResult
from geomkit.verify.series import leading_square

PLANE: dict[str, Any] = {"coordinates": ["x", "y"], "line_element": "dx**2 + dy**2"}
SPHERE: dict[str, Any] = {
    "coordinates": ["theta", "phi"],
    "line_element": "dtheta**2 + sin(theta)**2*dphi**2",
    "domain": {"theta": ["0.3", "2.8"], "phi": ["0", "3"]},
}
HALF_PLANE: dict[str, Any] = {
    "coordinates": ["x", "y"],
    "line_element": "(dx**2 + dy**2)/y**2",
    "domain": {"y": ["1/2", "2"]},
}
NUMERATOR = "((x-x_0)**2+(y-y_0)**2)"


def check(metric: dict[str, Any], value: str) -> ClaimResult:
    claim = {"kind": "distance", "value": value}
    return gk.verify({"metric": metric, "claims": [claim]}).claims[0]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        (PLANE, "sqrt((x-x_0)**2+(y-y_0)**2)"),
        (PLANE, "((x-x_0)**2+(y-y_0)**2)**(1/2)"),
        (PLANE, "abs(sqrt((x-x_0)**2+(y-y_0)**2))"),
        (HALF_PLANE, f"acosh(1+{NUMERATOR}/(2*y*y_0))"),
        (HALF_PLANE, f"2*asinh(sqrt({NUMERATOR}/(y*y_0))/2)"),
        (HALF_PLANE, f"2*atanh(sqrt({NUMERATOR}/((x-x_0)**2+(y+y_0)**2)))"),
        (
            HALF_PLANE,
            f"2*log((sqrt({NUMERATOR})+sqrt((x-x_0)**2+(y+y_0)**2))/(2*sqrt(y*y_0)))",
        ),
        (SPHERE, "acos(cos(theta)*cos(theta_0)+sin(theta)*sin(theta_0)*cos(phi-phi_0))"),
        (
            SPHERE,
            "2*asin(sqrt(sin((theta-theta_0)/2)**2+sin(theta)*sin(theta_0)*sin((phi-phi_0)/2)**2))",
        ),
    ],
)
def test_true_distances_are_proved(metric: dict[str, Any], value: str) -> None:
    (claim,) = gk.verify(
        {"metric": metric, "claims": [{"kind": "distance", "value": value}]}
    ).claims
    assert (claim.verdict, claim.proof) == ("holds", "exact"), str(claim)


@pytest.mark.parametrize(
    ("metric", "value", "instead"),
    [
        (PLANE, "(x-x_0)**2+(y-y_0)**2", None),
        (PLANE, "2*sqrt((x-x_0)**2+(y-y_0)**2)", "sqrt((x - x_0)**2 + (y - y_0)**2)"),
        (PLANE, "-sqrt((x-x_0)**2+(y-y_0)**2)", "sqrt((x - x_0)**2 + (y - y_0)**2)"),
        (PLANE, "sqrt((x-x_0)**2+(y-y_0)**2)+1", "sqrt((x - x_0)**2 + (y - y_0)**2)"),
        # unit gradient, but from a line and not from a point
        (PLANE, "abs(x-x_0)", None),
        (PLANE, "sqrt((x+x_0)**2+(y-y_0)**2)", None),
        (HALF_PLANE, f"acosh(1+{NUMERATOR}/(y*y_0))", None),
        (HALF_PLANE, f"acosh(1+{NUMERATOR}/(2*y**2))", None),
        (HALF_PLANE, f"acosh(1-{NUMERATOR}/(2*y*y_0))", None),
        # right near the diagonal, on a wrong branch where the cosine is negative
        (
            SPHERE,
            "asin(sqrt(1-(cos(theta)*cos(theta_0)+sin(theta)*sin(theta_0)*cos(phi-phi_0))**2))",
            "unknown",
        ),
    ],
)
def test_false_distances_are_refuted(
    metric: dict[str, Any], value: str, instead: str | None
) -> None:
    (claim,) = gk.verify(
        {"metric": metric, "claims": [{"kind": "distance", "value": value}]}
    ).claims
    if instead == "unknown":
        # its gradient has unit length except on the kink, so a refutation is not to be had easily
        assert claim.verdict != "holds", str(claim)
        return
    assert claim.verdict == "fails", str(claim)
    if instead is not None:
        assert claim.instead == {"kind": "distance", "value": instead}


x, x0 = sympy.symbols("x x_0", positive=True)
v = sympy.Symbol("v", real=True)
BOXES = Domain((Box(x, sympy.S.One, sympy.Integer(2)), Box(x0, sympy.S.One, sympy.Integer(2))))


@pytest.mark.parametrize(
    ("value", "square"),
    [
        (x - x0, v**2),
        (3 * sympy.Abs(x - x0), 9 * v**2),
        (sympy.log(x / x0), v**2 / x0**2),
        (sympy.log(x) - sympy.log(x0), v**2 / x0**2),
        (sympy.acosh(1 + (x - x0) ** 2 / (2 * x * x0)), v**2 / x0**2),
        (sympy.acos(sympy.cos(x - x0)), v**2),
        (sympy.acos(1 - (x - x0) ** 2), 2 * v**2),
        (2 * sympy.asinh(sympy.sqrt((x - x0) ** 2)), 4 * v**2),
        (sympy.sqrt(sympy.acosh(1 + (x - x0) ** 2) ** 2 + (x - x0) ** 2), 3 * v**2),
        (sympy.exp(x) - sympy.exp(x0), sympy.exp(2 * x0) * v**2),
        (sympy.sin(x) - sympy.sin(x0), sympy.cos(x0) ** 2 * v**2),
        (sympy.sqrt(x) - sympy.sqrt(x0), v**2 / (4 * x0)),
    ],
)
def test_leading_terms(value: sympy.Expr, square: sympy.Expr) -> None:
    field, found = leading_square(value, [x], [x0], [v], BOXES, Budget(None))
    assert (found - field(square)).is_zero


@pytest.mark.parametrize(
    "value",
    [(x - x0) ** 2, 1 + x - x0, sympy.log(x - x0), sympy.sqrt(sympy.Abs(x - x0)), sympy.S.Zero],
)
def test_what_is_not_of_first_order(value: sympy.Expr) -> None:
    with pytest.raises(FieldError):
        leading_square(sympy.sympify(value), [x], [x0], [v], BOXES, Budget(None))
