"""Claims that a curve is a geodesic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.domain import Box, Domain
from geomkit.errors import FieldError, GeomkitError
from geomkit.expressions import to_text
from geomkit.field import Element, Field

from .check import Check
from .context import Context
from .critical import switches
from .curve_sampling import CurveSampler
from .decide import NO_TRUTH, Identity, Outcome
from .jumps import Smooth, across_folds
from .report import Verdict

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["geodesic_check"]

# Where the curve parameter is sampled if the claim gives no range: the default of coordinates.
DEFAULT_RANGE = (sympy.Integer(-2), sympy.Integer(2))

Vector = list[Element]


@dataclass(frozen=True)
class Curve:
    """A curve x^i(s) in a metric; coordinates inside the x^i stand for constants.

    Attributes:
        context: the metric.
        parameter: the curve parameter s.
        components: the functions x^i(s).
        domain: boxes of parameters, constants and s.
        norm: claimed value of g(x', x'), or None.
        affine: whether s is claimed to be an affine parameter.
    """

    context: Context
    parameter: sympy.Symbol
    components: tuple[sympy.Expr, ...]
    domain: Domain
    norm: sympy.Expr | None
    affine: bool

    @cached_property
    def field(self) -> Field:
        """The field of functions of s."""
        matrix = self.context.metric.matrix
        entries = [self.along(entry) for entry in matrix]
        norm = [] if self.norm is None else [self.norm]
        return Field(
            (self.parameter,), domain=self.domain, budget=self.context.budget,
            expressions=[*self.components, *entries, *norm],
        )  # fmt: skip

    def along(self, expression: sympy.Expr) -> sympy.Expr:
        """A function of the coordinates along the curve."""
        places = dict(zip(self.context.coordinates, self.components, strict=True))
        if not expression.has(AppliedUndef):
            return expression.xreplace(places)
        try:  # inside derivatives of unspecified functions only `subs` knows what to do
            return expression.subs(places, simultaneous=True)
        except (ValueError, TypeError) as error:
            reason = f"it cannot be composed with the curve: {error}"
            raise FieldError(expression, reason) from error

    @cached_property
    def velocity(self) -> Vector:
        """x'^i."""
        return [self.field(component).diff(self.parameter) for component in self.components]

    @cached_property
    def acceleration(self) -> Vector:
        """x''^i."""
        return [component.diff(self.parameter) for component in self.velocity]

    @cached_property
    def metric(self) -> list[Vector]:
        """g_ij along the curve."""
        matrix, n = self.context.metric.matrix, self.context.n
        upper = {
            (i, j): self.field(self.along(matrix[i, j])) for i in range(n) for j in range(i, n)
        }
        return [[upper[min(i, j), max(i, j)] for j in range(n)] for i in range(n)]

    @cached_property
    def covariant_acceleration(self) -> Vector:
        """g_ij x''^j + (d_k g_ij - d_i g_jk / 2) x'^j x'^k: the acceleration, index down."""
        context, n = self.context, self.context.n
        matrix, v, dot = context.metric.matrix, self.velocity, self.field.dot
        moving = [j for j in range(n) if not v[j].is_zero]
        products = {(j, k): v[j] * v[k] for j in moving for k in moving}

        known: dict[tuple[int, int, int], Element] = {}

        def slope(i: int, j: int, k: int) -> Element:
            key = (min(i, j), max(i, j), k)
            if key not in known:
                derivative = sympy.diff(matrix[i, j], context.coordinates[k])
                known[key] = self.field(self.along(derivative))
            return known[key]

        half = sympy.Rational(1, 2)
        result = []
        for i in range(n):
            terms = [(1, self.metric[i][j], self.acceleration[j]) for j in range(n)]
            for (j, k), product in products.items():
                terms.append((1, slope(i, j, k), product))
                terms.append((-1, slope(j, k, i) * self.field(half), product))
            result.append(dot(terms))
        return result

    @cached_property
    def momentum(self) -> Vector:
        """g_ij x'^j."""
        n = self.context.n
        pairs = [[(1, self.metric[i][j], self.velocity[j]) for j in range(n)] for i in range(n)]
        return [self.field.dot(row) for row in pairs]

    @cached_property
    def squared_speed(self) -> Element:
        """g(x', x')."""
        pairs = zip(self.momentum, self.velocity, strict=True)
        return self.field.dot([(1, p, v) for p, v in pairs])


