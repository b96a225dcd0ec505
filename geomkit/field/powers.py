"""Powers that are not integer: roots, symbolic exponents, absolute values and signs.

A base B is split into its irreducible factors p. Where B > 0, as it must be for a real power,
B^e = prod |p|^(k e). For each p one root generator w = |p|^(1/N), w^N = |p|, and one generator
|p|^b for each symbolic exponent b of a lattice serve all of them. |p| is +-p where the sign is
proved on the domain, and sigma p with a sign generator (sigma^2 = 1) where it is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

import sympy as sp

from geomkit.errors import DomainError, FieldError

from .fraction import Element
from .generator import Generator, Relation
from .lattice import Lattice
from .polynomial import Poly
from .squares import gather_squares

if TYPE_CHECKING:
    from .ball import Evaluation
    from .convert import Converter
    from .tower import Field

__all__ = ["Powers", "Radical"]

# Integers beyond this size are not factored into primes.
LARGE = 10**24


@dataclass
class Radical:
    """One irreducible quantity p of which roots and powers are in use."""

    poly: Poly
    lattice: Lattice
    degree: int = 1
    root: str = ""
    sign_name: str = ""
    powers: list[str] = field(default_factory=list)


class Powers:
    """Roots and powers of a field."""

    def __init__(self, owner: Field, converter: Converter) -> None:
        self.field = owner
        self._converter = converter
        self._radicals: list[Radical] = []
        # generator name -> (p, exponent) of each root and power |p|^exponent
        self.origins: dict[str, tuple[Radical, Element]] = {}

    # What converters call ---------------------------------------------------------------------

    def prepare(self, powers: Iterable[tuple[Element, Element]]) -> None:
        """Adjoin the generators that these powers (base, exponent) need."""
        wanted: list[tuple[Radical, Element]] = []
        for base, exponent in powers:
            if base.is_zero:
                continue
            for radical, k in self._factors_of_positive(base):
                wanted.append((radical, exponent * k))
        for radical in self._radicals:
            exponents = [e for r, e in wanted if r is radical]
            if exponents:
                self._extend(radical, exponents)

    def power(self, base: Element, exponent: Element) -> Element:
        """Return base^exponent for a base that is positive on the domain."""
        if base.is_zero:
            raise FieldError(f"0**({exponent.to_sympy()})", "a power of zero")
        rational = exponent.as_rational()
        if rational is not None and rational.denominator == 1:
            return base ** int(rational)
        result = self.field.one
        for radical, k in self._factors_of_positive(base):
            result = result * self._power_of(radical, exponent * k)
        return result

    def is_positive(self, element: Element) -> bool:
        """Whether an element is proved to be positive on the domain."""
        rational = self.sign(element).as_rational() if not element.is_zero else None
        return rational == 1

    def absolute(self, element: Element) -> Element:
        """Return |element|."""
        return element * self.sign(element)

    def sign(self, element: Element) -> Element:
        """Return the sign of an element, a product of signs of its factors."""
        if element.is_zero:
            return self.field.zero
        content, factors = self._split(element)
        result = self.field.constant(1 if content > 0 else -1)
        for poly, k in factors:
            if k % 2:
                result = result * self._sign_of(self._radical(poly))
        return result

    def sqrt_abs(self, element: Element) -> Element:
        """Return sqrt|element|; the sign of the element is taken as constant on the domain."""
        if element.is_zero:
            return element
        sample = self._sample_sign(element)
        half = self.field.constant(Fraction(1, 2))
        if sample is None:
            element = self.absolute(element)
        elif sample < 0:
            element = -element
        self.prepare([(element, half)])
        return self.power(element, half)

    def logarithms(self, element: Element) -> list[tuple[Radical, int]]:
        """Return radicals p and k with log(element) = sum k log|p|."""
        return self._factors_of_positive(element)

    # Splitting --------------------------------------------------------------------------------

    def _split(self, element: Element) -> tuple[Fraction, list[tuple[Poly, int]]]:
        """Return content and irreducible factors with exponents; pairs such as 1-s^2 as c^2."""
        owner = self.field
        content, found = owner.ring.factor(owner.numerator(element))
        factors = [(p, k) for p, k in found]
        for index, exponent in enumerate(element.denominator):
            if exponent:
                factors.append((owner.base(index), -exponent))
        return gather_squares(owner, content, factors)

    def _factors_of_positive(self, element: Element) -> list[tuple[Radical, int]]:
        """Return radicals p and k with element = prod |p|^k, given that element > 0."""
        owner = self.field
        content, factors = self._split(element)
        sign = 1 if content > 0 else -1
        unknown = []
        for poly, k in factors:
            if k % 2:
                known = owner.signs.of(poly)
                if known is None:
                    unknown.append((poly, k))
                else:
                    sign *= known
        if not unknown and sign < 0:
            raise FieldError(
                element.to_sympy(), "a root or logarithm of what is negative on the domain"
            )
        if len(unknown) > 1 and len({k for _, k in unknown}) == 1:
            merged = owner.ring.one
            for poly, _ in unknown:
                merged = merged * poly
            factors = [f for f in factors if f not in unknown] + [(merged, unknown[0][1])]
            unknown = [(merged, unknown[0][1])]
        if len(unknown) == 1:
            owner.signs.assume(unknown[0][0], sign)
        result = [(self._radical(poly), k) for poly, k in factors]
        for prime, k in _primes(abs(content)):
            result.append((self._radical(owner.ring.constant(prime)), k))
        return result

    def _radical(self, poly: Poly) -> Radical:
        poly = self.field.lift(poly)
        for radical in self._radicals:
            radical.poly = self.field.lift(radical.poly)
            if radical.poly == poly:
                return radical
        radical = Radical(poly, Lattice(self.field, modulo_one=True))
        self._radicals.append(radical)
        return radical

    # Powers of one radical --------------------------------------------------------------------

    def _extend(self, radical: Radical, exponents: list[Element]) -> None:
        """Choose root degree and lattice for all exponents at once, then adjoin generators."""
        symbolic = [e for e in exponents if e.as_rational() is None]
        before = len(radical.powers)
        if symbolic:
            radical.lattice.extend(symbolic)
        degree = radical.degree
        for exponent in exponents:
            found = radical.lattice.coordinates(exponent)
            assert found is not None
            degree = lcm(degree, found[1].denominator)
        if degree > 1 and not radical.root:
            self._adjoin_root(radical, degree)
        for exponent in radical.lattice.basis[before:]:
            self._adjoin_power(radical, exponent)

    def _power_of(self, radical: Radical, exponent: Element) -> Element:
        """Return |p|^exponent."""
        found = radical.lattice.coordinates(exponent)
        assert found is not None, "prepare comes first"
        result = self._rational_power(radical, found[1])
        for n, name in zip(found[0], radical.powers, strict=True):
            if n:
                result = result * self.root(self.field.generator(name), n)
        return result

    def _rational_power(self, radical: Radical, exponent: Fraction) -> Element:
        """Return |p|^exponent; a finer root than w is a root of w."""
        whole, rest = divmod(exponent, 1)
        result = self.base(radical) ** whole
        if whole % 2:
            result = result * self._sign_of(radical)
        if not rest:
            return result
        if not radical.root:
            self._adjoin_root(radical, rest.denominator)
        return result * self.root(self.field.generator(radical.root), rest * radical.degree)

    def root(self, generator: Element, exponent: Fraction) -> Element:
        """Return a power, perhaps fractional, of a positive generator."""
        if exponent.denominator == 1:
            return generator ** int(exponent)
        radical = self._radical(self.field.numerator(generator))
        return self._rational_power(radical, exponent)

    def base(self, radical: Radical) -> Element:
        """Return p."""
        return Element(self.field, self.field.lift(radical.poly), ())

    def _sign_of(self, radical: Radical) -> Element:
        """Return the sign of p: +-1 where it is proved, else a generator with square 1."""
        known = self.field.signs.of(radical.poly)
        if known is not None:
            return self.field.constant(known)
        if not radical.sign_name:
            name = f"g{len(self.field.generators)}"
            base = self.base(radical)

            def value(at: Evaluation) -> Any:
                ball = at.element(base)
                if ball.contains(0):
                    raise DomainError(f"the sign of {base.to_sympy()} is open at this point")
                return at.number(1 if ball > 0 else -1)

            self.field.add_generators(
                [
                    Generator(
                        name,
                        "sign",
                        sp.sign(base.to_sympy()),
                        lambda symbol: self.field.zero,
                        value,
                        Relation(2, self.field.ring.one),
                    )
                ]
            )
            radical.sign_name = name
        return self.field.generator(radical.sign_name)

    def magnitude(self, radical: Radical) -> Element:
        """Return |p|."""
        return self.base(radical) * self._sign_of(radical)

    def size_at(self, at: Evaluation, radical: Radical) -> Any:
        """Return the value of |p|.

        Raises:
            DomainError: p does not have the sign there that makes the expression real.
        """
        value, sign = at.element(self.base(radical)), self.field.signs.of(radical.poly)
        if sign is None:
            return abs(value)
        value = value * sign
        if not value > 0:
            shown = self.base(radical).to_sympy()
            raise DomainError(f"a root or logarithm with {shown} is not real at this point")
        return value

    def _adjoin_root(self, radical: Radical, degree: int) -> None:
        owner, size = self.field, self.magnitude(radical)
        base = self.base(radical)
        name = f"g{len(owner.generators)}"
        expr = sp.Pow(size.to_sympy(), sp.Rational(1, degree))

        def derive(symbol: sp.Symbol) -> Element:
            # w' = w p' / (N p), whatever the sign of p
            return owner.generator(name) * base.diff(symbol) / (base * degree)

        def value(at: Evaluation) -> Any:
            return at.arithmetic.power(self.size_at(at, radical), Fraction(1, degree))

        relation = Relation(degree, owner.numerator(size))
        owner.add_generators([Generator(name, "root", expr, derive, value, relation)])
        radical.root, radical.degree = name, degree
        self.origins[name] = (radical, owner.constant(Fraction(1, degree)))

    def _adjoin_power(self, radical: Radical, exponent: Element) -> None:
        owner, size = self.field, self.magnitude(radical)
        base = self.base(radical)
        name = f"g{len(owner.generators)}"
        expr = sp.Pow(size.to_sympy(), exponent.to_sympy(), evaluate=False)

        def derive(symbol: sp.Symbol) -> Element:
            slope = exponent * base.diff(symbol) / base
            growth = exponent.diff(symbol)
            if not growth.is_zero:
                slope = slope + growth * self._converter.functions.logarithm(radical)
            return owner.generator(name) * slope

        def value(at: Evaluation) -> Any:
            logarithm = at.apply("log", self.size_at(at, radical))
            return at.apply("exp", logarithm * at.element(exponent))

        owner.add_generators([Generator(name, "power", expr, derive, value)])
        radical.powers.append(name)
        self.origins[name] = (radical, exponent)

    def _sample_sign(self, element: Element) -> int | None:
        """Return the sign of an element at points of the domain, None when it varies."""
        from .zero import sample_signs

        signs = set(sample_signs(element))
        return signs.pop() if len(signs) == 1 else None


def _primes(value: Fraction) -> list[tuple[int, int]]:
    """Return primes (or one large composite number) and exponents of a positive rational."""
    result = []
    for number, sign in ((value.numerator, 1), (value.denominator, -1)):
        if number == 1:
            continue
        if number > LARGE:
            result.append((number, sign))
        else:
            result += [(int(p), sign * int(k)) for p, k in sp.factorint(number).items()]
    return result
