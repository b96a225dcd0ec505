"""Truncated Taylor series in several variables: one evaluation gives all partial derivatives.

A `Jet` stores the Taylor coefficients that are not exactly zero. Coefficients are numbers of a base
arithmetic, so jets over balls enclose every derivative. Whatever does not depend on the variables
stays a plain base number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import Any

import sympy

from geomkit.evaluate import jet_functions
from geomkit.evaluate.arithmetic import Number
from geomkit.evaluate.monomials import Monomials, monomials

__all__ = ["Jet", "Jets"]


class Jet:
    """A truncated Taylor series.

    Args:
        table: the numbering of monomials.
        order: the degree up to which coefficients are known (at most that of the table).
        terms: coefficients by number of the monomial; missing ones are exactly zero.
        zero: the zero of the base arithmetic.

    Example:
        >>> from geomkit.evaluate import Digits
        >>> x = sympy.Symbol("x")
        >>> jet = Jets(Digits(20), [x], 2).seed(x, 3) ** 2
        >>> print(jet.value, jet.derivative(0), jet.derivative(0, 0))
        9.0 6.0 2.0
    """

    __slots__ = ("order", "table", "terms", "zero")

    def __init__(
        self, table: Monomials, order: int, terms: dict[int, Number], zero: Number
    ) -> None:
        self.table = table
        self.order = order
        self.terms = terms
        self.zero = zero

    def _new(self, terms: dict[int, Number], order: int | None = None) -> Jet:
        return Jet(self.table, self.order if order is None else order, terms, self.zero)

    @property
    def value(self) -> Number:
        """The constant term."""
        return self.terms.get(0, self.zero)

    def is_zero(self) -> bool:
        """Whether all known coefficients are exactly zero."""
        return not self.terms

    def derivative(self, *variables: int) -> Number:
        """A partial derivative at the base point.

        Args:
            *variables: positions of the variables to differentiate by, in any order.

        Returns:
            A base number.

        Raises:
            ValueError: if the jet does not reach that order.
        """
        if len(variables) > self.order:
            raise ValueError(
                f"a jet of order {self.order} has no derivative of order {len(variables)}"
            )
        index = self.table.of(variables)
        coefficient = self.terms.get(index)
        return self.zero if coefficient is None else coefficient * self.table.factorials[index]

    def diff(self, variable: int) -> Jet:
        """The jet of a first derivative, one order lower.

        Args:
            variable: position of the variable.

        Returns:
            The jet of d/dx_variable.

        Raises:
            ValueError: if the jet is of order 0.
        """
        if self.order == 0:
            raise ValueError("a jet of order 0 cannot be differentiated")
        terms = {}
        for index, coefficient in self.terms.items():
            exponents = list(self.table.exponents[index])
            power = exponents[variable]
            if power:
                exponents[variable] -= 1
                terms[self.table.index[tuple(exponents)]] = coefficient * power
        return self._new(terms, self.order - 1)

    def truncate(self, order: int) -> Jet:
        """The same jet, known only up to `order`."""
        if order >= self.order:
            return self
        size = self.table.sizes[order]
        return self._new({i: c for i, c in self.terms.items() if i < size}, order)

    def without_constant(self) -> Jet:
        """The jet minus its constant term."""
        return self._new({i: c for i, c in self.terms.items() if i})

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Jet):
            terms = dict(self.terms)
            terms[0] = terms[0] + other if 0 in terms else self.zero + other
            return self._new(terms)
        if other.order != self.order:
            order = min(self.order, other.order)
            return self.truncate(order) + other.truncate(order)
        terms = dict(self.terms)
        for index, coefficient in other.terms.items():
            terms[index] = terms[index] + coefficient if index in terms else coefficient
        return self._new(terms)

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return self._new({i: -c for i, c in self.terms.items()})

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, Jet):
            return self._new({i: c * other for i, c in self.terms.items()})
        result: dict[int, Number] = {}
        order = min(self.order, other.order)
        accumulate(result, self, other, order)
        return self._new(result, order)

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Jet:
        if exponent < 1:
            raise ValueError("only positive integer powers; use Jets.power")
        half: Jet = self if exponent < 2 else self ** (exponent // 2)
        if exponent < 2:
            return half
        square: Jet = half * half
        return square * self if exponent % 2 else square

    def __repr__(self) -> str:
        shown = {self.table.exponents[i]: c for i, c in sorted(self.terms.items())}
        return f"Jet({shown}, order {self.order})"


def accumulate(result: dict[int, Number], left: Jet, right: Jet, order: int) -> None:
    """Add the product of two jets to coefficients.

    Args:
        result: coefficients by number of the monomial; changed in place.
        left: a factor.
        right: a factor.
        order: degree up to which products are wanted.
    """
    table = left.table
    degrees, sizes, products = table.degrees, table.sizes, table.products
    for i, a in left.terms.items():
        degree = degrees[i]
        if degree > order:
            continue
        row, limit = products[i], sizes[order - degree]
        for j, b in right.terms.items():
            if j < limit:
                k = row[j]
                result[k] = result[k] + a * b if k in result else a * b


class Jets:
    """Arithmetic of jets over balls or digits.

    Args:
        base: arithmetic of the coefficients.
        variables: the symbols in which to expand.
        order: degree of truncation.

    Example:
        >>> from geomkit.evaluate import Digits, evaluate
        >>> x, y = sympy.symbols("x y")
        >>> jet = evaluate(sympy.sin(x * y), {x: 0, y: 2}, Jets(Digits(20), [x, y], 2))
        >>> print(jet.derivative(0), jet.derivative(0, 1))
        2.0 1.0
    """

    def __init__(self, base: Any, variables: Sequence[sympy.Symbol], order: int) -> None:
        self.base = base
        self.variables = tuple(variables)
        self.order = order
        self.table = monomials(len(self.variables), order)
        self._position = {x: i for i, x in enumerate(self.variables)}
        self._zero = base.number(0)

    def working(self) -> AbstractContextManager[Any]:
        """Context with the precision of the base."""
        context: AbstractContextManager[Any] = self.base.working()
        return context

    def number(self, value: Any) -> Number:
        """A base number; jets pass through."""
        return value if isinstance(value, Jet) else self.base.number(value)

    def seed(self, key: sympy.Expr, value: Any) -> Number:
        """The jet of a variable at its value; a base number for other symbols."""
        position = self._position.get(key)
        if position is None or isinstance(value, Jet):
            return self.number(value)
        return self.jet({0: self.base.number(value), 1 + position: self.base.number(1)})

    def jet(self, terms: Mapping[int, Number]) -> Jet:
        """A jet from coefficients; exact zeros are dropped, and so is what lies above the order."""
        size = self.table.sizes[self.order]
        kept = {i: c for i, c in terms.items() if i < size and self.base.sign(c) != 0}
        return Jet(self.table, self.order, kept, self._zero)

    def as_jet(self, x: Number) -> Jet:
        """A jet as it is; a base number as a constant jet."""
        return x if isinstance(x, Jet) else self.jet({0: x})

    def constant(self, name: str) -> Number:
        """A constant of the base."""
        return self.base.constant(name)

    def dot(self, terms: Iterable[tuple[int, Jet, Jet]], order: int) -> Jet:
        """Sum of sign * a * b, truncated.

        Args:
            terms: triples (sign +1 or -1, jet, jet).
            order: degree up to which the result is wanted; both factors must reach it.

        Returns:
            The jet of the sum.
        """
        result: dict[int, Number] = {}
        for sign, a, b in terms:
            if a.terms and b.terms:
                accumulate(result, a if sign > 0 else -a, b, order)
        return Jet(self.table, order, result, self._zero)

    def power(self, base: Number, exponent: Fraction) -> Number:
        """base**exponent for an exact exponent."""
        if not isinstance(base, Jet):
            return self.base.power(base, exponent)
        return self.compose(
            jet_functions.power_taylor(self.base, base.value, exponent, self.order), base
        )

    def real_power(self, base: Number, exponent: Number) -> Number:
        """base**exponent = exp(exponent log base); any base if the exponent is an integer."""
        if not isinstance(base, Jet) and not isinstance(exponent, Jet):
            return self.base.real_power(base, exponent)
        if not isinstance(exponent, Jet):
            whole = self.base.integer(exponent)
            if whole is not None:
                return self.power(base, Fraction(whole))
        return self.apply("exp", [exponent * self.apply("log", [base])])

    def apply(self, name: str, args: Sequence[Number]) -> Number:
        """The jet of a primitive function."""
        if not any(isinstance(x, Jet) for x in args):
            return self.base.apply(name, args)
        return jet_functions.apply(self, name, args)

    def compose(self, coefficients: Sequence[Number], inner: Jet) -> Jet:
        """sum_k coefficients[k] (inner - inner.value)**k, by Horner's rule."""
        step = inner.without_constant()
        result = self.jet({0: coefficients[-1]})
        for coefficient in reversed(coefficients[:-1]):
            result = result * step + self.jet({0: coefficient})
        return result

    def integer(self, x: Number) -> int | None:
        """The integer that a constant is, exactly; None for jets."""
        if isinstance(x, Jet):
            return None
        whole: int | None = self.base.integer(x)
        return whole

    def sign(self, x: Number) -> int | None:
        """The sign of a jet near the base point: None also where the constant term is zero."""
        if not isinstance(x, Jet):
            constant: int | None = self.base.sign(x)
            return constant
        sign: int | None = self.base.sign(x.value)
        return sign or None
