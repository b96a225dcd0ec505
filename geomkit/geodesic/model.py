"""Geodesics: a metric with values for its parameters, and all that follows its geodesics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import DomainError, MetricError
from geomkit.geodesic import causal, deviation, exponential, parallel, reading, shooting
from geomkit.geodesic.curve import make_trajectory
from geomkit.geodesic.equations import Equations, describe
from geomkit.geodesic.events import (
    Event,
    boundary_events,
    horizon_event,
    read_events,
    require_real,
    watch,
)
from geomkit.geodesic.integrate import Settings, integrate
from geomkit.geodesic.invariants import Conserved, conserved
from geomkit.geodesic.trajectory import Trajectory

if TYPE_CHECKING:
    from geomkit.geodesic.bundle import Bundle
    from geomkit.geodesic.connecting import Distance, Logarithm
    from geomkit.geodesic.deviation import ConjugatePoint, JacobiField
    from geomkit.geodesic.parallel import Transported
    from geomkit.metric import Metric

__all__ = ["Geodesics"]

Array = NDArray[np.float64]
SAMPLES = 201
Samples = int | Sequence[float] | Array


class Geodesics:
    """The geodesics x'' + Gamma x' x' = 0 of a metric, for given values of its parameters.

    Kernels for the equations are compiled when they are first needed. Coordinates are numbers on
    the real line: nothing is wrapped around, and a curve that leaves the chart ends there.

    Args:
        metric: the metric.
        killing: Killing fields whose first integrals are monitored, besides those of coordinates
            that the metric does not depend on: a mapping name -> components K^i, or several of
            these; each is proved. By default those that the catalogue knows; () for none.
        integrals: further quantities to monitor, name -> expression in the coordinates and the
            velocities `v_r`, ...; these are not proved.
        settings: tolerances, method, limit on steps.
        drift: relative drift of an invariant above which it counts as not conserved.
        backend: of the kernels, "numba" or "interpret".
        parameters: values of parameters; for names that are no Python names.
        **values: values of parameters (numbers) and of unspecified functions (callables
            `a(*arguments, orders)`).

    Raises:
        MetricError: a parameter is missing or unknown, or a field is no Killing field.
        DomainError: a value is no finite number.

    Example:
        >>> import geomkit as gk
        >>> sphere = Geodesics(gk.catalog["sphere2"], a=1.0, backend="interpret")
        >>> curve = sphere.geodesic([np.pi / 2, 0.0], [0.0, 1.0], length=np.pi)
        >>> curve.end.round(9) + 0.0
        array([1.57079633, 3.14159265])
        >>> sorted(curve.invariants), curve.conserved
        (['K2', 'K3', 'energy', 'p_phi'], True)
    """

    def __init__(
        self,
        metric: Metric,
        *,
        killing: Any = None,
        integrals: Mapping[str, Any] | None = None,
        settings: Settings | None = None,
        drift: float = 1e-6,
        backend: str = "numba",
        parameters: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> None:
        reading.model(metric, settings, drift)
        self.metric = metric
        self.n = metric.n
        self.settings = settings or Settings()
        self.drift = drift
        twice = sorted(set(parameters or {}) & set(values))
        if twice:
            raise MetricError(f"{twice[0]} was given twice, as {twice[0]}= and in parameters=")
        self.parameters = reading.parameters(metric, {**(parameters or {}), **values})
        self.numbers = {k: v for k, v in self.parameters.items() if not callable(v)}
        self.equations = Equations(metric, self.parameters, backend)
        self._killing, self._integrals = killing, dict(integrals or {})
        if killing or integrals:
            self._monitored()  # a field that is no Killing field is refused now

    @cached_property
    def coordinates(self) -> tuple[str, ...]:
        """The names of the coordinates."""
        return tuple(str(x.name) for x in self.metric.coordinates)

    @cached_property
    def conserved(self) -> tuple[Conserved, ...]:
        """What is monitored: energy, momenta of cyclic coordinates, what the user added."""
        return self._monitored()

    def _monitored(self) -> tuple[Conserved, ...]:
        return conserved(self.equations, self.numbers, self._killing, self._integrals)

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v}" for k, v in self.parameters.items())
        return f"<Geodesics of {self.metric.name!r}{': ' + values if values else ''}>"

    # Vectors at a point -----------------------------------------------------------------------

    def square(self, point: Any, vector: Any) -> float:
        """Return g(v, v) at a point."""
        return causal.square(self._g(point), self._row(vector, "vector"))

    def character(self, point: Any, vector: Any) -> str:
        """Return "spacelike", "timelike" or "null"; "" where there are no light cones."""
        return causal.character(self._g(point), self._row(vector, "vector"))

    def unit(self, point: Any, vector: Any) -> Array:
        """Return the multiple with |g(v, v)| = 1: unit speed, or proper time as parameter.

        Args:
            point: where, (n,).
            vector: the vector, (n,).

        Returns:
            The unit vector. Null and zero vectors are refused with a DomainError.
        """
        return causal.normalised(self._g(point), self._row(vector, "vector"))

    def light(
        self, point: Any, velocity: Any, *, time: str | None = None, future: bool = True
    ) -> Array:
        """Return the null vector with given spatial part: g(v, v) = 0 is solved for v^t.

        Args:
            point: where, (n,).
            velocity: dx^i/ds, (n,); the time component is not used and may be anything.
            time: the time coordinate; "t", or else the first one.
            future: whether dt/ds > 0.

        Returns:
            The vector, (n,). DomainError if light cannot move that way.
        """
        return self._solved(point, velocity, time, future, light=True)

    def clock(
        self, point: Any, velocity: Any, *, time: str | None = None, future: bool = True
    ) -> Array:
        """Return the vector with given spatial part dx^i/dtau, tau being proper time.

        Otherwise as `light`; DomainError if no observer can move that way.
        """
        return self._solved(point, velocity, time, future, light=False)

    def _solved(
        self, point: Any, velocity: Any, time: str | None, future: bool, light: bool
    ) -> Array:
        g, k = self._g(point), self.metric.index(time or ("t" if "t" in self.coordinates else 0))
        v = reading.row(velocity, "velocity", self.coordinates, unused=k)
        sign = causal.time_sign(g)
        if sign == 0:
            raise DomainError(f"metric {self.metric.name!r} is Riemannian: it has no light cones")
        return causal.future_root(g, v, k, 0 if light else sign, future)

    # Geodesics --------------------------------------------------------------------------------

    def geodesic(
        self,
        point: Any,
        velocity: Any,
        length: float = 1.0,
        *,
        events: Any = (),
        samples: Samples = SAMPLES,
        within_domain: bool = False,
    ) -> Trajectory:
        """Return the geodesic x(s), 0 <= s <= length, with x(0) = point and x'(0) = velocity.

        Args:
            point: where it starts, (n,).
            velocity: dx/ds there, (n,).
            length: range of the affine parameter; negative goes backwards.
            events: what to look out for: expressions ("r - 2*M"), `Event`s, or a mapping from
                names to expressions. Expressions stop the curve.
            samples: how many equidistant samples to return, or the values of s.
            within_domain: whether to stop at the boundary of the metric's domain.

        Returns:
            The curve, as far as it goes: `ending` and `message` say why it ends.

        Raises:
            DomainError: the start is no regular point, or something given is no usable number.
        """
        state, span = self._state(point, velocity), reading.span(length)
        if causal.is_degenerate(self._g(point)):
            raise DomainError(
                f"the chart is not regular at {self._describe(state)}: the metric is degenerate"
            )
        wanted = read_events(events) + (boundary_events(self.metric) if within_domain else ())
        watches = watch(self.metric, wanted, self.numbers)
        require_real(watches, state[None])
        equations, describe_ = self.equations.geodesic, self._describe
        path = integrate(equations, state, (0.0, span), self.settings, watches, describe_)
        return make_trajectory(self, path, samples)

    def exp(self, point: Any, vector: Any) -> Array:
        """Return exp_p(v), the point that the geodesic with x(0) = p, x'(0) = v reaches at s = 1.

        Args:
            point: p, (..., n).
            vector: v, (..., n); leading dimensions broadcast with those of p.

        Returns:
            The points, (..., n).

        Raises:
            DomainError: a geodesic ends before s = 1; `geodesic` shows how far it goes.
        """
        return exponential.exp(self, point, vector)

    def geodesics(
        self,
        points: Any,
        velocities: Any,
        length: Any = 1.0,
        *,
        events: Any = (),
        samples: int = SAMPLES,
        by_steps: bool = False,
    ) -> Bundle:
        """Return many geodesics, integrated together, each with steps of its own.

        Args:
            points: where they start, (..., n).
            velocities: dx/ds there, (..., n); leading dimensions broadcast.
            length: range of s, one number or one for each.
            events: as for `geodesic`; all of them stop.
            samples: how many samples of each, equidistant over the whole length.
            by_steps: whether the samples of each curve are spread over its own steps instead, from
                its start to its own end: dense where it bends.

        Returns:
            The bundle, with leading dimensions flattened.

        Raises:
            DomainError: an array has a wrong shape or is not finite.
        """
        return exponential.geodesics(
            self, points, velocities, length, events=events, samples=samples, by_steps=by_steps
        )

    # Two points -------------------------------------------------------------------------------

    def log(self, start: Any, end: Any, **options: Any) -> Logarithm:
        """Return log_p(q): a vector v with exp_p(v) = q, found by shooting with continuation.

        Args:
            start: p, (n,).
            end: q, (n,).
            **options: `periods`, `attempts`, `seed`; see `geomkit.geodesic.shooting.log`.

        Returns:
            The result; without a vector where none was found, never with a wrong one.
        """
        p, q = self._row(start, "start"), self._row(end, "end")
        return shooting.log(self, p, q, **options)

    def distance(self, start: Any, end: Any, **options: Any) -> Distance:
        """Return the length (or interval) of the geodesic that `log` finds, with its options.

        The result says what is known about shorter geodesics.
        """
        p, q = self._row(start, "start"), self._row(end, "end")
        return shooting.distance(self, p, q, **options)

    # Vectors along curves ---------------------------------------------------------------------

    def transport(
        self, point: Any, velocity: Any, vectors: Any, length: float = 1.0, samples: int = SAMPLES
    ) -> Transported:
        """Carry vectors parallel along a geodesic: w' = -Gamma(x', w).

        Args:
            point: where the geodesic starts, (n,).
            velocity: dx/ds there, (n,).
            vectors: what to carry, (n,) or (k, n).
            length: range of s.
            samples: number of samples.

        Returns:
            The vectors along the curve.
        """
        state, span = self._state(point, velocity), reading.span(length)
        carried, count = self._several(vectors), reading.samples(samples)
        return parallel.along_geodesic(self, state, carried, span, count)

    def transport_along(
        self,
        curve: Any,
        vectors: Any,
        span: tuple[float, float] = (0.0, 1.0),
        *,
        parameter: str = "s",
        samples: int = SAMPLES,
    ) -> Transported:
        """Carry vectors parallel along a given curve.

        Args:
            curve: the n coordinates as expressions in the parameter, or a callable s -> (point,
                velocity).
            vectors: what to carry, (n,) or (k, n).
            span: first and last value of the parameter.
            parameter: its name in the expressions.
            samples: number of samples.

        Returns:
            The vectors along the curve.

        Raises:
            DomainError: the curve or the span is none.
        """
        given, ends = parallel.read_curve(self, curve, parameter), reading.numbers(span, "span")
        if ends.shape != (2,) or not np.isfinite(ends).all() or ends[0] == ends[1]:
            raise DomainError(
                f"the curve would go over {span}; give two numbers, finite and different"
            )
        first, last = map(float, ends)
        carried, count = self._several(vectors), reading.samples(samples)
        return parallel.along_curve(self, given, carried, (first, last), count)

    def jacobi_field(
        self,
        point: Any,
        velocity: Any,
        deviation_: Any,
        rate: Any,
        length: float = 1.0,
        samples: int = SAMPLES,
    ) -> JacobiField:
        """Return the Jacobi field J along a geodesic: D^2 J/ds^2 + R(J, x')x' = 0.

        Args:
            point: where the geodesic starts, (n,).
            velocity: dx/ds there, (n,).
            deviation_: J(0), (n,) or (k, n).
            rate: its covariant derivative DJ/ds(0), of the same shape.
            length: range of s.
            samples: number of samples.

        Returns:
            The fields.
        """
        state, span = self._state(point, velocity), reading.span(length)
        start, slope = self._several(deviation_), self._several(rate)
        return deviation.jacobi_field(self, state, start, slope, span, reading.samples(samples))

    def conjugate_points(
        self, point: Any, velocity: Any, length: float
    ) -> tuple[ConjugatePoint, ...]:
        """Return the points conjugate to x(0), where d exp is singular, in order."""
        return deviation.conjugate_points(self, self._state(point, velocity), reading.span(length))

    # Events -----------------------------------------------------------------------------------

    def horizon(self, coordinate: str = "r", margin: float = 1e-6) -> Event:
        """Return the stopping event g^rr = margin; see `geomkit.geodesic.horizon_event`."""
        return horizon_event(self.metric, coordinate, margin)

    # Reading ----------------------------------------------------------------------------------

    def _row(self, given: Any, what: str) -> Array:
        return reading.row(given, what, self.coordinates)

    def _several(self, vectors: Any) -> Array:
        return reading.several(vectors, self.coordinates)

    def _state(self, point: Any, velocity: Any) -> Array:
        return np.concatenate([self._row(point, "point"), self._row(velocity, "velocity")])

    def _g(self, point: Any) -> Array:
        return self.equations.matrix(self._row(point, "point"))

    def _describe(self, state: Array) -> str:
        return describe(self.metric, state[: self.n])
