"""The page on requirements names every row, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ndm" / "requirements.md").read_text("utf-8")


def test_every_row_is_there() -> None:
    rows = {f"R{k}" for k in [*range(1, 45), *range(62, 71), *range(72, 79)]}
    rows |= {f"N{k}" for k in range(1, 9)}
    found = set()
    for line in PAGE.splitlines():
        if re.match(r"\| [RN]\d", line):
            found |= set(re.findall(r"[RN]\d+", line.split("|")[1]))
    assert found == rows


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`((?:tests/)?test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 80
    missing = []
    for file, test in named:
        path = ROOT / file if file.startswith("tests/") else ROOT / "tests" / "ndm" / file
        if not path.exists() or f"def {test}(" not in path.read_text("utf-8"):
            missing.append(f"{file}::{test}")
    assert not missing, missing
