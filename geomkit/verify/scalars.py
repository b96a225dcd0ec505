"""Claims that a scalar equals an expression: R, K, Kretschmann, volume element, ..."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.errors import FieldError
from geomkit.expressions import to_text
from geomkit.field import Element

from .check import Check
from .context import Context
from .critical import Switch, minors, roots, switches
from .decide import NO_TRUTH, Identity, Outcome
from .report import Verdict
from .signs import is_positive, keeps_sign
from .tensors import ratio_note

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["SCALARS", "describe_failure", "scalar_check", "scalar_identity"]


@dataclass(frozen=True)
class ScalarKind:
    """Where a scalar comes from, in either pillar.

    Attributes:
        symbol: how it is written.
        attribute: name of the element in `Curvature`.
        balls: the value at a point, from enclosures.
        dimensions: the n for which it is defined, as a test and in words.
    """

    symbol: str
    attribute: str
    balls: Callable[[Any], Any]
    dimensions: tuple[Callable[[int], bool], str] = (lambda n: n >= 1, "n >= 1")


_SURFACE = (lambda n: n == 2, "n = 2")
_WEYL = (lambda n: n >= 3, "n >= 3")

SCALARS: Mapping[str, ScalarKind] = {
    "scalar_curvature": ScalarKind("R", "scalar", lambda v: v.geometry.scalar),
    "gauss_curvature": ScalarKind("K", "gauss", lambda v: v.geometry.gauss, _SURFACE),
    "kretschmann": ScalarKind("Riem^2", "kretschmann", lambda v: v.geometry.kretschmann),
    "ricci_squared": ScalarKind("Ric^2", "ricci_squared", lambda v: v.geometry.ricci_squared),
    "weyl_squared": ScalarKind("Weyl^2", "weyl_squared", lambda v: v.geometry.weyl_squared, _WEYL),
    "volume_element": ScalarKind(
        "sqrt|det g|", "volume_element", lambda v: v.geometry.volume_element
    ),
}


def scalar_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim that a scalar equals an expression.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.

    Raises:
        FileError: the value cannot be read, or the scalar is not defined in this dimension.
    """
    kind = SCALARS[claim.kind]
    defined, words = kind.dimensions
    if not defined(context.n):
        message = f"{claim.kind} is defined for {words} only, this metric has n = {context.n}"
        remedy = "remove the claim, or claim scalar_curvature or sectional_curvature"
        raise context.error(claim, message, remedy=remedy)
    claimed = context.value(claim)
    return Check(
        f"{kind.symbol} = {claimed}", lambda: _run(context, claim.kind, claimed), (claimed,)
    )


def scalar_identity(context: Context, kind: ScalarKind, claimed: sympy.Expr) -> Identity:
    """The equation: scalar = claimed expression.

    Args:
        context: the metric.
        kind: the scalar.
        claimed: the claimed expression.

    Returns:
        The identity.
    """

    def residual() -> Element:
        if kind.attribute == "volume_element":
            return _volume_residual(context, claimed)
        return context.element(claimed) - context.curvature.element(kind.attribute)

    return Identity(
        kind.symbol,
        residual,
        lambda view: view.value(claimed),
        kind.balls,
        lambda view: view.complex_value(claimed),
    )


def _volume_residual(context: Context, claimed: sympy.Expr) -> Element:
    """Claimed^2 - det g or claimed^4 - det g^2, where the claimed expression is positive.

    That avoids the root of the determinant.

    Returns:
        The difference of the powers.

    Raises:
        FieldError: the sign of the claimed expression on the domain is not decided.
    """
    value, determinant = context.element(claimed), context.curvature.element("determinant")
    square = value * value
    residual = square - determinant
    if not residual.is_zero:  # the sign of det g is open: |det g|^2 does without it
        residual = square * square - determinant * determinant
    domain = context.metric.domain
    radicands = roots(claimed)
    # where the squares agree a single radicand has the sign of +-det g: it changes nowhere on a
    # connected domain of regular points, and samples at folds see it where the domain is none
    real = len(radicands) == 1 or all(keeps_sign(radicand, domain) for radicand in radicands)
    known = real and is_positive(claimed, domain)
    if residual.is_zero and not known:
        raise FieldError(
            claimed, "its square is |det g|, but its sign on the domain is not decided"
        )
    return residual


