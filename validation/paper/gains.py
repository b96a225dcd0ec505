"""How questions are asked here: one gain a seed, and more seeds until there is an answer.

Every question is looked at after 5 seeds, and after 10, 20, 50 and 100 as long as the answer is not
clear; the five looks share the error of 5 % (`enlarge`). The last two looks were added after a run
of one question (R49) had ended at 20 seeds without an answer. One other had been answered by then
(R48, as it is now); both were run again.

A question whose experiment turned out to be at fault is asked again, with seeds of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from validation.claim import Finding, Outcome, Picture, Table
from validation.statistics import Effect, effect, enlarge
from validation.study import Study

__all__ = ["LOOKS", "SEEDS", "SEEDS_AGAIN", "Asked", "ask", "gather"]

# Seeds below 100, and 1000 and more, were looked at while the questions were being put.
SEEDS = tuple(range(100, 200))
SEEDS_AGAIN = tuple(range(200, 300))
LOOKS = (5, 5, 10, 30, 50)  # seeds that each look adds


@dataclass(frozen=True)
class Asked:
    """What the seeds of a question say.

    Attributes:
        rows: figures of every seed that was run.
        outcome: the answer; not decided after a quick look.
        mean: of the gains.
        effect: mean with its interval; None after a quick look.
    """

    rows: list[dict[str, Any]]
    outcome: Outcome
    mean: float
    effect: Effect | None

    def __str__(self) -> str:
        return f"{self.mean:+.3g} (a quick look)" if self.effect is None else str(self.effect)


def gather(
    study: Study,
    measure: Callable[[int], Mapping[str, Any]],
    gain: Callable[[dict[str, Any]], float],
    margin: float,
) -> Asked:
    """Measure as many seeds as an answer needs; the seeds of a quick look, if it is one.

    Args:
        study: what is run.
        measure: seed -> figures.
        gain: of these figures: positive where the claim is right.
        margin: the smallest gain that would matter.

    Returns:
        Figures and answer.
    """
    rows: list[dict[str, Any]] = []

    def gains(seeds: Sequence[int]) -> list[float]:
        new = study.each(measure, seeds)
        rows.extend(new)
        return [gain(row) for row in new]

    if study.quick:
        return Asked(rows, Outcome.NOT_DECIDED, float(np.mean(gains(study.seeds))), None)
    ends = list(accumulate(LOOKS))
    looks = [study.seeds[end - many : end] for many, end in zip(LOOKS, ends, strict=True)]
    found, outcome = enlarge(gains, looks, margin)
    return Asked(rows, outcome, found.mean, found)


def ask(
    study: Study,
    measure: Callable[[int], Mapping[str, Any]],
    gain: Callable[[dict[str, Any]], float],
    margin: float,
    what: str,
    columns: Sequence[str],
    pictures: tuple[Picture, ...] = (),
) -> Finding:
    """A question whose tables are the figures of each seed, and their means.

    Args:
        study: see `gather`.
        measure: see there.
        gain: see there.
        margin: see there.
        what: the gain in words.
        columns: figures that the table shows; of each the mean with its interval is told.
        pictures: see `Finding`.

    Returns:
        The answer; of a quick look, which decides nothing, the gain of its seeds.
    """
    asked = gather(study, measure, gain, margin)
    rows = asked.rows
    table = tuple((r["seed"], gain(r), *(float(r[c]) for c in columns)) for r in rows)
    tables = [Table(what, ("seed", "gain", *columns), table)]
    if len(rows) > 1:
        effects = [(c, effect([float(row[c]) for row in rows])) for c in columns]
        means = tuple((c, e.mean, e.low, e.high) for c, e in effects)
        tables.append(Table("means over seeds", ("figure", "mean", "low", "high"), means))
    figures = {c: float(np.mean([row[c] for row in rows])) for c in columns}
    return Finding(asked.outcome, f"{what}: {asked}", figures, tuple(tables), pictures)
