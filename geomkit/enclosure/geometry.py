"""PointGeometry: every curvature quantity of a metric at a point, as a ball around the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import sympy

from geomkit.enclosure.jet_geometry import JetGeometry
from geomkit.enclosure.linear import determinant, dot, inertia
from geomkit.errors import MetricError
from geomkit.evaluate import Balls, Evaluator, Jet, Jets, refine
from geomkit.metric import Metric

__all__ = ["Ball", "PointGeometry", "named_values"]

_LAST_BITS = 2048  # for deciding the signature

Ball = Any
"""A python-flint `arb`, or an `Interval` where python-flint is missing."""

Array = Any
"""Nested lists of balls: a[i][j] ..."""


class _AtPrecision(cached_property[Any]):
    """A cached property that is computed at the precision of the geometry it belongs to."""

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        with instance.balls.working():
            return super().__get__(instance, owner)


class PointGeometry:
    """The geometry of a metric at a point, in balls; each quantity when first asked for.

    Tensors are nested lists, signs and index order those of `geomkit.conventions`. Made by
    `enclose`.

    Args:
        metric: the metric.
        point: exact rationals (or balls) for coordinates and parameters.
        order: derivatives of the metric to compute at once: 2 for curvature, 3 for `cotton` and
            `nabla_riemann` (which get them on demand).
        bits: precision.
        k: which example stands for unspecified functions.
    """

    def __init__(
        self, metric: Metric, point: Mapping[Any, Any], order: int, bits: int, k: int
    ) -> None:
        self.metric = metric
        self.n = metric.n
        self.point = named_values(metric, point)
        self.order = order
        self.bits = bits
        self.k = k
        self.balls = Balls(bits)
        self._levels: dict[int, JetGeometry] = {}
        self._evaluators: dict[int, Evaluator] = {}

    # evaluation of expressions

    def value(self, expression: Any) -> Ball:
        """Enclose an expression at the point.

        Args:
            expression: text or SymPy expression in the metric's symbols.

        Returns:
            A ball that contains its value.
        """
        return self._evaluator(0)(self._resolved(expression))

    def jet(self, expression: Any, order: int) -> Jet:
        """Enclose an expression and its partial derivatives by the coordinates up to `order`."""
        ring = self._ring(order)
        with self.balls.working():
            return ring.as_jet(self._evaluator(order)(self._resolved(expression)))

    def _resolved(self, expression: Any) -> sympy.Expr:
        """The expression in symbols of the point, with the k-th examples for functions."""
        known = isinstance(expression, sympy.Basic) and not (
            expression.free_symbols - self.point.keys()
        )
        if not known:
            expression = self.metric.resolve(expression)
        return self.metric.concrete(expression, self.k)

    def _evaluator(self, order: int) -> Evaluator:
        if order not in self._evaluators:
            arithmetic = self._ring(order) if order else self.balls
            self._evaluators[order] = Evaluator(self.point, arithmetic)
        return self._evaluators[order]

    def _ring(self, order: int) -> Jets:
        return Jets(self.balls, self.metric.coordinates, order)

    def jets(self, order: int) -> JetGeometry:
        """The metric as jets of at least this order, and what follows from it."""
        order = max(order, self.order)
        if order not in self._levels:
            ring, n = self._ring(order), self.n
            at = self._evaluator(order)
            matrix = self.metric.concrete(self.metric.matrix, self.k)
            with self.balls.working():
                rows = [
                    [ring.as_jet(at(matrix[max(i, j), min(i, j)])) for j in range(n)]
                    for i in range(n)
                ]
            self._levels[order] = JetGeometry(ring, rows)
        return self._levels[order]

    @cached_property
    def _zero(self) -> Ball:
        return self.balls.number(0)

    def _lists(self, rank: int, entry: Callable[..., Ball], *index: int) -> Any:
        if rank == 0:
            return entry(*index)
        return [self._lists(rank - 1, entry, *index, i) for i in range(self.n)]

    def _values(self, tensor: Mapping[Any, Jet], rank: int) -> Any:
        zero = self._zero
        return self._lists(rank, lambda *index: tensor[index].value if index in tensor else zero)

    # metric and connection

    @_AtPrecision
    def g(self) -> Array:
        """g_ij."""
        return self._values(self.jets(0).g, 2)

    @_AtPrecision
    def ginv(self) -> Array:
        """g^ij."""
        return self._values(self.jets(0).ginv, 2)

    @_AtPrecision
    def dg(self) -> Array:
        """dg[i][j][k] = d_k g_ij."""
        g = self.jets(1).g
        return self._lists(3, lambda i, j, k: g[i, j].derivative(k) if (i, j) in g else self._zero)

    @_AtPrecision
    def ddg(self) -> Array:
        """ddg[i][j][k][l] = d_k d_l g_ij."""
        g = self.jets(2).g
        return self._lists(
            4, lambda i, j, k, h: g[i, j].derivative(k, h) if (i, j) in g else self._zero
        )

    @_AtPrecision
    def gamma(self) -> Array:
        """gamma[i][j][k] = Gamma^i_jk."""
        return self._values(self.jets(1).gamma, 3)

    @_AtPrecision
    def gamma_down(self) -> Array:
        """gamma_down[i][j][k] = Gamma_ijk = g_im Gamma^m_jk."""
        return self._values(self.jets(1).gamma_down, 3)

    @_AtPrecision
    def determinant(self) -> Ball:
        """Det g."""
        return determinant(self.g, self.balls.number(1))

    @_AtPrecision
    def volume_element(self) -> Ball:
        """sqrt|det g|."""
        return abs(self.determinant).sqrt()

    @_AtPrecision
    def signature(self) -> tuple[int, int]:
        """(plus, minus), proved; the precision is raised when needed."""
        return _proved_signature(self)

    # curvature

    @_AtPrecision
    def riemann_up(self) -> Array:
        """R^i_jkl."""
        return self._values(self.jets(2).riemann, 4)

    @_AtPrecision
    def riemann_down(self) -> Array:
        """R_ijkl."""
        return self._values(self.jets(2).riemann_down, 4)

    @_AtPrecision
    def ricci(self) -> Array:
        """Ric_ij."""
        return self._values(self.jets(2).ricci, 2)

    @_AtPrecision
    def scalar(self) -> Ball:
        """R."""
        return self.jets(2).scalar.value

    @_AtPrecision
    def einstein(self) -> Array:
        """Ric_ij - R g_ij/2."""
        half = self.scalar / 2
        return self._lists(2, lambda i, j: self.ricci[i][j] - half * self.g[i][j])

    @_AtPrecision
    def tracefree_ricci(self) -> Array:
        """Ric_ij - R g_ij/n."""
        part = self.scalar / self.n
        return self._lists(2, lambda i, j: self.ricci[i][j] - part * self.g[i][j])

    @_AtPrecision
    def ricci_mixed(self) -> Array:
        """Ric^i_j."""
        return self.raised(self.ricci)

    @_AtPrecision
    def einstein_mixed(self) -> Array:
        """G^i_j."""
        return self.raised(self.einstein)

    @_AtPrecision
    def gauss(self) -> Ball:
        """K = R_1212/det g, n = 2."""
        self._require(self.n == 2, "the Gauss curvature", "n = 2")
        return self.riemann_down[0][1][0][1] / self.determinant

    @_AtPrecision
    def schouten(self) -> Array:
        """P_ij, n >= 3."""
        self._require(self.n >= 3, "the Schouten tensor", "n >= 3")
        return self._values(self.jets(2).schouten, 2)

    @_AtPrecision
    def weyl(self) -> Array:
        """C_ijkl = R_ijkl - (g_ik P_jl + g_jl P_ik - g_il P_jk - g_jk P_il), n >= 3."""
        self._require(self.n >= 3, "the Weyl tensor", "n >= 3")
        g, p, riemann = self.g, self.schouten, self.riemann_down

        def entry(i: int, j: int, k: int, h: int) -> Ball:
            pairs = [
                (g[i][k], p[j][h]),
                (g[j][h], p[i][k]),
                (-g[i][h], p[j][k]),
                (-g[j][k], p[i][h]),
            ]
            return riemann[i][j][k][h] - dot(self._zero, pairs)

        return self._lists(4, entry)

    @_AtPrecision
    def cotton(self) -> Array:
        """C_ijk = nabla_i P_jk - nabla_j P_ik, n >= 3."""
        self._require(self.n >= 3, "the Cotton tensor", "n >= 3")
        jets = self.jets(3)
        p = self._values(jets.nabla(jets.schouten, 0), 3)  # p[j][k][i] = nabla_i P_jk
        return self._lists(3, lambda i, j, k: p[j][k][i] - p[i][k][j])

    @_AtPrecision
    def nabla_riemann(self) -> Array:
        """nabla_riemann[i][j][k][l][m] = nabla_m R_ijkl."""
        jets = self.jets(3)
        return self._values(jets.nabla(jets.riemann_down, 0), 5)

    @_AtPrecision
    def kretschmann(self) -> Ball:
        """R_ijkl R^ijkl."""
        return self._squared(self.riemann_down)

    @_AtPrecision
    def weyl_squared(self) -> Ball:
        """C_ijkl C^ijkl, n >= 3."""
        return self._squared(self.weyl)

    @_AtPrecision
    def ricci_squared(self) -> Ball:
        """Ric_ij Ric^ij."""
        mixed, n = self.ricci_mixed, self.n
        return dot(self._zero, ((mixed[i][j], mixed[j][i]) for i in range(n) for j in range(n)))

    @_AtPrecision
    def euler_density(self) -> Ball:
        """R_ijkl R^ijkl - 4 Ric_ij Ric^ij + R^2, n = 4."""
        self._require(self.n == 4, "the Euler density", "n = 4")
        return self.kretschmann - self.ricci_squared * 4 + self.scalar * self.scalar

    @_AtPrecision
    def chern_pontryagin(self) -> Ball:
        """(1/2) eps^abef R_ab^cd R_efcd, n = 4; eps_0123 = +sqrt|det g|."""
        # eps^0123 = sqrt|det g|/det g
        self._require(self.n == 4, "the Chern-Pontryagin density", "n = 4")
        down, raised = self.riemann_down, self._pairs_raised(self.riemann_down)
        total = self._zero
        for (a, b, e, f), sign in _PERMUTATIONS:
            pairs = ((raised[c][d][a][b], down[e][f][c][d]) for c in range(4) for d in range(4))
            total = total + dot(self._zero, pairs) * sign
        return total / 2 * self.volume_element / self.determinant

    def raised(self, tensor: Array) -> Array:
        """T^i_j = g^ik T_kj."""
        return self._lists(
            2,
            lambda i, j: dot(self._zero, ((self.ginv[i][k], tensor[k][j]) for k in range(self.n))),
        )

    def _pairs_raised(self, t: Any) -> Any:
        """T^ij_kl = g^ia g^jb T_abkl."""
        n, up = range(self.n), self.ginv

        def first(i: int, b: int, k: int, h: int) -> Ball:
            return dot(self._zero, ((up[i][a], t[a][b][k][h]) for a in n))

        half = self._lists(4, first)

        def second(i: int, j: int, k: int, h: int) -> Ball:
            return dot(self._zero, ((up[j][b], half[i][b][k][h]) for b in n))

        return self._lists(4, second)

    def _squared(self, t: Any) -> Ball:
        """T_ijkl T^ijkl = 4 sum over i < j, k < l of T^ij_kl T^kl_ij, for pair symmetries."""
        mixed, n = self._pairs_raised(t), range(self.n)
        pairs = [(i, j) for i, j in product(n, repeat=2) if i < j]
        terms = ((mixed[i][j][k][h], mixed[k][h][i][j]) for i, j in pairs for k, h in pairs)
        return dot(self._zero, terms) * 4

    def _require(self, condition: bool, what: str, needed: str) -> None:
        if not condition:
            raise MetricError(f"{what} is not defined for n = {self.n}; it needs {needed}")


def named_values(metric: Metric, point: Mapping[Any, Any]) -> dict[Any, Any]:
    """The values of a point by symbol, where they may be given by name."""
    symbols = metric.symbols
    return {
        symbols.get(key, key) if isinstance(key, str) else key: value
        for key, value in point.items()
    }


def _proved_signature(geometry: PointGeometry) -> tuple[int, int]:
    def attempt(bits: int) -> tuple[int, int]:
        if bits == geometry.bits:
            return inertia(geometry.g)
        finer = PointGeometry(geometry.metric, geometry.point, 0, bits, geometry.k)
        with finer.balls.working():
            return inertia(finer.g)

    result: tuple[int, int] = refine(
        attempt,
        enough=lambda _proved: True,
        bits=geometry.bits,
        limit=max(_LAST_BITS, geometry.bits),
    )
    return result


def _sign(permutation: Sequence[int]) -> int:
    inversions = sum(a > b for i, a in enumerate(permutation) for b in permutation[i + 1 :])
    return -1 if inversions % 2 else 1


_PERMUTATIONS = tuple((p, _sign(p)) for p in product(range(4), repeat=4) if len(set(p)) == 4)
