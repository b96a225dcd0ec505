"""From a path in the space of states to a trajectory with its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError
from geomkit.geodesic import causal, reading
from geomkit.geodesic.integrate import Path
from geomkit.geodesic.invariants import measure
from geomkit.geodesic.trajectory import Hit, Trajectory

if TYPE_CHECKING:
    from geomkit.geodesic.model import Geodesics

__all__ = ["make_trajectory", "sample_values"]

Array = NDArray[np.float64]


def make_trajectory(
    geodesics: Geodesics, path: Path, samples: int | Sequence[float] | Array
) -> Trajectory:
    """Return a trajectory, its invariants measured after each step of the integrator.

    Args:
        geodesics: the metric with its parameters.
        path: the path of states (2n,).
        samples: how many equidistant samples, or the values of s.

    Returns:
        The trajectory.
    """
    n, equations = geodesics.n, geodesics.equations
    s = sample_values(path.s, samples)
    states = path.dense(s)
    states[s == path.s[0]], states[s == path.s[-1]] = path.states[0], path.states[-1]
    points, velocities = path.states[:, :n], path.states[:, n:]
    return Trajectory(
        metric=geodesics.metric.name,
        coordinates=geodesics.coordinates,
        parameters=geodesics.parameters,
        s=s,
        points=states[:, :n],
        velocities=states[:, n:],
        ending=path.ending,
        message=path.message,
        hits=tuple(Hit(c.watch.event.name, c.s, c.state[:n], c.state[n:]) for c in path.crossings),
        invariants=measure(geodesics.conserved, equations, points, velocities, geodesics.drift),
        character=causal.character(equations.matrix(points[0]), velocities[0]),
        steps=len(path.s) - 1,
        evaluations=path.evaluations,
        steps_s=path.s,
        _dense=path.dense,
    )


def sample_values(steps: Array, samples: int | Sequence[float] | Array) -> Array:
    """Return the values of s at which a curve is sampled.

    Args:
        steps: values after each step.
        samples: a number of equidistant values, or the values.

    Returns:
        The values that the curve covers.

    Raises:
        DomainError: there is none.
    """
    first, last = float(steps[0]), float(steps[-1])
    if np.ndim(samples) == 0:
        return np.linspace(first, last, reading.samples(samples))
    wanted = reading.numbers(samples, "samples").ravel()
    low, high = min(first, last), max(first, last)
    kept: Array = wanted[(wanted >= low) & (wanted <= high)]
    if not len(kept):
        raise DomainError(f"none of the samples lies on the curve, which covers [{low}, {high}]")
    return kept
