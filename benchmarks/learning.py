"""What geometry costs in training: `python -m benchmarks.learning`; `make bench` runs it too.

A training step (forward and backward) of a model of two charts with batch 256, on one thread, with
the curvature penalty against the same model without it; curvature against nested automatic
differentiation; the natural gradient against Adam on digits. Writes docs/ndm/benchmarks.md.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

from benchmarks.kernels.environments import ROOT, THREADS

# Before anything loads numpy, numba or torch: one thread.
os.environ.update(THREADS, GEOMKIT_NUM_THREADS="1")

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import Tensor, nn

import geomkit as gk
import ndm
from benchmarks.kernels.timing import Here, in_turns

BATCH, CHARTS = 256, 2
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
SEEDS = range(5)
TARGET, MOST = 0.02, 400  # loss on digits, and steps that may be needed
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def model(n: int, family: str, outputs: int = 10, seed: int = 0) -> ndm.NDM:
    """Two affine couplings, a linear head, a metric net of one hidden layer."""
    torch.manual_seed(seed)
    maps = [ndm.coordinate_map("affine_coupling", n, parity=k % 2) for k in range(CHARTS)]
    return ndm.NDM(maps, ndm.LinearHead(n, outputs), ndm.MetricNet(n, family))


def step(net: ndm.NDM, x: Tensor, target: Tensor, points: int | None, curved: bool) -> None:
    """Forward and backward; without curvature, metric and volume are computed all the same."""
    net.zero_grad()
    loss = nn.functional.cross_entropy(net(x), target)
    shape = net.geometry(x, points=points, curvature=curved)
    loss = loss + 0.1 * ndm.volume_penalty(shape.log_volume, "log_variance")
    if curved:
        loss = loss + 0.1 * ndm.curvature_penalty(shape.scalar_curvature)
    loss.backward()


def costs() -> list[str]:
    """Rows of the table of costs."""
    rows = []
    for family, n, points, allowed in COSTS:
        net, x = model(n, family), torch.randn(BATCH, n)
        target = torch.randint(10, (BATCH,))

        def run(
            curved: bool,
            net: ndm.NDM = net,
            x: Tensor = x,
            target: Tensor = target,
            points: int | None = points,
        ) -> Callable[[], None]:
            return lambda: step(net, x, target, points, curved)

        found = in_turns(Here(run(True)), Here(run(False)))
        ratio = found.own / found.other
        print(f"{family} n = {n}: {ratio:.2f}x", flush=True)
        where = "all" if points is None else str(points)
        cells = (family, n, where, f"{found.own * 1e3:.2f} ms", f"{found.other * 1e3:.2f} ms")
        verdict = f"{ratio:.2f}x{'' if ratio <= allowed else ' (no)'}"
        rows.append("| " + " | ".join(map(str, (*cells, verdict, f"{allowed:g}x"))) + " |")
    return rows


def nested() -> list[str]:
    """Rows that compare with jacfwd of jacfwd."""
    rows = []
    for family, n, wanted in NESTED:
        field, x = ndm.MetricNet(n, family), torch.randn(BATCH, n)
        second = torch.func.vmap(torch.func.jacfwd(torch.func.jacfwd(field)))
        first = torch.func.vmap(torch.func.jacfwd(field))

        def ours(field: ndm.MetricNet = field, x: Tensor = x) -> None:
            field.zero_grad()
            field.scalar_curvature(x).square().mean().backward()

        def theirs(
            field: ndm.MetricNet = field,
            x: Tensor = x,
            first: Callable[[Tensor], Tensor] = first,
            second: Callable[[Tensor], Tensor] = second,
        ) -> None:
            field.zero_grad()
            jet = field(x), first(x), second(x)
            gk.scalar_curvature_from_jet(*jet).square().mean().backward()

        found = in_turns(Here(ours), Here(theirs))
        ratio = found.other / found.own
        print(f"{family} n = {n} against jacfwd(jacfwd): {ratio:.0f}x", flush=True)
        cells = (family, n, f"{found.own * 1e3:.2f} ms", f"{found.other * 1e3:.0f} ms")
        verdict = f"{ratio:.0f}x{'' if ratio >= wanted else ' (no)'}"
        rows.append("| " + " | ".join(map(str, (*cells, verdict, f"{wanted}x"))) + " |")
    return rows


def digits() -> tuple[Tensor, Tensor]:
    """200 digits in 8 whitened principal components."""
    x, y = load_digits(return_X_y=True)
    x = PCA(8, whiten=True, random_state=0).fit_transform(x)
    chosen = np.random.default_rng(0).permutation(len(x))[:200]
    return torch.tensor(x[chosen]), torch.tensor(y[chosen])


def descend(make: Callable[[ndm.NDM], torch.optim.Optimizer], seed: int) -> tuple[float, float]:
    """Steps and CPU seconds until the loss is small enough; more than allowed if it never is."""
    x, y = digits()
    net = model(8, "full", seed=seed).double()
    optimiser = make(net)

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        return loss

    begun = time.process_time()
    for count in range(1, MOST + 1):
        optimiser.step(closure)
        with torch.no_grad():
            if float(nn.functional.cross_entropy(net(x), y)) < TARGET:
                return float(count), time.process_time() - begun
    return float("inf"), time.process_time() - begun


Maker = Callable[[ndm.NDM], torch.optim.Optimizer]


def _adam(lr: float) -> Maker:
    return lambda net: torch.optim.Adam(net.parameters(), lr=lr)


def _natural(solver: str, w_metric: float) -> Maker:
    def make(net: ndm.NDM) -> torch.optim.Optimizer:
        damping = ndm.LevenbergMarquardt(1e-2)
        return ndm.NaturalGradient(net, solver=solver, w_metric=w_metric, damping=damping)

    return make


def natural() -> list[str]:
    """Rows of the natural gradient, against Adam with its best step size."""
    tuned = {lr: descend(_adam(lr), 99)[0] for lr in RATES}
    best = min(tuned, key=lambda lr: tuned[lr])
    ways = {f"Adam, lr = {best:g} (best of {len(RATES)} on another seed)": _adam(best)}
    for solver in ("cg", "kfac"):
        ways[f"natural, {solver}, Fisher + g"] = _natural(solver, 1.0)
        ways[f"natural, {solver}, Fisher alone"] = _natural(solver, 0.0)
    rows, base = [], None
    for name, make in ways.items():
        found = np.median([descend(make, seed) for seed in SEEDS], axis=0)
        base = found if base is None else base
        print(f"{name}: {found[0]:g} steps, {found[1]:.2f} s", flush=True)
        cells = (name, f"{found[0]:g}", f"{found[1]:.2f} s")
        ratios = (f"{found[0] / base[0]:.2f}", f"{found[1] / base[1]:.1f}")
        rows.append("| " + " | ".join((*cells, *ratios)) + " |")
    return rows


def page() -> str:
    """Measure everything; the page as Markdown."""
    load = os.getloadavg()[0]
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numba", "numpy"))
    tables = ["\n".join(part()) for part in (costs, nested, natural)]
    return f"""# What geometry costs

