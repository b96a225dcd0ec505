"""What `verify` answers: verdicts per claim, per file and over all files, as text and as JSON.

The classes are frozen records that name a finished result. Nothing here imports SymPy: expressions
arrive as strings, so that results travel through pipes and into JSON as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["ClaimResult", "FileResult", "Report", "Verdict"]


class Verdict(StrEnum):
    """The three possible answers to a claim.

    Example:
        >>> from geomkit.verify import Verdict
        >>> Verdict.HOLDS == "holds"
        True
    """

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


# A formula as long as this is not printed again after the detail that holds it.
REPEATED = 60
_MARK = {Verdict.HOLDS: "+", Verdict.FAILS: "x", Verdict.UNDECIDED: "?"}


@dataclass(frozen=True)
class ClaimResult:
    """The answer to one claim.

    Attributes:
        index: 0-based position of the claim in its file.
        kind: kind of the claim, e.g. "scalar_curvature".
        verdict: holds, fails or undecided.
        proof: "exact" (normal form, Arb enclosure), "numeric" (points, digits), "" if undecided.
        detail: one or two sentences: how it was decided, or why it could not be.
        counterexample: for `fails`: point, parameters, functions, claimed and true value.
        instead: for `fails`: what holds, as {"kind": ..., "value": ...}, where it is known.
        source: where the claim comes from, as the file says.
        label: short text of the claim for people.
        seconds: time spent on it.

    Example:
        >>> from geomkit.verify import ClaimResult, Verdict
        >>> print(ClaimResult(0, "scalar_curvature", Verdict.HOLDS, "exact", label="R = 2"))
        + holds (exact)  [0] scalar_curvature: R = 2
    """

    index: int
    kind: str
    verdict: Verdict
    proof: str = ""
    detail: str = ""
    counterexample: Mapping[str, Any] | None = None
    instead: Mapping[str, Any] | None = None
    source: str = ""
    label: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The answer as a dictionary for JSON, with the keys of the claim-file format."""
        return {
            "index": self.index,
            "kind": self.kind,
            "verdict": str(self.verdict),
            "proof": self.proof,
            "detail": self.detail,
            "counterexample": None if self.counterexample is None else dict(self.counterexample),
            "instead": None if self.instead is None else dict(self.instead),
        }

    def to_wire(self) -> dict[str, Any]:
        """All attributes as a dictionary for JSON, for the way between processes."""
        own = {"source": self.source, "label": self.label, "seconds": self.seconds}
        return {**self.to_json(), **own}

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> ClaimResult:
        """The inverse of `to_wire`."""
        return cls(**{**data, "verdict": Verdict(data["verdict"])})

    def __str__(self) -> str:
        proof = f" ({self.proof})" if self.proof else ""
        text = f": {self.label}" if self.label else ""
        lines = [f"{_MARK[self.verdict]} {self.verdict}{proof}  [{self.index}] {self.kind}{text}"]
        if self.verdict is not Verdict.HOLDS:
            lines += [f"    {line}" for line in _explain(self)]
        return "\n".join(lines)


@dataclass(frozen=True)
class FileResult:
    """The answers for one claim file.

    Attributes:
        file: path of the file, or "<mapping>".
        metric: name of the metric, "" if the file could not be read.
        claims: the answers, in the order of the file.
        error: why the file cannot be used, "" if it can.
    """

    file: str
    metric: str = ""
    claims: tuple[ClaimResult, ...] = ()
    error: str = ""

    @property
    def exit_status(self) -> int:
        """2 if the file cannot be used; else 1 if a claim fails; else 3 if undecided; else 0."""
        if self.error:
            return 2
        verdicts = {claim.verdict for claim in self.claims}
        if Verdict.FAILS in verdicts:
            return 1
        return 3 if Verdict.UNDECIDED in verdicts else 0

    @property
    def status(self) -> str:
        """The exit status as a word: "error", "fails", "undecided" or "holds"."""
        return {0: "holds", 1: "fails", 2: "error", 3: "undecided"}[self.exit_status]

    def to_json(self) -> dict[str, Any]:
        """The answers as a dictionary for JSON, with the keys of the claim-file format."""
        return {
            "file": self.file,
            "metric": self.metric,
            "status": self.status,
            "claims": [claim.to_json() for claim in self.claims],
            "error": self.error or None,
        }

    def __str__(self) -> str:
        title = f"{self.file} ({self.metric})" if self.metric else self.file
        if self.metric and self.file == "<mapping>":  # which says nothing beside a name
            title = self.metric
        lines = [f"{title}: {self.status}"]
        if self.error:
            lines.append(f"  ! {self.error}")
        for claim in self.claims:
            lines += [f"  {line}" for line in str(claim).splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Report:
    """The answers for all files.

    Attributes:
        files: one result a file, in the order given.
        seconds: wall time of the whole run.

    Example:
        >>> from geomkit.verify import FileResult, Report
        >>> Report((FileResult("a.toml", error="no metric"),)).exit_status
        2
    """

    files: tuple[FileResult, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def claims(self) -> tuple[ClaimResult, ...]:
        """The answers to all claims of all files."""
        return tuple(claim for file in self.files for claim in file.claims)

    @property
    def exit_status(self) -> int:
        """2 if any file cannot be used; else 1 if any claim fails; else 3 if any is undecided."""
        statuses = {file.exit_status for file in self.files}
        return next((status for status in (2, 1, 3) if status in statuses), 0)

    @property
    def ok(self) -> bool:
        """Whether every file could be used and every claim holds."""
        return self.exit_status == 0

    @property
    def summary(self) -> dict[str, Any]:
        """Counts of files and verdicts, the exit status and the time."""
        claims = self.claims
        verdicts = {str(v): sum(c.verdict is v for c in claims) for v in Verdict}
        proofs = {p: sum(c.proof == p for c in claims) for p in ("exact", "numeric")}
        return {
            "files": len(self.files),
            "errors": sum(bool(file.error) for file in self.files),
            "claims": len(claims),
            **verdicts,
            **proofs,
            "exit_status": self.exit_status,
            "seconds": round(self.seconds, 3),
        }

    def to_json(self) -> dict[str, Any]:
        """The report as a dictionary for JSON, with the keys of the claim-file format."""
        return {"files": [file.to_json() for file in self.files], "summary": self.summary}

    def __str__(self) -> str:
        counts = self.summary
        parts = [f"{counts[v]} {v}" for v in Verdict if counts[v]]
        if counts["errors"]:
            parts.append(f"{counts['errors']} unusable file(s)")
        tail = f"{counts['claims']} claims in {counts['files']} files: {', '.join(parts) or 'none'}"
        return "\n".join([*(str(file) for file in self.files), tail])


def _explain(result: ClaimResult) -> list[str]:
    """Detail, counterexample and what holds instead, a line each."""
    lines = [result.detail] if result.detail else []
    sample = result.counterexample
    if sample:
        where = {**sample.get("parameters", {}), **sample.get("point", {})}
        where |= sample.get("functions", {})
        at = ", ".join(f"{name} = {value}" for name, value in where.items())
        what = f"{sample['component']}: " if sample.get("component") else ""
        lines.append(f"at {at}: {what}claimed {sample['claimed']}, true {sample['true']}")
    if result.instead:
        value = result.instead.get("value")
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(shown) < REPEATED or f"= {shown}" not in result.detail:
            lines.append(f"instead: {result.instead['kind']} = {shown}")
    return lines
