"""Small classifiers that measure distances in their metric, so that the task trains the metric."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

import ndm
from validation.fitting import Task

__all__ = ["Design", "build_net", "fit", "with_other_metric"]

_CURVED = 32  # points of each step that the curvature is computed at


@dataclass(frozen=True)
class Design:
    """How a net is made and trained; see `fit`.

    Attributes:
        depth: coordinate maps.
        width: hidden units in each of them.
        kind: of the maps, as `ndm.coordinate_map` calls it.
        metric_width: hidden units of the metric.
        lam: weight of curvature and volume.
        decay: weight decay of AdamW.
        rate: step size of AdamW.
        steps: of full batches.
    """

    depth: int = 2
    width: int = 16
    kind: str = "affine_coupling"
    metric_width: int = 16
    lam: float = 0.0
    decay: float = 0.0
    rate: float = 2e-2
    steps: int = 150


def build_net(task: Task, design: Design, seed: int) -> ndm.NDM:
    """An untrained net: maps, and logits from distances in the metric at the point itself.

    Args:
        task: of classes.
        design: see there.
        seed: of the parameters.

    Returns:
        The net, in float64.
    """
    torch.manual_seed(seed)
    n = task.train[0].shape[-1]
    maps = [
        ndm.coordinate_map(design.kind, n, hidden=(design.width,), parity=k % 2)
        for k in range(design.depth)
    ]
    head = ndm.PrototypeHead(n, task.classes, at="point")
    net: ndm.NDM = ndm.NDM(maps, head, ndm.MetricNet(n, "full", (design.metric_width,))).double()
    return net


def fit(task: Task, design: Design, seed: int) -> ndm.NDM:
    """Train with AdamW on the task + lambda (curvature, made scale-free, + volume / 10).

    Args:
        task: of classes.
        design: see there.
        seed: of parameters, and of the points that the curvature is computed at.

    Returns:
        The trained net, in evaluation mode.
    """
    net = build_net(task, design, seed)
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(net.parameters(), design.rate, weight_decay=design.decay)
    x, y = task.train
    for _ in range(design.steps):
        optimiser.zero_grad()
        loss = functional.cross_entropy(net(x), y)
        if design.lam:
            chosen = x[torch.randperm(len(x), generator=generator)[:_CURVED]]
            loss = loss + design.lam * _geometry(net, chosen)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
    net.eval()
    return net


def _geometry(net: ndm.NDM, x: Tensor) -> Tensor:
    shape = net.geometry(x)
    bend = ndm.curvature_penalty(
        shape.scalar_curvature, log_volume=shape.log_volume, dimension=x.shape[-1]
    )
    return bend + 0.1 * ndm.volume_penalty(shape.log_volume, "log_variance")


def with_other_metric(net: ndm.NDM, other: ndm.NDM) -> ndm.NDM:
    """The maps and the head of one net with the metric of another.

    Args:
        net: trained.
        other: of the same design and not trained: the null control of the metric.

    Returns:
        A net that shares its parts with both.
    """
    maps = [layer.coordinate_map for layer in net.layers]
    mixed: ndm.NDM = ndm.NDM(maps, net.head, other.field(-1))
    return mixed
