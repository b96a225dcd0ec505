"""Trigonometric, hyperbolic and exponential generators over a lattice of arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from .fraction import Element
from .generator import Generator, Relation
from .lattice import REFINE, Lattice, RefinementError

if TYPE_CHECKING:
    from .ball import Evaluation
    from .convert import Converter
    from .tower import Field

__all__ = ["Angles", "Exponentials"]

# Minimal polynomials of cos(p pi/q) are looked up for q up to this.
MAX_DENOMINATOR = 40
# (cosine, sine) or (cosh, sinh) of one argument
Pair = tuple[Element, Element]


class Angles:
    """Pairs (cos, sin) with cos^2 + sin^2 = 1, or (cosh, sinh) with cosh^2 - sinh^2 = 1.

    One of a pair is kept as a polynomial variable and the other, eliminated by the relation, is at
    most linear. Multiples and sums of arguments are expanded by the addition theorems.
    """

    def __init__(self, field: Field, converter: Converter, *, hyperbolic: bool) -> None:
        self.field = field
        self.lattice = Lattice(field)
        self._converter = converter
        self._hyperbolic = hyperbolic
        self._even, self._odd = (sp.cosh, sp.sinh) if hyperbolic else (sp.cos, sp.sin)
        self._pairs: list[Pair] = []

    def prepare(self, arguments: Iterable[Element], used: Sequence[sp.Expr]) -> None:
        """Adjoin what is needed for these arguments; `used` shows how they occur."""
        fresh = [_signed(a) for a in arguments if not a.is_zero]
        for basis in self.lattice.extend(fresh):
            self._pairs.append(self._adjoin(basis, used))

    def pair(self, argument: Element) -> Pair:
        """Return the (even, odd) pair of functions of an argument of the lattice.

        Raises:
            RefinementError: the argument is a fraction of those that the field was built for.
        """
        found = self.lattice.coordinates(argument)
        if found is None or any(c.denominator != 1 for c in found[0]):
            raise RefinementError(self._odd(argument.to_sympy()), REFINE)
        result = (self.field.one, self.field.zero)
        for n, pair in zip(found[0], self._pairs, strict=True):
            if n:
                result = self._add(result, self._multiple(pair, int(n)))
        return result

    def _add(self, first: Pair, second: Pair) -> Pair:
        (c, s), (d, t) = first, second
        sign = 1 if self._hyperbolic else -1
        return self.field.dot(((1, c, d), (sign, s, t))), self.field.dot(((1, s, d), (1, c, t)))

    def _multiple(self, pair: Pair, n: int) -> Pair:
        if n < 0:
            even, odd = self._multiple(pair, -n)
            return even, -odd
        result = pair
        for bit in bin(n)[3:]:
            result = self._add(result, result)
            if bit == "1":
                result = self._add(result, pair)
        return result

    def _adjoin(self, argument: Element, used: Sequence[sp.Expr]) -> Pair:
        angle = argument.to_sympy()
        even, odd = self._even(angle), self._odd(angle)
        if not (isinstance(even, self._even) and isinstance(odd, self._odd)):
            # SymPy knows a closed form, such as sin(atan(x)) or cos(pi/5)
            return self._converter.convert(even), self._converter.convert(odd)
        field, number = self.field, len(self.field.generators)
        keeps_even = bool(_denominator(angle)) or self._keeps_even(even, odd, used)
        kept, other = (even, odd) if keeps_even else (odd, even)
        names = {kept: f"g{number}", other: f"g{number + 1}"}

        def derive_even(symbol: sp.Symbol) -> Element:
            slope = argument.diff(symbol) * field.generator(names[odd])
            return slope if self._hyperbolic else -slope

        def derive_odd(symbol: sp.Symbol) -> Element:
            return argument.diff(symbol) * field.generator(names[even])

        derive = {even: derive_even, odd: derive_odd}
        value = {f: _value(f.func.__name__, argument) for f in (even, odd)}
        first = Generator(names[kept], kept.func.__name__, kept, derive[kept], value[kept])
        field.add_generators([first])
        self._relate_constant(first, angle, even)
        relation = Relation(2, self._square_of_other(names[kept], kept is even))
        second = Generator(
            names[other], other.func.__name__, other, derive[other], value[other], relation
        )
        field.add_generators([second])
        return field.generator(names[even]), field.generator(names[odd])

    def _relate_constant(self, generator: Generator, angle: sp.Expr, even: sp.Expr) -> None:
        """Give cos(p pi/q) its minimal polynomial: it is an algebraic number."""
        if self._hyperbolic or not 0 < _denominator(angle) <= MAX_DENOMINATOR:
            return
        ring = self.field.ring
        x = sp.Dummy()
        coefficients = sp.Poly(sp.minimal_polynomial(even, x), x).all_coeffs()
        value, w = ring.zero, ring.gens[ring.index[generator.name]]
        for c in coefficients[1:]:
            ratio = -c / coefficients[0]
            value = value * w + ring.constant(Fraction(int(ratio.p), int(ratio.q)))
        relation = Relation(len(coefficients) - 1, value)
        self.field.add_generators([replace(generator, relation=relation)])

    def _square_of_other(self, kept: str, kept_is_even: bool) -> object:
        one, x = self.field.ring.one, self.field.ring.gens[self.field.ring.index[kept]]
        if not self._hyperbolic:
            return one - x * x
        return x * x - one if kept_is_even else one + x * x

    @staticmethod
    def _keeps_even(even: sp.Expr, odd: sp.Expr, used: Sequence[sp.Expr]) -> bool:
        """Keep the function that occurs alone, else the one that is a pure factor of an entry."""
        even_occurs = any(e.has(even) for e in used)
        odd_occurs = any(e.has(odd) for e in used)
        if even_occurs != odd_occurs:
            return even_occurs
        factors = {f.as_base_exp()[0] for e in used for f in sp.Mul.make_args(e)}
        return even in factors and odd not in factors


class Exponentials:
    """exp(sum n_j b_j) = prod E_j^n_j with one generator E_j for each basis argument."""

    def __init__(self, field: Field, converter: Converter) -> None:
        self.field = field
        self.lattice = Lattice(field)
        self._converter = converter
        self._values: list[Element] = []

    def prepare(self, arguments: Iterable[Element]) -> None:
        """Adjoin what is needed for these arguments."""
        fresh = [_signed(a) for a in arguments if not a.is_zero]
        for basis in self.lattice.extend(fresh):
            self._values.append(self._adjoin(basis))

    def value(self, argument: Element) -> Element:
        """Return exp(argument)."""
        found = self.lattice.coordinates(argument)
        assert found is not None, "prepare comes first"
        result = self.field.one
        for n, generator in zip(found[0], self._values, strict=True):
            if n.denominator == 1:
                result = result * generator ** int(n)
            else:  # a fraction of an argument in use: a root of its exponential
                result = result * self._converter.powers.root(generator, n)
        return result

    def spans(self, argument: Element) -> bool:
        """Whether an argument depends on those in use."""
        return self.lattice.coordinates(argument) is not None

    def argument_of(self, name: str) -> Element | None:
        """Return b_j when the generator of this name is exp(b_j)."""
        for argument, value in zip(self.lattice.basis, self._values, strict=True):
            if value == self.field.generator(name):
                return argument
        return None

    def _adjoin(self, argument: Element) -> Element:
        expr = sp.exp(argument.to_sympy())
        if not isinstance(expr, sp.exp) and expr is not sp.E:
            return self._converter.convert(expr)
        field, name = self.field, f"g{len(self.field.generators)}"

        def derive(symbol: sp.Symbol) -> Element:
            return argument.diff(symbol) * field.generator(name)

        field.add_generators([Generator(name, "exp", expr, derive, _value("exp", argument))])
        return field.generator(name)


def _denominator(angle: sp.Expr) -> int:
    """Return q for an angle p pi/q, and 0 for any other."""
    turn = angle / sp.pi
    return int(turn.q) if turn.is_Rational else 0


def _value(name: str, argument: Element) -> Callable[[Evaluation], Any]:
    return lambda at: at.apply(name, at.element(argument))


def _signed(argument: Element) -> Element:
    """Choose between an argument and its negative as SymPy does, for which sin(-x) = -sin(x)."""
    return -argument if sp.sin(argument.to_sympy()).could_extract_minus_sign() else argument
