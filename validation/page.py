"""The results as one HTML page, complete in itself, as JSON, and the answers as Markdown."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection, Sequence
from html import escape
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from geomkit import __version__
from geomkit.writing import write_whole
from validation.claim import Claim, Picture, Table
from validation.markdown import answers
from validation.overall import overall
from validation.record import Record
from validation.registry import PARTS

__all__ = ["write_pages"]

_PACKAGES = ("numpy", "scipy", "sympy", "python-flint", "numba", "torch", "lightning")
_LONG = 25  # rows: more of them are shown when they are asked for
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: #fff; color: #1c2024;
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h2 { border-bottom: 1px solid #d9dee3; margin-top: 2.4rem; } h3 { margin: 2rem 0 .2rem; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .92rem; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #e4e8ec; text-align: left;
  vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } .soft { color: #5b6570; } pre { overflow-x: auto; font-size: .8rem; }
details { margin: .6rem 0; } summary { cursor: pointer; color: #5b6570; }
.outcome { font-weight: 600; white-space: nowrap; } .holds, .confirmed { color: #1a7f37; }
.fails, .broken { color: #b3261e; } .refuted { color: #9a5b00; }
"""


def write_pages(
    chosen: Sequence[Claim], records: Sequence[Record], folder: Path, *, quick: bool
) -> Path:
    """Write index.html, index.json and answers.md.

    Args:
        chosen: the claims.
        records: one for each.
        folder: where.
        quick: whether this was a quick look.

    Returns:
        The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = _about(records, quick)
    pairs = list(zip(chosen, records, strict=True))
    data = {"about": about, "claims": [_as_json(claim, record) for claim, record in pairs]}
    write_whole(folder / "index.json", json.dumps(data, indent=1), mode=0o644)
    write_whole(folder / "answers.md", answers(pairs, about), mode=0o644)
    page = folder / "index.html"
    write_whole(page, _html(pairs, about), mode=0o644)
    return page


def _about(records: Sequence[Record], quick: bool) -> dict[str, str]:
    about = {
        "run": "quick look: questions are not answered" if quick else "full",
        "dates": " to ".join(sorted({min(r.date for r in records), max(r.date for r in records)})),
        "commits": ", ".join(sorted({record.commit for record in records})),
        "CPU time": f"{sum(r.cpu for r in records) / 60:.1f} min",
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "geomkit": __version__,
    }
    for name in _PACKAGES:
        try:
            about[name] = version(name)
        except PackageNotFoundError:
            about[name] = "not installed"
    return about


def _as_json(claim: Claim, record: Record) -> dict[str, Any]:
    said = {k: getattr(claim, k) for k in ("id", "statement", "reference", "tolerance", "question")}
    found = record.to_json()
    if found["finding"]:
        found["finding"]["pictures"] = [p["title"] for p in found["finding"]["pictures"]]
    return said | found


def _html(pairs: Sequence[tuple[Claim, Record]], about: dict[str, str]) -> str:
    title = "What was claimed, and what was found"
    rows = [
        f"<tr><td><a href='#{escape(c.id)}'>{escape(c.id)}</a></td><td>{escape(c.statement)}</td>"
        f"<td>{_outcome(r)}</td></tr>"
        for c, r in pairs
    ]
    parts = [
        f"<h1>{title}</h1>",
        "<p>A statement that has to hold <em>holds</em> or <em>fails</em>. A question put to a "
        "paper is <em>confirmed</em>, <em>refuted</em> or <em>inconclusive</em>: no is an "
        "answer. It is looked at after 5 seeds, and after 10, 20, 50 and 100 until the answer is "
        "clear; the five looks share an error of 5 %. Refuted is what is surely smaller than the "
        "smallest effect that would matter, which is named before the run.</p>",
        _table(Table("", ("", ""), tuple(about.items()))),
        "<h2>Summary</h2><table><tr><th>claim</th><th>statement</th><th>outcome</th></tr>",
        *rows,
        "</table>",
    ]
    whole = overall(pairs)
    if whole:
        parts.append("<h2>Taken together: more interpretable, robust, efficient? (R89)</h2>")
        parts += [_table(table, {claim.id for claim, _ in pairs}) for table in whole]
    for part, heading in PARTS.items():
        known = {c.id for c in import_module(f"validation.{part}").CLAIMS}
        mine = [_section(c, r) for c, r in pairs if c.id in known]
        parts += [f"<h2>{escape(heading)}</h2>", *mine] if mine else []
    head = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
    )
    return head + "\n".join(parts) + "</body></html>\n"


def _section(claim: Claim, record: Record) -> str:
    seeds = f"{_seeds(record.seeds)}; " if record.seeds else ""
    parts = [
        f"<h3 id='{escape(claim.id)}'>{escape(claim.id)} {_outcome(record)}</h3>",
        f"<p>{escape(claim.statement)}<br><span class='soft'>{escape(claim.reference)}. "
        f"{escape(claim.tolerance)}</span></p>",
    ]
    finding = record.finding
    if finding is None:
        parts.append(f"<pre>{escape(record.error)}</pre>")
    else:
        parts.append(f"<p>{escape(finding.summary)}</p>")
        parts += [_table(table) for table in finding.tables]
        parts += [_image(picture) for picture in finding.pictures]
    parts.append(
        f"<p class='soft'>{seeds}{record.wall:.1f} s, CPU {record.cpu:.1f} s, {record.date} UTC, "
        f"commit {escape(record.commit or 'unknown')}</p>"
    )
    return "\n".join(parts)


def _seeds(seeds: tuple[int, ...]) -> str:
    if len(seeds) > 2 and seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seeds {', '.join(map(str, seeds))}"


def _outcome(record: Record) -> str:
    word = str(record.finding.outcome) if record.finding else "broken"
    return f"<span class='outcome {word.replace(' ', '-')}'>{word}</span>"


def _table(table: Table, linked: Collection[str] = ()) -> str:
    """A table, folded if it is long; texts that are ids of claims on the page lead there."""
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = ["<tr>" + "".join(_cell(value, linked) for value in row) + "</tr>" for row in table.rows]
    first = f"<tr>{head}</tr>" if any(table.header) else ""
    body, title = f"<table>{first}{''.join(rows)}</table>", escape(table.title)
    if title and len(rows) > _LONG:
        return f"<details><summary>{title}: {len(rows)} rows</summary>{body}</details>"
    return (f"<p class='soft'>{title}</p>" if title else "") + body


def _cell(value: str | float, linked: Collection[str]) -> str:
    if isinstance(value, str):
        if value in linked:
            return f"<td><a href='#{escape(value)}'>{escape(value)}</a></td>"
        return f"<td>{escape(value)}</td>"
    return f"<td class='number'>{value:.4g}</td>"


def _image(picture: Picture) -> str:
    title = escape(picture.title)
    return (
        f"<figure><img alt='{title}' src='data:image/png;base64,{picture.png}'>"
        f"<figcaption class='soft'>{title}</figcaption></figure>"
    )
