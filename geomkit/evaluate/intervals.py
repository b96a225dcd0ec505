"""Balls without python-flint: intervals of mpmath behind the same methods.

Only arithmetic, roots and the elementary functions; they are slower and a little wider. Other
functions say that they need python-flint.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, NoReturn

import sympy
from mpmath import mpf
from mpmath.ctx_iv import MPIntervalContext

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate.arithmetic import Number, UndecidedError, as_fraction

__all__ = ["Interval", "IntervalBalls"]


class Interval:
    """An mpmath interval with the methods of python-flint's `arb` that geomkit uses.

    Args:
        value: the `ivmpf`.
        context: the mpmath interval context that it belongs to.

    Example:
        >>> third = IntervalBalls(60).number(Fraction(1, 3))
        >>> third.contains(0), (third - third).contains(0), third > 0
        (False, True, True)
    """

    __slots__ = ("context", "value")

    def __init__(self, value: Any, context: Any) -> None:
        self.value = value
        self.context = context

    def _with(self, value: Any) -> Interval:
        return Interval(value, self.context)

    def _other(self, other: Any) -> Any:
        return other.value if isinstance(other, Interval) else self.context.mpf(other)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, (Interval, int)):
            return NotImplemented
        return self._with(self.value + self._other(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if not isinstance(other, (Interval, int)):
            return NotImplemented
        return self._with(self.value - self._other(other))

    def __rsub__(self, other: int) -> Interval:
        return self._with(self._other(other) - self.value)

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, (Interval, int)):
            return NotImplemented
        return self._with(self.value * self._other(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if not isinstance(other, (Interval, int)):
            return NotImplemented
        return self._with(self.value / self._other(other))

    def __neg__(self) -> Interval:
        return self._with(-self.value)

    def __abs__(self) -> Interval:
        return self._with(abs(self.value))

    def __pow__(self, exponent: int) -> Interval:
        return self._with(self.value**exponent)

    def __lt__(self, other: Any) -> bool:
        return bool(self.value.b < self._other(other).a)

    def __le__(self, other: Any) -> bool:
        return bool(self.value.b <= self._other(other).a)

    def __gt__(self, other: Any) -> bool:
        return bool(self.value.a > self._other(other).b)

    def __ge__(self, other: Any) -> bool:
        return bool(self.value.a >= self._other(other).b)

    def __float__(self) -> float:
        return float(mpf(self.value.mid))

    def is_exact(self) -> bool:
        """Whether the interval is a single number."""
        return bool(self.value.a == self.value.b)

    def is_zero(self) -> bool:
        """Whether it is exactly 0."""
        return bool(self.value.a == 0) and self.is_exact()

    def is_finite(self) -> bool:
        """Whether both ends are finite numbers."""
        return bool(self.value.a > -self.context.inf and self.value.b < self.context.inf)

    def contains(self, other: Any) -> bool:
        """Whether another interval, or an integer, lies inside."""
        inner = self._other(other)
        return bool(self.value.a <= inner.a and inner.b <= self.value.b)

    def overlaps(self, other: Any) -> bool:
        """Whether the two have a point in common."""
        return not (self < other or self > other)

    def mid(self) -> Interval:
        """The midpoint, rounded outwards."""
        return self._with(self.value.mid)

    def rad(self) -> Interval:
        """Half the width, rounded up."""
        return self._with(self.value.delta / 2)

    def lower(self) -> Interval:
        """The lower end."""
        return self._with(self.value.a)

    def upper(self) -> Interval:
        """The upper end."""
        return self._with(self.value.b)

    def union(self, other: Interval) -> Interval:
        """The least interval that holds both."""
        low, high = min(self.value.a, other.value.a), max(self.value.b, other.value.b)
        return self._with(self.context.mpf([low, high]))

    def sqrt(self) -> Interval:
        """The square root of an interval that is not negative."""
        return self._with(self.context.sqrt(self.value))

    def str(self, n: int = 15, radius: bool = True) -> builtins.str:
        """Text with n digits; the midpoint alone if `radius` is false."""
        return f"{self.context.nstr(self.value if radius else self.value.mid, n)}"

    def __repr__(self) -> builtins.str:
        return self.str()


class IntervalBalls:
    """Balls on mpmath's intervals, for machines without python-flint.

    Args:
        bits: working precision.

    Example:
        >>> balls = IntervalBalls(100)
        >>> sin, cos = (balls.apply(name, [balls.number(1)]) for name in ("sin", "cos"))
        >>> (sin**2 + cos**2).contains(1)
        True
    """

    def __init__(self, bits: int = 200) -> None:
        self.bits = bits
        self.context = MPIntervalContext()  # its own context: no global precision is touched
        self.context.prec = bits

    @contextmanager
    def working(self) -> Iterator[None]:
        """Nothing to set: the context belongs to this object.

        Yields:
            Nothing.
        """
        yield

    def number(self, value: Any) -> Number:
        """An interval around an exact rational."""
        if isinstance(value, Interval):
            return value
        fraction = as_fraction(value)
        above = self.context.mpf(fraction.numerator)
        return Interval(above / self.context.mpf(fraction.denominator), self.context)

    def seed(self, key: sympy.Expr, value: Any) -> Number:
        """The interval of the value."""
        return self.number(value)

    def constant(self, name: str) -> Number:
        """One of pi, e, euler, catalan, golden."""
        if name == "golden":
            return (self.number(5).sqrt() + 1) / 2
        return Interval(+getattr(self.context, name), self.context)

    def power(self, base: Number, exponent: Fraction) -> Number:
        """base**exponent, real."""
        p, q = exponent.numerator, exponent.denominator
        if p < 0 and base.contains(0):
            _refuse("a power with negative exponent", [base])
        if q == 1:
            return base**p if p >= 0 else self.number(1) / base**-p
        if not base >= 0:
            _refuse(f"a root of order {q}", [base])
        if base.is_zero():
            return base
        if q == 2:
            return self.power(base.sqrt(), Fraction(p))
        return self.apply("exp", [self.apply("log", [base]) * self.number(exponent)])

    def real_power(self, base: Number, exponent: Number) -> Number:
        """base**exponent for base > 0, for base = 0 < exponent, and for exact integer exponents."""
        whole = self.integer(exponent)
        if whole is not None:
            return self.power(base, Fraction(whole))
        if base.is_zero() and exponent > 0:
            return base
        return self.apply("exp", [self.apply("log", [base]) * exponent])

    def apply(self, name: str, args: Sequence[Number]) -> Number:
        """The interval of an elementary function.

        Args:
            name: SymPy's name of the function.
            args: intervals.

        Returns:
            A finite interval.

        Raises:
            EvaluationError: if the function needs python-flint.
        """
        function = _FUNCTIONS.get(name)
        if function is None:
            raise EvaluationError(
                f"the function {name} needs ball arithmetic; install python-flint to evaluate it"
            )
        result = function(self, *args)
        if not result.is_finite():
            _refuse(name, args)
        return result

    def integer(self, x: Number) -> int | None:
        """The integer that x is, exactly; None if it is none."""
        middle = mpf(x.value.mid)
        return int(middle) if x.is_exact() and middle == int(middle) else None

    def sign(self, x: Number) -> int | None:
        """The sign if it is the same all over the interval."""
        if x.is_zero():
            return 0
        if x.contains(0):
            return None
        return 1 if x > 0 else -1

    def zeta_taylor(self, s: Number, order: int) -> list[Number]:
        """Not available without python-flint."""
        raise EvaluationError("derivatives of zeta need ball arithmetic; install python-flint")

    def positive(self, x: Number, what: str) -> Number:
        """Pass x on if it is certainly positive, else refuse it.

        Args:
            x: an interval.
            what: the function that needs it, for the message.

        Returns:
            `x`.
        """
        if not x > 0:
            _refuse(what, [x])
        return x

    def take(self, name: str, x: Number) -> Interval:
        """A function of the mpmath context at x."""
        return Interval(getattr(self.context, name)(x.value), self.context)


def _refuse(what: str, args: Sequence[Interval]) -> NoReturn:
    kind = DomainError if all(x.is_exact() for x in args) else UndecidedError
    raise kind(f"{what} is not finite and real at ({', '.join(x.str() for x in args)})")


def _atan(b: IntervalBalls, x: Number) -> Number:
    return _atan2(b, x, b.number(1))


def _atan2(b: IntervalBalls, y: Number, x: Number) -> Number:
    if x.contains(0) and y.contains(0):
        _refuse("atan2", [y, x])
    return Interval(b.context.atan2(y.value, x.value), b.context)


def _asin(b: IntervalBalls, x: Number) -> Number:
    rest = (1 - x) * (1 + x)
    if not rest >= 0:
        _refuse("asin or acos", [x])
    return _atan2(b, x, rest.sqrt())


def _acosh(b: IntervalBalls, x: Number) -> Number:
    if not x >= 1:
        _refuse("acosh", [x])
    return b.take("log", x + ((x - 1) * (x + 1)).sqrt())


def _asinh(b: IntervalBalls, x: Number) -> Number:
    return b.take("log", b.positive(x + (x * x + 1).sqrt(), "asinh"))


def _atanh(b: IntervalBalls, x: Number) -> Number:
    ratio = b.positive(1 + x, "atanh") / b.positive(1 - x, "atanh")
    return b.take("log", ratio) / 2


def _sinh(b: IntervalBalls, x: Number) -> Number:
    return (b.take("exp", x) - b.take("exp", -x)) / 2


def _cosh(b: IntervalBalls, x: Number) -> Number:
    return (b.take("exp", x) + b.take("exp", -x)) / 2


def _sign(b: IntervalBalls, x: Number) -> Number:
    sign = b.sign(x)
    return Interval(b.context.mpf([-1, 1]), b.context) if sign is None else b.number(sign)


def _step(b: IntervalBalls, x: Number, at_zero: Number | None = None) -> Number:
    sign = b.sign(x)
    if sign:
        return b.number(int(sign > 0))
    if sign == 0:
        return b.number(Fraction(1, 2)) if at_zero is None else at_zero
    _refuse("Heaviside", [x])


def _smaller(x: Number, y: Number, context: Any) -> Number:
    low = min(x.value.a, y.value.a)
    return Interval(context.mpf([low.a, min(x.value.b, y.value.b).b]), context)


def _min(b: IntervalBalls, *args: Number) -> Number:
    result = args[0]
    for x in args[1:]:
        result = _smaller(result, x, b.context)
    return result


def _max(b: IntervalBalls, *args: Number) -> Number:
    return -_min(b, *(-x for x in args))


_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "exp": lambda b, x: b.take("exp", x),
    "log": lambda b, x: b.take("log", b.positive(x, "log")),
    "sin": lambda b, x: b.take("sin", x),
    "cos": lambda b, x: b.take("cos", x),
    "sinh": _sinh,
    "cosh": _cosh,
    "asin": _asin,
    "acos": lambda b, x: b.constant("pi") / 2 - _asin(b, x),
    "atan": _atan,
    "asinh": _asinh,
    "acosh": _acosh,
    "atanh": _atanh,
    "atan2": _atan2,
    "Abs": lambda _b, x: abs(x),
    "sign": _sign,
    "Heaviside": _step,
    "Min": _min,
    "Max": _max,
}
