"""Small dimensions written out: the scalar curvature of the full family as a `Program`.

Here, unlike in large dimensions, it pays to form the Riemann tensor: R is the sum over pairs i < j
and k < l of 2 (h^ik h^jl - h^il h^jk) R_ijkl, and those weights are minors of g over det g.
The gradient is the program's own reverse mode. Nothing is shared with the formula of the general
kernels, so that each is a check of the other.
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
    minor = _minors(b, g)
    every = tuple(range(n))
    scale = b.div(b.number(1), minor(every, every))
    weight = _bivectors(b, n, minor)

    @cache
    def inverse(i: int, j: int) -> int:
        cofactor = minor(_without(n, (i,)), _without(n, (j,)))
        return b.mul(b.neg(cofactor) if (i + j) % 2 else cofactor, scale)

    down, up = _symbols(b, n, d, lambda i, j: inverse(min(i, j), max(i, j)))
    pairs = list(combinations(range(n), 2))
    total = b.number(0)
    for first, second in combinations_with_replacement(pairs, 2):
        index = (*first, *second)
        # R_ijkl = R_klij: what stands off the diagonal occurs twice
        term = b.mul(weight(*index), _riemann(b, n, dd, down, up, index))
        total = b.add(total, term if first == second else b.mul(b.number(2), term))
    return b.scalar("scalar", b.mul(b.mul(b.number(2), scale), total)).finish()


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


def _minors(b: Builder, g: Entry) -> Callable[[Indices, Indices], int]:
    """Determinants of parts of g, by their rows and columns; each is made once."""

    @cache
    def minor(rows: Indices, columns: Indices) -> int:
        if not rows:
            return b.number(1)
        total = b.number(0)
        for k, column in enumerate(columns):
            rest = columns[:k] + columns[k + 1 :]
            term = b.mul(g(rows[0], column), minor(rows[1:], rest))
            total = b.sub(total, term) if k % 2 else b.add(total, term)
        return total

    return lambda rows, columns: minor(min(rows, columns), max(rows, columns))


def _without(n: int, out: Indices) -> Indices:
    return tuple(i for i in range(n) if i not in out)


def _bivectors(b: Builder, n: int, minor: Callable[[Indices, Indices], int]) -> Entry:
    """Determinant times (h^ac h^bd - h^ad h^bc) by Jacobi: the minor of g without a, b and c, d."""

    def entry(i: int, j: int, k: int, m: int) -> int:
        found = minor(_without(n, (i, j)), _without(n, (k, m)))
        return b.neg(found) if (i + j + k + m) % 2 else found

    return entry


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
