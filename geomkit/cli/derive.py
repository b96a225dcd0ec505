"""`geomkit derive`: quantities of a metric as text, LaTeX or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from geomkit.cli.target import find_metric
from geomkit.derived import Derived, Entry, derive
from geomkit.terminal import emit, printable, strong

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["components_text", "run"]


def run(target: str, names: list[str], form: str, index: str | None, budget: float | None) -> None:
    """Derive and print.

    Args:
        target: file or catalogue name.
        names: quantities, as the user wrote them.
        form: text, latex or json.
        index: index positions for tensors, or None.
        budget: seconds, or None.
    """
    positions = None if index is None else index.lower()
    metric = find_metric(target)
    results = derive(metric, names, index=positions, budget=budget)
    emit({"text": _text, "latex": _latex, "json": _json}[form](metric, results))


def _text(metric: Metric, results: list[Derived]) -> str:
    blocks = [head(metric)]
    blocks += ["\n".join([strong(f"{r.name}: {r.meaning}"), *components_text(r)]) for r in results]
    return "\n\n".join(blocks)


def head(metric: Metric) -> str:
    """Write name, coordinates and abbreviations of a metric.

    Args:
        metric: the metric.

    Returns:
        One line, and one for each abbreviation.
    """
    coordinates = ", ".join(str(coordinate) for coordinate in metric.coordinates)
    lines = [f"{strong(printable(metric.name) or 'metric')}  coordinates {coordinates}"]
    lines += [f"  {one.symbol} = {one.value}" for one in metric.definitions]
    return "\n".join(lines)


def components_text(result: Derived) -> list[str]:
    """Write the components of a result, one a line.

    Args:
        result: the result.

    Returns:
        The lines.
    """
    if result.decision is not None:
        return [f"  {decision_text(result.decision)}"]
    if result.signature is not None:
        return [f"  {result.signature}"]
    if not result.positions:
        return [f"  {_shown(result.entries[0])}"]
    if not result.entries:
        return ["  0  (every component vanishes identically)"]
    width = max(len(result.label(entry)) for entry in result.entries)
    return [f"  {result.label(entry):<{width}} = {_shown(entry)}" for entry in result.entries]


def _shown(entry: Entry) -> str:
    if entry.is_long:
        return f"({entry.element.term_count:,} terms; --format json prints them)"
    return str(entry.short)


def decision_text(decision: Any) -> str:
    """Write a decision as yes, no or undecided, with its proof.

    Args:
        decision: what a property of `Curvature` returned.

    Returns:
        One line.
    """
    word = {True: "yes", False: "no", None: "undecided"}[decision.value]
    proof = f" (proof: {decision.proof})" if decision.proof else ""
    constant = getattr(decision, "constant", None)
    value = f", constant {constant}" if constant is not None else ""
    return f"{word}{value}{proof}" + (f": {decision.detail}" if decision.detail else "")


def _latex(metric: Metric, results: list[Derived]) -> str:
    return "\n\n".join(latex_block(metric, result) for result in results)


def latex_block(metric: Metric, result: Derived) -> str:
    r"""Write a result as an `align*` block.

    Args:
        metric: the metric, for the abbreviations.
        result: the result.

    Returns:
        LaTeX; every line is `symbol &= value \\`.
    """
    from geomkit.expressions import to_latex

    if result.decision is not None:
        return f"% {result.name}: {decision_text(result.decision)}"
    if result.signature is not None:
        return rf"\[ {result.symbol} = {result.signature} \]"
    lines = [
        f"  {_latex_label(result, entry.index)} &= {to_latex(entry.short)}"
        for entry in result.entries
    ]
    if not lines:
        lines = [f"  {result.symbol} &= 0"]
    shorts = [f"  {to_latex(d.symbol)} &= {to_latex(d.value)}" for d in metric.definitions]
    note = f"% {metric.name}: {result.meaning}\n"
    return note + "\\begin{align*}\n" + " \\\\\n".join(lines + shorts) + "\n\\end{align*}"


def _latex_label(result: Derived, index: tuple[str, ...]) -> str:
    import sympy

    from geomkit.expressions import to_latex

    label = result.symbol
    for position, name in zip(result.positions, index, strict=True):
        mark = "^" if position == "u" else "_"
        label += f"{{}}{mark}{{{to_latex(sympy.Symbol(name))}}}"
    return label


def _json(metric: Metric, results: list[Derived]) -> str:
    data = {
        "metric": metric.name,
        "coordinates": [str(coordinate) for coordinate in metric.coordinates],
        "quantities": {result.name: result.to_json() for result in results},
    }
    return json.dumps(data, indent=2)
