"""What the experiments share: data in three parts, one way of training, one way of tuning.

Rivals differ in a `Recipe` and in nothing else: same network, same steps, same seeds, and as many
recipes to choose from. The choice is made by the loss on validation data, never on test data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

import ndm

__all__ = [
    "Recipe",
    "Task",
    "Trained",
    "accuracy",
    "build",
    "loss_of",
    "make_task",
    "train",
    "tune",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """Data in three parts, standardised by the first.

    Attributes:
        train: points (N, n), and classes (N,) or targets (N, m).
        valid: what recipes are chosen by.
        test: what is reported.
        classes: how many; 0 for regression.
    """

    train: tuple[Tensor, Tensor]
    valid: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    classes: int

    @property
    def outputs(self) -> int:
        """Outputs of a network for it."""
        return self.classes or int(self.train[1].shape[-1])


def make_task(x: Array, y: Array, sizes: tuple[int, int], seed: int, noise: float = 0.0) -> Task:
    """Shuffle, split and standardise.

    Args:
        x: (N, n).
        y: classes (N,), integers, or targets (N, m).
        sizes: of the training and the validation part; the rest is for tests.
        seed: of the shuffle.
        noise: the fraction of training and validation classes that is replaced by others.

    Returns:
        The task.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    first, second = sizes[0], sizes[0] + sizes[1]
    classes = 0 if y.ndim > 1 else int(y.max()) + 1
    if noise and classes:
        y = y.copy()
        wrong = rng.random(second) < noise
        y[:second] = np.where(
            wrong, (y[:second] + rng.integers(1, classes, second)) % classes, y[:second]
        )
    scaled = torch.tensor((x - x[:first].mean(0)) / (x[:first].std(0) + 1e-12))
    target = torch.tensor(y) if classes else torch.tensor(y, dtype=torch.float64)
    parts = [slice(0, first), slice(first, second), slice(second, None)]
    one, two, three = ((scaled[part], target[part]) for part in parts)
    return Task(one, two, three, classes)


@dataclass(frozen=True)
class Recipe:
    """How a model is made and trained.

    Attributes:
        layers: coordinate maps (affine couplings).
        hidden: widths in each of them.
        family: of the metric; None for a plain network.
        lam: weight of curvature and volume terms.
        volume: weight of the volume term in them.
        fisher: weight of the term that gives the metric the output's Fisher information to follow.
        normalise: whether curvature is made independent of the scale of g.
        points: how many points of each batch R is computed at.
        decay: weight decay (AdamW).
        dropout: of the coordinates that the head reads.
        rate: step size of Adam.
        steps: of full batches.
    """

    layers: int = 4
    hidden: tuple[int, ...] = (16,)
    family: str | None = "full"
    lam: float = 0.0
    volume: float = 0.1
    fisher: float = 0.0
    normalise: bool = True
    points: int = 32
    decay: float = 0.0
    dropout: float = 0.0
    rate: float = 1e-2
    steps: int = 300


@dataclass(frozen=True)
class Trained:
    """A model after training.

    Attributes:
        model: in float64, in evaluation mode.
        recipe: how it was trained.
        losses: of the task, at every step.
        valid: loss on the validation part.
    """

    model: ndm.NDM
    recipe: Recipe
    losses: tuple[float, ...]
    valid: float


def build(task: Task, recipe: Recipe, seed: int) -> ndm.NDM:
    """The untrained model of a recipe: also the null control of a trained one.

    Args:
        task: gives dimension and outputs.
        recipe: see there.
        seed: of its parameters.

    Returns:
        A model in float64.
    """
    torch.manual_seed(seed)
    n = task.train[0].shape[-1]
    maps = [
        ndm.coordinate_map("affine_coupling", n, hidden=recipe.hidden, parity=k % 2)
        for k in range(recipe.layers)
    ]
    metric = None if recipe.family is None else ndm.MetricNet(n, recipe.family)
    model: ndm.NDM = ndm.NDM(maps, ndm.LinearHead(n, task.outputs), metric).double()
    return model


def train(task: Task, recipe: Recipe, seed: int) -> Trained:
    """Train with Adam on full batches.

    Args:
        task: data.
        recipe: see there.
        seed: of parameters, dropout and subsampling.

    Returns:
        The trained model.
    """
    model = build(task, recipe, seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=recipe.decay)
    (x, y), losses = task.train, []
    likelihood = "categorical" if task.classes else "normal"
    for _ in range(recipe.steps):
        optimizer.zero_grad()
        last = model.trace(x)[-1]
        fit = _task_loss(model.read(functional.dropout(last, recipe.dropout)), y)
        (fit + _geometry(model, x, recipe, likelihood, generator)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        losses.append(fit.item())
    model.eval()
    return Trained(model, recipe, tuple(losses), loss_of(model, *task.valid))


def _geometry(
    model: ndm.NDM, x: Tensor, recipe: Recipe, likelihood: str, generator: torch.Generator
) -> Tensor:
    total = torch.zeros((), dtype=x.dtype)
    if recipe.family is None:
        return total
    chosen = x[torch.randperm(len(x), generator=generator)[: recipe.points]]
    if recipe.lam:
        shape = model.geometry(chosen)
        size = shape.log_volume if recipe.normalise else None
        bend = ndm.curvature_penalty(shape.scalar_curvature, log_volume=size, dimension=x.shape[-1])
        even = ndm.volume_penalty(shape.log_volume, "log_variance")
        total = total + recipe.lam * (bend + recipe.volume * even)
    if recipe.fisher:
        match = ndm.fisher_match_loss(model, chosen, likelihood=likelihood)
        total = total + recipe.fisher * match
    return total


def _task_loss(outputs: Tensor, y: Tensor) -> Tensor:
    if y.is_floating_point():
        return functional.mse_loss(outputs, y)
    return functional.cross_entropy(outputs, y)


def loss_of(model: ndm.NDM, x: Tensor, y: Tensor) -> float:
    """Cross entropy or mean square error.

    Args:
        model: a model.
        x: points (N, n).
        y: classes or targets.

    Returns:
        The loss.
    """
    with torch.no_grad():
        return float(_task_loss(model(x), y))


def accuracy(model: ndm.NDM, x: Tensor, y: Tensor) -> float:
    """Fraction of points whose class is right.

    Args:
        model: a model.
        x: points (N, n).
        y: classes.

    Returns:
        Between 0 and 1.
    """
    with torch.no_grad():
        return float((model(x).argmax(-1) == y).double().mean())


def tune(task: Task, recipes: Sequence[Recipe], seed: int) -> Trained:
    """Train with every recipe; the best on validation data is kept.

    Args:
        task: data.
        recipes: rivals get lists of equal length.
        seed: of all of them.

    Returns:
        The best one.
    """
    return min((train(task, recipe, seed) for recipe in recipes), key=lambda run: run.valid)
