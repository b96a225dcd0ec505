"""From elements back to SymPy: factored, in the shorter of sin^2 and cos^2, never simplified."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cmp_to_key
from typing import TYPE_CHECKING

import sympy as sp

from geomkit.errors import BudgetError

from .polynomial import Poly
from .squares import gather_squares

if TYPE_CHECKING:
    from .fraction import Element
    from .tower import Field

__all__ = ["render", "shorter"]

# Beyond this many terms a numerator is neither factored nor built with SymPy's evaluation.
FACTOR_LIMIT = 3000
EVALUATE_LIMIT = 60
# SymPy needs some microseconds and 2 kB a term at best; beyond this nobody reads it.
RENDER_LIMIT = 100_000
Exponents = tuple[int, ...]


def render(element: Element, definitions: Mapping[sp.Symbol, Element]) -> sp.Expr:
    """Return an element as a SymPy expression.

    Args:
        element: the element.
        definitions: abbreviations; a factor equal to one, up to a number, prints as its symbol.

    Returns:
        content * product of factors / product of base powers.

    Raises:
        BudgetError: it has more than 100,000 terms.
    """
    field = element.field
    if element.is_zero:
        return sp.Integer(0)
    numerator = field.numerator(element)
    if len(numerator) > RENDER_LIMIT:
        raise BudgetError(
            f"an expression of {len(numerator)} terms is too long to show (limit {RENDER_LIMIT})",
            "evaluate it at points, or put in concrete functions",
        )
    if len(numerator) > FACTOR_LIMIT:
        content, factors = Fraction(1), [(numerator, 1)]
    else:
        content, factors = field.ring.factor(numerator)
    for index, exponent in enumerate(element.denominator):
        if exponent:
            factors.append((field.base(index), -exponent))
    content, factors = gather_squares(field, content, factors)
    named = _named(field, definitions)
    powers: dict[sp.Expr, int] = {}
    for poly, exponent in factors:
        scale, part = _factor(field, poly, named)
        content *= scale**exponent
        powers[part] = powers.get(part, 0) + exponent
    number = sp.Rational(content.numerator, content.denominator)
    return sp.Mul(number, *[sp.Pow(part, k) for part, k in _with_moduli(powers).items()])


def _with_moduli(powers: dict[sp.Expr, int]) -> dict[sp.Expr, int]:
    """Write sign(p) p as |p|."""
    for part in [p for p in powers if isinstance(p, sp.sign)]:
        inner = part.args[0]
        if powers.get(inner, 0) % 2:
            step = 1 if powers[inner] > 0 else -1
            del powers[part]
            powers[inner] -= step
            powers[sp.Abs(inner)] = step
    return powers


def _named(
    field: Field, definitions: Mapping[sp.Symbol, Element]
) -> list[tuple[sp.Symbol, Fraction, Poly]]:
    """Return the definitions that are one irreducible polynomial, as (symbol, scale, poly)."""
    result = []
    for symbol, element in definitions.items():
        if element.denominator or element.is_zero:
            continue
        scale, factors = field.ring.factor(field.numerator(element))
        if len(factors) == 1 and factors[0][1] == 1 and len(factors[0][0]) > 1:
            result.append((symbol, scale, factors[0][0]))
    return result


def _factor(
    field: Field, poly: Poly, named: list[tuple[sp.Symbol, Fraction, Poly]]
) -> tuple[Fraction, sp.Expr]:
    """Return scale and expression of one factor, scale * expression = poly."""
    for symbol, scale, known in named:
        if known == poly:
            return 1 / scale, symbol
    terms = dict(field.ring.terms(poly))
    if len(terms) <= FACTOR_LIMIT:
        terms = shorter(field, terms)
    content = Fraction(1)
    if len(terms) > 1 and all(c < 0 for c in terms.values()):
        terms, content = {m: -c for m, c in terms.items()}, Fraction(-1)
    return content, _sum(field, terms)


def _sum(field: Field, terms: Mapping[Exponents, Fraction]) -> sp.Expr:
    expressions = [field.generators[name].expr for name in field.ring.names]
    if len(terms) > EVALUATE_LIMIT:
        return _long_sum(expressions, terms)
    built = []
    for exponents, c in terms.items():
        powers = [sp.Pow(expressions[i], e) for i, e in enumerate(exponents) if e]
        built.append(sp.Mul(sp.Rational(c.numerator, c.denominator), *powers))
    return sp.Add(*built)


def _long_sum(expressions: list[sp.Expr], terms: Mapping[Exponents, Fraction]) -> sp.Expr:
    """Build the tree without SymPy's evaluation, ten times as fast.

    The factors of a term stand in SymPy's own order, so that nothing but the order of the terms
    differs from what evaluation would give.

    Args:
        expressions: what each generator prints as.
        terms: the terms.

    Returns:
        The sum.
    """
    used = {i for exponents in terms for i, e in enumerate(exponents) if e}

    def compare(i: int, j: int) -> int:
        return int(expressions[i].compare(expressions[j]))

    order = sorted(used, key=cmp_to_key(compare))
    powers: dict[tuple[int, int], sp.Expr] = {}
    built = []
    for exponents, c in terms.items():
        factors = [] if c == 1 else [sp.Rational(c.numerator, c.denominator)]
        for i in order:
            e = exponents[i]
            if e:
                if (i, e) not in powers:
                    powers[i, e] = sp.Pow(expressions[i], e)
                factors.append(powers[i, e])
        built.append(factors[0] if len(factors) == 1 else sp.Mul._from_args(factors))
    return sp.Add._from_args(built)


def shorter(field: Field, terms: dict[Exponents, Fraction]) -> dict[Exponents, Fraction]:
    """Replace the kept one of a pair by the other where that makes fewer terms.

    Only squares can be replaced: kept^2 = a - b other^2 with the relation read backwards.

    Args:
        field: the field.
        terms: terms of one factor, coefficients by exponents of the ring's generators.

    Returns:
        The terms, perhaps in the other functions.
    """
    for name, _, value, _ in field._relations:
        generator = field.generators[name]
        if generator.kind not in ("sin", "cos", "sinh", "cosh"):
            continue
        other = field.ring.index[name]
        kept, one, slope = _read_backwards(field, value)
        if any(m[other] or m[kept] % 2 for m in terms):
            continue
        swapped: dict[Exponents, Fraction] = {}
        for exponents, c in terms.items():
            _expand(swapped, exponents, c, (kept, other), (one, slope))
        swapped = {m: c for m, c in swapped.items() if c}
        if len(swapped) < len(terms):
            terms = swapped
    return terms


def _read_backwards(field: Field, value: Poly) -> tuple[int, Fraction, Fraction]:
    """From other^2 = a + b kept^2 return the kept index, -a/b and 1/b."""
    constant, square, kept = Fraction(0), Fraction(1), 0
    for exponents, c in field.ring.terms(value):
        if any(exponents):
            kept, square = next(i for i, e in enumerate(exponents) if e), c
        else:
            constant = c
    return kept, -constant / square, 1 / square


def _expand(
    into: dict[Exponents, Fraction],
    exponents: Exponents,
    coefficient: Fraction,
    places: tuple[int, int],
    line: tuple[Fraction, Fraction],
) -> None:
    """Add coefficient * monomial with kept^2 = line[0] + line[1] other^2 put in."""
    from math import comb

    kept, other = places
    power = exponents[kept] // 2
    for k in range(power + 1):
        fresh = list(exponents)
        fresh[kept], fresh[other] = 0, 2 * k
        key = tuple(fresh)
        part = coefficient * comb(power, k) * line[0] ** (power - k) * line[1] ** k
        into[key] = into.get(key, Fraction(0)) + part
