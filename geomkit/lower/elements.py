"""Elements of the exact field to products of a pool: factored, in the shorter of sin and cos."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from geomkit.field import Element, Field
from geomkit.field.render import shorter
from geomkit.field.squares import gather_squares

from .cancel import cancel
from .pool import Pool, Product, Terms
from .structures import Structures
from .walk import Walk, root

if TYPE_CHECKING:
    from geomkit.field.generator import Generator
    from geomkit.field.polynomial import Poly

__all__ = ["Elements"]

# Factoring cannot be interrupted: longer numerators, and longer inner sums, are not factored.
LONGEST, LONGEST_INSIDE = 1500, 150


class Elements:
    """Lowers the elements of one field.

    Args:
        field: the field.
        walk: lowers what generators stand for.
    """

    def __init__(self, field: Field, walk: Walk) -> None:
        self.field = field
        self.walk = walk
        self.pool: Pool = walk.pool
        self._generators: dict[str, Product] = {}
        self._names: dict[int, str] = {}  # of atoms that are generators
        self.structures = Structures(field)
        self.pool.factorise = self._factorise

    def __call__(self, element: Element) -> Product:
        """Return an element as a product.

        Args:
            element: an element of the field.

        Returns:
            content * factors of the numerator / factors of the denominator.
        """
        if element.parts:
            return self.pool.sum(self(part) for part in element.parts)
        if element.vanishes:
            return Product(Fraction(0))
        below = [(self.field.base(i), k) for i, k in enumerate(element.denominator) if k]
        numerator, below = cancel(self.field, self.field.numerator(element), below)
        self.structures.add(base for base, _ in below)
        return self._product(numerator, [(base, -k) for base, k in below], LONGEST)

    def _product(self, poly: Poly, bases: list[tuple[Poly, int]], longest: int) -> Product:
        content, factors = Fraction(1), [(poly, 1)]
        if len(poly) <= longest:
            content, factors = self.field.ring.factor(poly)
        content, factors = gather_squares(self.field, content, [*factors, *bases])
        lowered = [(self._factor(factor), k) for factor, k in factors]
        return self.pool.product([(Product(content), 1), *lowered])

    def _factor(self, poly: Poly) -> Product:
        """Return a factor as a sum that is not factored again."""
        self.pool.check()
        parts = self.structures.split(poly)
        if parts is not None:
            quotient, base, rest = (self._product(part, [], LONGEST_INSIDE) for part in parts)
            return self.pool.sum((self.pool.product(((quotient, 1), (base, 1))), rest))
        terms = dict(self.field.ring.terms(poly))
        if len(terms) > 1 and len(terms) <= LONGEST:
            terms = shorter(self.field, terms)
        names = self.field.ring.names
        lowered: Terms = {}
        for exponents, coefficient in terms.items():
            powers = [(self.generator(names[i]), k) for i, k in enumerate(exponents) if k]
            product = self.pool.product([(Product(coefficient), 1), *powers])
            sofar = lowered.get(product.monomial, Fraction(0))
            lowered[product.monomial] = sofar + product.coefficient
        if len(lowered) == 1:
            ((monomial, coefficient),) = lowered.items()
            return Product(coefficient, monomial)
        return self._complement(lowered) or self.pool.irreducible(lowered)

    def _complement(self, terms: Terms) -> Product | None:
        """Return c - c erf(x) as c erfc(x), which keeps its digits for large x."""
        number = terms.get((), Fraction(0))
        for monomial, coefficient in terms.items():
            if len(terms) == 2 and coefficient == -number and monomial[0][1] == 1:
                atom = self.pool.atoms[monomial[0][0]]
                if len(monomial) == 1 and atom.function == "erf":
                    return self.pool.product(
                        [(Product(number), 1), (self.pool.call("erfc", *atom.terms), 1)]
                    )
        return None

    def _factorise(self, terms: Terms) -> Product | None:
        """Return a sum in generators as a product of its factors; None if it is something else."""
        if len(terms) > LONGEST_INSIDE:
            return None
        index, found = self.field.ring.index, {}
        for monomial, coefficient in terms.items():
            exponents = [0] * len(index)
            for atom, k in monomial:
                if atom not in self._names or k < 0:
                    return None
                exponents[index[self._names[atom]]] = k
            found[tuple(exponents)] = coefficient
        return self._product(self.field.ring.from_terms(found), [], LONGEST_INSIDE)

    # Generators -----------------------------------------------------------------------------

    def generator(self, name: str) -> Product:
        """Return a generator of the field as a product, most often one atom.

        Args:
            name: its name in the ring.

        Returns:
            The product.

        Raises:
            LoweringError: programs have no word for it.
        """
        if name not in self._generators:
            product = self._generators[name] = self._generated(name, self.field.generators[name])
            if product.coefficient == 1 and len(product.monomial) == 1:
                ((atom, k),) = product.monomial
                if k == 1:
                    self._names.setdefault(atom, name)
        return self._generators[name]

    def _generated(self, name: str, generator: Generator) -> Product:
        origin = self.field._converter.powers.origins.get(name)
        if origin is None:
            return self.walk(generator.expr)
        radical, exponent = origin
        base = self(self.field._converter.powers.magnitude(radical))
        rational = exponent.as_rational()
        if rational is None:
            return self.pool.call("pow", base, self(exponent))
        return self.pool.product(
            [(root(self.pool, base, rational.denominator), rational.numerator)]
        )
