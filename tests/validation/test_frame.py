"""The frame of the validation: what is kept, what is run again, what ends with which status."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from validation.__main__ import acceptable, app
from validation.claim import Claim, Finding, Outcome, Picture, Table
from validation.page import write_pages
from validation.record import Record, fingerprint, read
from validation.registry import claims
from validation.runner import run_claim
from validation.statistics import answer, effect, enlarge
from validation.study import Study

CALLS: list[int] = []
FAIL_AT: list[int] = []


def measure(seed: int) -> dict[str, float]:
    CALLS.append(seed)
    np.linalg.svd(np.ones((200, 200)))  # takes time that can be measured
    if seed in FAIL_AT:
        raise RuntimeError(f"seed {seed} broke <here>")
    return {"value": 2.0 * seed}


def run(study: Study) -> Finding:
    rows = study.each(measure)
    total = sum(row["value"] for row in rows)
    table = Table("all & sundry", ("seed", "value"), tuple((r["seed"], r["value"]) for r in rows))
    return Finding(Outcome.HOLDS, "a < b", {"total": total}, (table,), (Picture("none", ""),))


CLAIM = Claim("test/claim", "It is so.", "nobody", "exactly", run, seeds=(1, 2, 3))


@pytest.fixture(autouse=True)
def _clean() -> None:
    CALLS.clear()
    FAIL_AT.clear()


def test_a_run_that_broke_goes_on_with_the_seeds_that_are_missing(tmp_path: Path) -> None:
    FAIL_AT.append(3)
    broken = run_claim(CLAIM, tmp_path, quick=False)
    assert broken.finding is None
    assert "seed 3 broke" in broken.error
    assert read(tmp_path, CLAIM, broken.fingerprint) is None  # what broke is not kept
    FAIL_AT.clear()
    CALLS.clear()
    whole = run_claim(CLAIM, tmp_path, quick=False)
    assert CALLS == [3]
    spent = [json.loads(path.read_text())["cpu"] for path in tmp_path.rglob("seed-*.json")]
    assert whole.cpu > sum(spent[:2]) > 0  # that of the broken run is not lost
    assert whole.finding is not None
    assert whole.finding.figures == {"total": 12.0}
    assert read(tmp_path, CLAIM, whole.fingerprint) == whole


def test_a_changed_claim_or_a_fresh_run_forgets_what_was_kept(tmp_path: Path) -> None:
    first = run_claim(CLAIM, tmp_path, quick=False)
    changed = Claim("test/claim", "It is not so.", "nobody", "exactly", run, seeds=(1, 2, 3))
    mark = fingerprint(changed, changed.seeds, False)
    assert mark != first.fingerprint
    assert read(tmp_path, changed, mark) is None
    CALLS.clear()
    run_claim(changed, tmp_path, quick=False)
    run_claim(changed, tmp_path, quick=False, fresh=True)
    assert CALLS == [1, 2, 3, 1, 2, 3]


def test_a_fingerprint_is_of_all_that_a_result_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "claimed_for_a_test.py"
    source.write_text("def run(study): return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    claim = Claim("x", "", "", "", importlib.import_module(source.stem).run)
    # a claim without seeds has the same ones, none, in a quick look
    marks = [fingerprint(claim, s, quick) for s in ((), (1, 2), (1, 3)) for quick in (False, True)]
    source.write_text("def run(study): return 1 + 1\n")
    marks.append(fingerprint(claim, (), False))
    assert len(set(marks)) == 7
    source.write_text("def run(study): return 1\n")
    assert fingerprint(claim, (), False) == marks[0]


def test_quick_runs_have_their_own_seeds(tmp_path: Path) -> None:
    assert run_claim(CLAIM, tmp_path, quick=True).seeds == (0,)
    assert CALLS == [0]


def test_a_record_says_which_seeds_were_run(tmp_path: Path) -> None:
    def early(study: Study) -> Finding:  # an answer after two seeds of three
        study.each(measure, study.seeds[:2])
        return Finding(Outcome.CONFIRMED, "")

    claim = Claim("early", "It is so.", "nobody", "exactly", early, seeds=(1, 2, 3))
    assert run_claim(claim, tmp_path, quick=False).seeds == (1, 2)


def test_records_survive_json_and_damage_is_noticed(tmp_path: Path) -> None:
    record = run_claim(CLAIM, tmp_path, quick=False)
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record
    (file,) = tmp_path.rglob("record.json")
    file.write_text(file.read_text()[:-20])
    assert read(tmp_path, CLAIM, record.fingerprint) is None


def test_only_what_has_to_hold_decides_the_status(tmp_path: Path) -> None:
    def record(outcome: Outcome | None) -> Record:
        finding = None if outcome is None else Finding(outcome, "")
        return Record("x", "", finding, "", (), 0, 0, "", "")

    question = Claim("x", "", "", "", run, question=True)
    statement = Claim("x", "", "", "", run)
    assert acceptable(statement, record(Outcome.HOLDS))
    assert not acceptable(statement, record(Outcome.FAILS))
    assert not acceptable(statement, record(None))
    assert acceptable(question, record(Outcome.REFUTED))
    assert not acceptable(question, record(None))


def test_pages_show_everything_and_are_complete_in_themselves(tmp_path: Path) -> None:
    claim = claims()[0]
    finding = Finding(Outcome.FAILS, "1 < 2 & so on", {}, (Table("t", ("a",), ((0.5,),)),))
    record = Record(claim.id, "", finding, "", (4, 5), 1.0, 2.0, "2025-01-01 00:00", "abc")
    page = write_pages([claim], [record], tmp_path, quick=False)
    text = page.read_text()
    for piece in (claim.id, "1 &lt; 2 &amp; so on", "0.5", "seeds 4, 5", "abc", "fails"):
        assert piece in text
    assert "http" not in text.replace("http-equiv", "")
    data = json.loads((tmp_path / "index.json").read_text())
    assert data["claims"][0]["finding"]["outcome"] == "fails"
    assert data["claims"][0]["statement"] == claim.statement


def test_effects_agree_with_scipy() -> None:
    values = np.random.default_rng(0).normal(1, 2, 9)
    found = effect(list(values), level=0.9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert found.low == pytest.approx(expected.low, rel=1e-12)
    assert found.high == pytest.approx(expected.high, rel=1e-12)


def test_a_detectable_effect_is_detected_four_times_in_five() -> None:
    # with the true spread the power is 0.8 up to the t approximation: 0.80 +- 0.02 over 4000 draws
    rng, count, hits = np.random.default_rng(1), 8, 0
    size = effect(list(stats.norm.ppf((np.arange(4000) + 0.5) / 4000))).detectable * np.sqrt(4000)
    shift = size / np.sqrt(count) * 1.12  # t with 7 degrees of freedom against the normal law
    for _ in range(4000):
        hits += effect(list(rng.normal(shift, 1, count))).low > 0
    assert 0.74 < hits / 4000 < 0.88


@pytest.mark.parametrize("values", [[], [1.0], [1.0, float("nan")]])
def test_effects_refuse_what_says_nothing(values: list[float]) -> None:
    with pytest.raises(ValueError, match="two finite values"):
        effect(values)


def test_answers_in_markdown_are_one_line_each(tmp_path: Path) -> None:
    asked = next(claim for claim in claims() if claim.question)
    held = claims()[0]
    found = Finding(Outcome.REFUTED, "mean |x|\nis 1")
    records = [
        Record(held.id, "", None, "Traceback\n  here\nOSError: no disk\n", (), 0, 0, "then", "c"),
        Record(asked.id, "", found, "", (4,), 1.0, 2.0, "now", "d"),
    ]
    write_pages([held, asked], records, tmp_path, quick=False)
    lines = (tmp_path / "answers.md").read_text().splitlines()
    assert f"| {asked.id} | {asked.statement} | **refuted** | mean \\|x\\| is 1 |" in lines
    assert f"| {held.id} | {held.statement} | **broken** | OSError: no disk |" in lines
    assert [line for line in lines if line.startswith("## ")] == [
        "## What the paper claims, asked",
        "## What has to hold",
    ]
    assert sum(line.startswith("| ") for line in lines) == 4  # and two heads of tables


def test_pages_fold_long_tables_and_shorten_many_seeds(tmp_path: Path) -> None:
    claim, rows = claims()[0], tuple((float(k),) for k in range(30))
    tables = (Table("short", ("a",), rows[:3]), Table("long", ("a",), rows))
    finding, seeds = Finding(Outcome.HOLDS, "", {}, tables), tuple(range(100, 120))
    record = Record(claim.id, "", finding, "", seeds, 1.0, 2.0, "2025-01-01 00:00", "abc")
    text = write_pages([claim], [record], tmp_path, quick=False).read_text()
    assert "seeds 100 to 119" in text
    assert "<summary>long: 30 rows</summary>" in text
    assert "<summary>short" not in text
    assert text.count("<details>") == text.count("</details>") == 1


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ([1.0, 1.1, 0.9], Outcome.CONFIRMED),
        ([-1.0, -1.1, -0.9], Outcome.REFUTED),
        ([0.01, 0.011, 0.009], Outcome.REFUTED),  # surely there, and too small to matter
        ([1.0, -1.0, 0.5], Outcome.INCONCLUSIVE),
    ],
)
def test_answers(values: list[float], outcome: Outcome) -> None:
    assert answer(effect(values), margin=0.1) is outcome


def test_looking_more_often_finds_nothing_that_is_not_there() -> None:
    rng, found = np.random.default_rng(2), 0
    for _ in range(1000):
        looks = [range(5), range(5), range(10)]
        _, outcome = enlarge(lambda seeds: list(rng.normal(0, 1, len(seeds))), looks, 0.5)
        found += outcome is Outcome.CONFIRMED
    assert found / 1000 < 0.04  # one-sided 2.5 %, and three standard errors


def test_the_command_line_lists_and_refuses() -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["--list"])
    assert listed.exit_code == 0
    assert all(claim.id in listed.output for claim in claims())
    refused = runner.invoke(app, ["--only", "no-such-claim"])
    assert refused.exit_code == 2
    assert "no-such-claim" in refused.output
