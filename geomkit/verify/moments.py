"""Expectations in closed form: densities whose moments follow from one known integral.

A density is recognised by the terms of its logarithm, as a function of the variable x alone:

    support      log density                     integral
    (-oo, oo)    -alpha x^2 + beta x + c         Gauss
    (-oo, oo)    (k l) x - b exp(l x) + c        Gumbel: u = exp(l x) is gamma distributed
    (0, oo)      (k-1) log x - b x^m + c         Gamma(k/m) / (m b^(k/m))  (gamma, Weibull, chi ...)
    (0, oo)      -alpha log^2 x + beta log x + c log-normal: log x is normal
    (0, oo)      -3/2 log x - a x - b/x + c      inverse Gaussian
    (0, 1)       (p-1) log x + (q-1) log(1-x)+c  Beta(p, q)
    (m, oo)      -(a+1) log x + c                Pareto

Each integral with its parameters as variables generates the moments needed, so that they are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sympy

__all__ = ["Expr", "Family", "Terms", "bell", "polygamma_at", "rising", "split"]

Expr: TypeAlias = sympy.Expr
# A term is coefficient times part, where only the part contains x.
Terms: TypeAlias = dict[Expr, Expr]


@dataclass(frozen=True)
class Family:
    """A density that integrates to a known value.

    Attributes:
        name: what it is called.
        excess: c minus the c that makes the integral 1; zero for a density.
        positive: what must be positive for the integral to exist.
        moment: the expectation of a part (a product of powers of x, log x ...), or None.
        variable: x.
    """

    name: str
    excess: Expr
    positive: tuple[Expr, ...]
    moment: Callable[[Expr], Expr | None]
    variable: sympy.Symbol

    def expectation(self, expression: Expr) -> Expr | None:
        """The expectation of an expression, or None if it is beyond the known moments.

        Args:
            expression: an expression in x and in parameters.

        Returns:
            An expression without x.
        """
        total: Expr = sympy.S.Zero
        for part, coefficient in split(expression, self.variable).items():
            moment = sympy.S.One if part == 1 else self.moment(part)
            if moment is None:
                return None
            total += coefficient * moment
        return total


def split(expression: Expr, variable: sympy.Symbol) -> Terms:
    """An expression as a sum of coefficient * part, where only the part contains the variable.

    Args:
        expression: the expression.
        variable: x.

    Returns:
        Coefficients by part; the part 1 for what is free of x.
    """
    expanded = sympy.expand(_unlogged(expression))
    terms: Terms = {}
    for term in sympy.Add.make_args(expanded):
        coefficient, part = term.as_independent(variable, as_Add=False)
        terms[part] = terms.get(part, sympy.S.Zero) + coefficient
    return {part: c for part, c in terms.items() if c != 0}


def _unlogged(expression: Expr) -> Expr:
    """exp(a log y + b) as y^a exp(b)."""

    def rewrite(exponent: Expr) -> Expr:
        result: Expr = sympy.S.One
        for term in sympy.Add.make_args(sympy.expand(exponent)):
            logs = [f for f in sympy.Mul.make_args(term) if isinstance(f, sympy.log)]
            power = logs[0].args[0] ** (term / logs[0]) if len(logs) == 1 else sympy.exp(term)
            result *= power
        return result

    return expression.replace(sympy.exp, rewrite)


def _take(terms: Terms, *parts: Expr) -> list[Expr]:
    return [terms.pop(part, sympy.S.Zero) for part in parts]


def _normal_moment(mean: Expr, variance: Expr, order: int) -> Expr:
    """E[y^q] = mean E[y^(q-1)] + (q-1) variance E[y^(q-2)]."""
    before, now = sympy.S.Zero, sympy.S.One
    for q in range(1, order + 1):
        before, now = now, mean * now + (q - 1) * variance * before
    return now


def gauss(terms: Terms, x: sympy.Symbol) -> Family | None:
    constant, linear, square = _take(terms, sympy.S.One, x, x**2)
    if terms or square == 0:
        return None
    alpha = -square

    def moment(part: Expr) -> Expr | None:
        base, order = part.as_base_exp()
        if base != x or not (order.is_Integer and order > 0):
            return None
        return _normal_moment(linear / (2 * alpha), 1 / (2 * alpha), int(order))

    excess = constant + linear**2 / (4 * alpha) - sympy.log(alpha / sympy.pi) / 2
    return Family("normal", excess, (alpha,), moment, x)


def lognormal(terms: Terms, x: sympy.Symbol) -> Family | None:
    log = sympy.log(x)
    constant, linear, square = _take(terms, sympy.S.One, log, log**2)
    if terms or square == 0:
        return None
    alpha, beta = -square, linear + 1  # the density of y = log x has one more factor x = e^y

    def moment(part: Expr) -> Expr | None:
        base, order = part.as_base_exp()
        if base != log or not (order.is_Integer and order > 0):
            return None
        return _normal_moment(beta / (2 * alpha), 1 / (2 * alpha), int(order))

    excess = constant + beta**2 / (4 * alpha) - sympy.log(alpha / sympy.pi) / 2
    return Family("log-normal", excess, (alpha,), moment, x)


def gamma(terms: Terms, x: sympy.Symbol) -> Family | None:
    constant, shape = _take(terms, sympy.S.One, sympy.log(x))
    if len(terms) != 1:
        return None
    ((part, coefficient),) = terms.items()
    base, m = part.as_base_exp()
    if base != x or x in m.free_symbols or (not m.is_positive and not m.is_negative):
        return None
    k, b = shape + 1, -coefficient

    def moment(part: Expr) -> Expr | None:
        powers = _powers(part, x)
        return None if powers is None else _gamma_moment(k, b, m, *powers)

    excess = constant + sympy.loggamma(k / m) - sympy.log(sympy.Abs(m)) - k / m * sympy.log(b)
    return Family("generalised gamma", excess, (k / m, b), moment, x)


def _gamma_moment(k: Expr, b: Expr, m: Expr, power: Expr, logs: int) -> Expr | None:
    """E[x^s log^q x]: q derivatives by s of Gamma((k+s)/m) / Gamma(k/m) b^(-s/m)."""
    shift = sympy.cancel(power / m)
    if not shift.is_Integer:
        return None
    z = k / m
    value = rising(z, int(shift)) / b ** int(shift)
    slopes = [(polygamma_at(0, z, int(shift)) - sympy.log(b)) / m]
    slopes += [polygamma_at(q, z, int(shift)) / m ** (q + 1) for q in range(1, logs)]
    return value * bell(slopes, logs)


def gumbel(terms: Terms, x: sympy.Symbol) -> Family | None:
    constant, linear = _take(terms, sympy.S.One, x)
    if len(terms) != 1:
        return None
    ((part, coefficient),) = terms.items()
    rate = _rate(part, x)
    if rate is None or not (rate.is_positive or rate.is_negative):
        return None
    # u = exp(rate x) has the density u^(k-1) exp(-b u) with k = linear/rate
    k, b = sympy.cancel(linear / rate), -coefficient

    def moment(part: Expr) -> Expr | None:
        power, logs = sympy.S.Zero, 0
        for factor in sympy.Mul.make_args(part):
            base, order = factor.as_base_exp()
            exponential = _rate(factor, x)
            if exponential is not None:
                power += sympy.cancel(exponential / rate)
            elif base == x and order.is_Integer and order > 0:
                logs += int(order)
            else:
                return None
        found = _gamma_moment(k, b, sympy.S.One, power, logs)
        return None if found is None else found / rate**logs

    excess = constant + sympy.loggamma(k) - sympy.log(sympy.Abs(rate)) - k * sympy.log(b)
    return Family("Gumbel", excess, (k, b), moment, x)


def inverse_gaussian(terms: Terms, x: sympy.Symbol) -> Family | None:
    constant, log, linear, inverse = _take(terms, sympy.S.One, sympy.log(x), x, 1 / x)
    if terms or log != sympy.Rational(-3, 2) or linear == 0 or inverse == 0:
        return None
    a, b = -linear, -inverse
    root = sympy.sqrt(a * b)
    known = {x: root / a, 1 / x: root / b + 1 / (2 * b)}
    excess = constant + sympy.log(sympy.pi / b) / 2 - 2 * root
    return Family("inverse Gaussian", excess, (a, b), known.get, x)


def beta(terms: Terms, x: sympy.Symbol) -> Family | None:
    log, mirrored = sympy.log(x), sympy.log(1 - x)
    constant, left, right = _take(terms, sympy.S.One, log, mirrored)
    if terms:
        return None
    p, q = left + 1, right + 1

    def moment(part: Expr) -> Expr | None:
        if part not in (log, mirrored):
            return None
        own = p if part == log else q
        return sympy.polygamma(0, own) - sympy.polygamma(0, p + q)

    excess = constant + sympy.loggamma(p) + sympy.loggamma(q) - sympy.loggamma(p + q)
    return Family("beta", excess, (p, q), moment, x)


def pareto(terms: Terms, x: sympy.Symbol, lower: Expr) -> Family | None:
    constant, log = _take(terms, sympy.S.One, sympy.log(x))
    if terms or not lower.is_positive:
        return None
    a = -log - 1

    def moment(part: Expr) -> Expr | None:
        powers = _powers(part, x)
        if powers is None or powers[0] != 0:
            return None
        # log(x/lower) is exponentially distributed with rate a: E[(log lower + y)^q]
        order, shift = powers[1], sympy.log(lower)
        terms = (
            sympy.binomial(order, j) * shift ** (order - j) * sympy.factorial(j) / a**j
            for j in range(order + 1)
        )
        return sympy.Add(*terms)

    excess = constant - a * sympy.log(lower) - sympy.log(a)
    return Family("Pareto", excess, (a,), moment, x)


def _powers(part: Expr, x: sympy.Symbol) -> tuple[Expr, int] | None:
    """(s, q) of x^s log^q x."""
    power, logs = sympy.S.Zero, 0
    for factor in sympy.Mul.make_args(part):
        base, order = factor.as_base_exp()
        if base == x and x not in order.free_symbols:
            power += order
        elif base == sympy.log(x) and order.is_Integer and order > 0:
            logs += int(order)
        else:
            return None
    return power, logs


def _rate(part: Expr, x: sympy.Symbol) -> Expr | None:
    """The l of exp(l x)."""
    if not isinstance(part, sympy.exp):
        return None
    rate = part.args[0] / x
    rate = sympy.cancel(rate)
    return None if x in rate.free_symbols else rate


def rising(z: Expr, shift: int) -> Expr:
    """Gamma(z + shift) / Gamma(z)."""
    if shift < 0:
        return 1 / rising(z + shift, -shift)
    return sympy.Mul(*(z + j for j in range(shift)))


def polygamma_at(order: int, z: Expr, shift: int) -> Expr:
    """polygamma(order, z + shift), by its recurrence in terms of polygamma(order, z)."""
    sign = (-1) ** order * sympy.factorial(order)
    steps = range(shift) if shift >= 0 else range(shift, 0)
    change = sympy.Add(*(sign / (z + j) ** (order + 1) for j in steps))
    return sympy.polygamma(order, z) + (change if shift >= 0 else -change)


def bell(slopes: Sequence[Expr], order: int) -> Expr:
    """The q-th derivative of exp(F) over exp(F), from the derivatives of F."""
    values: list[Expr] = [sympy.S.One]
    for q in range(order):
        values.append(
            sympy.Add(*(sympy.binomial(q, j) * slopes[q - j] * values[j] for j in range(q + 1)))
        )
    return values[order]
