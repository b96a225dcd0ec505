"""What the kernel should give: rigorous enclosures of its quantities from the jets of the metric.

Nothing of the exact field, of lowering or of the kernel is used, so that a common mistake is
impossible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import sympy

from geomkit.enclosure import PointGeometry, enclose
from geomkit.enclosure.linear import dot
from geomkit.errors import CertificateError
from geomkit.program import Index, Output, Program

from .places import Places

__all__ = ["Enclosure", "Reference", "Wanted"]

Ball = Any
Tensor = Any
"""Nested lists of balls; a single ball for a scalar."""

# The attribute of `PointGeometry` for each quantity; where it is missing, the name itself.
_ATTRIBUTES = {
    "metric": "g",
    "inverse_metric": "ginv",
    "christoffel": "gamma",
    "christoffel_down": "gamma_down",
    "riemann": "riemann_up",
}


@dataclass(frozen=True)
class Wanted:
    """One quantity of a kernel.

    Attributes:
        quantity: a name of `geomkit.quantities`, or "laplacian", "geodesic" ...
        expression: what it is applied to, or the expression itself; None where there is none.
        output: the output of the program.
        entries: for a tensor of the user's, its entries that are not zero.
    """

    quantity: str
    expression: sympy.Expr | None
    output: Output
    entries: Mapping[Index, sympy.Expr] = field(default_factory=dict)

    @property
    def expressions(self) -> tuple[sympy.Expr, ...]:
        """All expressions of the user's in it."""
        own = () if self.expression is None else (self.expression,)
        return (*own, *self.entries.values())


class Enclosure:
    """The quantities of a kernel at one place, in balls.

    Args:
        reference: what is wanted.
        values: exact values of all inputs, by name.
        bits: precision.
    """

    def __init__(self, reference: Reference, values: Mapping[str, Fraction], bits: int) -> None:
        self._reference = reference
        self._values = values
        functions = reference.places.functions
        point = {s: values[name] for name, s in reference.places.symbols.items()}
        point.update(functions.point(values))
        order = 3 if any(w.quantity == "cotton" for w in reference.wanted) else 2
        metric = reference.places.metric
        self.geometry: PointGeometry = enclose(metric, point, order=order, bits=bits)
        self._tensors: dict[int, Tensor] = {}

    def tensor(self, number: int) -> Tensor:
        """The balls of an output.

        Args:
            number: which output.

        Returns:
            Nested lists of balls, of the shape of the output.

        Raises:
            DomainError: the place is singular, or at this precision not known to be regular.
        """
        if number not in self._tensors:
            wanted = self._reference.wanted[number]
            with self.geometry.balls.working():
                self._tensors[number] = self._make(wanted)
        return self._tensors[number]

    def entry(self, number: int, index: Index) -> Ball:
        """One component of an output."""
        value = self.tensor(number)
        for i in index:
            value = value[i]
        return value

    def _make(self, wanted: Wanted) -> Tensor:
        made = _ALONG.get(wanted.quantity)
        if made is not None:
            return made(self)
        if wanted.quantity in _OF_FUNCTION:
            return _OF_FUNCTION[wanted.quantity](self.geometry, wanted.expression)
        if wanted.expression is not None:
            return self.geometry.value(wanted.expression)
        if wanted.quantity == "tensor":
            return self._tensor(wanted, ())
        return getattr(self.geometry, _ATTRIBUTES.get(wanted.quantity, wanted.quantity))

    def _tensor(self, wanted: Wanted, index: Index) -> Tensor:
        if len(index) < len(wanted.output.shape):
            return [self._tensor(wanted, (*index, i)) for i in range(self.geometry.n)]
        entry = wanted.entries.get(index)
        return _zero(self.geometry) if entry is None else self.geometry.value(entry)

    def vector(self, source: str) -> list[Ball]:
        """A vector that the kernel is given, in balls."""
        program = self._reference.program
        names = [program.inputs[i].name for i in program.sources[source]]
        return [self.geometry.balls.number(self._values[name]) for name in names]

    def along(self, v: Sequence[Ball], w: Sequence[Ball]) -> list[Ball]:
        """Gamma^i_jk v^j w^k."""
        geometry, n = self.geometry, range(self.geometry.n)
        return [
            dot(_zero(geometry), ((geometry.gamma[i][j][k], v[j] * w[k]) for j in n for k in n))
            for i in n
        ]


