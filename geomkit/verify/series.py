"""Truncated power series in eps with exact coefficients: a function near the diagonal.

With x = x_0 + eps v a closed form d(x, x_0) becomes a series in eps whose coefficients are elements
of a field of functions of x_0 and v. Only its leading term is wanted, but that takes a few orders
of the parts: acosh(1 + q) needs q, where the order 0 of its argument cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from typing import Any

import sympy

from geomkit.domain import Box, Domain
from geomkit.errors import FieldError
from geomkit.field import Budget, Element, Field

__all__ = ["Series", "leading_square"]

# Coefficients kept, from order 0 on. A distance cancels at most two orders, twice.
TERMS = 5


@dataclass(frozen=True)
class Series:
    """The sum of coefficients[i] eps^(start + i), up to an unknown remainder.

    Attributes:
        start: order of the first coefficient.
        coefficients: those that are known.
    """

    start: int
    coefficients: tuple[Element, ...]

    def stripped(self) -> Series:
        """The same series with a leading coefficient that is not zero.

        Returns:
            The series without leading zeros.

        Raises:
            FieldError: every known coefficient vanishes.
        """
        for skip, coefficient in enumerate(self.coefficients):
            if not coefficient.is_zero:
                return Series(self.start + skip, self.coefficients[skip:])
        raise FieldError("series", f"it vanishes to order {self.start + len(self.coefficients)}")

    def __add__(self, other: Series) -> Series:
        low, high = (self, other) if self.start <= other.start else (other, self)
        shift = high.start - low.start
        length = min(len(low.coefficients), shift + len(high.coefficients))
        total = list(low.coefficients[:length])
        for i, coefficient in enumerate(high.coefficients[: max(0, length - shift)]):
            total[shift + i] = total[shift + i] + coefficient
        return Series(low.start, tuple(total))

    def __mul__(self, other: Series) -> Series:
        length = min(len(self.coefficients), len(other.coefficients))
        a, b = self.coefficients, other.coefficients
        field = a[0].field
        products = (field.dot([(1, a[i], b[k - i]) for i in range(k + 1)]) for k in range(length))
        return Series(self.start + other.start, tuple(products))

    def scaled(self, factor: Element) -> Series:
        """Every coefficient times a factor."""
        return Series(self.start, tuple(factor * c for c in self.coefficients))

    def shifted(self, constant: Element) -> Series:
        """The series plus a constant."""
        zero = constant.field.zero
        return self + Series(0, (constant, *(zero,) * (TERMS - 1)))

    def at_zero(self) -> Element:
        """The coefficient of order 0, around which functions are expanded.

        Returns:
            The coefficient.

        Raises:
            FieldError: the series has a pole.
        """
        zero = self.coefficients[0].field.zero
        if self.start > 0:
            return zero
        if self.start < 0 and not all(c.is_zero for c in self.coefficients[: -self.start]):
            raise FieldError("series", "it has a pole on the diagonal")
        if -self.start >= len(self.coefficients):
            raise FieldError("series", "too few orders are known")
        return self.coefficients[-self.start]

    def power(self, exponent: Fraction) -> Series:
        """A rational power; a root of the leading coefficient is adjoined to the field.

        Args:
            exponent: a whole or half number, or any rational when the leading coefficient is 1.

        Returns:
            The power.

        Raises:
            FieldError: it is not a series in eps, or the root does not fit the field.
        """
        series = self.stripped()
        lead = series.coefficients[0]
        order = series.start * exponent
        if order.denominator != 1:
            raise FieldError("series", f"a power {exponent} of order {series.start} in eps")
        if exponent.denominator == 1:
            root = lead ** int(exponent)
        elif exponent.denominator == 2:
            root = lead.field.sqrt_abs(lead) ** exponent.numerator
        elif lead == lead.field.one:
            root = lead
        else:
            raise FieldError(lead, f"its power {exponent} is not in the field")
        unit = series.scaled(lead**-1)
        small = Series(0, (lead.field.zero, *unit.coefficients[1:]))
        weights = [_binomial(exponent, k) for k in range(len(small.coefficients))]
        return Series(int(order), _compose(small, weights).scaled(root).coefficients)


def leading_square(
    value: sympy.Expr,
    coordinates: Sequence[sympy.Symbol],
    second: Sequence[sympy.Symbol],
    directions: Sequence[sympy.Symbol],
    domain: Domain,
    budget: Budget,
) -> tuple[Field, Element]:
    """The coefficient of eps^2 in d(x_0 + eps v, x_0)^2.

    Args:
        value: d(x, x_0).
        coordinates: the symbols x.
        second: the symbols x_0.
        directions: the symbols v.
        domain: boxes of x and x_0.
        budget: limit on time.

    Returns:
        The field of functions of x_0 and v, and the coefficient.

    Raises:
        FieldError: d^2 is not of order eps^2, or d does not fit.
    """
    diagonal = dict(zip(coordinates, second, strict=True))
    boxes = [box for box in domain.boxes if box.symbol not in diagonal]
    boxes += [Box(v, sympy.Integer(-2), sympy.Integer(2)) for v in directions]
    field = Field(
        [*second, *directions], domain=Domain(tuple(boxes)), budget=budget,
        expressions=[*directions, *_on_diagonal(value, diagonal)],
    )  # fmt: skip
    expansion = _Expansion(field, diagonal, dict(zip(coordinates, directions, strict=True)))
    square = expansion.square(value).stripped()
    if square.start != 2:
        raise FieldError(value, f"its square is of order {square.start} near the diagonal, not 2")
    return field, square.coefficients[0]


def _on_diagonal(value: sympy.Expr, diagonal: Mapping[Any, Any]) -> list[sympy.Expr]:
    """Values at x = x_0 of the parts of an expression that are finite there."""
    parts = []
    for node in sympy.preorder_traversal(value):
        if isinstance(node, sympy.Function) and node.args:
            part = node.xreplace(diagonal)
            if not part.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I):
                parts.append(part)
    return parts


@dataclass(frozen=True)
class _Expansion:
    """Expands SymPy expressions at x = x_0 + eps v."""

    field: Field
    diagonal: Mapping[sympy.Symbol, sympy.Symbol]
    directions: Mapping[sympy.Symbol, sympy.Symbol]

    def of(self, node: sympy.Expr) -> Series:
        """The series of an expression."""
        if node in self.diagonal:
            return self._padded(self.field(self.diagonal[node]), self.field(self.directions[node]))
        if not node.free_symbols & self.diagonal.keys():
            return self._padded(self.field(node))
        if node.is_Add:
            return _fold(map(self.of, node.args), lambda a, b: a + b)
        if node.is_Mul:
            return _fold(map(self.of, node.args), lambda a, b: a * b)
        if node.is_Pow and node.exp.is_Rational:
            return self._power(node.base, Fraction(int(node.exp.p), int(node.exp.q)))
        if isinstance(node, sympy.Abs):
            return self.square(node.args[0]).power(Fraction(1, 2))
        if isinstance(node, (sympy.acosh, sympy.acos)):
            argument = self.of(node.args[0])
            if argument.at_zero() == self.field.one:
                return self._inverse_cosine(node, argument).power(Fraction(1, 2))
        if isinstance(node, sympy.Function) and len(node.args) == 1:
            return self._taylor(node.func, self.of(node.args[0]))
        if node.is_Pow and node.base is sympy.E:
            return self._taylor(sympy.exp, self.of(node.exp))
        raise FieldError(node, "there is no rule for its expansion near the diagonal")

    def square(self, node: sympy.Expr) -> Series:
        """The series of the square, without the root that the expression itself may need."""
        if node.is_Mul:
            return _fold(map(self.square, node.args), lambda a, b: a * b)
        if node.is_Pow and node.exp == sympy.Rational(1, 2):
            return self.of(node.base)
        if isinstance(node, (sympy.acosh, sympy.acos)):
            argument = self.of(node.args[0])
            if argument.at_zero() == self.field.one:
                return self._inverse_cosine(node, argument)
        series = self.of(node)
        return series * series

    def _power(self, base: sympy.Expr, exponent: Fraction) -> Series:
        if exponent.denominator == 1 and exponent.numerator % 2 == 0:
            return self.square(base).power(exponent / 2)
        return self.of(base).power(exponent)

    def _inverse_cosine(self, node: sympy.Expr, argument: Series) -> Series:
        """acosh(1 + q)^2 = 2 q - q^2/3 + 4 q^3/45 - ..., acos(1 - q)^2 the same with signs +."""
        sign = 1 if isinstance(node, sympy.acosh) else -1
        small = argument.shifted(-self.field.one).scaled(self.field.constant(sign))
        weights = [
            Fraction(0),
            Fraction(2),
            Fraction(-sign, 3),
            Fraction(4, 45),
            Fraction(-sign, 35),
        ]
        return _compose(small, weights)

    def _taylor(self, function: Any, argument: Series) -> Series:
        """f(a + h) = sum of f^(k)(a) h^k / k!."""
        centre = argument.at_zero()
        number = centre.as_rational()
        place = centre.to_sympy() if number is None else sympy.Rational(*number.as_integer_ratio())
        z = sympy.Dummy("z")
        slope, weights = function(z), []
        for k in range(TERMS):
            weight = slope.xreplace({z: place})
            if weight.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I):
                raise FieldError(function(place), "it is singular on the diagonal")
            weights.append(self.field(weight) / factorial(k))
            slope = slope.diff(z)
        return _compose(argument.shifted(-centre), weights)

    def _padded(self, *coefficients: Element) -> Series:
        zeros = (self.field.zero,) * (TERMS - len(coefficients))
        return Series(0, (*coefficients, *zeros))


def _compose(small: Series, weights: Sequence[Element | Fraction]) -> Series:
    """The sum of weights[k] h^k for a series h without constant term."""
    field = small.coefficients[0].field
    zeros = (field.zero,) * (TERMS - 1)

    def constant(weight: Element | Fraction) -> Series:
        value = weight if isinstance(weight, Element) else field.constant(weight)
        return Series(0, (value, *zeros))

    total = constant(weights[-1])
    for weight in reversed(weights[:-1]):
        total = total * _from_zero(small) + constant(weight)
    return total


def _from_zero(series: Series) -> Series:
    """The same series with coefficients from order 0 on."""
    if series.start < 0:
        skip = -series.start
        return Series(0, series.coefficients[skip:])
    zero = series.coefficients[0].field.zero
    return Series(0, ((zero,) * series.start + series.coefficients)[:TERMS])


def _binomial(exponent: Fraction, k: int) -> Fraction:
    result = Fraction(1)
    for i in range(k):
        result *= (exponent - i) / (i + 1)
    return result


def _fold(series: Iterable[Series], operation: Callable[[Series, Series], Series]) -> Series:
    first, *rest = series
    for other in rest:
        first = operation(first, other)
    return first
