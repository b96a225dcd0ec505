"""How questions are asked here: one gain a seed, and more seeds until there is an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from validation.claim import Finding, Outcome, Picture, Table
from validation.statistics import effect, enlarge
from validation.study import Study

__all__ = ["LOOKS", "SEEDS", "ask"]

# Seeds below 100, and 1000 and more, were looked at while the questions were being put.
LOOKS = (range(100, 105), range(105, 110), range(110, 120))
SEEDS = tuple(range(100, 120))


def ask(
    study: Study,
    measure: Callable[[int], Mapping[str, Any]],
    gain: Callable[[Mapping[str, Any]], float],
    margin: float,
    what: str,
    columns: Sequence[str],
    pictures: tuple[Picture, ...] = (),
) -> Finding:
    """Ask a question of as many seeds as its answer needs.

    Args:
        study: what is run.
        measure: seed -> figures.
        gain: of these figures: positive where the claim is right.
        margin: the smallest gain that would matter.
        what: the gain in words.
        columns: figures that the table shows; of each the mean with its interval is told.
        pictures: see `Finding`.

    Returns:
        The answer; of a quick look, which decides nothing, the gain of its seeds.
    """
    rows: list[dict[str, Any]] = []

    def gains(seeds: Sequence[int]) -> list[float]:
        new = study.each(measure, seeds)
        rows.extend(new)
        return [gain(row) for row in new]

    if study.quick:
        mean = float(np.mean(gains(study.seeds)))
        outcome, summary = Outcome.NOT_DECIDED, f"{what}: {mean:+.3g} (a quick look)"
    else:
        found, outcome = enlarge(gains, LOOKS, margin)
        summary = f"{what}: {found}"
    table = tuple((r["seed"], gain(r), *(float(r[c]) for c in columns)) for r in rows)
    tables = [Table(what, ("seed", "gain", *columns), table)]
    if len(rows) > 1:
        effects = [(c, effect([float(row[c]) for row in rows])) for c in columns]
        means = tuple((c, e.mean, e.low, e.high) for c, e in effects)
        tables.append(Table("means over seeds", ("figure", "mean", "low", "high"), means))
    figures = {c: float(np.mean([row[c] for row in rows])) for c in columns}
    return Finding(outcome, summary, figures, tuple(tables), pictures)
