"""Small dimensions written out: the scalar curvature of the full family as a `Program`.

Here, unlike in large dimensions, it pays to form the Riemann tensor: R is the sum over pairs i < j
and k < l of 2 (h^ik h^jl - h^il h^jk) R_ijkl. For n = 2 and 3 these weights are entries of g over
det g. The gradient is the program's own reverse mode. Nothing is shared with the formula of the
general kernels, so that each is a check of the other.

From n = 3 on, the inverse comes from g = L D L^T without exchanges: exact to rounding for every
definite metric, however ill-conditioned (minors are not: they cancel), and useless for others;
`geomkit.families.unrolled` gives those to the general kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations, combinations_with_replacement, permutations, product

from geomkit.differentiate import vjp
from geomkit.errors import LoweringError
from geomkit.program import Builder, Output, Program

__all__ = ["gradient_program", "scalar_program"]

Indices = tuple[int, ...]
Entry = Callable[..., int]
Weight = Callable[[Indices, Indices], int]
SOURCES = {"g": 2, "dg": 3, "ddg": 4}


def scalar_program(n: int) -> Program:
    """The scalar curvature from g, dg and ddg, unrolled.

    Args:
        n: the dimension.

    Returns:
        A program with sources "g", "dg", "ddg" (each flattened) and the output "scalar".

    Raises:
        LoweringError: n is less than 2: there is nothing to compute.

    Example:
        >>> sorted(scalar_program(2).sources)
        ['ddg', 'dg', 'g']
    """
    if n < 2:
        raise LoweringError(f"unrolled programs are for n >= 2, given {n}; R is 0 on a line")
    b = Builder(f"scalar_full_{n}")
    g, d, dd = (_read(b, n, source) for source in SOURCES)
    inverse, weight = _surface(b, g) if n == 2 else _definite(b, n, g)
    down, up = _symbols(b, n, d, inverse)
    pairs = list(combinations(range(n), 2))
    total = b.number(0)
    for first, second in combinations_with_replacement(pairs, 2):
        index = (*first, *second)
        # R_ijkl = R_klij: what stands off the diagonal occurs twice
        term = b.mul(weight(first, second), _riemann(b, n, dd, down, up, index))
        total = b.add(total, term if first == second else b.mul(b.number(2), term))
    return b.scalar("scalar", b.mul(b.number(2), total)).finish()


def gradient_program(n: int) -> Program:
    """The gradient of cotangent * R, as outputs "g", "dg", "ddg" of the shapes of the jet.

    Args:
        n: the dimension.

    Returns:
        A program with the further source "cotangent".
    """
    program = scalar_program(n)
    chosen = {
        name: sorted({_representative(i) for i in product(range(n), repeat=rank)})
        for name, rank in SOURCES.items()
    }
    names = [_name(source, i) for source, indices in chosen.items() for i in indices]
    reverse = vjp(program, names)
    nodes = dict(reverse.outputs[0].components)
    outputs, position = [], 0
    for source, indices in chosen.items():
        place: dict[Indices, int] = {}
        components: list[tuple[Indices, int]] = []
        for i in indices:
            node = nodes.get((position,))
            position += 1
            if node is not None:
                place[i] = len(components)
                components.append((i, node))
        copies = tuple(
            (i, place[_representative(i)], 1)
            for i in product(range(n), repeat=SOURCES[source])
            if _representative(i) in place
        )
        zeros = tuple(i for i in indices if i not in place)
        shape = (n,) * SOURCES[source]
        outputs.append(Output(source, shape, tuple(components), zeros, copies))
    return replace(reverse, name=f"gradient_full_{n}", outputs=tuple(outputs))


def _representative(index: Indices) -> Indices:
    """The first of the entries that symmetry makes equal."""
    return tuple(sorted(index[:2])) + tuple(sorted(index[2:]))


def _name(source: str, index: Indices) -> str:
    return "_".join([source, *map(str, index)])


def _read(b: Builder, n: int, source: str) -> Entry:
    """Declare all entries of an array; return its symmetric part."""
    indices = list(product(range(n), repeat=SOURCES[source]))
    raw = {i: b.input(_name(source, i), "vector", source, place) for place, i in enumerate(indices)}

    @cache
    def entry(*index: int) -> int:
        same = sorted({(*p, *q) for p in permutations(index[:2]) for q in permutations(index[2:])})
        total = b.sum(raw[i] for i in same)
        return total if len(same) == 1 else b.mul(b.number(Fraction(1, len(same))), total)

    return lambda *index: entry(*_representative(index))


def _surface(b: Builder, g: Entry) -> tuple[Entry, Weight]:
    """Inverse and weight of a surface, by its determinant: exact to rounding in any signature."""
    determinant = b.sub(b.mul(g(0, 0), g(1, 1)), b.mul(g(0, 1), g(0, 1)))
    scale = b.div(b.number(1), determinant)
    entry = {
        (0, 0): b.mul(g(1, 1), scale),
        (0, 1): b.neg(b.mul(g(0, 1), scale)),
        (1, 1): b.mul(g(0, 0), scale),
    }
    return lambda i, j: entry[min(i, j), max(i, j)], lambda _first, _second: scale


def _definite(b: Builder, n: int, g: Entry) -> tuple[Entry, Weight]:
    """Inverse and weights of a definite metric from g = L D L^T."""
    reciprocal, lower = _factors(b, n, g)
    inner = _below(b, n, lower)

    @cache
    def up(i: int, j: int) -> int:
        """Sum over k >= i >= j of (L^-1)_ki (L^-1)_kj / D_k."""
        terms = []
        for k in range(i, n):
            scaled = reciprocal[k] if k == i else b.mul(inner[k, i], reciprocal[k])
            terms.append(scaled if k == j else b.mul(scaled, inner[k, j]))
        return b.sum(terms)

    def inverse(i: int, j: int) -> int:
        return up(max(i, j), min(i, j))

    def minor(first: Indices, second: Indices) -> int:
        (i, j), (k, m) = first, second
        return b.sub(
            b.mul(inverse(i, k), inverse(j, m)),
            b.mul(inverse(i, m), inverse(j, k)),
        )

    if n > 3:
        return inverse, minor
    scale = b.product(reciprocal)

    def entry(first: Indices, second: Indices) -> int:
        # the minor of the inverse is the entry of g that both pairs leave out, over det g
        i, k = 3 - sum(first), 3 - sum(second)
        value = b.mul(g(i, k), scale)
        return b.neg(value) if (i + k) % 2 else value

    return inverse, entry


def _below(b: Builder, n: int, lower: Entry) -> dict[tuple[int, int], int]:
    """What is below the diagonal in L^-1, column by column: its product with L is the identity."""
    inner: dict[tuple[int, int], int] = {}
    for j in range(n):
        for i in range(j + 1, n):
            total = lower(i, j)
            for k in range(j + 1, i):
                total = b.add(total, b.mul(lower(i, k), inner[k, j]))
            inner[i, j] = b.neg(total)
    return inner


def _factors(b: Builder, n: int, g: Entry) -> tuple[list[int], Entry]:
    """The reciprocals of D and the factor L of g = L D L^T, L having units on its diagonal."""
    reciprocal: list[int] = []
    factor: dict[tuple[int, int], int] = {}
    scaled: dict[tuple[int, int], int] = {}  # L_ij D_j
    for j in range(n):
        for i in range(j, n):
            entry = g(i, j)
            for k in range(j):
                entry = b.sub(entry, b.mul(factor[i, k], scaled[j, k]))
            scaled[i, j] = entry
        reciprocal.append(b.div(b.number(1), scaled[j, j]))
        for i in range(j + 1, n):
            factor[i, j] = b.mul(scaled[i, j], reciprocal[j])
    return reciprocal, lambda i, j: factor[i, j]


def _symbols(b: Builder, n: int, d: Entry, h: Entry) -> tuple[Entry, Entry]:
    """Twice the Christoffel symbols, with the first index down and up."""

    @cache
    def down(i: int, j: int, k: int) -> int:
        if i == k:
            return d(i, i, j)
        if i == j:
            return d(i, i, k)
        return b.sub(b.add(d(i, j, k), d(i, k, j)), d(j, k, i))

    @cache
    def up(i: int, j: int, k: int) -> int:
        return b.sum(b.mul(h(i, a), down(a, j, k)) for a in range(n))

    return lambda i, j, k: down(i, min(j, k), max(j, k)), lambda i, j, k: up(
        i, min(j, k), max(j, k)
    )


def _riemann(b: Builder, n: int, dd: Entry, down: Entry, up: Entry, index: Indices) -> int:
    """R_ijkl, all indices down, the symbols being twice themselves."""
    i, j, k, m = index
    linear = b.sub(b.add(dd(i, m, j, k), dd(j, k, i, m)), b.add(dd(i, k, j, m), dd(j, m, i, k)))
    products = b.sum(
        b.sub(b.mul(down(e, j, k), up(e, i, m)), b.mul(down(e, j, m), up(e, i, k)))
        for e in range(n)
    )
    half, quarter = b.number(Fraction(1, 2)), b.number(Fraction(1, 4))
    return b.add(b.mul(half, linear), b.mul(quarter, products))
