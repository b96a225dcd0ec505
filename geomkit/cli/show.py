"""`geomkit show`: a metric as it was understood, or a stage of a derivation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geomkit.cli.derive import components_text, head
from geomkit.cli.target import claim_path, find_metric
from geomkit.terminal import emit, printable, strong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geomkit.files import Claim
    from geomkit.metric import Metric

__all__ = ["overview", "run"]


def run(target: str, names: list[str], stage: str, budget: float | None) -> None:
    """Show a metric, or how quantities look at a stage.

    Args:
        target: file or catalogue name.
        names: quantities; none for an overview of the metric, or for a kernel's usual tensors.
        stage: "tensors", "program", "numba" or "torch".
        budget: seconds, or None.
    """
    if not names and stage == "tensors":
        emit(overview(claim_path(target)))
        return
    if stage != "tensors":
        from geomkit.cli.kernels import stage_text

        emit(stage_text(target, names, stage, budget))
        return
    from geomkit.derived import derive

    metric = find_metric(target)
    emit(head(metric))
    for result in derive(metric, names, budget=budget):
        emit(f"\n{strong(f'{result.name}: {result.meaning}')}  [stage {stage}]")
        if result.positions:
            terms = sum(entry.element.term_count for entry in result.entries)
            emit(
                f"  positions {result.positions}; {len(result.entries)} of {result.total} "
                f"independent components are not zero, {terms} terms in all"
            )
        emit("\n".join(components_text(result)))


def overview(path: str) -> str:
    """Describe a metric file: line element, what is declared, its claims and its reference.

    Args:
        path: the file.

    Returns:
        Text of some lines.
    """
    from geomkit.files import load_claims

    content = load_claims(path)
    metric = content.metric
    lines = [f"  ds^2 = {metric.line_element()}", *_declared(metric)]
    if metric.reference:
        lines.append(f"  reference: {metric.reference}")
    if content.claims:
        lines.append(f"  {len(content.claims)} claims:")
        lines += [f"    {_claim_text(claim)}" for claim in content.claims]
    return "\n".join([head(metric), *map(printable, lines)])


def _declared(metric: Metric) -> Iterator[str]:
    values = {one.symbol: one.value for one in metric.parameters if one.value is not None}
    functions = ", ".join(str(one.function) for one in metric.functions)
    if functions:
        yield f"  unspecified functions: {functions}"
    for box in metric.domain.boxes:
        kind = "coordinate" if box.symbol in metric.coordinates else "parameter"
        whole = ", integer" if box.integer else ""
        yield f"  {kind} {box.symbol} in [{box.lower}, {box.upper}]{whole}"
    for symbol, value in values.items():
        yield f"  parameter {symbol} = {value}"


def _claim_text(claim: Claim) -> str:
    source = f"   ({claim.source})" if claim.source else ""
    return f"{claim.kind}: {claim.label}{source}" if claim.label else f"{claim.kind}{source}"
