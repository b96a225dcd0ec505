"""Rivals of a learned metric, of equal size, tuned on one grid.

| name | model | what it knows |
|---|---|---|
| metric | `MetricDynamics` | a metric (and a potential) |
| connection | `ConnectionNet` | accelerations quadratic in the velocity (and a force) |
| free | `FreeNet` | nothing |
| delan | `DelanNet` | masses and potential; Euler-Lagrange by automatic differentiation |
| lnn | `LagrangianNet` | that there is a Lagrangian |

The connection is always among them, and its error relative to the metric's always reported: on
exact data it can predict as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ndm.dynamics.lagrangian import DelanNet, LagrangianNet
from ndm.dynamics.least_squares import Rows, Stop, fit_levenberg_marquardt
from ndm.dynamics.motion import ConnectionNet, FreeNet, MetricDynamics, Potential
from ndm.dynamics.residuals import acceleration_residual, gauge
from ndm.dynamics.samples import Triples
from ndm.errors import DataError, ModelError, TrainingError
from ndm.metric_net import MetricNet

__all__ = [
    "GRID",
    "NAMES",
    "Comparison",
    "Effort",
    "Setting",
    "Trained",
    "compare",
    "sized",
    "tune",
]

NAMES = ("metric", "connection", "free", "delan", "lnn")


@dataclass(frozen=True)
class Setting:
    """One point of the grid.

    Attributes:
        optimiser: "lm" (Levenberg-Marquardt) or "adam" (full batches, cosine schedule).
        decay: weight of the sum of squares of the parameters, against the mean square residual.
        rate: of Adam.
    """

    optimiser: str
    decay: float = 0.0
    rate: float = 0.0

    def __str__(self) -> str:
        rate = f", rate {self.rate:g}" if self.optimiser == "adam" else ""
        return f"{self.optimiser}, decay {self.decay:g}{rate}"


# The same eight settings for every model.
GRID = (
    *(Setting("lm", decay) for decay in (0.0, 1e-10, 1e-8, 1e-6)),
    *(Setting("adam", decay, rate) for rate in (3e-3, 1e-2) for decay in (0.0, 1e-6)),
)


@dataclass(frozen=True)
class Effort:
    """How long each setting is tried; the same for every model.

    Attributes:
        iterations: of Levenberg-Marquardt, for each start.
        starts: of Levenberg-Marquardt.
        steps: of Adam.
        seconds: CPU time of one setting, at most.
        held_out: part of the data by which settings are chosen.
    """

    iterations: int = 200
    starts: int = 2
    steps: int = 3000
    seconds: float = 20.0
    held_out: float = 0.2


@dataclass(frozen=True)
class Trained:
    """The best model of one kind.

    Attributes:
        name: of the kind.
        model: it.
        setting: with which it was trained.
        residual: relative error of accelerations on the data held out.
        parameters: how many it has.
        seconds: of CPU time, for the whole grid.
    """

    name: str
    model: nn.Module
    setting: Setting
    residual: float
    parameters: int
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """All models on the same data, and their errors where none was trained.

    Attributes:
        trained: the best model of each kind.
        errors: name -> relative error of accelerations on the test data.
    """

    trained: tuple[Trained, ...]
    errors: dict[str, float]

    @property
    def connection_ratio(self) -> float:
        """Error of the free connection over that of the metric: below 1, the connection wins."""
        return self.errors["connection"] / self.errors["metric"]

    def __str__(self) -> str:
        rows = [f"{'model':12s}{'parameters':>10s}{'held out':>10s}{'test':>10s}  setting"]
        rows += [
            f"{t.name:12s}{t.parameters:10d}{t.residual:10.2e}{self.errors[t.name]:10.2e}"
            f"  {t.setting}"
            for t in self.trained
        ]
        return "\n".join([*rows, f"connection / metric: {self.connection_ratio:.2f}"])


def sized(
    name: str, n: int, budget: int, *, force: bool = False, layers: int = 1
) -> Callable[[int], nn.Module]:
    """How to make a model of one kind with as many parameters as a budget allows.

    Args:
        name: one of `NAMES`.
        n: dimension.
        budget: most parameters; the widest hidden layers within it are taken.
        force: whether there is a potential or a force; free motion otherwise.
        layers: number of hidden layers, all of the same width.

    Returns:
        Seed -> model, in float64.

    Raises:
        ModelError: an unknown name, or a budget too small for one hidden unit.

    Example:
        >>> [sum(p.numel() for p in sized(k, 2, 400)(0).parameters()) for k in NAMES]
        [399, 393, 394, 396, 397]
    """
    makers: dict[str, Callable[[Sequence[int]], nn.Module]] = {
        "metric": lambda hidden: MetricDynamics(
            MetricNet(n, "full", hidden), Potential(n, hidden) if force else None
        ),
        "connection": lambda hidden: ConnectionNet(n, hidden, force=force),
        "free": lambda hidden: FreeNet(n, hidden),
        "delan": lambda hidden: DelanNet(n, hidden),
        "lnn": lambda hidden: LagrangianNet(n, hidden),
    }
    if name not in makers or layers < 1:
        raise ModelError(
            f"model {name!r} is not known; choose one of {', '.join(NAMES)}"
            if name not in makers
            else f"{layers} hidden layers were asked for; 1 or more are needed"
        )

    def count(width: int) -> int:
        return sum(p.numel() for p in makers[name]((width,) * layers).parameters())

    # a polynomial in the width, of degree 1 or 2
    at = [count(width) for width in (1, 2, 3)]
    bend, slope = at[2] - 2 * at[1] + at[0], at[1] - at[0]
    width = 0
    while at[0] + slope * width + bend * width * (width - 1) // 2 <= budget:
        width += 1
    if width < 1:
        raise ModelError(f"{budget} parameters were allowed; model {name!r} has {at[0]} at least")

    def make(seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return makers[name]((width,) * layers).double()

    return make


def tune(
    name: str,
    triples: Triples,
    budget: int,
    *,
    force: bool = False,
    layers: int = 1,
    grid: Sequence[Setting] = GRID,
    effort: Effort | None = None,
    seed: int = 0,
) -> Trained:
    """Train a model with every setting of a grid; the best on data held out is kept.

    Args:
        name: one of `NAMES`.
        triples: the data.
        budget: most parameters.
        force: whether there is a potential or a force.
        layers: number of hidden layers.
        grid: the settings.
        effort: how long each is tried.
        seed: of the models and of the split.

    Returns:
        The best one.

    Raises:
        DataError: too few data to hold some out.
        TrainingError: no setting gave a finite model.
    """
    effort, begun = effort or Effort(), time.thread_time()
    order = torch.randperm(len(triples.x), generator=torch.Generator().manual_seed(seed)).numpy()
    kept = round(effort.held_out * len(order))
    if not 0 < kept < len(order):
        raise DataError(
            f"{len(order)} samples with {kept} of them held out; some of both are needed"
        )
    inside, outside = _part(triples, order[kept:]), _part(triples, order[:kept])
    make, best = sized(name, triples.x.shape[1], budget, force=force, layers=layers), None
    for setting in grid:
        train = _by_lm if setting.optimiser == "lm" else _by_adam
        model = train(lambda k: make(1000 * seed + k), inside, setting, effort)
        error = relative_error(model, outside)
        if error == error and (best is None or error < best[0]):
            best = (error, model, setting)
    if best is None:
        raise TrainingError(f"no setting of the grid gave a finite model {name!r}; check the data")
    parameters = sum(p.numel() for p in best[1].parameters())
    return Trained(name, best[1], best[2], best[0], parameters, time.thread_time() - begun)


def compare(
    triples: Triples,
    test: Triples,
    budget: int,
    names: Sequence[str] = NAMES,
    *,
    force: bool = False,
    layers: int = 1,
    grid: Sequence[Setting] = GRID,
    effort: Effort | None = None,
    seed: int = 0,
) -> Comparison:
    """Tune all models on the same data, with the same budget, grid and effort.

    Args:
        triples: the data.
        test: others, for the errors that are reported.
        budget: most parameters of each model.
        names: of `NAMES`; metric and connection are always compared.
        force: whether there is a potential or a force.
        layers: number of hidden layers.
        grid: the settings.
        effort: how long each is tried.
        seed: of the models and of the split.

    Returns:
        Models and errors.
    """
    wanted = [k for k in NAMES if k in {"metric", "connection", *names}]
    for name in names:
        # refuses before any work is done
        sized(name, test.x.shape[1], budget, force=force, layers=layers)
    train = partial(tune, force=force, layers=layers, grid=grid, effort=effort, seed=seed)
    trained = tuple(train(name, triples, budget) for name in wanted)
    return Comparison(trained, {t.name: relative_error(t.model, test) for t in trained})


def relative_error(model: nn.Module, triples: Triples) -> float:
    """Root mean square of model(x, v) - a over that of a."""
    x, v, a = (torch.tensor(each) for each in (triples.x, triples.v, triples.a))
    with torch.no_grad():
        return float((model(x, v) - a).square().mean().sqrt() / a.square().mean().sqrt())


def _part(triples: Triples, index: NDArray[np.intp]) -> Triples:
    error = None if triples.error is None else triples.error[index]
    x, v, a = (each[index] for each in (triples.x, triples.v, triples.a))
    return Triples(x, v, a, error)


def _parameters(model: nn.Module, _: Tensor) -> Tensor:
    return torch.cat([p.reshape(-1) for p in model.parameters()])


def _by_lm(
    make: Callable[[int], nn.Module], triples: Triples, setting: Setting, effort: Effort
) -> nn.Module:
    rows = [acceleration_residual(triples)]
    if setting.decay > 0:
        weight = (setting.decay * triples.a.size) ** 0.5
        one = torch.zeros(1, 1, dtype=torch.float64)
        rows.append(Rows(_parameters, (one,), weight, "decay", data=False))
    pin = gauge(torch.tensor(triples.x)) if isinstance(make(0), MetricDynamics) else None
    stop = Stop(effort.iterations, effort.seconds)
    fit = fit_levenberg_marquardt(make, rows, gauge=pin, multistart=effort.starts, stop=stop)
    return fit.model


def _by_adam(
    make: Callable[[int], nn.Module], triples: Triples, setting: Setting, effort: Effort
) -> nn.Module:
    model, rows, begun = make(0), acceleration_residual(triples), time.thread_time()
    x, v, a, size = rows.samples
    adam = torch.optim.Adam(model.parameters(), lr=setting.rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, effort.steps)
    for _ in range(effort.steps):
        adam.zero_grad()
        loss = ((model(x, v) - a) / size).square().mean()
        if setting.decay > 0:
            loss = loss + setting.decay * _parameters(model, x).square().sum()
        loss.backward()
        adam.step()
        schedule.step()
        if time.thread_time() - begun > effort.seconds:
            break
    return model
