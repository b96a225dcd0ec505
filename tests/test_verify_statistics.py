"""Fisher metrics: moments in closed form against mpmath, quadrature, densities that are none."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import pytest
import sympy

import geomkit as gk
from geomkit.evaluate import Balls
from geomkit.verify.moments import Family
from geomkit.verify.quadrature import expectations
from geomkit.verify.recognise import recognise

x = sympy.Symbol("x", real=True)
p = sympy.Symbol("p", positive=True)
a, b = sympy.symbols("a b", positive=True)
AT = {a: sympy.Rational(7, 3), b: sympy.Rational(5, 4)}
oo = sympy.oo

# log density, variable, support, expressions whose expectation is known
FAMILIES: list[tuple[str, Any, Any, tuple[Any, Any], list[Any]]] = [
    ("normal", -((x - a) ** 2) / (2 * b**2) - sympy.log(b) - sympy.log(2 * sympy.pi) / 2, x,
     (-oo, oo), [x, x**2, x**3, x**4]),
    ("generalised gamma", (a - 1) * sympy.log(p) - p / b - a * sympy.log(b) - sympy.loggamma(a), p,
     (0, oo), [p, p**2, 1 / p, sympy.log(p), sympy.log(p) ** 2, p * sympy.log(p)]),
    ("generalised gamma", sympy.log(a / b) + (a - 1) * sympy.log(p / b) - (p / b) ** a, p,
     (0, oo), [(p / b) ** a, (p / b) ** a * sympy.log(p), (p / b) ** (2 * a)]),
    ("log-normal", -sympy.log(p) - sympy.log(b) - sympy.log(2 * sympy.pi) / 2
     - (sympy.log(p) - a) ** 2 / (2 * b**2), p, (0, oo), [sympy.log(p), sympy.log(p) ** 2]),
    ("inverse Gaussian", sympy.log(b / (2 * sympy.pi * p**3)) / 2
     - b * (p - a) ** 2 / (2 * a**2 * p), p, (0, oo), [p, 1 / p]),
    ("beta", (a - 1) * sympy.log(p) + (b - 1) * sympy.log(1 - p) + sympy.loggamma(a + b)
     - sympy.loggamma(a) - sympy.loggamma(b), p, (0, 1), [sympy.log(p), sympy.log(1 - p)]),
    ("Pareto", sympy.log(a) + a * sympy.log(b) - (a + 1) * sympy.log(p), p, (b, oo),
     [sympy.log(p), sympy.log(p) ** 2]),
    ("Gumbel", -(x - a) / b - sympy.exp(-(x - a) / b) - sympy.log(b), x, (-oo, oo),
     [x, x**2, sympy.exp(-x / b), x * sympy.exp(-x / b)]),
    ("logistic", -(x - a) / b - 2 * sympy.log(1 + sympy.exp(-(x - a) / b)) - sympy.log(b), x,
     (-oo, oo), [x, x**2, 1 / (1 + sympy.exp(-(x - a) / b)),
                 x * sympy.exp(-(x - a) / b) / (1 + sympy.exp(-(x - a) / b)) ** 2]),
    ("Student", sympy.log(b) - sympy.log(b**2 + (x - a) ** 2) - sympy.log(sympy.pi), x, (-oo, oo),
     [1 / (b**2 + (x - a) ** 2), x**2 / (b**2 + (x - a) ** 2) ** 2,
      sympy.log(b**2 + (x - a) ** 2)]),
    ("von Mises", b * sympy.cos(x - a) - sympy.log(2 * sympy.pi * sympy.besseli(0, b)), x,
     (a - sympy.pi, a + sympy.pi), [sympy.cos(x - a), sympy.sin(x - a) ** 2]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "logpdf", "variable", "support", "parts"), FAMILIES)
def test_moments_agree_with_mpmath(
    name: str, logpdf: Any, variable: Any, support: tuple[Any, Any], parts: list[Any]
) -> None:
    family = recognise(logpdf, variable, tuple(map(sympy.sympify, support)))
    assert isinstance(family, Family)
    assert family.name == name
    assert all(expression.subs(AT) > 0 for expression in family.positive)
    # sixteen digits by construction of a density: its integral is 1
    assert abs(family.excess.subs(AT).evalf(30)) < 1e-25
    density = sympy.lambdify(variable, sympy.exp(logpdf).subs(AT), "mpmath")
    ends = [mpmath.mpf(str(sympy.sympify(end).subs(AT).evalf(30)).replace("oo", "inf"))
            for end in support]  # fmt: skip
    if ends == [-mpmath.inf, mpmath.inf]:
        # broken at the centre; all but Student's have nothing left beyond (exp(-100) and less)
        reach = [mpmath.inf] * 2 if name == "Student" else [mpmath.mpf(10), mpmath.mpf(150)]
        ends = [-reach[0], mpmath.mpf(7) / 3, reach[1]]
        if name in ("normal", "logistic"):
            ends[0] = -ends[-1]
    for part in parts:
        closed = family.expectation(part)
        assert closed is not None
        function = sympy.lambdify(variable, part.subs(AT), "mpmath")
        with mpmath.workdps(25):
            true = mpmath.quad(lambda t, f=function: density(t) * f(t), ends, maxdegree=9)
            # mpmath reaches ten digits and more for each of these
            assert abs(true - mpmath.mpf(str(closed.subs(AT).evalf(25)))) < 1e-10 * (1 + abs(true))


def test_unknown_densities_are_not_recognised() -> None:
    for logpdf in (-(x**4), -sympy.Abs(x - a), -sympy.cosh(x), sympy.sin(x)):
        assert recognise(logpdf, x, (-oo, oo)) is None


@pytest.mark.parametrize(
    ("logpdf", "function", "ends", "true"),
    [
        # integrals over a finite, a half-infinite and the whole line
        (sympy.S.Zero, p**3, (0, 1), Fraction(1, 4)),
        (-p, p**3, (0, oo), Fraction(6)),
        (p, p, (-oo, 0), Fraction(-1)),
        (-sympy.Abs(x) - sympy.log(2), x**2, (-oo, 0, oo), Fraction(2)),
        (-sympy.log(1 + x**2) - sympy.log(sympy.pi), 1 / (1 + x**2), (-oo, oo), Fraction(1, 2)),
    ],
)
def test_quadrature(logpdf: Any, function: Any, ends: tuple[Any, ...], true: Fraction) -> None:
    variable = x if logpdf.has(x) or function.has(x) else p
    if ends == (-oo, 0):  # p is positive: the same on the negative line
        logpdf, function, variable = logpdf.subs(p, x), function.subs(p, x), x
    found = expectations(
        logpdf, [(function, sympy.S.One)], variable, list(map(sympy.sympify, ends)), {},
        bits=260, tolerance=Fraction(1, 10**40),
    )  # fmt: skip
    # the error estimate must not be below the error, nor above what was asked for
    assert found.error < 1e-38
    assert abs(float(found.values[0]) - float(true)) < 1e-14
    with Balls(260).working():
        assert abs(found.values[0] * true.denominator - true.numerator) < 1e-38


NORMAL: dict[str, Any] = {
    "coordinates": ["mu", "s"],
    "matrix": [["1/s**2", "0"], ["0", "2/s**2"]],
    "domain": {"s": ["1/2", "2"]},
}


def fisher(metric: dict[str, Any], logpdf: str, support: list[str], **keywords: Any) -> Any:
    claim = {"kind": "fisher", "var": "x", "logpdf": logpdf, "support": support}
    (result,) = gk.verify({"metric": metric, "claims": [claim]}, **keywords).claims
    return result


def test_quadrature_decides_what_has_no_known_moments() -> None:
    laplace = {**NORMAL, "matrix": [["1/s**2", "0"], ["0", "1/s**2"]]}
    logpdf = "-abs(x-mu)/s - log(2*s)"
    result = fisher(laplace, logpdf, ["-oo", "oo"])
    assert (result.verdict, result.proof) == ("holds", "numeric")
    assert fisher(laplace, logpdf, ["-oo", "oo"], fallback=False).verdict == "undecided"
    result = fisher(NORMAL, logpdf, ["-oo", "oo"])
    assert result.verdict == "fails"
    assert result.instead is not None


@pytest.mark.parametrize(
    ("logpdf", "support"),
    [
        ("-log(s)-(x-mu)**2/(2*s**2)", ["-oo", "oo"]),  # without 2 pi
        ("-log(s)+(x-mu)**2/(2*s**2)", ["-oo", "oo"]),  # diverges
        ("-log(2*s)-abs(x-mu)/(2*s)", ["-oo", "oo"]),
    ],
)
def test_what_is_no_density(logpdf: str, support: list[str]) -> None:
    result = fisher(NORMAL, logpdf, support)
    assert result.verdict == "fails"
    assert "not a density" in result.detail
    assert result.instead is not None
    assert result.instead["kind"] == "integral_of_density"


def test_moving_support() -> None:
    # the lower end depends on the coordinate: only products of scores are right here
    pareto = {"coordinates": ["alpha"], "matrix": [["1/alpha**2"]], "domain": {"alpha": ["1", "3"]}}
    logpdf = "log(alpha)+alpha*log(2)-(alpha+1)*log(x)"
    result = fisher(pareto, logpdf, ["2", "oo"])
    assert (result.verdict, result.proof) == ("holds", "exact")
