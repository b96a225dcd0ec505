"""Expectations by double-exponential quadrature, all at once on common nodes.

On each piece of the support x = x(t) maps the whole line onto the piece so that the integrand falls
off doubly exponentially; then the trapezoidal rule doubles its digits whenever the step is halved.

finite piece       x = a + (b - a) / (1 + exp(-pi sinh t))
half-infinite      x = a + w exp(pi/2 sinh t)
the whole line     x = m + w sinh(pi/2 sinh t)

with the place m and the width w of the peak, see `peaks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import Balls, Evaluator

from .peaks import diverges, find_peak

__all__ = ["Expectations", "expectations"]

Ball = Any
# The first step is 1/4; seven halvings mean some three thousand nodes a piece.
LEVELS = 7
# Outermost |t|: there exp(-pi/2 sinh t) is below 1e-1000, and no density has anything left.
REACH = 8
# Terms below 2^-bits of the sum, so many in a row, end a side.
QUIET = 4
# Precision of the search for peaks; one that is so many widths off the ends is broken at.
PEAK_BITS, NARROW = 64, 4.0


@dataclass(frozen=True)
class Expectations:
    """Integrals of several functions times a density.

    Attributes:
        total: the integral of the density itself.
        values: the integrals of the functions times the density.
        error: estimate of the largest absolute error.
        diverges: whether the integral of the density does not exist; then the rest means nothing.
    """

    total: Ball
    values: tuple[Ball, ...]
    error: Ball
    diverges: bool = False


def expectations(
    logpdf: sympy.Expr,
    products: Sequence[tuple[sympy.Expr, sympy.Expr]],
    variable: sympy.Symbol,
    ends: Sequence[sympy.Expr],
    values: Mapping[sympy.Symbol, Any],
    *,
    bits: int,
    tolerance: Fraction,
) -> Expectations:
    """Integrate exp(logpdf) times products of functions over the support.

    Args:
        logpdf: logarithm of the density.
        products: pairs of functions whose products are integrated.
        variable: the integration variable.
        ends: lower end of the support, places where to break in any order, upper end.
        values: values of the parameters.
        bits: working precision.
        tolerance: absolute error that is good enough.

    Returns:
        The integrals.

    Example:
        >>> x = sympy.Symbol("x", real=True)
        >>> normal = -x**2 / 2 - sympy.log(2 * sympy.pi) / 2
        >>> found = expectations(normal, [(x, x)], x, [-sympy.oo, sympy.oo], {},
        ...                      bits=100, tolerance=Fraction(1, 10**20))
        >>> print(float(found.total), float(found.values[0]), found.error < 1e-18)
        1.0 1.0 True
    """
    arithmetic = Balls(bits)
    with arithmetic.working():
        integrand = _integrand(logpdf, products, variable, values, arithmetic)
        limits = _limits(ends, values, arithmetic)
        log_density = _log_density(logpdf, variable, values)
        sums, error = [arithmetic.number(0)] * (1 + len(products)), arithmetic.number(0)
        if any(
            end is None and diverges(log_density, sign)
            for end, sign in ((limits[0], -1), (limits[-1], 1))
        ):
            return Expectations(arithmetic.number(0), (), error, diverges=True)
        for place in _places(log_density, limits, arithmetic):
            piece, missing = _piece(integrand, place, arithmetic, tolerance)
            sums = [a + b for a, b in zip(sums, piece, strict=True)]
            error = error + missing
    return Expectations(sums[0], tuple(sums[1:]), error)


def _limits(ends: Sequence[sympy.Expr], values: Mapping[Any, Any], arithmetic: Any) -> list[Any]:
    """Both ends of the support, and between them those breaks that lie inside, in order."""
    low, *breaks, high = (_limit(end, values, arithmetic) for end in ends)
    inside = [b for b in breaks if (low is None or b > low) and (high is None or b < high)]
    ordered: list[Any] = []
    for place in sorted(inside, key=lambda ball: float(ball.mid())):
        if not ordered or place > ordered[-1]:
            ordered.append(place)
    return [low, *ordered, high]


def _limit(end: sympy.Expr, values: Mapping[Any, Any], arithmetic: Any) -> Any:
    return None if end in (sympy.oo, -sympy.oo) else Evaluator(values, arithmetic)(end)


def _integrand(
    logpdf: sympy.Expr,
    products: Sequence[tuple[sympy.Expr, sympy.Expr]],
    variable: sympy.Symbol,
    values: Mapping[Any, Any],
    arithmetic: Any,
) -> Callable[[Ball], list[Ball]]:
    """The function x -> density times (1, products); what is free of x is evaluated once."""
    constants: dict[sympy.Expr, Ball] = {}
    once = Evaluator(values, arithmetic)

    def fold(node: sympy.Expr) -> sympy.Expr:
        if variable not in node.free_symbols:
            if node.is_Rational:
                return node
            symbol = sympy.Dummy(f"c{len(constants)}", real=True)
            constants[symbol] = once(node)
            return symbol
        if not node.args:
            return node
        if node.is_Add or node.is_Mul:
            constant, rest = node.as_independent(variable, as_Add=node.is_Add)
            parts = [fold(part) for part in node.func.make_args(rest)]
            return node.func(fold(constant), *parts)
        return node.func(*(fold(argument) for argument in node.args))

    density = fold(logpdf)
    functions = {f: fold(f) for pair in products for f in pair}

    def integrand(x: Ball) -> list[Ball]:
        at = Evaluator({**constants, variable: x}, arithmetic)
        weight = arithmetic.apply("exp", [at(density)])
        known = {f: at(folded) for f, folded in functions.items()}
        return [weight, *(weight * known[a] * known[b] for a, b in products)]

    return integrand


Place = Callable[[Ball], tuple[Ball, Ball]]


def _log_density(
    logpdf: sympy.Expr, variable: sympy.Symbol, values: Mapping[Any, Any]
) -> Callable[[float], float]:
    """The log density as a function of floats, -inf where it has no value."""
    arithmetic = Balls(PEAK_BITS)

    def f(x: float) -> float:
        try:
            with arithmetic.working():
                at = Evaluator(
                    {**values, variable: sympy.Rational(*x.as_integer_ratio())}, arithmetic
                )
                return float(at(logpdf).mid())
        except (DomainError, EvaluationError, ZeroDivisionError, OverflowError):
            return -math.inf

    return f


def _places(
    log_density: Callable[[float], float], limits: Sequence[Any], arithmetic: Any
) -> Iterator[Place]:
    """Maps onto pieces of the support, broken and scaled so that no peak is missed."""
    for low, high in pairwise(limits):
        start = -math.inf if low is None else float(low.mid())
        stop = math.inf if high is None else float(high.mid())
        peak = find_peak(log_density, start, stop)
        if peak is None:
            yield _map(low, high, arithmetic)
            continue
        middle = arithmetic.number(Fraction(peak.place))
        width = arithmetic.number(Fraction(max(peak.width, 1e-300)))
        near = min(peak.place - start, stop - peak.place) < NARROW * peak.width
        if low is None and high is None:
            yield _map(low, high, arithmetic, width, middle)
        elif near or not start < peak.place < stop:
            yield _map(low, high, arithmetic, width)
        else:
            yield _map(low, middle, arithmetic, width)
            yield _map(middle, high, arithmetic, width)


def _map(low: Any, high: Any, arithmetic: Any, width: Any = 1, middle: Any = 0) -> Place:
    """The map t -> (x, dx/dt) onto a piece of the line, with most nodes where the peak is."""
    half_pi, one = arithmetic.constant("pi") / 2, arithmetic.number(1)

    def take(name: str, t: Ball) -> Ball:
        return arithmetic.apply(name, [t])

    def finite(t: Ball) -> tuple[Ball, Ball]:
        power = take("exp", half_pi * take("sinh", t) * 2)
        share, other = power / (power + 1), one / (power + 1)
        length = high - low
        # from the nearer end, so that the distance to it keeps its digits
        x = low + length * share if t < 0 else high - length * other
        return x, length * share * other * half_pi * take("cosh", t) * 2

    def upward(t: Ball) -> tuple[Ball, Ball]:
        step = take("exp", half_pi * take("sinh", t)) * width
        return low + step, step * half_pi * take("cosh", t)

    def downward(t: Ball) -> tuple[Ball, Ball]:
        step = take("exp", half_pi * take("sinh", t)) * width
        return high - step, step * half_pi * take("cosh", t)

    def whole(t: Ball) -> tuple[Ball, Ball]:
        inner = half_pi * take("sinh", t)
        slope = take("cosh", inner) * half_pi * take("cosh", t)
        return middle + width * take("sinh", inner), width * slope

    if low is None:
        return whole if high is None else downward
    return upward if high is None else finite


def _piece(
    integrand: Callable[[Ball], list[Ball]], place: Place, arithmetic: Any, tolerance: Fraction
) -> tuple[list[Ball], Ball]:
    """Integrals over one piece, and an estimate of their error."""
    step = Fraction(1, 4)
    sums = _nodes(integrand, place, arithmetic, [Fraction(0)], step)
    result = [s * arithmetic.number(step) for s in sums]
    error = before = arithmetic.number(1)
    small = arithmetic.number(Fraction(1, 10**10))
    for _ in range(LEVELS):
        step /= 2
        fresh = _nodes(integrand, place, arithmetic, [], step, odd=True)
        sums = [a + b for a, b in zip(sums, fresh, strict=True)]
        finer = [s * arithmetic.number(step) for s in sums]
        change = max(abs(a - b).upper() for a, b in zip(result, finer, strict=True))
        result = finer
        # digits double: once they do, the error of the finer sum is about the square of the change
        settled = change < small and change < before * arithmetic.power(before, Fraction(1, 2))
        error = change * change if settled else change
        if error < arithmetic.number(tolerance) / 10:
            break
        before = change
    return result, error


def _nodes(
    integrand: Callable[[Ball], list[Ball]],
    place: Place,
    arithmetic: Any,
    start: Sequence[Fraction],
    step: Fraction,
    *,
    odd: bool = False,
) -> list[Ball]:
    """Sum of integrand times dx/dt over the nodes k step (odd k only, where the rest is known)."""
    total: list[Ball] | None = None

    def value(t: Fraction) -> list[Ball]:
        x, weight = place(arithmetic.number(t))
        return [f * weight for f in integrand(x)]

    for t in start:
        total = value(t)
    for side in (1, -1):
        quiet = 0
        for t in _steps(step, odd=odd):
            try:
                terms = value(side * t)
            except DomainError:  # so close to the end of the piece that it cannot be told from it
                break
            total = terms if total is None else [a + b for a, b in zip(total, terms, strict=True)]
            small = max(abs(term).upper() for term in terms)
            quiet = quiet + 1 if small < arithmetic.number(Fraction(1, 2**arithmetic.bits)) else 0
            if quiet == QUIET:
                break
    assert total is not None
    return total


def _steps(step: Fraction, *, odd: bool) -> Iterator[Fraction]:
    k = 1
    while k * step <= REACH:
        yield k * step
        k += 2 if odd else 1
