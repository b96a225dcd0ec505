"""A small classifier that is a manifold: trained live, and its geometry in a report.

python examples/demo_classifier.py

The same with the command line: `ndm train examples/moons.yaml`, then `ndm report runs/moons`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from demo_step import EXAMPLES, heading, near, run

from geomkit.terminal import emit
from ndm.config import load_config
from ndm.report import write_report
from ndm.training import train

EPOCHS = 40
# Two moons with this much noise: no classifier is much better.
LEAST_ACCURACY = 0.9


def train_classifier(folder: Path) -> bool:
    """Train the example of two moons for some epochs, and write its report.

    Args:
        folder: gets a folder for the run, and the report.

    Returns:
        Whether it tells the moons apart.
    """
    heading("Two moons, told apart by charts with a learned metric (ndm train examples/moons.yaml)")
    torch.set_num_threads(1)  # batches are small: threads would wait for each other
    place = folder / "moons"
    if place.exists():  # that of an earlier demonstration: training never writes over a run
        shutil.rmtree(place)
    config = load_config(EXAMPLES / "moons.yaml", [f"trainer.epochs={EPOCHS}"])
    result = train(config, place, progress=sys.stderr.isatty())
    (accuracy, _), (curvature, _) = (
        result.summary()["test"][name] for name in ("accuracy", "mean_curvature_squared")
    )
    untrained = result.summary()["untrained"]["accuracy"][0]
    emit(
        f"   {result.seeds[0].epochs} epochs; accuracy on unseen points {accuracy:.1%} (before "
        f"training {untrained:.1%}), E[R^2] = {curvature:.3g}"
    )
    report = write_report(place, folder / "moons.html")
    emit(f"   curves, curvature, geodesics, symmetries, every chart, in one page: {near(report)}")
    return accuracy >= LEAST_ACCURACY


if __name__ == "__main__":
    sys.exit(run(train_classifier))
