"""More bits until a ball says something."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from geomkit.errors import DomainError
from geomkit.evaluate.arithmetic import UndecidedError

__all__ = ["refine", "settled"]


def settled(ball: Any, tolerance: Fraction = Fraction(1, 10**20)) -> bool:
    """Whether a ball excludes zero, or is narrower than a tolerance relative to max(1, |mid|).

    Args:
        ball: a ball.
        tolerance: the width that is enough.

    Returns:
        True if more precision is not needed.
    """
    if not ball.contains(0):
        return True
    widest = ball.rad() * tolerance.denominator
    return bool(widest < tolerance.numerator) or bool(
        widest < abs(ball.mid()) * tolerance.numerator
    )


def refine(
    compute: Callable[[int], Any],
    *,
    enough: Callable[[Any], bool] = settled,
    bits: int = 128,
    limit: int = 4096,
) -> Any:
    """Compute with more and more bits until the result is good enough.

    Args:
        compute: computes the result with a number of bits; may raise UndecidedError.
        enough: tells whether a result is good enough; default `settled`.
        bits: precision of the first attempt.
        limit: highest precision; the attempt at the limit is the last.

    Returns:
        The first good result, else that of the last attempt that gave one.

    Raises:
        DomainError: if no attempt gave a result.

    Example:
        >>> import sympy
        >>> from geomkit.evaluate import Balls, evaluate
        >>> tiny = sympy.exp(-400)
        >>> ball = refine(lambda bits: evaluate(sympy.sqrt(1 + tiny) - 1, {}, Balls(bits)))
        >>> ball.contains(0)
        True
        >>> ball = refine(lambda bits: evaluate(sympy.sqrt(1 + tiny) - 1, {}, Balls(bits)),
        ...               enough=lambda b: not b.contains(0))
        >>> ball > 0
        True
    """
    result, error = None, None
    while bits <= limit:
        try:
            result = compute(bits)
        except UndecidedError as undecided:
            error = undecided
        else:
            if enough(result):
                return result
        bits = limit if bits < limit < 2 * bits else 2 * bits
    if result is None:
        raise DomainError(f"undecided with {limit} bits: {error}") from error
    return result
