"""Claims about components: Christoffel symbols, Riemann, Ricci and Einstein tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy

from geomkit.expressions import canonical_name
from geomkit.field import Element
from geomkit.tensor.symmetry import Symmetry

from .check import Check
from .context import Context
from .decide import NO_TRUTH, Identity, Mismatch, Outcome
from .report import Verdict

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = [
    "TENSORS",
    "TensorKind",
    "component_identity",
    "component_key",
    "component_name",
    "ratio_note",
    "tensor_check",
]

Index = tuple[int, ...]


@dataclass(frozen=True)
class TensorKind:
    """Where the components of a tensor come from, in either pillar.

    Attributes:
        symbol: how it is written.
        up: number of upper indices, which come first.
        rank: number of indices.
        symmetry: permutations that change at most the sign of a component.
        attribute: name of the tensor in `Curvature`.
        balls: the component at a point, from enclosures.
        least: smallest dimension in which it is defined.
    """

    symbol: str
    up: int
    rank: int
    symmetry: Symmetry
    attribute: str
    balls: Callable[[Any, Index], Any]
    least: int = 1


def _entry(name: str) -> Callable[[Any, Index], Any]:
    def balls(view: Any, index: Index) -> Any:
        value = getattr(view.geometry, name)
        for i in index:
            value = value[i]
        return value

    return balls


_PAIR, _NONE = Symmetry.symmetric(2), Symmetry.none(2)
_LAST = Symmetry.antisymmetric(4, (2, 3))

TENSORS: Mapping[str, TensorKind] = {
    "christoffel": TensorKind(
        "Gamma", 1, 3, Symmetry.christoffel(), "christoffel", _entry("gamma")
    ),
    "riemann_up": TensorKind("R", 1, 4, _LAST, "riemann", _entry("riemann_up")),
    "riemann_down": TensorKind(
        "R", 0, 4, Symmetry.riemann(), "riemann_down", _entry("riemann_down")
    ),
    "ricci": TensorKind("Ric", 0, 2, _PAIR, "ricci", _entry("ricci")),
    "einstein": TensorKind("G", 0, 2, _PAIR, "einstein", _entry("einstein")),
    "ricci_mixed": TensorKind("Ric", 1, 2, _NONE, "ricci_mixed", _entry("ricci_mixed")),
    "einstein_mixed": TensorKind("G", 1, 2, _NONE, "einstein_mixed", _entry("einstein_mixed")),
    "weyl": TensorKind("C", 0, 4, Symmetry.riemann(), "weyl", _entry("weyl"), 3),
    "cotton": TensorKind(
        "Cotton", 0, 3, Symmetry.antisymmetric(3, (0, 1)), "cotton", _entry("cotton"), 3
    ),
}


def component_name(context: Context, kind: TensorKind, index: Index) -> str:
    """A component as people write it: Ric_tt, Gamma^t_{t,r}.

    Args:
        context: the metric.
        kind: the tensor.
        index: numbers of coordinates.

    Returns:
        The text.
    """
    names = [str(context.coordinates[i]) for i in index]
    comma = "," if any(len(name) > 1 for name in names) else ""
    upper, lower = comma.join(names[: kind.up]), comma.join(names[kind.up :])
    lower = f"{{{lower}}}" if comma else lower
    return kind.symbol + (f"^{upper}" if upper else "") + f"_{lower}"


def component_key(context: Context, kind: TensorKind, index: Index) -> str:
    """A component as claim files write it: "t,t", "t|t,r"."""
    names = [str(context.coordinates[i]) for i in index]
    lower = ",".join(names[kind.up :])
    return f"{','.join(names[: kind.up])}|{lower}" if kind.up else lower


def component_identity(
    context: Context, kind: TensorKind, index: Index, claimed: sympy.Expr
) -> Identity:
    """The equation: component = claimed expression.

    Args:
        context: the metric.
        kind: the tensor.
        index: numbers of coordinates.
        claimed: the claimed expression.

    Returns:
        The identity.
    """

    def residual() -> Element:
        true: Element = getattr(context.curvature, kind.attribute).element(*index)
        return context.element(claimed) - true

    return Identity(
        component_name(context, kind, index),
        residual,
        lambda view: view.value(claimed),
        lambda view: kind.balls(view, index),
        lambda view: view.complex_value(claimed),
    )


def tensor_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim about components.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.

    Raises:
        FileError: an index or expression cannot be read.
    """
    kind = TENSORS[claim.kind]
    listed = _listed(context, claim, kind)
    complete = claim.keys.get("complete", False)
    named = {index: key for key, (index, _) in listed.items()}
    claims = [(index, value) for index, value in listed.values()]
    if complete:
        claims += [(index, sympy.S.Zero) for index in _unlisted(context, kind, set(named))]
    shown = ", ".join(f"{key}: {claimed}" for key, (_, claimed) in list(listed.items())[:3])
    more = f", ... ({len(listed)} listed)" if len(listed) > 3 else ""
    label = "{" + shown + more + "}" + (", all others 0" if complete else "")
    expressions = tuple(value for _, value in claims)
    return Check(label, lambda: _run(context, kind, claim.kind, claims, named), expressions)


