"""How time and memory of a training step grow: R62."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ndm
from benchmarks.learning.problems import model, step, table

TITLE = "How the cost grows"
FAMILIES = ("conformal", "diagonal", "full")
BASE = {"n": 8, "charts": 2, "batch": 256}
GRIDS = {"n": (4, 8, 16, 32), "charts": (1, 2, 4, 8), "batch": (64, 256, 1024, 4096)}
ROUNDS, PATIENCE = 7, 1.0  # repetitions, and seconds after which no more of them begin


def measure() -> dict[str, Any]:
    """Seconds and bytes for each family, on each axis."""
    found: dict[str, Any] = {}
    for family in FAMILIES:
        for axis, values in GRIDS.items():
            rows = []
            for value in values:
                size = {**BASE, axis: value}
                # the width of all layers grows with n
                net = model(size["n"], family, charts=size["charts"], hidden=4 * size["n"])
                x = torch.randn(size["batch"], size["n"])
                target = torch.randint(10, (size["batch"],))
                rows.append([value, _seconds(net, x, target), _bytes(net, x, target)])
                print(f"{family}, {axis} = {value}: {rows[-1][1] * 1e3:.1f} ms", flush=True)
            found[f"{family} {axis}"] = rows
    return found


def _seconds(net: ndm.NDM, x: Tensor, target: Tensor) -> float:
    step(net, x, target, None, True)
    ends, best = time.perf_counter() + PATIENCE, float("inf")
    for done in range(ROUNDS):
        if done >= 2 and time.perf_counter() > ends:
            break
        begun = time.process_time()
        step(net, x, target, None, True)
        best = min(best, time.process_time() - begun)
    return best


def _bytes(net: ndm.NDM, x: Tensor, target: Tensor) -> int:
    """What is kept for the backward pass: sizes of the storages of saved tensors, each once."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    keep: Callable[[Tensor], Tensor] = lambda tensor: tensor  # noqa: E731
    with torch.autograd.graph.saved_tensors_hooks(pack, keep):
        step(net, x, target, None, True)
    return sum(kept.values())


def exponent(rows: list[list[float]], column: int) -> float:
    """The slope of the logarithms over the last three sizes."""
    last = np.log(np.array(rows, dtype=float)[-3:])
    return float(np.polyfit(last[:, 0], last[:, column], 1)[0])


def section(data: dict[str, Any]) -> str:
    """The section of the page."""
    rows: list[list[str]] = []
    names = {"n": "n and width", "charts": "charts", "batch": "points"}
    for key, found in data.items():
        family, axis = key.split()
        for column, what in ((1, "time"), (2, "memory")):
            first = found[0][column]
            unit = f"{first * 1e3:.2f} ms" if column == 1 else f"{first / 2**20:.2f} MiB"
            ratios = [f"{one[column] / first:.1f}" for one in found[1:]]
            sizes = " / ".join(f"{one[0]:g}" for one in found)
            cells = [family, names[axis], sizes, what, unit, " / ".join(ratios)]
            rows.append([*cells, f"{exponent(found, column):.2f}"])
    head = "family | axis | sizes | of | at the first | times that, at the others | exponent"
    return f"""A training step as above, with R at all points, n = {BASE["n"]}, {BASE["charts"]}
charts, {BASE["batch"]} points, where one of the three is varied; hidden layers have 4 n units. The
paper expects the square of the width, times layers and points. Memory is that of all tensors kept
for the backward pass. The exponent is that of a power law through the last three sizes.

{table(head, rows)}

Memory is proportional to the points. With the charts the cost grows by less than their number,
since the one metric and its R are computed once for all of them. The square of the width holds for
conformal and diagonal metrics, whose small sizes are overhead; R of a full metric costs more, in
the last doubling of n {2 ** _last(data["full n"]):.0f} times as much time: n to the power
{_last(data["full n"]):.1f}."""


def _last(rows: list[list[float]]) -> float:
    """The exponent of the time in the last doubling."""
    return float(np.log2(rows[-1][1] / rows[-2][1]))
