"""The table of targets: what is measured, kept, measured anew, and written on the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.motion import record as records
from benchmarks.motion.record import Goal, Row, find, keep_weights, load_weights, measure
from benchmarks.motion.table import page
from ndm.dynamics.motion import FreeNet


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Row:
    monkeypatch.setattr(records, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(records, "WEIGHTS", tmp_path / "weights")
    return Row(
        name="toy",
        title="A toy",
        about="Errors of a toy. " * 20 + "\n\n| a | b |\n|---|---|",
        cases=("one", "two"),
        goals=(
            Goal("error", "error", 0.1, form=".0%"),
            Goal("ratio", "ratio", 3, ">=", cases=("two",)),
            Goal("count", "count", 3, "==", form=".0f"),
            Goal("other", "|reported|"),
        ),
        measure=lambda case, seed: {
            "error": 0.05 * (seed + 1) * (1 if case == "one" else 4),
            "ratio": float("inf"),
            "count": 3,
            "other": 1234 * seed,
        },
        settings={"sizes": (3, 4)},
    )


def test_a_measurement_is_found_again_until_the_settings_change(row: Row) -> None:
    assert find(row, "two", 1) is None
    made = measure(row, "two", 1)
    assert find(row, "two", 1) == made
    assert made.values["ratio"] == float("inf")  # JSON has no infinity; it is kept all the same
    assert find(row, "two", 2) is None
    assert find(row, "one", 1) is None
    assert find(replace(row, settings={"sizes": (3, 5)}), "two", 1) is None


def test_page_says_what_is_met_and_what_is_missed(row: Row) -> None:
    found = [measure(row, case, seed) for case in row.cases for seed in range(3)]
    text = page([row], {"toy": found})
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    cells = {(line[0], line[1]): line[2:] for line in lines if len(line) > 2}
    # by hand: errors 5, 10, 15 % and 20, 40, 60 %
    assert cells["one", "error"] == ["<= 10 %", "10 %", "5 % .. 15 %", "2 of 3", "met"]
    assert cells["two", "error"] == ["<= 10 %", "40 %", "20 % .. 60 %", "0 of 3", "**missed**"]
    assert cells["two", "ratio"] == [">= 3", "inf", "inf .. inf", "3 of 3", "met"]
    assert ("one", "ratio") not in cells
    assert cells["one", "count"][-1] == "met"
    assert cells["one", r"\|reported\|"][1:3] == ["1,200", "0 .. 2,500"]
    assert "| A toy | 4 of 5 | 3 |" in text
    assert max(map(len, text.splitlines())) <= 101  # paragraphs are wrapped
    assert "\n\n| a | b |\n|---|---|\n" in text  # tables are not


def test_page_without_measurements_says_so(row: Row) -> None:
    text = page([row], {"toy": []})
    assert "| A toy | not measured | 0 |" in text
    assert "Not measured." in text


def test_page_names_the_cases_that_are_missing(row: Row) -> None:
    text = page([row], {"toy": [measure(row, "one", seed) for seed in range(2)]})
    assert "| A toy | 2 of 5 | 0 to 2 |" in text
    assert "Not measured: two." in text
    assert "| two |" not in text


def test_weights_come_back(row: Row) -> None:
    one, two = FreeNet(2, (3,)), FreeNet(2, (3,))
    assert not load_weights("toy", two)
    keep_weights("toy", one)
    assert load_weights("toy", two)
    assert all(
        bool((p == q).all()) for p, q in zip(one.parameters(), two.parameters(), strict=True)
    )