def _run(
    context: Context,
    kind: TensorKind,
    name: str,
    claims: list[tuple[Index, sympy.Expr]],
    named: Mapping[Index, str],
) -> Outcome:
    identities = {component_identity(context, kind, i, value): (i, value) for i, value in claims}
    if not identities:
        detail = "no component is listed and complete is not set: nothing is claimed"
        return Outcome(Verdict.HOLDS, "exact", detail)
    outcome = context.decide(list(identities))
    if outcome.verdict is not Verdict.FAILS:
        return outcome
    wrong = [(m, *identities[m.identity]) for m in outcome.mismatches]
    truth: dict[str, str] = {}
    notes: list[str] = []
    for mismatch, index, value in wrong:
        key = named.get(index) or component_key(context, kind, index)
        true, note = _truth(context, kind, index, value)
        if true is not None:
            truth[key] = true
        notes.append(_note(mismatch, true, note))
    shown = "; ".join(notes[:4]) + (f"; and {len(notes) - 4} more" if len(notes) > 4 else "")
    instead = {"kind": name, "components": truth, "value": truth} if truth else None
    return Outcome(
        outcome.verdict, outcome.proof, shown + _other_tensor(context, name, wrong),
        outcome.mismatches, outcome.mismatches[0].to_json(component=True), instead,
    )  # fmt: skip


def _truth(
    context: Context, kind: TensorKind, index: Index, claimed: sympy.Expr
) -> tuple[str | None, str]:
    """The true component as text, and how the claimed one differs."""
    try:
        true = getattr(context.curvature, kind.attribute).element(*index)
        text = context.text(true)
    except NO_TRUTH:
        return None, ""
    return text, ratio_note(context, claimed, true)


def ratio_note(context: Context, claimed: sympy.Expr, true: Element) -> str:
    """Say so when a claimed expression is a rational multiple of the true one.

    Args:
        context: the metric.
        claimed: the claimed expression.
        true: the true value.

    Returns:
        "the claimed value is -1 times the true one", or "".
    """
    try:
        claimed_element = context.element(claimed)
        if true.is_zero or claimed_element.is_zero:
            return ""
        ratio = (claimed_element / true).as_rational()
    except NO_TRUTH:
        return ""
    if ratio is None or ratio == 1 or max(abs(ratio.numerator), ratio.denominator) > 1000:
        return ""
    if ratio == -1:
        return "the claimed value has the wrong sign"
    return f"the claimed value is {ratio} times the true one"


def _note(mismatch: Mismatch, true: str | None, note: str) -> str:
    value = true if true is not None and len(true) <= 200 else None
    text = f"{mismatch.identity.name} = {value}" if value else f"{mismatch.identity.name} differs"
    return f"{text} ({note})" if note else text


def _other_tensor(context: Context, name: str, wrong: list[Any]) -> str:
    """Recognise components of the neighbouring tensor: Ricci for Einstein and so on."""
    pairs = {"ricci": "einstein", "ricci_mixed": "einstein_mixed"}
    pairs |= {other: own for own, other in pairs.items()}
    other = pairs.get(name)
    if other is None:
        return ""
    try:
        tensor = getattr(context.curvature, TENSORS[other].attribute)
        same = all(
            (context.element(value) - tensor.element(*index)).is_zero for _, index, value in wrong
        )
    except NO_TRUTH:
        return ""
    return f"; these are components of the {other.split('_')[0].title()} tensor" if same else ""


def _listed(
    context: Context, claim: Claim, kind: TensorKind
) -> dict[str, tuple[Index, sympy.Expr]]:
    given = claim.keys.get("components", {})
    if not isinstance(given, Mapping):
        remedy = 'write components = {"..." = "..."}'
        raise context.error(claim, f"{given!r} is not a table", key="components", remedy=remedy)
    listed = {}
    for key, text in given.items():
        where = f'components."{key}"'
        listed[key] = (_index(context, claim, kind, key), context.expression(claim, text, where))
    return listed


def _index(context: Context, claim: Claim, kind: TensorKind, key: str) -> Index:
    """Read "t|t,r" or "t,t"."""
    upper, bar, lower = key.partition("|")
    groups = [upper, lower] if kind.up else [upper]
    names = [canonical_name(name.strip()) for group in groups for name in group.split(",")]
    known = {str(symbol): i for i, symbol in enumerate(context.coordinates)}
    sample = component_key(context, kind, (0,) * kind.rank)
    shape_fits = (bool(bar) == bool(kind.up)) and len(upper.split(",")) == (kind.up or kind.rank)
    unknown = [name for name in names if name not in known]
    if not shape_fits or len(names) != kind.rank or unknown:
        message = f"{key!r} is not an index of {claim.kind}"
        if shape_fits and len(names) == kind.rank:
            message += f": {unknown[0]!r} is not a coordinate"
        remedy = f'write it as "{sample}", with coordinates {", ".join(known)}'
        raise context.error(claim, message, key="components", remedy=remedy)
    return tuple(known[name] for name in names)


def _unlisted(context: Context, kind: TensorKind, listed: set[Index]) -> list[Index]:
    """Independent components that neither are listed nor follow from listed ones by symmetry."""
    known = {kind.symmetry.canonical(index)[0] for index in listed}
    rest = [index for index in kind.symmetry.indices(context.n) if index not in known]
    if kind.attribute != "riemann_down":
        return rest
    return [index for index in rest if not _follows_by_bianchi(index, known)]


def _follows_by_bianchi(index: Index, known: set[Index]) -> bool:
    """Whether R_ijkl + R_iklj + R_iljk = 0 gives this component from two listed ones."""
    i, j, k, m = index
    if len({i, j, k, m}) < 4:
        return False
    canonical = Symmetry.riemann().canonical
    return all(canonical(other)[0] in known for other in ((i, k, m, j), (i, m, j, k)))
