"""Densities with a centre: Student (and Cauchy), logistic, von Mises. See `moments`.

support          log density                              substitution
(-oo, oo)        -p log q(x) + c, q quadratic             w = q - min q: a beta integral
(-oo, oo)        -z - 2 log(1 + exp(-z)) + c, z linear    u = 1/(1 + exp(-z)), uniform
a full circle    kappa cos(x - mu) + c                    Bessel functions of kappa
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb

import sympy

from .moments import Expr, Family, Terms, bell, polygamma_at, rising

__all__ = ["logistic", "student", "von_mises"]

# Second derivatives of a log density have its argument to the second power in the denominator, and
# products of two first derivatives no more than that.
MAX_POWER = 2


def student(terms: Terms, x: sympy.Symbol) -> Family | None:
    """(A x^2 + B x + C)^(-p): Student's distributions and the Cauchy distribution.

    Args:
        terms: the log density by parts.
        x: the variable.

    Returns:
        The family, or None.
    """
    constant = terms.pop(sympy.S.One, sympy.S.Zero)
    if len(terms) != 1:
        return None
    ((part, coefficient),) = terms.items()
    quadratic = part.args[0] if isinstance(part, sympy.log) else sympy.S.Zero
    square, linear, rest = (sympy.expand(quadratic).coeff(x, k) for k in (2, 1, 0))
    remainder = sympy.expand(quadratic - square * x**2 - linear * x - rest)
    if square == 0 or remainder != 0:
        return None
    p, mean = -coefficient, sympy.cancel(-linear / (2 * square))
    width = sympy.cancel(rest / square - mean**2)  # q = A ((x - mean)^2 + width)

    def moment(part: Expr) -> Expr | None:
        if part == sympy.log(quadratic):
            slope = sympy.polygamma(0, p - sympy.S.Half) - sympy.polygamma(0, p)
            return sympy.log(square * width) - slope
        powers = _polynomial_over(part, x, quadratic)
        return None if powers is None else _student_moment(p, mean, width, square, powers)

    half = sympy.S.Half
    excess = constant - p * sympy.log(square) + (half - p) * sympy.log(width)
    excess += sympy.loggamma(p - half) + sympy.log(sympy.pi) / 2 - sympy.loggamma(p)
    return Family("Student", excess, (square, width, p - half), moment, x)


def _polynomial_over(part: Expr, x: sympy.Symbol, q: Expr) -> tuple[int, int, Expr] | None:
    """(j, k, factor) of factor x^j q^(-k)."""
    power, order, factor = 0, 0, sympy.S.One
    for piece in sympy.Mul.make_args(part):
        base, exponent = piece.as_base_exp()
        if not exponent.is_Integer:
            return None
        if base == x and exponent > 0:
            power += int(exponent)
            continue
        found = _as_power(base, q, x)
        if exponent > 0 or found is None:
            return None
        order -= found[1] * int(exponent)
        factor *= found[0] ** exponent
    return power, order, factor


def _as_power(base: Expr, q: Expr, x: sympy.Symbol) -> tuple[Expr, int] | None:
    """(c, k) with base = c q^k and c free of x: powers of sums may have been multiplied out."""
    for k in range(1, MAX_POWER + 1):
        ratio = sympy.cancel(base / q**k)
        if x not in ratio.free_symbols:
            return ratio, k
    return None


def _student_moment(
    p: Expr, mean: Expr, width: Expr, square: Expr, powers: tuple[int, int, Expr]
) -> Expr | None:
    """E[x^j q^(-k)], with x = mean + y and E[y^2a q^-k] a ratio of beta functions."""
    j, k, factor = powers
    half, total = sympy.S.Half, sympy.S.Zero
    for even in range(0, j + 1, 2):
        a = even // 2
        if a > k:
            return None  # such a moment exists for large p only
        ratio = rising(half, a) * rising(p - half, k - a) / rising(p, k)
        total += comb(j, even) * mean ** (j - even) * width ** (a - k) * ratio
    return factor * total / square**k


def logistic(terms: Terms, x: sympy.Symbol) -> Family | None:
    """exp(-z) / (1 + exp(-z))^2 for z linear in x.

    Args:
        terms: the log density by parts.
        x: the variable.

    Returns:
        The family, or None.
    """
    constant = terms.pop(sympy.S.One, sympy.S.Zero)
    slope = terms.pop(x, sympy.S.Zero)
    if len(terms) != 1 or slope == 0:
        return None
    ((part, coefficient),) = terms.items()
    if not isinstance(part, sympy.log) or coefficient != -2:
        return None
    exponential = sympy.expand(part.args[0] - 1)
    # exp(-z) = height exp(rate x); the density is symmetric in z, so either sign of rate will do
    height, rate = _exponential(exponential, x)
    if rate is None or sympy.cancel(slope - rate) != 0:
        return None
    shift = sympy.log(height)  # -z = rate x + shift

    def moment(part: Expr) -> Expr | None:
        total, powers = sympy.S.Zero, _logistic_powers(part, x, height, rate)
        if powers is None:
            return None
        j, a, b, factor = powers
        for i in range(j + 1):  # x^j = ((-z - shift)/rate)^j
            term = _log_odds_moment(i, a, b)
            if term is None:
                return None
            total += comb(j, i) * (-1) ** i * term * (-shift) ** (j - i)
        return factor * total / rate**j

    excess = constant - shift - sympy.log(sympy.Abs(rate))
    return Family("logistic", excess, (height,), moment, x)


def _exponential(expression: Expr, x: sympy.Symbol) -> tuple[Expr, Expr | None]:
    """(h, r) of h exp(r x)."""
    height, part = expression.as_independent(x, as_Add=False)
    if not isinstance(part, sympy.exp):
        return height, None
    rate = sympy.cancel(part.args[0] / x)
    return height, None if x in rate.free_symbols else rate


def _logistic_powers(
    part: Expr, x: sympy.Symbol, height: Expr, rate: Expr
) -> tuple[int, int, int, Expr] | None:
    """(j, a, b, factor) of factor x^j u^a (1-u)^b, where exp(-z) = (1-u)/u."""
    j, a, b, factor = 0, 0, 0, sympy.S.One
    for piece in sympy.Mul.make_args(part):
        base, exponent = piece.as_base_exp()
        if base == x and exponent.is_Integer and exponent > 0:
            j += int(exponent)
            continue
        _, own = _exponential(piece, x)
        if own is not None:
            order = sympy.cancel(own / rate)
            if not order.is_Integer:
                return None
            a, b = a - int(order), b + int(order)
            factor *= height ** (-order)
            continue
        found = _as_odds(base, x, height, rate)
        if not exponent.is_Integer or exponent > 0 or found is None:
            return None
        constant, k, shift = found
        a -= (k + shift) * int(exponent)
        b += shift * int(exponent)
        factor *= (constant / height**shift) ** exponent
    return j, a, b, factor


def _as_odds(base: Expr, x: sympy.Symbol, height: Expr, rate: Expr) -> tuple[Expr, int, int] | None:
    """(c, k, s) with base = c (1 + h y)^k y^s for y = exp(rate x): powers may be multiplied out."""
    y = sympy.Dummy("y", positive=True)

    def in_y(power: Expr) -> Expr:
        if x not in power.free_symbols:
            return sympy.exp(power)
        return y ** sympy.cancel(power / (rate * x))

    plain = base.replace(sympy.exp, in_y)
    for k in range(1, MAX_POWER + 1):
        for shift in range(-MAX_POWER, MAX_POWER + 1):
            ratio = sympy.cancel(plain / ((1 + height * y) ** k * y**shift))
            if y not in ratio.free_symbols and x not in ratio.free_symbols:
                return ratio, k, shift
    return None


def _log_odds_moment(order: int, a: int, b: int) -> Expr | None:
    """E[z^q u^a (1-u)^b], u uniform and z = log(u/(1-u)): derivatives of B(a+1+s, b+1-s)."""
    if a < 0 or b < 0:
        return None
    first, second = sympy.Integer(a + 1), sympy.Integer(b + 1)
    slopes = [
        polygamma_at(q, first, 0) + (-1) ** (q + 1) * polygamma_at(q, second, 0)
        for q in range(order)
    ]
    return sympy.beta(first, second).rewrite(sympy.gamma) * bell(slopes, order)


def von_mises(terms: Terms, x: sympy.Symbol, support: Sequence[Expr]) -> Family | None:
    """exp(kappa cos(x - mu)) on a full circle.

    Args:
        terms: the log density by parts, sums of angles not expanded.
        x: the variable.
        support: lower and upper end.

    Returns:
        The family, or None.
    """
    if sympy.expand(support[1] - support[0] - 2 * sympy.pi) != 0:
        return None
    constant = terms.pop(sympy.S.One, sympy.S.Zero)
    if len(terms) != 1:
        return None
    ((part, kappa),) = terms.items()
    if not isinstance(part, sympy.cos) or sympy.diff(part.args[0], x) not in (1, -1):
        return None
    angle = part.args[0]
    bessel = [sympy.besseli(order, kappa) for order in (0, 1)]
    mean = bessel[1] / bessel[0]
    # cos^2 by I_2 = I_0 - 2 I_1/kappa, so that only two Bessel functions occur
    known = {
        sympy.cos(angle): mean,
        sympy.cos(angle) ** 2: 1 - mean / kappa,
        sympy.sin(angle) ** 2: mean / kappa,
        sympy.sin(angle): sympy.S.Zero,
        sympy.sin(angle) * sympy.cos(angle): sympy.S.Zero,
    }
    excess = constant + sympy.log(2 * sympy.pi * bessel[0])
    return Family("von Mises", excess, (kappa,), known.get, x)


Recogniser = Callable[[Terms, sympy.Symbol], Family | None]
LOCATED: tuple[Recogniser, ...] = (student, logistic)