class Reference:
    """Encloses the quantities of a kernel at places.

    Args:
        program: its program.
        requests: what each output is, by `geomkit.lower.read_requests`.
        places: gives symbols, and what stands for unspecified functions.

    Raises:
        CertificateError: the outputs of the program are not the requests.
    """

    def __init__(self, program: Program, requests: Sequence[Any], places: Places) -> None:
        if [request.name for request in requests] != [o.name for o in program.outputs]:
            asked = ", ".join(request.name for request in requests)
            raise CertificateError(
                f"the kernel is said to compute {asked}, but its program has the outputs "
                f"{', '.join(o.name for o in program.outputs)}; compile it anew"
            )
        self.program = program
        self.places = places
        self.wanted = tuple(
            self._wanted(request, output)
            for request, output in zip(requests, program.outputs, strict=True)
        )

    def _wanted(self, request: Any, output: Output) -> Wanted:
        concrete = self.places.functions.concrete
        expression = None if request.expression is None else concrete(request.expression)
        entries = {}
        if request.quantity == "tensor":
            independent, symmetry = request.tensor.components, request.tensor.symmetry
            for index in product(*map(range, output.shape)):
                original, sign = symmetry.canonical(index)
                if sign and original in independent:
                    entries[index] = sign * concrete(independent[original])
        return Wanted(request.quantity, expression, output, entries)

    def at(self, values: Mapping[str, float], bits: int) -> Enclosure:
        """Enclose at a place.

        Args:
            values: floating-point numbers of all inputs by name, taken as exact.
            bits: precision.

        Returns:
            The quantities, each computed when it is asked for.
        """
        return Enclosure(self, {name: Fraction(value) for name, value in values.items()}, bits)

    def used(self) -> tuple[str, ...]:
        """The names of the inputs that the quantities depend on."""
        names = {symbol: name for name, symbol in self.places.symbols.items()}
        free = set(self.places.metric.matrix.free_symbols)
        for wanted in self.wanted:
            free = free.union(*(e.free_symbols for e in wanted.expressions))
        chosen = {names[symbol] for symbol in free if symbol in names}
        chosen |= {one.name for one in self.program.inputs if one.kind in ("jet", "vector")}
        return tuple(one.name for one in self.program.inputs if one.name in chosen)


def _zero(geometry: PointGeometry) -> Ball:
    return geometry.balls.number(0)


# Of a function ------------------------------------------------------------------------------


def _differential(geometry: PointGeometry, f: Any) -> list[Ball]:
    jet = geometry.jet(f, 1)
    return [jet.derivative(i) for i in range(geometry.n)]


def _gradient(geometry: PointGeometry, f: Any) -> Tensor:
    """nabla^i f = g^ij d_j f."""
    df, n = _differential(geometry, f), range(geometry.n)
    return [dot(_zero(geometry), ((geometry.ginv[i][j], df[j]) for j in n)) for i in n]


def _hessian(geometry: PointGeometry, f: Any) -> Tensor:
    """d_i d_j f - Gamma^m_ij d_m f."""
    jet, n = geometry.jet(f, 2), range(geometry.n)
    df = [jet.derivative(i) for i in n]
    gamma = geometry.gamma
    return [
        [
            jet.derivative(i, j) - dot(_zero(geometry), ((gamma[m][i][j], df[m]) for m in n))
            for j in n
        ]
        for i in n
    ]


def _laplacian(geometry: PointGeometry, f: Any) -> Tensor:
    """g^ij nabla_i nabla_j f."""
    hessian, n = _hessian(geometry, f), range(geometry.n)
    pairs = ((geometry.ginv[i][j], hessian[i][j]) for i in n for j in n)
    return dot(_zero(geometry), pairs)


_OF_FUNCTION: Mapping[str, Callable[[PointGeometry, Any], Tensor]] = {
    "gradient": _gradient,
    "hessian": _hessian,
    "laplacian": _laplacian,
}


# Along curves -------------------------------------------------------------------------------


def _geodesic(at: Enclosure) -> Tensor:
    """-Gamma^i_jk v^j v^k."""
    v = at.vector("velocity")
    return [-x for x in at.along(v, v)]


def _transport(at: Enclosure) -> Tensor:
    """-Gamma^i_jk v^j w^k."""
    return [-x for x in at.along(at.vector("velocity"), at.vector("vector"))]


def _jacobi(at: Enclosure) -> Tensor:
    """-d_m Gamma^i_jk J^m v^j v^k - 2 Gamma^i_jk v^j J'^k."""
    v, j, dj = (at.vector(name) for name in ("velocity", "deviation", "deviation_velocity"))
    gamma, n = at.geometry.jets(2).gamma, range(at.geometry.n)
    first = at.along(v, dj)
    result = []
    for i in n:
        pairs = [
            (gamma[i, a, b].derivative(m), j[m] * v[a] * v[b])
            for m, a, b in product(n, repeat=3)
            if (i, a, b) in gamma
        ]
        result.append(-dot(_zero(at.geometry), pairs) - first[i] * 2)
    return result


def _momentum(at: Enclosure) -> Tensor:
    """g_ij v^j."""
    v, g, n = at.vector("velocity"), at.geometry.g, range(at.geometry.n)
    return [dot(_zero(at.geometry), ((g[i][j], v[j]) for j in n)) for i in n]


def _energy(at: Enclosure) -> Tensor:
    """g_ij v^i v^j/2."""
    v, p = at.vector("velocity"), _momentum(at)
    return dot(_zero(at.geometry), zip(v, p, strict=True)) / 2


_ALONG: Mapping[str, Callable[[Enclosure], Tensor]] = {
    "geodesic": _geodesic,
    "transport": _transport,
    "jacobi": _jacobi,
    "momentum": _momentum,
    "energy": _energy,
}
