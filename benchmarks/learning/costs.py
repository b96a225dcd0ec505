"""Curvature in a training step, against the same model without it, and against nested autodiff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import geomkit as gk
import ndm
from benchmarks.kernels.timing import Here, in_turns
from benchmarks.learning.problems import BATCH, model, step, table

TITLE = "Curvature in a training step"
# family, n, points of the batch at which R is computed, and how many times the cost is allowed
COSTS: tuple[tuple[str, int, int | None, float], ...] = (
    ("conformal", 8, None, 3),
    ("conformal", 16, None, 4.5),
    ("conformal", 64, None, 10),
    ("diagonal", 8, None, 4),
    ("diagonal", 16, None, 8),
    ("full", 8, None, 18),
    ("full", 16, None, 30),
    ("full", 8, 32, 3),
)
NESTED = (("conformal", 16, 30), ("diagonal", 16, 30))


def measure() -> dict[str, Any]:
    """Seconds with and without, for each case."""
    return {"costs": [_cost(*case) for case in COSTS], "nested": [_nested(*one) for one in NESTED]}


def _cost(family: str, n: int, points: int | None, allowed: float) -> dict[str, Any]:
    net, x = model(n, family), torch.randn(BATCH, n)
    target = torch.randint(10, (BATCH,))
    found = in_turns(
        Here(lambda: step(net, x, target, points, True)),
        Here(lambda: step(net, x, target, points, False)),
    )
    print(f"{family} n = {n}: {found.own / found.other:.2f}x", flush=True)
    case = {"family": family, "n": n, "points": points, "allowed": allowed}
    return {**case, "with": found.own, "without": found.other}


def _nested(family: str, n: int, wanted: float) -> dict[str, Any]:
    field, x = ndm.MetricNet(n, family), torch.randn(BATCH, n)
    second = torch.func.vmap(torch.func.jacfwd(torch.func.jacfwd(field)))
    first = torch.func.vmap(torch.func.jacfwd(field))

    def slope(scalar: Callable[[], Tensor]) -> Callable[[], None]:
        def run() -> None:
            field.zero_grad()
            scalar().square().mean().backward()

        return run

    def nested() -> Tensor:
        jet = field(x), first(x), second(x)
        result: Tensor = gk.scalar_curvature_from_jet(*jet)
        return result

    own = Here(slope(lambda: field.scalar_curvature(x)))
    found = in_turns(own, Here(slope(nested)))
    print(f"{family} n = {n} against jacfwd(jacfwd): {found.ratio:.0f}x", flush=True)
    case = {"family": family, "n": n, "wanted": wanted}
    return {**case, "own": found.own, "other": found.other}


def section(data: dict[str, Any]) -> str:
    """The section of the page."""
    costs = []
    for one in data["costs"]:
        ratio = one["with"] / one["without"]
        where = "all" if one["points"] is None else str(one["points"])
        verdict = f"{ratio:.2f}x{'' if ratio <= one['allowed'] else ' (no)'}"
        times = [f"{one[key] * 1e3:.2f} ms" for key in ("with", "without")]
        costs.append([one["family"], str(one["n"]), where, *times, verdict, f"{one['allowed']:g}x"])
    nested = []
    for one in data["nested"]:
        ratio = one["other"] / one["own"]
        verdict = f"{ratio:.0f}x{'' if ratio >= one['wanted'] else ' (no)'}"
        times = [f"{one['own'] * 1e3:.2f} ms", f"{one['other'] * 1e3:.0f} ms"]
        nested.append([one["family"], str(one["n"]), *times, verdict, f"{one['wanted']:g}x"])
    return f"""Forward and backward pass of two charts (affine couplings, 32 hidden units), a linear
head and a metric net (32 hidden units), batch {BATCH}, float32. Without R, the metric and its
volume term are computed all the same.

{table("family | n | points with R | with R | without R | ratio | at most", costs)}

Against nested automatic differentiation: R and its gradient by the parameters of a metric net at
{BATCH} points; `jacfwd(jacfwd)` of the net gives the jet for the same kernel.

{table("family | n | jets by hand | jacfwd(jacfwd) | ratio | at least", nested)}"""
