"""Curvature the slow, obvious way: an oracle that shares no code with geomkit.

From geomkit it reads nothing but the matrix and the coordinates of a metric. Derivatives are
central differences over a lattice of step h around one point, everything else is a plain loop
over all indices: no symmetry is used, no component is skipped, the textbook formula stands in
each function.

    d_k f = (f(x + h e_k) - f(x - h e_k)) / 2h,        h = 1e-40, 250 digits

Accuracy. The difference is d_k f + h^2 (d_k)^3 f / 6 + ...: an error of 1e-80, smooth in x, so
that differences of differences keep that order. Rounding 1e-250 is divided by (2h) once per
derivative; with four derivatives of the metric, the most that is used here (nabla nabla Riemann),
1e-90 is left. Cancellation between terms of size 10^k costs k digits more, and k < 15 in the
tests. Results are therefore good to 60 digits and more, and 50 may be asked.

Conventions (design, written out again): R^i_jkl = d_k G^i_lj - d_l G^i_kj + G^i_km G^m_lj
- G^i_lm G^m_kj; Ric_jl = R^i_jil; R > 0 on the sphere.
"""

# ruff: noqa: E741  (i j k l are the indices of every textbook)
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import permutations, product
from typing import Any

import sympy

from tests.mp_numbers import CONTEXT, Number, number

STEP = CONTEXT.mpf(10) ** -40

Offset = tuple[int, ...]  # a point of the lattice: x + h * offset
Table = dict[tuple[int, ...], Number]  # every component of a tensor by its index
Field = Callable[[Offset], Table]  # a tensor field on the lattice


def _once_per_point(compute: Callable[[Oracle, Offset], Any]) -> Callable[..., Any]:
    """Method of an `Oracle` that remembers its result for each lattice point (default: centre)."""

    @wraps(compute)
    def remembered(self: Oracle, at: Offset | None = None) -> Any:
        place = self.centre if at is None else at
        key = (compute.__name__, place)
        if key not in self.memory:
            self.memory[key] = compute(self, place)
        return self.memory[key]

    return remembered


