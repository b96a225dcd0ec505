"""Pool: products and sums on their way from polynomials to nodes of a program.

Everything that is lowered becomes a `Product`: a rational number times integer powers of *atoms*.
An atom is a leaf (a node of the program), a sum of products, or a function of products. Sums are
made once, without content, with common factors taken out and in nested form (Horner by the atom
that most terms share), so that equal parts of different tensor components meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

__all__ = ["ONE", "ZERO", "Atom", "Pool", "Product", "Terms"]

# ((atom, exponent), ...) in the order of the atoms; exponents may be negative, never 0.
Monomial = tuple[tuple[int, int], ...]
Terms = dict[Monomial, Fraction]
# A sum that is nested deeper than this stays flat inside.
DEEPEST = 40
LAST = 1 << 62


@dataclass(frozen=True)
class Product:
    """A rational number times powers of atoms."""

    coefficient: Fraction
    monomial: Monomial = ()

    def __neg__(self) -> Product:
        return Product(-self.coefficient, self.monomial)


ZERO, ONE = Product(Fraction(0)), Product(Fraction(1))


@dataclass(frozen=True)
class Atom:
    """What an atom is: a leaf, a sum, or a function.

    Attributes:
        node: the node of a leaf, else -1.
        terms: the terms of a sum.
        function: the name of a function, with `terms` as its arguments.
    """

    node: int = -1
    terms: tuple[Product, ...] = ()
    function: str = ""


class Pool:
    """The atoms of one program.

    Args:
        check: called now and then; raises when the time is over.
    """

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        self.check = check
        self.atoms: list[Atom] = []
        self._numbers: dict[Atom, int] = {}
        self._sums: dict[frozenset[tuple[Monomial, Fraction]], int] = {}
        # Tried before a sum is nested: may find it to be a product (see `elements`).
        self.factorise: Callable[[Terms], Product | None] = lambda terms: None

    def leaf(self, node: int) -> Product:
        """Return a node of the program as an atom."""
        return self._atom(Atom(node=node))

    def call(self, function: str, *arguments: Product) -> Product:
        """Return a function (a name of `program.FUNCTIONS`) of products."""
        return self._atom(Atom(terms=arguments, function=function))

    def _atom(self, atom: Atom) -> Product:
        return Product(Fraction(1), ((self._number(atom), 1),))

    def _number(self, atom: Atom) -> int:
        if atom not in self._numbers:
            self._numbers[atom] = len(self.atoms)
            self.atoms.append(atom)
        return self._numbers[atom]

    # Products -------------------------------------------------------------------------------

    def product(self, factors: Iterable[tuple[Product, int]]) -> Product:
        """Return the product of powers (base, integer exponent).

        Raises:
            ZeroDivisionError: a negative power of 0.
        """
        coefficient = Fraction(1)
        powers: dict[int, int] = {}
        for base, exponent in factors:
            coefficient *= base.coefficient**exponent
            for atom, k in base.monomial:
                powers[atom] = powers.get(atom, 0) + k * exponent
        if not coefficient:
            return ZERO
        return Product(coefficient, tuple((a, k) for a, k in sorted(powers.items()) if k))

    # Sums -----------------------------------------------------------------------------------

    def sum(self, terms: Iterable[Product], depth: int = 0) -> Product:
        """Return a sum: like terms joined, content and common factors taken out, nested."""
        self.check()
        joined: Terms = {}
        for term in terms:
            joined[term.monomial] = joined.get(term.monomial, Fraction(0)) + term.coefficient
        joined = {m: c for m, c in joined.items() if c}
        if len(joined) < 2:
            return next((Product(c, m) for m, c in joined.items()), ZERO)
        outside, inside = _primitive(joined)
        key = frozenset(inside.items())
        if key not in self._sums:
            found = self.factorise(inside) if depth < DEEPEST else None
            if found is not None:
                return self.product(((outside, 1), (found, 1)))
        return self.product(((outside, 1), (self.irreducible(inside, depth), 1)))

    def irreducible(self, terms: Terms, depth: int = 0) -> Product:
        """Return a sum as one atom, up to content; nothing is factored any more."""
        outside, inside = _primitive(terms)
        key = frozenset(inside.items())
        if key not in self._sums:
            self._sums[key] = self._number(Atom(terms=tuple(self._nested(inside, depth))))
        atom = Product(Fraction(1), ((self._sums[key], 1),))
        return self.product(((outside, 1), (atom, 1)))

    def _nested(self, terms: Terms, depth: int) -> list[Product]:
        """Write terms as x^k (...) + y^m (...) + ..., x being in the most terms."""
        result: list[Product] = []
        rest = dict(terms)
        while len(rest) > 2 or (len(rest) == 2 and result):
            best = _most_frequent(rest)
            if best is None or depth >= DEEPEST:
                break
            atom, sign = best
            chosen = {m: dict(m)[atom] for m in rest if dict(m).get(atom, 0) * sign > 0}
            least = sign * min(abs(k) for k in chosen.values())
            divisor = Product(Fraction(1), ((atom, -least),))
            inside = [self.product(((Product(rest[m], m), 1), (divisor, 1))) for m in chosen]
            outside = Product(Fraction(1), ((atom, least),))
            result.append(self.product(((outside, 1), (self.sum(inside, depth + 1), 1))))
            rest = {m: c for m, c in rest.items() if m not in chosen}
        return result + [Product(c, m) for m, c in rest.items()]


def _most_frequent(terms: Terms) -> tuple[int, int] | None:
    """The atom, with the sign of its exponent, that most terms have; None if each has its own."""
    counts: dict[tuple[int, int], int] = {}
    for monomial in terms:
        for atom, k in monomial:
            key = atom, 1 if k > 0 else -1
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        return None
    best = min(counts, key=lambda key: (-counts[key], key))
    return best if counts[best] > 1 else None


def _primitive(terms: Terms) -> tuple[Product, Terms]:
    """Split off the content, signed so that the leading coefficient is positive, common powers."""
    terms = dict(sorted(terms.items(), key=lambda term: _order(term[0])))
    coefficients: Sequence[Fraction] = list(terms.values())
    content = Fraction(
        gcd(*(c.numerator for c in coefficients)), lcm(*(c.denominator for c in coefficients))
    )
    if coefficients[0] < 0:
        content = -content
    common = _common(list(terms))
    if common:
        inside = {_divided(m, common): c / content for m, c in terms.items()}
    else:
        inside = {m: c / content for m, c in terms.items()}
    return Product(content, tuple(sorted(common.items()))), inside


def _common(monomials: list[Monomial]) -> dict[int, int]:
    """The powers that all monomials have, of exponents with one sign."""
    common = dict(monomials[0])
    for monomial in monomials[1:]:
        if not common:
            break
        here = dict(monomial)
        for atom, k in list(common.items()):
            other = here.get(atom, 0)
            if other * k <= 0:
                del common[atom]
            elif abs(other) < abs(k):
                common[atom] = other
    return common


def _order(monomial: Monomial) -> tuple[tuple[int, int], ...]:
    """The oldest atom first, in its highest power first; the number last."""
    return (*((atom, -k) for atom, k in monomial), (LAST, 0))


def _divided(monomial: Monomial, by: dict[int, int]) -> Monomial:
    return tuple((a, k - by.get(a, 0)) for a, k in monomial if k != by.get(a, 0))
