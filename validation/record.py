"""Results on disk: one file a claim, kept until the claim itself changes."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geomkit.writing import write_whole
from validation.claim import Claim, Finding

__all__ = ["Record", "claim_folder", "fingerprint", "read", "write"]


@dataclass(frozen=True)
class Record:
    """What a run of one claim left.

    Attributes:
        id: of the claim.
        fingerprint: of the claim as it was run.
        finding: None where the run broke.
        error: why it broke; empty otherwise.
        seeds: which were run; a question that is answered early leaves the rest.
        wall: seconds of the last run.
        cpu: seconds, those of seeds that earlier, interrupted runs left included.
        date: of the run, UTC.
        commit: of the repository; "+" follows where files were changed.
    """

    id: str
    fingerprint: str
    finding: Finding | None
    error: str
    seeds: tuple[int, ...]
    wall: float
    cpu: float
    date: str
    commit: str

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """The record that `to_json` wrote."""
        finding = Finding.from_json(data["finding"]) if data["finding"] else None
        return cls(**{**data, "finding": finding, "seeds": tuple(data["seeds"])})


def claim_folder(folder: Path, claim: Claim) -> Path:
    """Where the results of a claim's seeds are kept."""
    return folder / "claims" / re.sub(r"[^A-Za-z0-9.-]+", "_", claim.id)


def fingerprint(claim: Claim, seeds: tuple[int, ...], quick: bool) -> str:
    """Hash of what a result depends on here: the claim, its module, its seeds, quick or full.

    geomkit and ndm themselves are not in it: a record says of which commit it is, and `--fresh`
    runs everything again.

    Args:
        claim: which.
        seeds: of the run.
        quick: whether it is a quick look.

    Returns:
        Sixteen hexadecimal digits.
    """
    module = sys.modules[claim.run.__module__]
    parts = [claim.id, claim.statement, repr(seeds), repr(quick), inspect.getsource(module)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def read(folder: Path, claim: Claim, wanted: str) -> Record | None:
    """The record of a claim, if it is there, whole, without an error, and of the claim as it is."""
    path = claim_folder(folder, claim) / "record.json"
    try:
        record = Record.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if record.fingerprint == wanted and not record.error else None


def write(folder: Path, claim: Claim, record: Record) -> None:
    """Keep a record."""
    place = claim_folder(folder, claim)
    place.mkdir(parents=True, exist_ok=True)
    write_whole(place / "record.json", json.dumps(record.to_json()))
