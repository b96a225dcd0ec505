"""Signs of expressions on the domain: proved by assumptions, or by balls over parts of the box."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.domain import Box, Domain
from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import Balls, Evaluator
from geomkit.field import Element

__all__ = ["factors", "is_positive", "keeps_sign"]

# Parts into which the box may be cut for one proof; each costs some fifty microseconds.
MAX_PARTS = 3000
BITS = 64
# A part of the box: for each symbol the share of its interval, as dyadic fractions.
Part = dict[sympy.Symbol, tuple[float, float]]


def factors(element: Element) -> Iterator[tuple[sympy.Expr, int]]:
    """The irreducible factors of an element, without constants.

    Args:
        element: an element, not zero.

    Yields:
        Expression and exponent; negative exponents for the denominator.
    """
    field = element.field
    powers = list(field.ring.factor(field.numerator(element))[1])
    powers += [(field.base(i), -e) for i, e in enumerate(element.denominator) if e]
    for poly, exponent in powers:
        yield Element(field, poly, ()).to_sympy(), exponent


def is_positive(expression: sympy.Expr, domain: Domain) -> bool:
    """Whether an expression that is positive at a sample point is positive on the domain.

    Every factor that occurs to an odd power must keep its sign. Factors with unspecified functions
    count as keeping it: what signs such functions may have, the listed ones say.

    Args:
        expression: an expression that is known to be positive at some points.
        domain: the boxes.

    Returns:
        True if proved.
    """
    plain = expression.replace(sympy.sign, lambda argument: argument / sympy.Abs(argument))
    for factor in sympy.Mul.make_args(sympy.factor_terms(plain)):
        base, exponent = factor.as_base_exp()
        changes = exponent.is_Integer and exponent % 2  # roots are positive where they are real
        if changes and not (base.has(AppliedUndef) or keeps_sign(base, domain)):
            return False
    return True


def keeps_sign(expression: sympy.Expr, domain: Domain) -> bool:
    """Whether an expression has the same sign all over the domain, where it is not zero.

    Args:
        expression: an expression without unspecified functions.
        domain: the boxes.

    Returns:
        True if proved.
    """
    plain = expression.xreplace(_positive_sines(expression, domain))
    if plain.is_nonnegative or plain.is_nonpositive:
        return True
    scaled, boxes = _unit_boxes(expression, domain)
    for factor in sympy.Mul.make_args(scaled):
        base, exponent = factor.as_base_exp()
        known = base.is_positive or base.is_negative
        if not (known or exponent.is_even) and not _by_parts(base, boxes):
            return False
    return True


def _unit_boxes(expression: sympy.Expr, domain: Domain) -> tuple[sympy.Expr, Domain]:
    """Symbols whose bounds depend on others, written as lower + u (upper - lower), 0 < u < 1.

    So r^2 - 2 M r + a^2 with r and a between multiples of M becomes M^2 times a polynomial in the
    shares, which balls can enclose well.

    Returns:
        The expression, factored, and the boxes of its symbols.
    """
    if not any(box.lower.free_symbols or box.upper.free_symbols for box in domain.boxes):
        return expression, domain
    boxes = []
    for box in reversed(domain.boxes):
        if box.lower.free_symbols or box.upper.free_symbols:
            share = sympy.Dummy(f"u_{box.symbol}", positive=True)
            place = box.lower + share * (box.upper - box.lower)
            expression = expression.xreplace({box.symbol: place})
            boxes.append(Box(share, sympy.S.Zero, sympy.S.One))
        else:
            boxes.append(box)
    return sympy.factor(expression), Domain(tuple(reversed(boxes)))


def _positive_sines(expression: sympy.Expr, domain: Domain) -> Mapping[Any, Any]:
    """Positive placeholders for sin(x), where the box of x lies between 0 and pi."""
    boxes = {box.symbol for box in domain.boxes}
    rule = {}
    for sine in expression.atoms(sympy.sin):
        angle = sine.args[0]
        if angle in boxes:
            low, high = domain.bounds(angle)
            if low >= 0 and high <= sympy.pi:
                rule[sine] = sympy.Dummy("s", positive=True)
    return rule


def _by_parts(expression: sympy.Expr, domain: Domain) -> bool:
    """Cut the box until the expression excludes zero on every part, with one sign."""
    wanted = set(expression.free_symbols)
    for box in reversed(domain.boxes):
        if box.symbol in wanted:
            wanted |= box.lower.free_symbols | box.upper.free_symbols
    queue: deque[Part] = deque([dict.fromkeys(wanted, (0.0, 1.0))])
    signs: set[bool] = set()
    for _ in range(MAX_PARTS):
        if not queue:
            return True
        part = queue.popleft()
        ball = _over(expression, part, domain)
        if ball is None or ball.contains(0):
            queue.extend(_halves(part))
        else:
            signs.add(bool(ball > 0))
            if len(signs) == 2:
                return False
    return False


def _over(expression: sympy.Expr, part: Part, domain: Domain) -> Any:
    """A ball that contains all values on a part of the box, or None."""
    arithmetic = Balls(BITS)
    values: dict[sympy.Symbol, Any] = {}
    with arithmetic.working():
        try:
            for box in domain.boxes:
                if box.symbol not in part:
                    continue
                bounds = Evaluator(values, arithmetic)
                low, high = bounds(box.lower), bounds(box.upper)
                start, stop = (arithmetic.number(sympy.Rational(s)) for s in part[box.symbol])
                ends = low + start * (high - low), low + stop * (high - low)
                values[box.symbol] = ends[0].union(ends[1])
            return Evaluator(values, arithmetic)(expression)
        except (DomainError, EvaluationError, ZeroDivisionError, AttributeError):
            return None


def _halves(part: Part) -> list[Part]:
    if not part:
        return [part]
    widest = max(part, key=lambda s: part[s][1] - part[s][0])
    low, high = part[widest]
    middle = (low + high) / 2
    return [{**part, widest: (low, middle)}, {**part, widest: (middle, high)}]
