"""Natural gradient against rivals: counts, choices and answers on cases where they are known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from validation.claim import Outcome
from validation.paper import optimisation, saddles
from validation.paper.optimisation import Problem, Way, best_setting, descend
from validation.paper.saddles import curvature_range, planted
from validation.study import Study


class Number:
    """One parameter, 1 at the start."""

    def __init__(self) -> None:
        self.value = torch.ones((), dtype=torch.float64, requires_grad=True)

    def parameters(self) -> list[torch.Tensor]:
        return [self.value]


def parabola() -> Problem:
    """w^2 / 2 from w = 1: plain descent with step size r has w = (1 - r)^k after k steps."""
    net: Any = Number()
    return Problem(net, lambda net: 0.5 * net.value**2, 1e-3)


PLAIN = Way(
    "plain",
    ((0.1,), (0.5,), (0.75,), (2.5,)),
    lambda problem, setting: torch.optim.SGD(problem.net.parameters(), lr=setting[0]),
)


def steps(rate: float) -> int:
    """The first k with (1 - rate)^(2 k) / 2 < 1e-3."""
    return math.floor(0.5 * math.log(2e-3) / math.log(1 - rate)) + 1


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_steps_to_the_goal_are_those_of_a_parabola(rate: float) -> None:
    run = descend(parabola(), PLAIN, (rate,), 100)
    assert run.reached
    assert run.steps == steps(rate)


def test_a_goal_that_is_not_reached_counts_as_all_steps() -> None:
    slow = descend(parabola(), PLAIN, (0.1,), 10)  # it would need 30
    assert (slow.reached, slow.steps) == (False, 10)
    diverging = descend(parabola(), PLAIN, (1e200,), 100)
    assert (diverging.reached, diverging.steps) == (False, 100)
    assert diverging.seconds > 0


@pytest.mark.parametrize("key", ["steps", "seconds"])
def test_the_quickest_setting_is_chosen(key: str) -> None:
    setting, run = best_setting(PLAIN, parabola, 100, key)
    assert run.reached
    if key == "steps":  # 30, 5 and 3 steps; 2.5 diverges; times of so few steps say nothing
        assert setting == (0.75,)
        assert run.steps == steps(0.75) == 3
    setting, run = best_setting(PLAIN, parabola, 2, key)  # none is there after 2 steps
    assert (setting, run.steps, run.reached) == ((0.1,), 2, False)


def rows(ratio: float, spread: float) -> Any:
    """A measurement that finds the natural gradient `ratio` times as quick as the better rival."""

    def measure(seed: int, *given: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in (*optimisation._PROBLEMS, *saddles.SADDLES):
            own = 10 * 2 ** (spread * math.sin(7.0 * seed))
            values = {"Adam": own * ratio, "SGD": 3 * own * ratio, "natural": own}
            for way in optimisation.WAYS:
                found[f"{name}: {way.name}"] = values.get(way.name, own)
                found[f"{name}: {way.name}, setting"] = (0.1,)
                found[f"{name}: {way.name}, stop"] = 0.0
            found[f"{name}: natural"] = 10.0
            found[f"{name}: start"] = -1.0
        return found

    return measure


@pytest.mark.parametrize(
    ("ratio", "spread", "outcome"),
    [
        (3.0, 0.3, Outcome.CONFIRMED),
        (1.0, 0.1, Outcome.REFUTED),
        (0.4, 0.3, Outcome.REFUTED),
        (1.2, 3.0, Outcome.INCONCLUSIVE),
    ],
)
@pytest.mark.parametrize("claim", [*optimisation.CLAIMS, *saddles.CLAIMS], ids=lambda c: c.id)
def test_planted_ratios_get_their_answer(
    claim: Any,
    ratio: float,
    spread: float,
    outcome: Outcome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (optimisation, saddles):
        monkeypatch.setattr(module, "_measure", rows(ratio, spread))
    found = claim.run(Study(tmp_path, claim.seeds, quick=False))
    assert found.outcome == outcome
    if spread < 1:
        assert found.figures["ratio"] == pytest.approx(ratio, rel=2**0.2 - 1)


@pytest.mark.parametrize("name", saddles.SADDLES)
def test_the_saddles_are_saddles(name: str) -> None:
    at = planted(name, 0, beside=0.0, small=1e-9)
    loss = at.loss(at.net)
    loss.backward()
    slopes = [p.grad.abs().max() for p in at.net.parameters() if p.grad is not None]
    assert float(max(slopes)) < 1e-12  # means over points that come in pairs, in rounding
    assert at.goal == pytest.approx(0.75 * loss.item())
    least, largest = curvature_range(at)
    if name == "even":
        assert least < -0.1
        assert largest > 0.1
    else:  # flat but for the shift of the head, of which the loss is half the square
        assert abs(least) < 1e-12
        assert largest == pytest.approx(1.0)


@pytest.mark.parametrize("name", saddles.SADDLES)
def test_beside_a_saddle_the_loss_is_nearly_that_of_the_saddle(name: str) -> None:
    beside = planted(name, 3)
    loss = beside.loss(beside.net).item()
    assert loss * 0.75 == pytest.approx(beside.goal, rel=1e-3)


def test_curvature_of_a_quadratic_loss_is_its_matrix() -> None:
    problem = planted("deep", 0)

    def loss(net: Any) -> torch.Tensor:
        a, b = net.head.linear.weight[0]
        return 3 * a**2 - 2 * b**2

    least, largest = curvature_range(Problem(problem.net, loss, 0.0))
    assert (least, largest) == pytest.approx((-4.0, 6.0))


def test_where_a_descent_has_left_all_bounds_there_is_no_curvature() -> None:
    problem = planted("deep", 0)
    with torch.no_grad():
        for p in problem.net.parameters():
            p.fill_(1e200)
    assert all(map(math.isnan, curvature_range(problem)))
