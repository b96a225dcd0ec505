"""The parts of the report page; each function gives a piece of HTML with all text escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from geomkit import conventions
from geomkit.report.formulas import (
    Names,
    component,
    extended,
    line_element,
    names_of,
    statement,
    typeset,
)

if TYPE_CHECKING:
    from geomkit.derived import Derived
    from geomkit.files import ClaimFile
    from geomkit.metric import Metric

__all__ = ["conventions_section", "counts", "derived_section", "file_section", "legend"]

# Never by colour alone: a mark, the word, and a colour that colour-blind people tell apart.
_MARKS = {"holds": "✓", "fails": "✗", "undecided": "?", "error": "!"}
# Derived components shown at once.
_SHOWN = 24


def counts(summary: Mapping[str, Any]) -> str:
    """Show how many claims hold, fail, are undecided.

    Args:
        summary: the summary of the verdicts.

    Returns:
        A list of tiles.
    """
    tiles = [(name, name, summary.get(name, 0)) for name in ("holds", "fails", "undecided")]
    if summary.get("errors"):
        tiles.append(("error", "unusable files", summary["errors"]))
    items = [
        f"<li class='{style}'><b>{number}</b> {_MARKS[style]} {name}</li>"
        for style, name, number in tiles
    ]
    if summary.get("claims"):
        items.append(
            f"<li><b>{summary.get('exact', 0)}</b> of {summary['claims']} decided exactly</li>"
        )
    return f"<ul class='counts'>{''.join(items)}</ul>"


def legend() -> str:
    """Explain verdicts and kinds of proof.

    Returns:
        A definition list.
    """
    return (
        "<dl><dt>exact</dt><dd>proved: the difference of both sides has normal form 0, or a "
        "rigorous interval at a rational point of the domain excludes 0</dd>"
        "<dt>numeric</dt><dd>not proved: equal at 8 or more random points of the domain to 60 "
        "digits</dd>"
        "<dt>undecided</dt><dd>neither could be shown; the reason is given</dd></dl>"
    )


def file_section(result: Mapping[str, Any], content: ClaimFile | None) -> str:
    """Show the verdicts on one claim file.

    Args:
        result: what `verify` says about the file.
        content: the file itself, if it can be read.

    Returns:
        A section with a table.
    """
    name = escape(result["metric"] or "unusable file")
    metric = content.metric if content else None
    parts = [f"<h3>{name}</h3>", f"<p class='path'>{escape(str(result['file']))}</p>"]
    if result.get("error"):
        parts.append(f"<p class='message'>{_verdict('error')} {escape(result['error'])}</p>")
        return f"<section>{''.join(parts)}</section>"
    if metric is not None:
        parts.append(f"<div class='formulas'>{line_element(metric)}{_definitions(metric)}</div>")
    rows = "".join(_rows(claim, content) for claim in result["claims"])
    parts.append(
        "<div class='scroll'><table><thead><tr><th class='number'>#</th><th>Claim</th>"
        "<th class='word'>Verdict</th><th class='word'>Proof</th><th class='source'>Source</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return f"<section>{''.join(parts)}</section>"


def derived_section(metric: Metric, results: Sequence[Derived]) -> str:
    """Show derived quantities of one metric.

    Args:
        metric: the metric.
        results: what was derived.

    Returns:
        A section with formulas.
    """
    parts = [
        f"<h3>{escape(metric.name or 'metric')}</h3>",
        f"<div class='formulas'>{line_element(metric)}{_definitions(metric)}</div>",
    ]
    for result in results:
        parts.append(f"<p class='kind'>{escape(result.meaning)}</p>")
        parts.append(f"<div class='formulas'>{_values(result)}</div>")
    return f"<section>{''.join(parts)}</section>"


def conventions_section() -> str:
    """Show the signs and index order in use.

    Returns:
        A definition list.
    """
    rows = (
        f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
        for name, text in conventions.CONVENTIONS.items()
    )
    return f"<section><dl>{''.join(rows)}</dl></section>"


def _values(result: Derived) -> str:
    if result.decision is not None:
        word = {True: "yes", False: "no", None: "undecided"}[result.decision.value]
        proof = f" ({result.decision.proof})" if result.decision.proof else ""
        return f"<p>{word}{escape(proof)} {escape(result.decision.detail)}</p>"
    if result.signature is not None:
        return f"<p>{result.signature}</p>"
    if not result.entries:
        return "<p>0: every component vanishes identically</p>"
    lines = [component(result, entry) for entry in result.entries]
    if len(lines) <= _SHOWN:
        return "".join(lines)
    rest = "".join(lines[_SHOWN:])
    more = f"<details><summary>{len(lines) - _SHOWN} more components</summary>{rest}</details>"
    return "".join(lines[:_SHOWN]) + more


def _definitions(metric: Metric) -> str:
    names = names_of(metric)
    shown = (f"{typeset(d.symbol, names)} = {typeset(d.value, names)}" for d in metric.definitions)
    text = ", &ensp; ".join(shown)
    return f"<p class='soft'>with {text}</p>" if text else ""


def _rows(claim: Mapping[str, Any], content: ClaimFile | None) -> str:
    stated = content.claims[claim["index"]] if content else None
    names = extended(names_of(content.metric), stated.keys) if content and stated else None
    formula = statement(claim["kind"], stated.keys, names) if stated else ""
    source = stated.source if stated else ""
    kind = escape(claim["kind"].replace("_", " "))
    row = (
        f"<tr><td class='number'>{claim['index']}</td>"
        f"<td class='formula'><span class='kind'>{kind}</span>{formula}</td>"
        f"<td>{_verdict(claim['verdict'])}</td><td>{escape(claim['proof'] or '–')}</td>"
        f"<td class='soft'>{escape(source)}</td></tr>"
    )
    if claim["verdict"] == "holds":
        return row
    why = "".join(_why(claim, names))
    return f"{row}<tr class='why {claim['verdict']}'><td></td><td colspan='4'>{why}</td></tr>"


def _verdict(word: str) -> str:
    return f"<span class='verdict {word}'>{_MARKS[word]} {word}</span>"


def _why(claim: Mapping[str, Any], names: Names) -> Iterator[str]:
    """Give the detail, the counterexample, and what holds instead."""
    if claim.get("detail"):
        yield f"<p>{escape(claim['detail'])}</p>"
    sample = claim.get("counterexample")
    if sample:
        where = {**sample.get("parameters", {}), **sample.get("point", {})}
        where |= sample.get("functions", {})
        at = ", ".join(f"{typeset(k, names)} = {typeset(v, names)}" for k, v in where.items())
        of = sample.get("component") or sample.get("quantity")
        what = f" for {escape(str(of))}" if of else ""
        yield f"<p><b>Counterexample</b>{what} at {at}:</p><dl>"
        yield f"<dt>claimed</dt><dd>{typeset(sample['claimed'], names)}</dd>"
        yield f"<dt>true</dt><dd>{typeset(sample['true'], names)}</dd></dl>"
    instead = claim.get("instead")
    if instead:
        formula = statement(instead["kind"], _as_keys(instead.get("value")), names)
        kind = escape(str(instead["kind"]).replace("_", " "))
        yield f"<p><b>What holds instead</b> <span class='kind'>{kind}</span>{formula}</p>"


def _as_keys(value: Any) -> Mapping[str, Any]:
    """Bring the value of `instead` into the form of the keys of a claim."""
    if isinstance(value, Mapping) and any("," in str(key) for key in value):
        return {"components": value}
    return value if isinstance(value, Mapping) else {"value": value}
