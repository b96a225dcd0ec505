"""Field: Frac(Q[generators]) modulo a few relations, with a derivation for each symbol.

Arithmetic keeps denominators factored: every element is a polynomial over a product of powers of
*base* factors, irreducible polynomials free of eliminated generators that are found once, when
something is inverted. From then on only exact trial division is needed, no gcd. The core operation
is `Field.dot`, a sum of products that is brought to one denominator, reduced by the relations and
cancelled once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from geomkit.errors import FieldError

from .budget import Budget
from .derivation import Derivation
from .fraction import Denominator, Element, merge_denominators, trim
from .generator import Generator
from .grouped import grouped_sum, swells
from .polynomial import Poly, make_ring

if TYPE_CHECKING:
    import sympy

    from geomkit.domain import Domain
    from geomkit.metric import Metric

__all__ = ["Field"]

# FLINT factors 2,500 terms in 28 generators in 0.1 s, and 18,000 terms in more than 10 s.
MAX_FACTORED = 3000


class Field:
    """A differential field that holds given expressions exactly.

    Args:
        variables: symbols to differentiate by (others may occur as constants or parameters).
        domain: boxes of the symbols; signs of roots and absolute values are decided on it.
        expressions: expressions that the field must hold; arguments of trigonometric functions,
            exponents and so on are chosen to suit all of them. Further ones may follow later.
        budget: limit on time and size.

    Raises:
        FieldError: an expression does not fit (complex numbers, floats, unknown functions ...).

    Examples:
        >>> import sympy as sp
        >>> x = sp.Symbol("x", positive=True)
        >>> field = Field((x,), expressions=(sp.sqrt(x),))
        >>> (field(sp.sqrt(x)) ** 2 - field(x)).is_zero
        True
    """

    def __init__(
        self,
        variables: Sequence[sympy.Symbol] = (),
        *,
        domain: Domain | None = None,
        expressions: Iterable[sympy.Expr] = (),
        budget: Budget | None = None,
    ) -> None:
        from .convert import Converter
        from .sign import Signs

        self.variables = tuple(variables)
        self.domain = domain
        self.budget = budget or Budget()
        # False once a denominator was left with eliminated generators in it
        self.canonical = True
        self.generators: dict[str, Generator] = {}
        self.ring = make_ring(())
        self._relations: list[tuple[str, int, Poly, Poly]] = []
        self._bases: list[Poly] = []
        self._derivation = Derivation(self)
        self.signs = Signs(self)
        self._converter = Converter(self)
        self._converter.adjoin([*expressions, *self.variables])

    @classmethod
    def of(
        cls,
        metric: Metric,
        *,
        expressions: Iterable[sympy.Expr] = (),
        budget: Budget | None = None,
    ) -> Field:
        """Return a field that holds the entries of a metric (and further expressions).

        Args:
            metric: the metric; its coordinates become the variables.
            expressions: further expressions, in the metric's own symbols.
            budget: limit on time and size.

        Returns:
            The field.
        """
        return cls(
            metric.coordinates,
            domain=metric.domain,
            expressions=[*metric.matrix, *expressions],
            budget=budget,
        )

    # Elements -------------------------------------------------------------------------------

    def __call__(self, expression: sympy.Expr | int) -> Element:
        """Convert a SymPy expression into an element.

        Args:
            expression: exact expression in symbols and functions of the field.

        Returns:
            Its normal form.

        Raises:
            FieldError: it does not fit the field.
        """
        return self._converter.convert(expression)

    @cached_property
    def zero(self) -> Element:
        """The element 0."""
        return Element(self, self.ring.zero, ())

    @cached_property
    def one(self) -> Element:
        """The element 1."""
        return Element(self, self.ring.one, ())

    def constant(self, value: Fraction | int) -> Element:
        """Return a rational number as an element."""
        return Element(self, self.ring.constant(value), ())

    def generator(self, name: str) -> Element:
        """Return a generator as an element."""
        return Element(self, self.ring.gens[self.ring.index[name]], ())

    def lift(self, poly: Poly) -> Poly:
        """Return a polynomial of this field in its present ring."""
        return self.ring.lift(poly)

    def numerator(self, element: Element) -> Poly:
        """Return an element's numerator in the present ring (and keep it there)."""
        if element.field is not self:
            raise FieldError(element.to_sympy(), "it belongs to another field than this one")
        if element.ring is not self.ring:
            element.numerator, element.ring = self.ring.lift(element.numerator), self.ring
        return element.numerator

    # Growth ---------------------------------------------------------------------------------

    def add_generators(self, new: Iterable[Generator]) -> None:
        """Adjoin generators; elements made before stay valid.

        Eliminated generators stand first, the youngest foremost, so that reducing in this order
        never brings back one that has been dealt with.
        """
        for generator in new:
            self.generators[generator.name] = generator
        youngest_first = list(reversed(self.generators.values()))
        eliminated = [g for g in youngest_first if g.relation]
        names = [g.name for g in eliminated]
        names += [g.name for g in self.generators.values() if not g.relation]
        self.ring = make_ring(names)
        self._bases = [self.lift(b) for b in self._bases]
        self._relations = []
        for generator in eliminated:
            assert generator.relation is not None
            w = self.ring.gens[self.ring.index[generator.name]]
            value = self.lift(generator.relation.value)
            degree = generator.relation.degree
            self._relations.append((generator.name, degree, value, w**degree - value))

    def reduce(self, poly: Poly) -> Poly:
        """Return the normal form of a polynomial modulo the relations."""
        for _, _, _, relation in self._relations:
            poly = self.ring.remainder(poly, relation)
        return poly

    # Denominators ---------------------------------------------------------------------------

    def base(self, index: int) -> Poly:
        """Return the base factor of this index."""
        return self._bases[index]

    def base_index(self, factor: Poly) -> int:
        """Return the index of an irreducible, primitive factor among the bases; adds it if new."""
        for index, known in enumerate(self._bases):
            if known == factor:
                return index
        self._bases.append(factor)
        return len(self._bases) - 1

    def factor(self, poly: Poly) -> tuple[Fraction, list[tuple[Poly, int]]]:
        """Return content and irreducible factors; a very long polynomial counts as one factor.

        Factoring cannot be interrupted and may take minutes beyond some thousand terms. Without it
        zero is still recognised, but equal elements may look different.
        """
        if len(poly) <= MAX_FACTORED:
            return self.ring.factor(poly)
        self.canonical = False
        return Fraction(1), [(poly, 1)]

    def fraction(self, numerator: Poly, denominator: Denominator) -> Element:
        """Return numerator/denominator in normal form; the numerator must be reduced."""
        if numerator == 0 or not denominator:
            return Element(self, numerator, () if numerator == 0 else denominator)
        exponents = list(denominator)
        for index, exponent in enumerate(exponents):
            while exponent > 0:
                self.budget.allow(len(numerator) * len(self._bases[index]))
                quotient = self.ring.quotient(numerator, self._bases[index])
                if quotient is None:
                    break
                numerator, exponent = quotient, exponent - 1
            exponents[index] = exponent
        return Element(self, numerator, trim(exponents))

    # Arithmetic -----------------------------------------------------------------------------

    def dot(self, triples: Iterable[tuple[Fraction | int, Element, Element]]) -> Element:
        """Return the sum of c a b over triples (c, a, b), brought to normal form once.

        Args:
            triples: rational number and two elements each.

        Returns:
            The sum.

        Raises:
            BudgetError: the sum would exceed the budget.
        """
        groups: dict[Denominator, Poly] = {}
        grouped = list(triples)  # making them may let the ring grow
        for coefficient, a, b in grouped:  # sums that are kept grouped add to this list
            if a.vanishes or b.vanishes:
                continue
            if a.parts or b.parts:
                pairs = product(a.parts or (a,), b.parts or (b,))
                grouped += [(coefficient, x, y) for x, y in pairs]
                continue
            poly, right = self.numerator(a), self.numerator(b)
            if b is not self.one:
                self.budget.allow(len(poly) * len(right))
                poly = poly * right
            if coefficient != 1:
                poly = -poly if coefficient == -1 else self.ring.scale(poly, coefficient)
            key = merge_denominators(a.denominator, b.denominator)
            groups[key] = groups[key] + poly if key in groups else poly
            self.budget.hold(len(groups[key]))
        return self.combine(groups)

    def sum(self, elements: Iterable[Element]) -> Element:
        """Return the sum of elements."""
        return self.dot((1, element, self.one) for element in elements)

    def over_one_denominator(self, elements: Iterable[Element]) -> Element:
        """Return the sum of elements as one fraction, however long it becomes.

        Raises:
            BudgetError: it would exceed the budget.
        """
        groups = {element.denominator: self.numerator(element) for element in elements}
        return self.combine(groups, keep_grouped=False)

    def combine(self, groups: dict[Denominator, Poly], *, keep_grouped: bool = True) -> Element:
        """Return a sum of fractions, given as numerators by denominator."""
        groups = {key: poly for key, poly in groups.items() if poly != 0}
        if not groups:
            return self.zero
        if len(groups) == 1:
            ((key, poly),) = groups.items()
            return self.fraction(self.reduce(poly), key)
        if keep_grouped and swells(self, groups):
            return grouped_sum(self, groups)
        width = max(map(len, groups))
        common = [max(k[i] if i < len(k) else 0 for k in groups) for i in range(width)]
        total = self.ring.zero
        for key, poly in groups.items():
            for i, exponent in enumerate(common):
                missing = exponent - (key[i] if i < len(key) else 0)
                if missing:
                    factor = self._bases[i] ** missing
                    self.budget.allow(len(poly) * len(factor))
                    poly = poly * factor
            total = total + poly
        return self.fraction(self.reduce(total), trim(common))

    def power(self, element: Element, exponent: int) -> Element:
        """Return element**exponent for an integer exponent."""
        if exponent < 0:
            return self.power(self.inverse(element), -exponent)
        if exponent == 0:
            return self.one
        base = self.numerator(element)
        if len(base) == 1 and not self._relations:
            numerator = base**exponent
            return Element(self, numerator, tuple(exponent * e for e in element.denominator))
        result, square = None, element
        while True:  # by squaring, reduced at each step
            if exponent & 1:
                result = square if result is None else result * square
            exponent >>= 1
            if not exponent:
                break
            square = square * square
        assert result is not None
        return result

    def inverse(self, element: Element) -> Element:
        """Return 1/element, its denominator made free of eliminated generators.

        Raises:
            FieldError: the element is zero, or a zero divisor of a reducible relation.
        """
        from .rationalise import rationalise

        if element.is_zero:
            raise FieldError("1/0", "division by an expression that is identically zero")
        content, factors = self.factor(self.numerator(element))
        result = Element(self, self.ring.constant(1 / content), ())
        for index, exponent in enumerate(element.denominator):
            if exponent:
                result = result * Element(self, self._bases[index] ** exponent, ())
        for factor, exponent in factors:
            for cofactor, bases in rationalise(self, factor):
                denominator = [0] * len(self._bases)
                for base, power in bases:
                    denominator[base] += power
                part = self.fraction(self.reduce(cofactor), trim(denominator))
                result = result * self.power(part, exponent)
        return result

    def derivative(self, element: Element, symbol: sympy.Symbol) -> Element:
        """Return the partial derivative of an element by a symbol."""
        return self._derivation.of(element, symbol)

    # Values ---------------------------------------------------------------------------------

    def evaluate(self, element: Element, point: Mapping[sympy.Symbol, Any], bits: int = 200) -> Any:
        """Return an enclosure of an element at a rational point.

        Args:
            element: the element.
            point: a rational value (or a ball) for each symbol.
            bits: working precision.

        Returns:
            An Arb ball; unspecified functions take fixed rational values.

        Raises:
            DomainError: the element has no finite real value there.
        """
        from .ball import Evaluation

        evaluation = Evaluation(self, point, bits)
        with evaluation.working():
            return evaluation.element(element)

    def absolute(self, element: Element) -> Element:
        """Return |element|, by the signs of its factors on the domain."""
        return self._converter.powers.absolute(element)

    # Roots ----------------------------------------------------------------------------------

    def sqrt_abs(self, element: Element) -> Element:
        """Return sqrt|element|; a root generator is adjoined when it is no square.

        Args:
            element: any element; its sign is taken to be constant on the (regular) domain.

        Returns:
            The non-negative root.
        """
        return self._converter.powers.sqrt_abs(element)