Measured by `make bench BENCH=--only-ndm`, CPU time of one thread, each pair of programs in turns in
one run: the least of several batches (load {load:.1f} on {os.cpu_count()} cores; {packages}). `no`
marks what this run missed.

## Curvature in a training step

Forward and backward pass of two charts (affine couplings, 32 hidden units), a linear head and a
metric net (32 hidden units), batch {BATCH}, float32. Without R, the metric and its volume term are
computed all the same.

| family | n | points with R | with R | without R | ratio | at most |
|---|---|---|---|---|---|---|
{tables[0]}

## Against nested automatic differentiation

R and its gradient by the parameters of a metric net at {BATCH} points; `jacfwd(jacfwd)` of the net
gives the jet for the same kernel.

| family | n | jets by hand | jacfwd(jacfwd) | ratio | at least |
|---|---|---|---|---|---|
{tables[1]}

## Natural gradient

200 digits in 8 whitened principal components, cross-entropy down to {TARGET}, full batch, float64,
median of {len(SEEDS)} seeds; the metric is not trained by the task here (a linear head).

| optimiser | steps | CPU time | steps / Adam's | time / Adam's |
|---|---|---|---|---|
{tables[2]}
"""


if __name__ == "__main__":
    torch.set_num_threads(1)
    target = ROOT / "docs" / "ndm" / "benchmarks.md"
    text = page()
    target.write_text(text, encoding="utf-8")
    print(f"written to {target.relative_to(ROOT)}")
    sys.exit(0)
