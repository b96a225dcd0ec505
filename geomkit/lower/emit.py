"""From the pool to the nodes of a program: common sub-products, reciprocals, powers, sums."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from geomkit.program import Builder

from .pool import Monomial, Pool, Product
from .products import share

__all__ = ["Emitter"]

# What is multiplied in one product: atoms of the pool, reciprocals of them, numbers, and products
# that several share.
Key = tuple[Fraction, Monomial]


class Emitter:
    """Writes products of a pool as nodes.

    All products that will be asked for are given at once, so that what they share is found first.

    Args:
        builder: the program being made.
        pool: the pool.
        wanted: the products.
    """

    def __init__(self, builder: Builder, pool: Pool, wanted: Iterable[Product]) -> None:
        self.builder = builder
        self.pool = pool
        self._rows: dict[Key, int] = {}
        self._atoms: dict[int, int] = {}
        self._collect(wanted)
        self._shared = share(list(self._rows))
        self._factors: dict[int, int] = {}
        self._reciprocals: dict[int, int] = {}
        self._nodes: dict[Key, int] = {}

    def node(self, product: Product) -> int:
        """Return the node of a product that was announced."""
        b, c = self.builder, product.coefficient
        if not c:
            return b.number(0)
        key = abs(c), product.monomial
        if key not in self._nodes:
            self._nodes[key] = self._row(self._rows[key])
        return b.neg(self._nodes[key]) if c < 0 else self._nodes[key]

    # Collecting -----------------------------------------------------------------------------

    def _collect(self, wanted: Iterable[Product]) -> None:
        """List every product below the wanted ones, inner ones first."""
        seen: set[int] = set()
        pending: list[tuple[Product, bool]] = [(p, False) for p in reversed(list(wanted))]
        while pending:
            product, ready = pending.pop()
            key = abs(product.coefficient), product.monomial
            if ready:
                self._rows.setdefault(key, len(self._rows))
                continue
            if not product.coefficient or key in self._rows:
                continue
            pending.append((product, True))
            for atom, _ in product.monomial:
                if atom not in seen:
                    seen.add(atom)
                    pending += [(p, False) for p in self.pool.atoms[atom].terms]

    # Writing --------------------------------------------------------------------------------

    def _row(self, number: int) -> int:
        above, below = self._shared.rows[number]
        b = self.builder
        top = self._product(above)
        return b.div(top, self._product(below)) if below else top

    def _product(self, powers: tuple[tuple[int, int], ...]) -> int:
        b = self.builder
        return b.product(b.power(self._factor(f), k) for f, k in powers)

    def _factor(self, factor: int) -> int:
        """The node of a factor of the shared table."""
        if factor not in self._factors:
            what, value = self._shared.factors[factor]
            b = self.builder
            if what == "atom":
                node = self._atom(int(value))
            elif what == "number":
                node = b.number(Fraction(value))
            elif what == "reciprocal":
                node = b.div(b.number(1), self._product(value))
            else:
                node = self._product(value)
            self._factors[factor] = node
        return self._factors[factor]

    def _atom(self, number: int) -> int:
        if number not in self._atoms:
            atom, b = self.pool.atoms[number], self.builder
            if atom.node >= 0:
                node = atom.node
            elif atom.function:
                node = b.call(atom.function, *[self.node(p) for p in atom.terms])
            else:
                ups = [p for p in atom.terms if p.coefficient > 0]
                downs = [p for p in atom.terms if p.coefficient < 0]
                total = b.sum(self.node(p) for p in ups)
                for product in downs:
                    total = b.sub(total, self.node(-product))
                node = total
            self._atoms[number] = node
        return self._atoms[number]