def describe_failure(
    context: Context, outcome: Outcome, kind: str, symbol: str, claimed: sympy.Expr,
    truth: Callable[[], Element],
) -> Outcome:  # fmt: skip
    """Add counterexample, the true value and how the claimed one differs to a refutation.

    Args:
        context: the metric.
        outcome: the refutation.
        kind: kind of the claim.
        symbol: how the quantity is written.
        claimed: the claimed expression.
        truth: derives the true value.

    Returns:
        The outcome, complete.
    """
    sample = outcome.mismatches[0].to_json()
    try:
        true = truth()
        text = context.text(true)
    except NO_TRUTH as error:
        detail = f"{outcome.detail}; the true value was not derived ({error})"
        return replace(outcome, detail=detail, counterexample=sample)
    if text is None:
        detail = f"{outcome.detail}; the true value has {true.term_count} terms"
        return replace(outcome, detail=detail, counterexample=sample)
    notes = [ratio_note(context, claimed, true), _recognise(context, kind, claimed)]
    detail = "; ".join([f"{symbol} = {text}", *(note for note in notes if note)])
    return replace(
        outcome, detail=detail, counterexample=sample, instead={"kind": kind, "value": text}
    )


def _run(context: Context, name: str, claimed: sympy.Expr) -> Outcome:
    kind = SCALARS[name]
    identity = scalar_identity(context, kind, claimed)
    outcome = context.decide([identity], switching=_switching(context, name, claimed))
    if outcome.verdict is not Verdict.FAILS:
        return outcome
    outcome = describe_failure(
        context, outcome, name, kind.symbol, claimed,
        lambda: context.curvature.element(kind.attribute),
    )  # fmt: skip
    return _with_open_sign(context, outcome) if name == "volume_element" else outcome


def _with_open_sign(context: Context, outcome: Outcome) -> Outcome:
    """Write sqrt(Abs(det g)) where the sign of det g is not the same all over the domain."""
    try:
        determinant = context.curvature.element("determinant").to_sympy()
    except NO_TRUTH:
        return outcome
    if determinant.has(AppliedUndef) or keeps_sign(determinant, context.metric.domain):
        return outcome
    value = to_text(sympy.sqrt(sympy.Abs(determinant)))
    instead = {"kind": "volume_element", "value": value}
    return replace(outcome, detail=f"sqrt|det g| = {value}", instead=instead)


def _switching(context: Context, name: str, claimed: sympy.Expr) -> list[Switch] | None:
    """For volume elements the signs of the claimed value and of det g matter as well."""
    if name != "volume_element":
        return None
    signs = [claimed, *minors(context.metric.matrix)]
    own = [(sign, None) for sign in signs if not (sign.is_nonnegative or sign.is_nonpositive)]
    return [*own, *switches([*context.metric.matrix, claimed])]


def _recognise(context: Context, kind: str, claimed: sympy.Expr) -> str:
    """Say so when the claimed value is that of a related quantity."""
    curvature = context.curvature
    try:
        value = context.element(claimed)
        for words, derive in _relatives(kind, context.n).items():
            if (value - derive(curvature)).is_zero:
                return words
    except NO_TRUTH:
        pass
    return ""


def _relatives(kind: str, n: int) -> dict[str, Callable[[Any], Element]]:
    """Quantities that are easily mistaken for `kind`, with what to say."""
    if kind == "scalar_curvature":
        table = {"the claimed value is -R: another sign convention": lambda c: -c.element("scalar")}
        if n == 2:
            table["the claimed value is K; R = 2K"] = lambda c: c.element("gauss")
        return table
    if kind == "gauss_curvature":
        return {"the claimed value is R; K = R/2": lambda c: c.element("scalar")}
    if kind == "volume_element":
        return {
            "the claimed value is det g; the volume element is sqrt|det g|": (
                lambda c: c.element("determinant")
            ),
            "the claimed value is -det g; the volume element is sqrt|det g|": (
                lambda c: -c.element("determinant")
            ),
        }
    squares = {"kretschmann": "Riem^2", "ricci_squared": "Ric^2", "weyl_squared": "Weyl^2"}
    others = {other: sign for other, sign in squares.items() if other != kind}
    if n < 3:
        others.pop("weyl_squared", None)
    squared: dict[str, Callable[[Any], Element]] = {
        f"the claimed value is that of {other} ({sign})": methodcaller("element", other)
        for other, sign in others.items()
    }
    squared["the claimed value is R^2"] = lambda c: c.element("scalar") ** 2
    return squared
