"""Two comparisons of metrics that the requirements ask for, as tables of Markdown.

    python -m benchmarks.geometry

R64: independent metrics against one that all layers share, and against one pulled back. R74: what
each measure of geometric complexity does when it alone is made small. Medians over seeds; no
figure depends on how busy the machine is.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Literal

import torch

from ndm.build import build_loss, build_model
from ndm.complexity import COMPLEXITIES, complexity
from ndm.config import DataConfig, LossConfig, MetricConfig, ModelConfig
from ndm.data import load
from ndm.losses import metric_variation
from ndm.metric_net import MetricNet
from ndm.training.figures import evaluate

SEEDS = range(5)
STEPS = 300
POINTS = 64


def shared(kind: str, seed: int) -> dict[str, float]:
    """Train one model on digits and say what became of it.

    Args:
        kind: "one for each layer", "shared" or "pulled back".
        seed: of model and data.

    Returns:
        Figures by name.
    """
    torch.manual_seed(seed)
    data = load(DataConfig(name="digits", components=4, seed=seed))
    tie: Literal["pullback", "independent"]
    tie = "pullback" if kind == "pulled back" else "independent"
    model = build_model(
        ModelConfig(
            layers=3, tie=tie, share_metric=kind == "shared", metric=MetricConfig(hidden=[16])
        ),
        data,
    ).double()
    config = LossConfig(lam=1e-2, consistency=0.0 if tie == "pullback" else 1e-2, points=16)
    x, y = (torch.as_tensor(part) for part in data.train)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(STEPS):
        batch = torch.randint(len(x), (128,))
        optimizer.zero_grad()
        terms = build_loss(model, x[batch].double(), y[batch], config=config, task=data.task)
        terms.total(config.lam).backward()
        optimizer.step()
    held = [torch.as_tensor(part) for part in data.test]
    found = evaluate(model, held[0].double(), held[1], data.task)
    nets = [part for part in model.modules() if isinstance(part, MetricNet)]  # a shared one once
    apart = model.compatibility(held[0].double()).log_ratio
    return {
        "parameters of metrics": float(sum(p.numel() for net in nets for p in net.parameters())),
        "test accuracy": found["accuracy"],
        "E[R^2]": found["mean_curvature_squared"],
        "variation of g": found["metric_variation"],
        "log ratio of neighbours": float(apart.detach().median()),
    }


def minimised(name: str, seed: int) -> dict[str, float]:
    """Make one measure small by itself, in four dimensions, and look at all of them.

    Args:
        name: of `ndm.complexity`.
        seed: of the metric and the points.

    Returns:
        Each measure after training over what it was before, and the variation of g likewise.
    """
    torch.manual_seed(seed)
    field: MetricNet = MetricNet(4, hidden=(8,), spread=0.5).double()
    x = torch.randn(POINTS, 4, dtype=torch.float64)

    def figures() -> dict[str, float]:
        with torch.no_grad():
            found = {one: abs(float(complexity(field, x, one))) for one in COMPLEXITIES}
            return found | {"variation of g": float(metric_variation(field(x)))}

    before = figures()
    optimizer = torch.optim.Adam(field.parameters(), lr=1e-2)
    for _ in range(STEPS // 3):
        optimizer.zero_grad()
        complexity(field, x, name).backward()
        optimizer.step()
    after = figures()
    return {one: after[one] / before[one] for one in before}


def table(title: str, rows: dict[str, list[dict[str, float]]]) -> str:
    """Medians, with the smallest and largest value.

    Args:
        title: of the first column.
        rows: for each name the figures of each seed.

    Returns:
        A table in Markdown.
    """
    columns = list(next(iter(rows.values()))[0])
    lines = [f"| {title} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, seeds in rows.items():
        cells = []
        for column in columns:
            values = sorted(one[column] for one in seeds)
            middle = f"{median(values):.3g}"
            spread = f" ({values[0]:.2g} to {values[-1]:.2g})" if values[0] != values[-1] else ""
            cells.append(middle + spread)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    begun = time.process_time()
    kinds = ("one for each layer", "shared", "pulled back")
    print(table("metrics", {kind: [shared(kind, seed) for seed in SEEDS] for kind in kinds}))
    print(f"\nCPU time {time.process_time() - begun:.0f} s\n")
    begun = time.process_time()
    # the action has no lower bound: it is no loss
    names = [name for name in COMPLEXITIES if name != "action"]
    print(table("made small", {name: [minimised(name, seed) for seed in SEEDS] for name in names}))
    print(f"\nCPU time {time.process_time() - begun:.0f} s")


if __name__ == "__main__":
    main()
