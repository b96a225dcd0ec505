"""The exact part: identities of the tensors a kernel was made from, proved in their field."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, product

from geomkit.calculus import covariant_derivative, divergence
from geomkit.catalog import catalog
from geomkit.curvature import Curvature, curvature
from geomkit.errors import BudgetError, GeomkitError
from geomkit.field import Decision, Element, decide_zero
from geomkit.metric import Metric
from geomkit.tensor import Tensor
from geomkit.verify import Verdict
from geomkit.verify.session import Session
from geomkit.verify.worker import Options

from .model import FAILED, NUMERIC, OPEN, PROVED, Identity

__all__ = ["claims", "identities"]

# What a quantity rests on: everything of its level and of those before.
_LEVELS = ("metric", "connection", "curvature")
_METRIC = {"metric", "inverse_metric", "determinant", "volume_element", "energy", "momentum"}
_CONNECTION = {"christoffel", "christoffel_down", "geodesic", "transport"}
_FUNCTIONS = {"laplacian": "connection", "hessian": "connection", "gradient": "metric"}
# Claims that say nothing of a tensor, or need curves, integrals or a second geometry.
_OTHER_CLAIMS = {"distance", "embedding", "fisher", "geodesic"}


@dataclass(frozen=True)
class _Law:
    name: str
    level: str
    residuals: Callable[[Curvature], Iterable[Element]]
    least: int = 1  # dimension from which on it says something
    only: str = ""  # the quantity that it is about; "" for all of its level


def identities(metric: Metric, quantities: Sequence[str], seconds: float) -> tuple[Identity, ...]:
    """Prove identities of the exact tensors of a metric.

    Args:
        metric: the metric.
        quantities: what is computed: names of quantities, "laplacian" and the like, "expression".
        seconds: what all of it may take.

    Returns:
        Each identity with its status. An identity of a later level is not looked at when no
        quantity needs it.
    """
    level = max((_LEVELS.index(_level(q)) for q in quantities), default=0)
    laws = [
        law
        for law in _LAWS
        if _LEVELS.index(law.level) <= level
        and law.least <= metric.n
        and (not law.only or law.only in quantities)
    ]
    try:
        tensors = curvature(metric, budget=seconds)
    except GeomkitError as error:
        return tuple(Identity(law.name, OPEN, str(error)) for law in laws)
    return tuple(_proved(law, tensors) for law in laws)


def _level(quantity: str) -> str:
    if quantity in _FUNCTIONS:
        return _FUNCTIONS[quantity]
    if quantity in _METRIC or quantity in ("expression", "tensor"):
        return "metric"
    return "connection" if quantity in _CONNECTION else "curvature"


def _proved(law: _Law, tensors: Curvature) -> Identity:
    status, detail = PROVED, ""
    try:
        for residual in law.residuals(tensors):
            tensors.chart.field.budget.check()
            if residual.is_zero:
                continue
            decision: Decision = decide_zero(residual)
            if decision.value is False:
                return Identity(law.name, FAILED, decision.detail)
            if decision.value is None:
                return Identity(law.name, OPEN, decision.detail)
            if decision.proof != "exact":
                status, detail = NUMERIC, decision.detail
    except BudgetError:
        return Identity(law.name, OPEN)
    except GeomkitError as error:
        return Identity(law.name, OPEN, str(error))
    return Identity(law.name, status, detail)


# Laws ---------------------------------------------------------------------------------------


def _inverse(c: Curvature) -> Iterator[Element]:
    field, n = c.chart.field, range(c.n)
    for i, j in product(n, n):
        total = field.dot((1, c.chart.inverse[i][m], c.chart.g[m][j]) for m in n)
        yield total - 1 if i == j else total


def _volume(c: Curvature) -> Iterator[Element]:
    square, determinant = c.chart.volume * c.chart.volume, c.chart.determinant
    sign = c.chart.field.sum((square, -determinant))
    yield sign if sign.is_zero else c.chart.field.sum((square, determinant))


def _compatible(c: Curvature) -> Iterator[Element]:
    yield from covariant_derivative(c.metric).stored().values()


def _trace_of_connection(c: Curvature) -> Iterator[Element]:
    """2 Gamma^i_ij det g = d_j det g."""
    field, determinant, n = c.chart.field, c.chart.determinant, range(c.n)
    for j, x in enumerate(c.chart.metric.coordinates):
        terms = [(2, c.chart.christoffel(i, i, j), determinant) for i in n]
        yield field.dot([*terms, (-1, determinant.diff(x), field.one)])


def _by_definition(c: Curvature) -> Iterator[Element]:
    """g_im (d_k Gamma^m_lj - d_l Gamma^m_kj + Gamma Gamma - Gamma Gamma) - R_ijkl, all i, j."""
    chart, field, n = c.chart, c.chart.field, range(c.n)
    x, gamma = chart.metric.coordinates, chart.christoffel
    for j, (k, l) in product(n, combinations(n, 2)):  # noqa: E741
        up = []
        for m in n:
            terms = [
                (1, gamma(m, l, j).diff(x[k]), field.one),
                (-1, gamma(m, k, j).diff(x[l]), field.one),
            ]
            for s in n:
                terms += [(1, gamma(m, k, s), gamma(s, l, j)), (-1, gamma(m, l, s), gamma(s, k, j))]
            up.append(field.dot(terms))
        for i in n:
            terms = [(1, chart.g[i][m], up[m]) for m in n if not chart.g[i][m].is_zero]
            yield field.dot([*terms, (-1, c.pairs.element(i, j, k, l), field.one)])


def _first_bianchi(c: Curvature) -> Iterator[Element]:
    r = c.pairs.element
    for i, j, k, m in combinations(range(c.n), 4):
        yield c.chart.field.sum((r(i, j, k, m), r(i, k, m, j), r(i, m, j, k)))


def _ricci_is_trace(c: Curvature) -> Iterator[Element]:
    n = range(c.n)
    for j, k in combinations_with_replacement(n, 2):
        parts = [c.riemann.element(i, j, i, k) for i in n]
        yield c.chart.field.sum([*parts, -c.ricci.element(j, k)])


def _scalar_is_trace(c: Curvature) -> Iterator[Element]:
    field, n = c.chart.field, range(c.n)
    terms = [(1, c.chart.inverse[i][j], c.ricci.element(i, j)) for i in n for j in n]
    yield field.dot([*terms, (-1, c.element("scalar"), field.one)])


def _contracted_bianchi(c: Curvature) -> Iterator[Element]:
    result = divergence(c.einstein)
    assert isinstance(result, Tensor)
    yield from result.stored().values()


def _weyl_has_no_trace(c: Curvature) -> Iterator[Element]:
    field, n = c.chart.field, range(c.n)
    for j, m in combinations_with_replacement(n, 2):
        yield field.dot(
            (1, c.chart.inverse[i][k], c.weyl.element(i, j, k, m)) for i in n for k in n
        )


def _cotton_is_cyclic(c: Curvature) -> Iterator[Element]:
    t = c.cotton.element
    for i, j, k in combinations(range(c.n), 3):
        yield c.chart.field.sum((t(i, j, k), t(j, k, i), t(k, i, j)))


def _second_bianchi(c: Curvature) -> Iterator[Element]:
    nabla = covariant_derivative(c.riemann_down)
    for (i, j), (k, m, s) in product(combinations(range(c.n), 2), combinations(range(c.n), 3)):
        rows = ((i, j, k, m, s), (i, j, m, s, k), (i, j, s, k, m))
        yield c.chart.field.sum(nabla.element(*row) for row in rows)


_LAWS = (
    _Law("g^im g_mj = delta^i_j", "metric", _inverse),
    _Law("(volume element)^2 = |det g|", "metric", _volume, only="volume_element"),
    _Law("nabla g = 0", "connection", _compatible),
    _Law("Gamma^i_ij = d_j log sqrt|det g|", "connection", _trace_of_connection),
    _Law("R = tr Ric", "curvature", _scalar_is_trace),
    _Law("Ric = tr Riem", "curvature", _ricci_is_trace, 2),
    _Law(
        "R_ijkl = -R_jikl = -R_ijlk = R_klij, by the definition from Gamma",
        "curvature",
        _by_definition,
        2,
    ),
    _Law("first Bianchi: R_i[jkl] = 0", "curvature", _first_bianchi, 4),
    _Law("Weyl has no trace", "curvature", _weyl_has_no_trace, 4, "weyl"),
    _Law("Cotton: C_[ijk] = 0", "curvature", _cotton_is_cyclic, 3, "cotton"),
    _Law("contracted Bianchi: div G = 0", "curvature", _contracted_bianchi, 3),
    _Law("second Bianchi: nabla_[m R_kl]ij = 0", "curvature", _second_bianchi, 3),
)


# Claims -------------------------------------------------------------------------------------


def claims(metric: Metric, seconds: float) -> tuple[Identity, ...]:
    """Prove the claims that the catalogue makes about a metric.

    Args:
        metric: the metric; none of the catalogue has no claims.
        seconds: what all of it may take.

    Returns:
        One row that says how many were proved, and a row for each claim that fails.
    """
    if metric.name not in catalog or catalog[metric.name] != metric:
        return ()
    name = "claims of the catalogue"
    ends = time.monotonic() + seconds
    try:
        session = Session.open(str(catalog.path(metric.name)), Options(seconds, fallback=False))
    except GeomkitError as error:
        return (Identity(name, OPEN, str(error)),)
    chosen = [k for k, (claim, _) in enumerate(session.prepared) if claim.kind not in _OTHER_CLAIMS]
    proved, failed = 0, []
    for position in chosen:
        if time.monotonic() > ends:
            break
        result = session.check(position)
        proved += result.verdict is Verdict.HOLDS
        if result.verdict is Verdict.FAILS:
            failed.append(Identity(f"claim {result.label or result.kind}", FAILED, result.detail))
    status = PROVED if proved == len(chosen) else OPEN
    count = f"{proved} of {len(session.prepared)} proved"
    others = len(session.prepared) - len(chosen)
    if others:
        count += f"; {others} about curves, distances or embeddings not looked at"
    return (*failed, Identity(name, status, count))
