"""What a claim is, and what a run of it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from validation.study import Study

__all__ = ["Claim", "Finding", "Outcome", "Picture", "Table"]


class Outcome(StrEnum):
    """The answer to a claim: the first two to what has to hold, the others to a question."""

    HOLDS = "holds"
    FAILS = "fails"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_DECIDED = "not decided"  # a quick look, too small to be an answer


@dataclass(frozen=True)
class Table:
    """Figures under a heading.

    Attributes:
        title: what they are.
        header: names of the columns.
        rows: texts and numbers.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        title: what is seen.
        png: base64 of the file.
    """

    title: str
    png: str


@dataclass(frozen=True)
class Finding:
    """What a run of a claim found.

    Attributes:
        outcome: the answer.
        summary: a sentence or two with the figure that decided.
        figures: numbers by name.
        tables: see `Table`.
        pictures: see `Picture`.
    """

    outcome: Outcome
    summary: str
    figures: Mapping[str, float] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it; `from_json` gives it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that `to_json` wrote."""
        tables = tuple(
            Table(t["title"], tuple(t["header"]), tuple(tuple(row) for row in t["rows"]))
            for t in data["tables"]
        )
        pictures = tuple(Picture(**p) for p in data["pictures"])
        return cls(Outcome(data["outcome"]), data["summary"], data["figures"], tables, pictures)

    @classmethod
    def within(cls, worst: float, tolerance: float, what: str, **more: Any) -> Finding:
        """A statement holds if a largest error is within its tolerance (nan is not).

        Args:
            worst: the error that was found.
            tolerance: what is allowed.
            what: whose error it is.
            more: other attributes.

        Returns:
            The finding.
        """
        outcome = Outcome.HOLDS if worst <= tolerance else Outcome.FAILS
        return cls(outcome, f"{what}: {worst:.2g}, allowed {tolerance:.2g}", **more)


@dataclass(frozen=True)
class Claim:
    """A statement about the whole, and how it is checked.

    Attributes:
        id: short and lasting; `--only` takes it.
        statement: one sentence.
        reference: paper and equation, or row of the requirements.
        tolerance: when it counts as true, and why so.
        run: study -> finding.
        seeds: the most of a full run; none where nothing is drawn.
        quick_seeds: of a quick one.
        question: a claim of a paper, to which no is an answer; otherwise it has to hold.
    """

    id: str
    statement: str
    reference: str
    tolerance: str
    run: Callable[[Study], Finding]
    seeds: tuple[int, ...] = ()
    quick_seeds: tuple[int, ...] = (0,)
    question: bool = False