class Oracle:
    """Geometry of one metric at one point.

    Args:
        matrix: Components g_ij as SymPy trees (a `sympy.Matrix` or nested lists).
        coordinates: Coordinate symbols.
        point: A number for every symbol in the matrix, coordinates and parameters alike.

    Every method gives all components as a dict from index to mpmath number (or one number).
    """

    def __init__(self, matrix: Any, coordinates: Sequence[Any], point: Mapping[Any, Any]) -> None:
        self.coordinates = tuple(coordinates)
        self.n = len(self.coordinates)
        self.matrix = sympy.Matrix(matrix)
        self.point = {symbol: number(value) for symbol, value in point.items()}
        self.centre: Offset = (0,) * self.n
        self.memory: dict[Any, Any] = {}

    @classmethod
    def of(cls, metric: Any, point: Mapping[Any, Any], functions: Any = ()) -> Oracle:
        """Oracle of a `geomkit.Metric`; `functions` maps unspecified functions to given ones."""
        matrix = with_functions(sympy.Matrix(metric.matrix), functions)
        return cls(matrix, metric.coordinates, point)

    # -- fields on the lattice ---------------------------------------------------------------
    def indices(self, rank: int) -> list[tuple[int, ...]]:
        """All index tuples of a tensor of this rank."""
        return list(product(range(self.n), repeat=rank))

    def value(self, expression: Any, at: Offset | None = None) -> Number:
        """A scalar expression at a lattice point."""
        moved = dict(self.point)
        for symbol, steps in zip(self.coordinates, at or self.centre, strict=True):
            moved[symbol] = self.point[symbol] + steps * STEP
        return number(expression, moved)

    def field(self, components: Any) -> Field:
        """Field of the given SymPy components: an expression, a list, or a nested list."""
        table = _flatten(components)

        def at_point(at: Offset) -> Table:
            return {index: self.value(tree, at) for index, tree in table.items()}

        return at_point

    def partial(self, field: Field, at: Offset | None = None) -> Table:
        """d_k T_(index), the index k of the derivative LAST."""
        place = at or self.centre
        result: Table = {}
        for k in range(self.n):
            ahead, behind = field(_moved(place, k, 1)), field(_moved(place, k, -1))
            for index in ahead:
                result[*index, k] = (ahead[index] - behind[index]) / (2 * STEP)
        return result

    # -- metric and connection ---------------------------------------------------------------
    @_once_per_point
    def metric(self, at: Offset) -> Table:
        """g_ij."""
        return {(i, j): self.value(self.matrix[i, j], at) for i, j in self.indices(2)}

    @_once_per_point
    def determinant(self, at: Offset) -> Number:
        """det g by the sum over permutations."""
        g = self.metric(at)
        total = CONTEXT.zero
        for order in permutations(range(self.n)):
            term = CONTEXT.mpf(permutation_sign(order))
            for i in range(self.n):
                term *= g[i, order[i]]
            total += term
        return total

    def volume_element(self) -> Number:
        """sqrt |det g|."""
        return CONTEXT.sqrt(abs(self.determinant()))

    @_once_per_point
    def inverse_metric(self, at: Offset) -> Table:
        """g^ij by Gauss-Jordan elimination."""
        g = self.metric(at)
        rows = [
            [g[i, j] for j in range(self.n)] + [CONTEXT.mpf(i == j) for j in range(self.n)]
            for i in range(self.n)
        ]
        _eliminate(rows)
        return {(i, j): rows[i][self.n + j] for i, j in self.indices(2)}

    @_once_per_point
    def christoffel_down(self, at: Offset) -> Table:
        """G_kij = (d_i g_kj + d_j g_ki - d_k g_ij) / 2."""
        d = self.partial(self.metric, at)
        return {
            (k, i, j): (d[k, j, i] + d[k, i, j] - d[i, j, k]) / 2 for k, i, j in self.indices(3)
        }

    @_once_per_point
    def christoffel(self, at: Offset) -> Table:
        """G^i_jk = g^im G_mjk."""
        up, first = self.inverse_metric(at), self.christoffel_down(at)
        return {
            (i, j, k): sum(up[i, m] * first[m, j, k] for m in range(self.n))
            for i, j, k in self.indices(3)
        }

    # -- curvature ---------------------------------------------------------------------------
    @_once_per_point
    def riemann(self, at: Offset) -> Table:
        """R^i_jkl."""
        gamma, d, sums = self.christoffel(at), self.partial(self.christoffel, at), range(self.n)
        return {
            (i, j, k, l): d[i, l, j, k]
            - d[i, k, j, l]
            + sum(gamma[i, k, m] * gamma[m, l, j] - gamma[i, l, m] * gamma[m, k, j] for m in sums)
            for i, j, k, l in self.indices(4)
        }

    @_once_per_point
    def riemann_down(self, at: Offset) -> Table:
        """R_ijkl = g_im R^m_jkl."""
        return lower_first(self.metric(at), self.riemann(at))

    @_once_per_point
    def ricci(self, at: Offset) -> Table:
        """Ric_jl = R^i_jil."""
        r = self.riemann(at)
        return {(j, l): sum(r[i, j, i, l] for i in range(self.n)) for j, l in self.indices(2)}

    @_once_per_point
    def scalar(self, at: Offset) -> Number:
        """R = g^jl Ric_jl."""
        up, ricci = self.inverse_metric(at), self.ricci(at)
        return sum(up[index] * ricci[index] for index in self.indices(2))

    def gauss(self) -> Number:
        """K = R_1212 / det g, n = 2 only."""
        return self.riemann_down()[0, 1, 0, 1] / self.determinant()

    @_once_per_point
    def einstein(self, at: Offset) -> Table:
        """G_ij = Ric_ij - R g_ij / 2."""
        g, ricci, scalar = self.metric(at), self.ricci(at), self.scalar(at)
        return {index: ricci[index] - scalar * g[index] / 2 for index in ricci}

    def tracefree_ricci(self) -> Table:
        """Ric_ij - R g_ij / n."""
        g, ricci, scalar = self.metric(), self.ricci(), self.scalar()
        return {index: ricci[index] - scalar * g[index] / self.n for index in ricci}

    @_once_per_point
    def schouten(self, at: Offset) -> Table:
        """P_ij = (Ric_ij - R g_ij / (2 (n - 1))) / (n - 2)."""
        g, ricci, scalar, n = self.metric(at), self.ricci(at), self.scalar(at), self.n
        return {index: (ricci[index] - scalar * g[index] / (2 * (n - 1))) / (n - 2) for index in g}

    def weyl(self) -> Table:
        """W = R - (P o g), the Kulkarni-Nomizu product of Schouten and metric."""
        r, p, g = self.riemann_down(), self.schouten(), self.metric()
        return {
            (i, j, k, l): r[i, j, k, l]
            - (p[i, k] * g[j, l] + p[j, l] * g[i, k] - p[i, l] * g[j, k] - p[j, k] * g[i, l])
            for i, j, k, l in self.indices(4)
        }

    def cotton(self) -> Table:
        """C_ijk = nabla_i P_jk - nabla_j P_ik."""
        d = self.covariant_derivative(self.schouten, "dd")
        return {(i, j, k): d[j, k, i] - d[i, k, j] for i, j, k in self.indices(3)}

    # -- quadratic scalars -------------------------------------------------------------------
    def square(self, table: Table) -> Number:
        """T_(index) T^(index) of a tensor with all indices down."""
        raised = table
        for slot in range(len(next(iter(table)))):
            raised = move_index(self.inverse_metric(), raised, slot)
        return sum(table[index] * raised[index] for index in table)

    def kretschmann(self) -> Number:
        """R_ijkl R^ijkl."""
        return self.square(self.riemann_down())

    def ricci_squared(self) -> Number:
        """Ric_ij Ric^ij."""
        return self.square(self.ricci())

    def weyl_squared(self) -> Number:
        """W_ijkl W^ijkl."""
        return self.square(self.weyl())

    def euler_density(self) -> Number:
        """R_ijkl R^ijkl - 4 Ric_ij Ric^ij + R^2 (n = 4)."""
        return self.kretschmann() - 4 * self.ricci_squared() + self.scalar() ** 2

    def chern_pontryagin(self) -> Number:
        """(1/2) eps^abef R_ab^cd R_efcd with eps_0123 = + sqrt |det g| (n = 4)."""
        down, up = self.riemann_down(), self.inverse_metric()
        mixed = move_index(up, move_index(up, down, 2), 3)
        # eps with four upper indices: the sign of det g comes from raising.
        scale = CONTEXT.sign(self.determinant()) / self.volume_element()
        total = CONTEXT.zero
        for order in permutations(range(4)):
            a, b, e, f = order
            inner = sum(mixed[a, b, c, d] * down[e, f, c, d] for c, d in self.indices(2))
            total += permutation_sign(order) * inner
        return scale * total / 2

    # -- derivatives of fields ---------------------------------------------------------------
    def covariant_derivative(self, field: Field, positions: str, at: Offset | None = None) -> Table:
        """nabla_k T, derivative index LAST; positions "u"/"d" of the indices of T."""
        place = at or self.centre
        gamma, here = self.christoffel(place), field(place)
        result = self.partial(field, place)
        for index in list(result):
            *own, k = index
            for slot, position in enumerate(positions):
                for m in range(self.n):
                    other = here[(*own[:slot], m, *own[slot + 1 :])]
                    if position == "u":
                        result[index] += gamma[own[slot], k, m] * other
                    else:
                        result[index] -= gamma[m, k, own[slot]] * other
        return result

    def lie_derivative(self, vector: Field, field: Field, positions: str) -> Table:
        """(L_X T) = X^k d_k T - T^m d_m X^i (upper slots) + T_m d_i X^m (lower slots)."""
        x, dx = vector(self.centre), self.partial(vector)
        here, d = field(self.centre), self.partial(field)
        result: Table = {}
        for index in here:
            total = sum(x[k,] * d[*index, k] for k in range(self.n))
            for slot, position in enumerate(positions):
                for m in range(self.n):
                    other = here[(*index[:slot], m, *index[slot + 1 :])]
                    if position == "u":
                        total -= other * dx[index[slot], m]
                    else:
                        total += other * dx[m, index[slot]]
            result[index] = total
        return result

    def hessian(self, function: Any) -> Table:
        """nabla_i nabla_j f = d_i d_j f - G^k_ij d_k f."""
        scalar = self.field(function)
        return self.covariant_derivative(lambda at: self.partial(scalar, at), "d")

    def laplacian(self, function: Any) -> Number:
        """Laplace-Beltrami as divergence: d_i (sqrt|g| g^ij d_j f) / sqrt|g|."""
        scalar = self.field(function)

        def flux(at: Offset) -> Table:
            up, d = self.inverse_metric(at), self.partial(scalar, at)
            root = CONTEXT.sqrt(abs(self.determinant(at)))
            return {
                (i,): root * sum(up[i, j] * d[j,] for j in range(self.n)) for i in range(self.n)
            }

        d = self.partial(flux)
        return sum(d[i, i] for i in range(self.n)) / self.volume_element()


