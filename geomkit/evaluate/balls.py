"""Ball arithmetic on python-flint: every result is a ball that contains the true real value.

`arb` rounds outwards in every operation. What it cannot enclose (a root of a ball that reaches
below zero, a division by a ball around zero) it answers with NaN or an infinite radius; here that
becomes a `DomainError`, so that whatever comes out is finite and may be used in a proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import flint
import sympy
from flint import arb, fmpq

from geomkit.errors import EvaluationError
from geomkit.evaluate.arithmetic import Number, as_fraction
from geomkit.evaluate.ball_functions import CONSTANTS, FUNCTIONS, finite, refuse

__all__ = ["ArbBalls"]

_ROOT_LIMIT = 1000  # beyond, x**(1/q) goes through exp and log, which does not need q products


class ArbBalls:
    """Balls of python-flint with `bits` bits.

    Args:
        bits: working precision. python-flint keeps it in a global; it is set and restored by
            `working`.

    Example:
        >>> balls = ArbBalls(100)
        >>> with balls.working():
        ...     root = balls.power(balls.number(2), Fraction(1, 2))
        >>> root.contains(root.mid()), root.rad() < 1e-28
        (True, True)
    """

    def __init__(self, bits: int = 200) -> None:
        self.bits = bits

    @contextmanager
    def working(self) -> Iterator[None]:
        """Set the precision of python-flint, and restore it afterwards.

        Yields:
            Nothing; arithmetic inside the block has `bits` bits.
        """
        before = flint.ctx.prec
        flint.ctx.prec = self.bits
        try:
            yield
        finally:
            flint.ctx.prec = before

    def number(self, value: Any) -> Number:
        """A ball around an exact rational (of radius zero where the rational is dyadic)."""
        if isinstance(value, arb):
            return value
        fraction = as_fraction(value)
        return arb(fmpq(fraction.numerator, fraction.denominator))

    def seed(self, key: sympy.Expr, value: Any) -> Number:
        """The ball of the value."""
        return self.number(value)

    def constant(self, name: str) -> Number:
        """One of pi, e, euler, catalan, golden."""
        return CONSTANTS[name]()

    def power(self, base: Number, exponent: Fraction) -> Number:
        """base**exponent, real.

        Args:
            base: a ball; nonnegative unless the exponent is an integer.
            exponent: exact.

        Returns:
            The ball of the power; odd roots of negative numbers are not real in SymPy's convention.
        """
        p, q = exponent.numerator, exponent.denominator
        if p < 0 and base.contains(0):
            refuse("a power with negative exponent", [base], "a base other than zero")
        if q > 1 and not base.is_zero():
            base = self._root(base, q)
        result = base**p
        if p > 0 and not result.is_finite():
            result = _product(base, p)
        return finite(result, "a power", [base])

    def _root(self, base: Number, q: int) -> Number:
        if q == 2:
            root = base.sqrt()
        elif q <= _ROOT_LIMIT:
            root = base.root(q)
        else:
            root = base ** arb(fmpq(1, q))
        if not root.is_finite():
            refuse(f"a root of order {q}", [base], "a base that is not negative")
        return root

    def real_power(self, base: Number, exponent: Number) -> Number:
        """base**exponent for base > 0, for base = 0 < exponent, and for exact integer exponents."""
        whole = self.integer(exponent)
        if whole is not None:
            return self.power(base, Fraction(whole))
        if base.is_zero() and exponent > 0:
            return arb(0)
        return finite(base**exponent, "a power with real exponent", [base, exponent])

    def apply(self, name: str, args: Sequence[Number]) -> Number:
        """The ball of a primitive function.

        Args:
            name: SymPy's name of the function.
            args: balls.

        Returns:
            A finite ball.

        Raises:
            EvaluationError: if the function is unknown.
        """
        function = FUNCTIONS.get(name)
        if function is None:
            raise EvaluationError(f"the function {name} has no ball arithmetic")
        return finite(function(*args), name, args)

    def integer(self, x: Number) -> int | None:
        """The integer that x is, exactly; None if it is none."""
        return int(x.unique_fmpz()) if x.is_exact() and x.is_integer() else None

    def sign(self, x: Number) -> int | None:
        """The sign if it is the same all over the ball."""
        if x.is_zero():
            return 0
        if x.contains(0):
            return None
        return 1 if x > 0 else -1

    def zeta_taylor(self, s: Number, order: int) -> list[Number]:
        """Taylor coefficients of the Riemann zeta function at s."""
        series = flint.arb_series([s, 1], order + 1).zeta()
        return [finite(series[i], "zeta", [s]) for i in range(order + 1)]


def _product(base: Number, count: int) -> Number:
    """base**count by squaring: FLINT's power of a ball with midpoint 0 is not finite."""
    result = None
    while True:
        if count % 2:
            result = base if result is None else result * base
        count //= 2
        if not count:
            return result
        base = base * base
