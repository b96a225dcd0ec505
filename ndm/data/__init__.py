"""Data to train on: built-in sets, sets that are made here, and files of the user's own.

Nothing is downloaded. What is random has a seed of its own, so that the same configuration gives
the same numbers, whatever else draws random numbers.

| name | what | task |
|---|---|---|
| `moons`, `circles` | two interleaved half circles, two rings (scikit-learn) | classification |
| `digits`, `iris`, `wine`, `breast_cancer` | scikit-learn's | classification |
| `diabetes` | scikit-learn's | regression |
| `mnist1d` | MNIST-1D, made: 40 numbers, 10 classes | classification |
| `swiss_roll` | a rolled-up strip in R^3; its angle is predicted | regression |
| `sphere`, `torus` | points in scrambled coordinates; their height in R^3 | regression |
| `file` | an .npz or .csv; see `read_table` | what the targets look like |
"""

from __future__ import annotations

from ndm.data.prepare import Data, Scaling, apply, load
from ndm.data.sets import NAMES
from ndm.data.tables import read_table

__all__ = ["NAMES", "Data", "Scaling", "apply", "load", "read_table"]
