"""Is the whole more interpretable, more robust and more efficient (R89)? Only what was asked says.

The paper's last word on itself, taken apart: each of its words rests on claims that are asked one
by one (R45 to R61), and a claim that was not asked, or not run, counts for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from validation.claim import Claim, Table
from validation.record import Record

__all__ = ["WORDS", "overall"]

#: the paper's word -> the claims it rests on
WORDS = {
    "interpretable": ("R47", "R48", "R49", "R50", "R54", "R55", "R58"),
    "robust": ("R45", "R46", "R56", "R57", "R59"),
    "efficient": ("R51", "R52", "R53", "R60", "R61"),
}


def overall(pairs: Sequence[tuple[Claim, Record]]) -> tuple[Table, ...]:
    """What the answers say of the paper's three words.

    Args:
        pairs: claims with their records, those of a run.

    Returns:
        Counts of outcomes for each word, and each claim with its outcome and figure; nothing where
        the run has none of these claims.
    """
    known = {claim.id: (claim, record) for claim, record in pairs}
    if not any(name in known for names in WORDS.values() for name in names):
        return ()
    counts, lines = [], []
    for word, names in WORDS.items():
        answers = [_answer(name, known) for name in names]
        found = Counter(outcome for _, outcome, _ in answers)
        counts.append((word, ", ".join(f"{count} {outcome}" for outcome, count in found.items())))
        lines += [(word, name, *answer) for name, answer in zip(names, answers, strict=True)]
    return (
        Table("outcomes of the claims that each word rests on", ("more", "outcomes"), (*counts,)),
        Table("each of them", ("more", "claim", "statement", "outcome", "found"), (*lines,)),
    )


def _answer(name: str, known: dict[str, tuple[Claim, Record]]) -> tuple[str, str, str]:
    """Statement, outcome and summary."""
    if name not in known:
        return "", "not in this run", ""
    claim, record = known[name]
    if record.finding is None:
        return claim.statement, "broken", ""
    return claim.statement, str(record.finding.outcome), record.finding.summary