def geodesic_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim x''^i + Gamma^i_jk x'^j x'^k = 0, or proportional to x'.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.

    Raises:
        FileError: curve, range or norm cannot be read.
    """
    name = claim.keys.get("parameter", "s")
    lower, upper = _range(context, claim)
    parameter = _parameter(context, claim, name, lower, upper)
    extra = {str(parameter): parameter}
    given = claim.keys.get("curve")
    if not isinstance(given, (list, tuple)) or len(given) != context.n:
        names = ", ".join(map(str, context.coordinates))
        remedy = f"give a list of {context.n} functions of {parameter}, one for each of {names}"
        raise context.error(claim, f"{given!r} is not a curve", key="curve", remedy=remedy)
    components = tuple(
        context.expression(claim, e, f"curve[{i}]", extra) for i, e in enumerate(given)
    )
    norm = claim.keys.get("norm")
    value = None if norm is None else context.expression(claim, norm, "norm", extra)
    affine = claim.keys.get("affine", True)
    box = Box(parameter, lower, upper)
    domain = Domain((*context.metric.domain.boxes, box))
    curve = Curve(context, parameter, components, domain, value, affine)
    kind = "geodesic" if affine else "geodesic up to parametrisation"
    label = f"({', '.join(map(str, components))}) is a {kind}"
    label += f", g(x', x') = {value}" if value is not None else ""
    smooth = Smooth(components, 1, "the curve is not smooth:", (parameter,))
    sampler = _sampler(curve)
    finish = partial(across_folds, context, smooth=smooth, sampler=sampler)
    return Check(label, lambda: _run(curve), finish=finish)


def _range(context: Context, claim: Claim) -> tuple[sympy.Expr, sympy.Expr]:
    given = claim.keys.get("range")
    if given is None:
        return DEFAULT_RANGE
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        remedy = 'write range = ["0", "1"]'
        raise context.error(claim, f"{given!r} is not a range", key="range", remedy=remedy)
    lower, upper = (context.expression(claim, given[i], f"range[{i}]") for i in (0, 1))
    return lower, upper


def _parameter(
    context: Context, claim: Claim, name: Any, lower: sympy.Expr, upper: sympy.Expr
) -> sympy.Symbol:
    if not isinstance(name, str) or name in context.metric.names:
        message = f"the curve parameter {name!r} is already a name of the metric"
        remedy = 'choose another one with parameter = "tau", and use it in the curve'
        raise context.error(claim, message, key="parameter", remedy=remedy)
    plain = sympy.Symbol(name, real=True)
    try:
        box = Domain((*context.metric.domain.boxes, Box(plain, lower, upper)))
    except GeomkitError as error:
        raise context.error(claim, str(error), key="range") from error
    if box.is_positive(plain):
        return sympy.Symbol(name, positive=True)
    return sympy.Symbol(name, negative=True) if box.is_negative(plain) else plain


def _sampler(curve: Curve) -> CurveSampler:
    context = curve.context
    return CurveSampler(
        context.metric, context.options.seed, curve.parameter, curve.components, curve.domain
    )


def _along(curve: Curve) -> list[sympy.Expr]:
    """The metric along the curve, as far as it can be written down."""
    try:
        return [curve.along(entry) for entry in curve.context.metric.matrix]
    except FieldError:
        return []


def _run(curve: Curve) -> Outcome:
    context = curve.context
    identities = _equations(curve) if curve.affine else _parallel(curve)
    if curve.norm is not None:
        identities.append(_norm_identity(curve))
    switching = switches([*curve.components, *_along(curve)])
    outcome = context.decide(identities, _sampler(curve), switching=switching)
    if outcome.verdict is Verdict.FAILS:
        return _explain(curve, outcome)
    if curve.parameter not in sympy.Tuple(*curve.components).free_symbols:
        return replace(outcome, detail="a constant curve, trivially a geodesic")
    return outcome


def _equations(curve: Curve) -> list[Identity]:
    """x''^i = -Gamma^i_jk x'^j x'^k (exactly: the same with index down)."""

    def identity(i: int) -> Identity:
        return Identity(
            f"{curve.context.coordinates[i]}''",
            lambda: curve.covariant_acceleration[i],
            lambda view: view.acceleration(i),
            lambda view: view.demanded_acceleration(i),
        )

    return [identity(i) for i in range(curve.context.n)]


def _parallel(curve: Curve) -> list[Identity]:
    """A^i x'^j = A^j x'^i for the covariant acceleration A."""

    def identity(i: int, j: int) -> Identity:
        def residual() -> Element:
            a, p = curve.covariant_acceleration, curve.momentum
            return curve.field.dot([(1, a[i], p[j]), (-1, a[j], p[i])])

        x, y = curve.context.coordinates[i], curve.context.coordinates[j]
        return Identity(
            f"A^{x} v^{y} - A^{y} v^{x}",
            residual,
            lambda view: view.zero,
            lambda view: view.wedge(i, j),
        )

    return [identity(i, j) for i, j in combinations(range(curve.context.n), 2)]


def _norm_identity(curve: Curve) -> Identity:
    norm = curve.norm
    assert norm is not None
    return Identity(
        "g(x', x')",
        lambda: curve.field(norm) - curve.squared_speed,
        lambda view: view.value(norm),
        lambda view: view.squared_speed(),
    )


def _explain(curve: Curve, outcome: Outcome) -> Outcome:
    """What holds: a geodesic with another norm or parameter, or the residual."""
    sample = outcome.mismatches[0].to_json(component=True)
    try:
        instead, detail = _truth(curve)
    except NO_TRUTH:
        instead, detail = None, outcome.detail
    return replace(outcome, counterexample=sample, instead=instead, detail=detail)


def _truth(curve: Curve) -> tuple[dict[str, Any] | None, str]:
    acceleration = curve.covariant_acceleration
    speed = curve.context.text(curve.squared_speed)
    if all(component.is_zero for component in acceleration):
        if speed is None:
            return None, "the curve is a geodesic with another norm"
        instead = _as_claim(curve, affine=True) | {"norm": speed}
        return instead, f"the curve is a geodesic; g(x', x') = {speed}"
    n, p, dot = curve.context.n, curve.momentum, curve.field.dot
    pairs = combinations(range(n), 2)
    wedge = [dot([(1, acceleration[i], p[j]), (-1, acceleration[j], p[i])]) for i, j in pairs]
    if all(component.is_zero for component in wedge):
        words = f"; g(x', x') = {speed}" if speed is not None else ""
        detail = f"a geodesic up to parametrisation only (affine = false){words}"
        return _as_claim(curve, affine=False), detail
    residual = _residual(curve, acceleration)
    shown = "; ".join(f"{key}: {value}" for key, value in list(residual.items())[:4])
    instead = {"kind": "geodesic_residual", "components": residual, "value": residual}
    return instead, f"not a geodesic: D x'/ds has components {shown}"


def _as_claim(curve: Curve, *, affine: bool) -> dict[str, Any]:
    components = [to_text(component) for component in curve.components]
    words = "geodesic" if affine else "geodesic up to parametrisation"
    claim: dict[str, Any] = {"kind": "geodesic", "curve": components, "affine": affine}
    if str(curve.parameter) != "s":
        claim["parameter"] = str(curve.parameter)
    return claim | {"value": words}


def _residual(curve: Curve, lowered: Sequence[Element]) -> dict[str, str]:
    """D x'^i / ds, with the index raised along the curve."""
    context = curve.context
    inverse = context.curvature.chart.inverse
    found = {}
    for i, symbol in enumerate(context.coordinates):
        row = [curve.field(curve.along(entry.to_sympy())) for entry in inverse[i]]
        component = curve.field.dot([(1, a, b) for a, b in zip(row, lowered, strict=True)])
        text = None if component.is_zero else context.text(component)
        if text is not None:
            found[str(symbol)] = text
    return found
