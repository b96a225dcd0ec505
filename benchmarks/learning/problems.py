"""Models and data that several parts measure."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import Tensor, nn

import ndm

__all__ = ["BATCH", "CHARTS", "digits", "model", "step", "table"]

BATCH, CHARTS = 256, 2


def model(
    n: int, family: str, outputs: int = 10, seed: int = 0, charts: int = CHARTS, hidden: int = 32
) -> ndm.NDM:
    """Affine couplings, a linear head, a metric net of one hidden layer."""
    torch.manual_seed(seed)
    maps = [
        ndm.coordinate_map("affine_coupling", n, parity=k % 2, hidden=(hidden,))
        for k in range(charts)
    ]
    return ndm.NDM(maps, ndm.LinearHead(n, outputs), ndm.MetricNet(n, family, (hidden,)))


def step(net: ndm.NDM, x: Tensor, target: Tensor, points: int | None, curved: bool) -> None:
    """Forward and backward; without curvature, metric and volume are computed all the same."""
    net.zero_grad()
    loss = nn.functional.cross_entropy(net(x), target)
    shape = net.geometry(x, points=points, curvature=curved)
    loss = loss + 0.1 * ndm.volume_penalty(shape.log_volume, "log_variance")
    if curved:
        loss = loss + 0.1 * ndm.curvature_penalty(shape.scalar_curvature)
    loss.backward()


def digits() -> tuple[Tensor, Tensor]:
    """200 digits in 8 whitened principal components."""
    x, y = load_digits(return_X_y=True)
    x = PCA(8, whiten=True, random_state=0).fit_transform(x)
    chosen = np.random.default_rng(0).permutation(len(x))[:200]
    return torch.tensor(x[chosen]), torch.tensor(y[chosen])


def table(head: str, rows: list[list[str]]) -> str:
    """A table of Markdown; the head's cells are parted by bars."""
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|" + "---|" * columns]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