def with_functions(expression: Any, functions: Any) -> Any:
    """Put concrete functions in the place of unspecified ones and carry out derivatives.

    `functions` maps an applied function a(t) to an expression in the same arguments.
    """
    result = sympy.sympify(expression)
    for applied, concrete in dict(functions).items():
        result = result.subs(applied.func, sympy.Lambda(applied.args, concrete))
    return result.doit()


def lower_first(g: Table, table: Table) -> Table:
    """T_i... = g_im T^m...."""
    return move_index(g, table, 0)


def move_index(g: Table, table: Table, slot: int) -> Table:
    """Contract `slot` of the table with the matrix g (or its inverse): lowers (raises) it."""
    n = max(index[0] for index in g) + 1
    return {
        index: sum(
            g[index[slot], m] * table[(*index[:slot], m, *index[slot + 1 :])] for m in range(n)
        )
        for index in table
    }


def permutation_sign(order: Sequence[int]) -> int:
    """+1 or -1 by counting inversions."""
    pairs = [(a, b) for place, a in enumerate(order) for b in order[place + 1 :]]
    return -1 if sum(a > b for a, b in pairs) % 2 else 1


def _moved(place: Offset, k: int, steps: int) -> Offset:
    return (*place[:k], place[k] + steps, *place[k + 1 :])


def _flatten(components: Any) -> dict[tuple[int, ...], Any]:
    """Index to tree, from an expression, a matrix or nested lists."""
    if isinstance(components, sympy.MatrixBase):
        components = components.tolist()
    if not isinstance(components, list | tuple):
        return {(): sympy.sympify(components)}
    return {
        (i, *rest): tree
        for i, part in enumerate(components)
        for rest, tree in _flatten(part).items()
    }


def _eliminate(rows: list[list[Number]]) -> None:
    """Gauss-Jordan elimination in place, with the largest pivot of each column."""
    for column in range(len(rows)):
        best = max(range(column, len(rows)), key=lambda i: abs(rows[i][column]))
        rows[column], rows[best] = rows[best], rows[column]
        pivot = rows[column][column]
        rows[column] = [entry / pivot for entry in rows[column]]
        for i, row in enumerate(rows):
            if i != column:
                factor = row[column]
                rows[i] = [a - factor * b for a, b in zip(row, rows[column], strict=True)]
