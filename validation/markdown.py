"""The answers in a few lines of Markdown, for readers of the repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from validation.claim import Claim
from validation.record import Record

__all__ = ["answers"]


def answers(pairs: Sequence[tuple[Claim, Record]], about: Mapping[str, str]) -> str:
    """What was found, in two tables: questions with their answers, and what has to hold.

    Args:
        pairs: claims with their records.
        about: of the run.

    Returns:
        Text in Markdown.
    """
    run = ", ".join(f"{key} {about[key]}" for key in ("dates", "commits", "CPU time"))
    lines = [
        "# Validation results",
        "",
        f"Written by `python -m validation` ({about['run']}; {run}). Figures, pictures, seeds and "
        "versions are in [index.html](index.html), and for programs in [index.json](index.json).",
    ]
    questions = [(claim, record) for claim, record in pairs if claim.question]
    if questions:
        lines += [
            "",
            "## What the paper claims, asked",
            "",
            "One number a seed, positive where the claim is right; its mean, interval, and the "
            "smallest effect that would have been detected with probability 0.8.",
            "",
            *_table(questions),
        ]
    others = [(claim, record) for claim, record in pairs if not claim.question]
    if others:
        lines += ["", "## What has to hold", "", *_table(others)]
    return "\n".join(lines) + "\n"


def _table(pairs: Sequence[tuple[Claim, Record]]) -> list[str]:
    lines = ["| claim | statement | outcome | found |", "|---|---|---|---|"]
    for claim, record in pairs:
        outcome = str(record.finding.outcome) if record.finding else "broken"
        found = record.finding.summary if record.finding else record.error.strip().split("\n")[-1]
        cells = (claim.id, claim.statement, f"**{outcome}**", found)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
