"""From differences between runs to an answer: effect, interval, and what could have been seen.

A question is put as one number a seed, positive where the claim is right: a difference between two
ways of training with the same seed, a correlation, a logarithm of a ratio. Its mean is the effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from validation.claim import Outcome

__all__ = ["Effect", "answer", "effect", "enlarge"]


@dataclass(frozen=True)
class Effect:
    """A mean over seeds with what is known of it.

    Attributes:
        mean: over the seeds.
        low: end of the two-sided interval of Student's t.
        high: its other end.
        detectable: the smallest effect that such an experiment would find with probability 0.8.
        count: how many seeds.
        level: of the interval.
    """

    mean: float
    low: float
    high: float
    detectable: float
    count: int
    level: float

    def __str__(self) -> str:
        return (
            f"{self.mean:+.3g} ({100 * self.level:.3g} % interval {self.low:+.3g} to "
            f"{self.high:+.3g}, {self.count} seeds; detectable {self.detectable:.2g})"
        )


def effect(values: Sequence[float], level: float = 0.95) -> Effect:
    """Mean, interval and power of numbers that are one a seed.

    The interval is mean -+ t_{(1 + level)/2} s / sqrt N, and what is detectable
    (t_{(1 + level)/2} + t_{0.8}) s / sqrt N, with N - 1 degrees of freedom.

    Args:
        values: at least two, finite.
        level: of the interval.

    Returns:
        The effect.

    Raises:
        ValueError: fewer than two values, or one that is not finite.

    Example:
        >>> print(effect([1.0, 2.0, 3.0, 2.0, 2.0]))
        +2 (95 % interval +1.12 to +2.88, 5 seeds; detectable 1.2)
    """
    x = np.asarray(values, dtype=float)
    if x.size < 2 or not np.isfinite(x).all():
        raise ValueError(f"an effect needs two finite values or more, and these were given: {x}")
    error = float(x.std(ddof=1)) / np.sqrt(x.size)
    outer = float(stats.t.ppf((1 + level) / 2, x.size - 1))
    power = float(stats.t.ppf(0.8, x.size - 1))
    mean = float(x.mean())
    low, high = mean - outer * error, mean + outer * error
    return Effect(mean, low, high, (outer + power) * error, int(x.size), level)


def answer(found: Effect, margin: float) -> Outcome:
    """What an effect says of a claim.

    Refuted: the whole interval is below the smallest effect that would matter. Otherwise confirmed:
    the whole interval is above zero. So an effect that is surely there, and surely too small to
    matter, counts as refuted.

    Args:
        found: the effect.
        margin: the smallest effect that would matter, positive, named before the run.

    Returns:
        The outcome; inconclusive where the interval holds both zero and the margin.

    Example:
        >>> answer(effect([0.5, 0.6, 0.7]), margin=0.1), answer(effect([0.0, 0.01, -0.01]), 0.1)
        (<Outcome.CONFIRMED: 'confirmed'>, <Outcome.REFUTED: 'refuted'>)
    """
    if found.high < margin:
        return Outcome.REFUTED
    return Outcome.CONFIRMED if found.low > 0 else Outcome.INCONCLUSIVE


def enlarge(
    measure: Callable[[Sequence[int]], Sequence[float]],
    looks: Sequence[Sequence[int]],
    margin: float,
) -> tuple[Effect, Outcome]:
    """Look, and add seeds until there is an answer.

    The error of 5 % is shared by the looks (Bonferroni), so that looking again is not a way to find
    something.

    Args:
        measure: seeds -> one number for each.
        looks: the seeds that are added at each look.
        margin: see `answer`.

    Returns:
        The last effect and its outcome.

    Example:
        >>> enlarge(lambda seeds: [1 + 0.1 * s for s in seeds], [range(5), range(5, 10)], 0.2)[1]
        <Outcome.CONFIRMED: 'confirmed'>
    """
    values: list[float] = []
    level = 1 - 0.05 / len(looks)
    for seeds in looks:
        values += measure(seeds)
        found = effect(values, level)
        outcome = answer(found, margin)
        if outcome is not Outcome.INCONCLUSIVE:
            break
    return found, outcome
