"""Claims about the signature of a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from geomkit.chart import Chart
from geomkit.errors import DomainError, EvaluationError, GeomkitError
from geomkit.expressions import to_text
from geomkit.field import Element
from geomkit.metric import Metric

from .check import Check
from .compare import Sample
from .context import Context
from .critical import minors, switches
from .decide import Outcome
from .report import Verdict
from .signs import factors, keeps_sign
from .view import REGULAR_BITS

if TYPE_CHECKING:
    from geomkit.files import Claim

__all__ = ["signature_check"]

# The signature is rigorous at each point; that it is the same in between needs a determinant
# without zero. Where that cannot be proved, so many points make a numeric verdict.
POINTS = 16

Signature = tuple[int, int]


def signature_check(context: Context, claim: Claim) -> Check:
    """Prepare a claim about the numbers of positive and negative directions.

    Args:
        context: the metric.
        claim: the claim.

    Returns:
        What to run.

    Raises:
        FileError: the numbers do not add up to the dimension.
    """
    given = claim.keys.get("value")
    if not isinstance(given, (list, tuple)) or len(given) != 2 or sum(given) != context.n:
        message = f"{given!r} is no signature in dimension {context.n}"
        remedy = f"write value = [plus, minus] with plus + minus = {context.n}"
        raise context.error(claim, message, key="value", remedy=remedy)
    plus, minus = given
    return Check(f"signature [{plus}, {minus}]", lambda: _run(context, (plus, minus)))


def _run(context: Context, claimed: Signature) -> Outcome:
    found: Counter[Signature] = Counter()
    counterexample: dict[str, Any] | None = None
    for sample in [*context.sampler.draw(POINTS), *_critical(context)]:
        true = _at(sample)
        if true is None:
            continue
        found[true] += 1
        if true != claimed and counterexample is None:
            values = {"claimed": str(list(claimed)), "true": str(list(true))}
            counterexample = {**sample.describe(), **values}
    if counterexample is not None:
        return _refuted(claimed, found, counterexample)
    if not found:
        return Outcome(Verdict.UNDECIDED, detail="no sampled point could be evaluated")
    points = found[claimed]
    if _nowhere_degenerate(context):
        detail = f"enclosed at {points} points; the metric is nowhere degenerate on the domain"
        return Outcome(Verdict.HOLDS, "exact", detail)
    detail = f"enclosed at {points} points, not proved to be the same in between"
    if not context.options.fallback:
        return Outcome(Verdict.UNDECIDED, detail=f"{detail}; the numeric fallback is off")
    return Outcome(Verdict.HOLDS, "numeric", detail)


def _critical(context: Context) -> list[Sample]:
    """Points close to the edges of the domain, and on both sides of zeros of the determinant."""
    sampler, matrix = context.sampler, context.metric.matrix
    signs = minors(matrix)
    own = [(sign, None) for sign in signs if not (sign.is_positive or sign.is_negative)]
    folds = sampler.folds([*own, *switches(matrix)])
    samples = [sampler.at(point) for fold in folds for point in fold.samples]
    return [*sampler.corners(), *(sample for sample in samples if sample is not None)]


def _at(sample: Any) -> Signature | None:
    view = sample.view(REGULAR_BITS)
    try:
        with view.arithmetic.working():
            plus, minus = view.geometry.signature
    except (DomainError, EvaluationError):
        return None
    return plus, minus


def _refuted(claimed: Signature, found: Counter[Signature], sample: dict[str, Any]) -> Outcome:
    (true, _), *_ = found.most_common()
    if claimed in found:
        shown = " and ".join(str(list(signature)) for signature in found)
        detail = f"the signature changes on the domain: {shown}"
        instead = None
    else:
        detail = f"the signature is {list(true)}"
        instead = {"kind": "signature", "value": list(true)}
        if claimed == true[::-1]:
            detail += ": the claimed one belongs to -g"
    return Outcome(Verdict.FAILS, "exact", detail, counterexample=sample, instead=instead)


def _nowhere_degenerate(context: Context) -> bool:
    """Whether all blocks of the metric have determinants of proved sign on the domain.

    The domain is a box, so connected; where no determinant vanishes no direction changes its sign.
    With unspecified functions this is asked for each of the listed ones.

    Returns:
        True if proved.
    """
    metric = context.metric
    examples = max((len(f.examples) for f in metric.functions), default=0)
    if metric.functions and not examples:
        return False
    try:
        charts = [_concrete_chart(context, k) for k in range(examples)] or [context.curvature.chart]
        return all(_is_definite(chart, block) for chart in charts for block in chart.blocks)
    except GeomkitError:  # a function that does not fit the field: no proof
        return False


def _concrete_chart(context: Context, k: int) -> Chart:
    """The chart of the metric with its k-th concrete functions."""
    metric = context.metric
    content = metric.to_dict()
    content.pop("functions", None)
    matrix = metric.concrete(metric.matrix, k)
    content["matrix"] = [[to_text(entry) for entry in row] for row in matrix.tolist()]
    return Chart.of(Metric.from_dict(content), budget=context.budget)


def _is_definite(chart: Chart, block: Sequence[int]) -> bool:
    """Whether the determinant of a block has no zero on the domain.

    For a block of one entry even powers do not matter, since they do not change its sign: where
    they vanish the metric is degenerate, and not meant.

    Returns:
        True if proved.
    """
    determinant = _minor(chart, list(block), list(block))
    changing = [base for base, power in factors(determinant) if len(block) > 1 or power % 2]
    return all(keeps_sign(base, chart.metric.domain) for base in changing)


def _minor(chart: Chart, rows: list[int], columns: list[int]) -> Element:
    """Determinant of a submatrix, expanded along its first row."""
    if not rows:
        return chart.field.one
    first = chart.g[rows[0]]
    return chart.field.dot(
        [
            (-1 if k % 2 else 1, first[c], _minor(chart, rows[1:], columns[:k] + columns[k + 1 :]))
            for k, c in enumerate(columns)
            if not first[c].is_zero
        ]
    )
