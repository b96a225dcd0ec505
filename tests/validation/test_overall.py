"""The table that takes the paper's three words apart (R89)."""

from __future__ import annotations

from pathlib import Path

from validation.claim import Claim, Finding, Outcome
from validation.overall import WORDS, overall
from validation.page import write_pages
from validation.record import Record
from validation.study import Study


def _run(study: Study) -> Finding:
    return Finding(Outcome.HOLDS, "")


def _pair(name: str, outcome: Outcome | None) -> tuple[Claim, Record]:
    finding = None if outcome is None else Finding(outcome, f"a < {name}")
    record = Record(name, "", finding, "", (), 0, 0, "2025-01-01 00:00", "abc")
    return Claim(name, f"Statement of {name}.", "", "", _run, question=True), record


PAIRS = [
    _pair("R45", Outcome.CONFIRMED),
    _pair("R46", Outcome.REFUTED),
    _pair("R56", None),
    _pair("R50", Outcome.INCONCLUSIVE),
    _pair("catalogue", Outcome.HOLDS),
]


def test_every_claimed_advantage_has_one_place() -> None:
    names = [name for part in WORDS.values() for name in part]
    assert sorted(names) == [f"R{k}" for k in range(45, 62)]


def test_outcomes_are_counted_and_nothing_is_taken_for_granted() -> None:
    counts, each = overall(PAIRS)
    assert counts.rows == (
        ("interpretable", "6 not in this run, 1 inconclusive"),
        ("robust", "1 confirmed, 1 refuted, 1 broken, 2 not in this run"),
        ("efficient", "5 not in this run"),
    )
    assert len(each.rows) == 17
    assert ("robust", "R46", "Statement of R46.", "refuted", "a < R46") in each.rows
    assert all("catalogue" not in row for row in each.rows)


def test_other_runs_have_no_such_table() -> None:
    assert overall(PAIRS[-1:]) == ()


def test_the_page_shows_it(tmp_path: Path) -> None:
    claims, records = zip(*PAIRS, strict=True)
    text = write_pages(claims, records, tmp_path, quick=False).read_text()
    assert "(R89)" in text
    assert "1 confirmed, 1 refuted, 1 broken, 2 not in this run" in text
    assert "a &lt; R46" in text
    each = text[text.index("(R89)") :]
    assert "<td><a href='#R46'>R46</a></td>" in each
    assert "<td>R57</td>" in each  # not on this page
    other = write_pages(claims[-1:], records[-1:], tmp_path, quick=False).read_text()
    assert "(R89)" not in other
