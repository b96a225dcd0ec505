"""What `--help` says."""

from __future__ import annotations

__all__ = ["EVAL", "FIT_MOTION", "REPORT", "TRAIN"]

TRAIN = """Train a model for each seed of a configuration.

CONFIG is a YAML file; docs/ndm/training.md lists its keys. Everything is written to a folder:
the configuration, the best and the last checkpoint of each seed, curves (metrics.csv and
TensorBoard), figures (summary.json). Whatever stops a run, --resume goes on from its last epoch.

Examples:

  ndm train examples/moons.yaml

  ndm train examples/moons.yaml --set model.metric.family=conformal --set loss.lam=auto

  ndm train examples/moons.yaml --seed 0 --seed 1 --seed 2 --output runs/three

  ndm train examples/moons.yaml --output runs/three --resume
"""

EVAL = """Figures of a trained model on its test data, or on other data.

RUN is the folder that training wrote. FILE is an .npz or a .csv of the same form as the data of
the training; it is scaled as those were.

Examples:

  ndm eval runs/moons

  ndm eval runs/mine --data new.csv --json
"""

REPORT = """Write what a run gave as one HTML file: figures, curves, geometry, configuration.

The geometry is drawn for data of two coordinates, beside that of the untrained model.

Examples:

  ndm report runs/moons

  ndm report runs/moons --output moons.html --seed 1
"""

FIT_MOTION = """Fit a metric, and a potential if asked, to motion in a file.

FILE holds triples (x, v, a) or trajectories (positions with times); docs/ndm/dynamics.md has the
forms. The relative residual of exact data says how far the curvature can be believed. From Python,
`ndm.dynamics.fit_files.load_fit(DIR)` gives back what --output wrote.

Examples:

  ndm fit-motion free.npz --output fits/free

  ndm fit-motion pendulum.csv --potential --starts 8 --seconds 300
"""
