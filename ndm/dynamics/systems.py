"""Mechanical systems and free motion, exactly: what learned metrics are compared with.

A system is a kinetic metric M(q), a potential V(q), and

    q''^i = -Gamma^i_jk q'^j q'^k - M^ij d_j V,

all derived by geomkit from M and V. Without potential it is free motion: geodesics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

import geomkit as gk
from ndm.dynamics.stepping import Motions, follow_together
from ndm.errors import DataError, SolverError

__all__ = [
    "SURFACES",
    "System",
    "double_pendulum",
    "n_pendulum",
    "particle_on_surface",
    "surface",
    "two_link_arm",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class System:
    """A mechanical system with an exact kinetic metric.

    Attributes:
        metric: M, a metric of geomkit.
        potential: V as text in the coordinates and parameters of the metric; "0" for free motion.
        parameters: values of the metric's parameters.
        box: lower and upper ends of the coordinates, where samples are drawn.

    Example:
        >>> pendulum = double_pendulum()
        >>> q, v = np.zeros((1, 2)), np.zeros((1, 2))
        >>> bool(abs(pendulum.acceleration(q, v)).max() < 1e-15)        # it hangs at rest
        True
    """

    metric: gk.Metric
    potential: str = "0"
    parameters: Mapping[str, float] = field(default_factory=dict)
    box: tuple[tuple[float, ...], tuple[float, ...]] = ((-1.0, -1.0), (1.0, 1.0))

    @property
    def dimension(self) -> int:
        """Number of coordinates, n."""
        return int(self.metric.n)

    @property
    def is_free(self) -> bool:
        """Whether there is no potential."""
        return self.potential == "0"

    @cached_property
    def _kernel(self) -> gk.Kernel:
        wanted = ["geodesic", "energy"]
        if not self.is_free:
            wanted += [f"gradient({self.potential})", f"potential = {self.potential}"]
        return gk.compile(self.metric, wanted)

    def _values(self, q: Array, v: Array) -> Any:
        return self._kernel(q, velocity=v, **self.parameters)

    def acceleration(self, q: Array, v: Array) -> Array:
        """The second derivative of the motion.

        Args:
            q: (..., n).
            v: (..., n).

        Returns:
            (..., n).
        """
        values = self._values(np.asarray(q, float), np.asarray(v, float))
        result: Array = values.geodesic if self.is_free else values.geodesic - values.gradient
        return result

    def energy(self, q: Array, v: Array) -> Array:
        """M_ij v^i v^j / 2 + V, of shape (...,)."""
        values = self._values(np.asarray(q, float), np.asarray(v, float))
        result: Array = values.energy if self.is_free else values.energy + values.potential
        return result

    def trajectory(self, q: Array, v: Array, times: Array) -> tuple[Array, Array]:
        """Follow one motion.

        Args:
            q: (n,), at times[0].
            v: (n,).
            times: (T,), increasing.

        Returns:
            Positions and velocities, (T, n) each.

        Raises:
            SolverError: it cannot be followed to the end.
        """
        found = self.trajectories(np.asarray(q)[None], np.asarray(v)[None], times)
        if found.ended:
            raise SolverError(f"the motion cannot be followed: it ends {found.ended[0]}")
        return found.x[0], found.v[0]

    def trajectories(self, q: Array, v: Array, times: Array) -> Motions:
        """Follow several motions together.

        Args:
            q: (K, n), at times[0].
            v: (K, n).
            times: (T,), increasing.

        Returns:
            The motions; nan after the end of one that leaves the chart.
        """
        places, speeds, times = (np.asarray(each, float) for each in (q, v, times))
        return follow_together(self.acceleration, places, speeds, times, tolerance=1e-12)

    def draw(
        self, count: int, random: np.random.Generator, speed: float = 1.0
    ) -> tuple[Array, Array]:
        """Random positions in the box, and random velocities.

        Args:
            count: how many.
            random: where randomness comes from.
            speed: standard deviation of each component of the velocity.

        Returns:
            Positions and velocities, (count, n) each.
        """
        low, high = (np.asarray(end, float) for end in self.box)
        q = low + (high - low) * random.random((count, self.dimension))
        return q, speed * random.normal(size=(count, self.dimension))


def n_pendulum(
    masses: Sequence[float] = (1.0, 1.0),
    lengths: Sequence[float] = (1.0, 1.0),
    gravity: float = 9.81,
) -> System:
    """A chain of point masses on massless rods, in its angles from the vertical.

    M_ij = (sum of the masses from max(i, j) on) l_i l_j cos(q_i - q_j),
    V = -g sum_i (sum of the masses from i on) l_i cos(q_i).

    Args:
        masses: of the points, from the top.
        lengths: of the rods.
        gravity: g.

    Returns:
        The system.

    Raises:
        DataError: lists of different lengths, or numbers that are not positive.
    """
    n = len(masses)
    if n < 1 or len(lengths) != n or min(*masses, *lengths, 1) <= 0:
        raise DataError(
            f"masses {list(masses)} and lengths {list(lengths)} were given; needed are as many "
            "positive masses as lengths"
        )
    names = [f"q{i + 1}" for i in range(n)]
    hang = [f"({'+'.join(f'm{k + 1}' for k in range(i, n))})" for i in range(n)]
    rows = [
        [
            f"{hang[max(i, j)]}*l{i + 1}*l{j + 1}*cos(q{i + 1} - q{j + 1})"
            if i != j
            else f"{hang[i]}*l{i + 1}**2"
            for j in range(n)
        ]
        for i in range(n)
    ]
    potential = " - ".join(["0", *(f"g*{hang[i]}*l{i + 1}*cos(q{i + 1})" for i in range(n))])
    values = {f"m{i + 1}": float(m) for i, m in enumerate(masses)}
    values |= {f"l{i + 1}": float(length) for i, length in enumerate(lengths)}
    values["g"] = float(gravity)
    box = {name: ["1/2", "2"] for name in values} | {"g": ["1", "10"]}
    metric = gk.Metric(
        coordinates=names,
        matrix=rows,
        parameters={name: {"range": ends} for name, ends in box.items()},
        domain={name: ["-1", "1"] for name in names},
        name=f"{n}_pendulum",
    )
    return System(metric, potential, values, ((-np.pi,) * n, (np.pi,) * n))


def double_pendulum(
    masses: Sequence[float] = (1.0, 1.0),
    lengths: Sequence[float] = (1.0, 1.0),
    gravity: float = 9.81,
) -> System:
    """Two point masses on two rods; see `n_pendulum`."""
    return n_pendulum(masses, lengths, gravity)


def two_link_arm(
    masses: Sequence[float] = (1.0, 1.0), lengths: Sequence[float] = (1.0, 1.0)
) -> System:
    """A planar arm of two uniform rods, in joint angles, moving freely in a horizontal plane.

    M_11 = I_1 + I_2 + m_1 l_1^2/4 + m_2 (l_1^2 + l_2^2/4 + l_1 l_2 cos q2),
    M_12 = I_2 + m_2 (l_2^2/4 + l_1 l_2/2 cos q2), M_22 = I_2 + m_2 l_2^2/4, I = m l^2/12.

    Args:
        masses: of the rods.
        lengths: of the rods.

    Returns:
        The system.
    """
    shape = "m2*(l2**2/3 + l1*l2/2*cos(q2))"
    metric = gk.Metric(
        coordinates=["q1", "q2"],
        matrix=[
            ["m1*l1**2/3 + m2*(l1**2 + l2**2/3 + l1*l2*cos(q2))", shape],
            [shape, "m2*l2**2/3"],
        ],
        parameters={name: {"range": ["1/2", "2"]} for name in ("m1", "m2", "l1", "l2")},
        domain={"q1": ["-1", "1"], "q2": ["-1", "1"]},
        name="two_link_arm",
    )
    values = dict(zip(("m1", "m2", "l1", "l2"), (*masses, *lengths), strict=True))
    return System(metric, "0", {k: float(x) for k, x in values.items()}, ((-3.0, -2.5), (3.0, 2.5)))


# Line elements of the test surfaces, and where samples are drawn; radius of the chart 1 to 2.
SURFACES: Mapping[str, tuple[str, float]] = {
    "plane": ("du**2 + dw**2", 1.5),
    "sphere": ("4*(du**2 + dw**2)/(1 + u**2 + w**2)**2", 0.9),
    "hyperbolic": ("4*(du**2 + dw**2)/(1 - u**2 - w**2)**2", 0.5),
    "torus": ("(2 + cos(w))**2*du**2 + dw**2", 1.5),
    "ellipsoid": ("", 1.0),
}


def surface(name: str) -> System:
    """Free motion on a surface: plane, unit sphere, hyperbolic disc, torus (2, 1), ellipsoid.

    Args:
        name: one of `SURFACES`; the ellipsoid has the semi-axes 1, 1.3 and 0.7.

    Returns:
        The system.

    Raises:
        DataError: the name is not known.
    """
    if name not in SURFACES:
        raise DataError(f"surface {name!r} is not known; choose one of {', '.join(SURFACES)}")
    line, size = SURFACES[name]
    bounds = {"hyperbolic": "1/2"}.get(name, "1")
    domain = {x: [f"-{bounds}", bounds] for x in ("u", "w")}
    if name == "ellipsoid":
        metric = gk.Metric.from_embedding(
            map=["cos(u)*cos(w)", "13/10*sin(u)*cos(w)", "7/10*sin(w)"],
            coordinates=["u", "w"],
            domain=domain,
            name=name,
        )
    else:
        metric = gk.Metric.from_line_element(line, coordinates=["u", "w"], domain=domain, name=name)
    return System(metric, "0", {}, ((-size, -size), (size, size)))


def particle_on_surface(height: str = "u**2/2 - w**2/4 + u*w/3", gravity: float = 9.81) -> System:
    """A particle that slides without friction on the graph of a height function.

    Args:
        height: z = h(u, w), as text.
        gravity: g; V = g h.

    Returns:
        The system.
    """
    metric = gk.Metric.from_embedding(
        map=["u", "w", height],
        coordinates=["u", "w"],
        domain={"u": ["-1", "1"], "w": ["-1", "1"]},
        parameters={"g": {"range": ["1", "10"]}},
        name="particle_on_surface",
    )
    return System(metric, f"g*({height})", {"g": float(gravity)}, ((-1.0, -1.0), (1.0, 1.0)))
