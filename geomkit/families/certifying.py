"""Certificates of the family kernels: every path against the definition in long numbers.

A family's kernels are the same code for all its metrics, so they are certified once, on random
jets: benign ones and ones of condition up to 1e12, of both signatures. The reference is the
definition of R (Christoffel symbols, their derivatives, Ricci) in 60 digits on the metric's full
jet, which shares nothing with the formulas.

An error is measured against what the input's own rounding would do, eps * sum |x dR/dx| over all
entries x of the jet; `error_units` is the largest such ratio.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from geomkit._version import __version__
from geomkit.errors import CertificateError, MetricError

from . import full, storing
from .cases import DEFINITION, Case, Draw, case
from .reference import long

__all__ = ["FamilyCertificate", "PathResult", "certificate", "certify", "require"]

Run = Callable[[list[Any]], tuple[Any, Any]]

DIGITS = 60
# Condition numbers of the metrics, in turn.
CONDITIONS = (1.0, 1e2, 1e4, 1e8, 1e12, 1.0)
# What passes, in units of the effect of rounding the input once. An elimination at condition 1e12
# amounts to some 10 such roundings; a wrong term to 1e10 and more.
UNITS = 64.0
# Gradients are compared up to this condition: beyond, they lose digits as R itself does.
BENIGN = 1e2
EPSILON = float(np.finfo(np.float64).eps)
# How many jets a certificate that nobody chose the number for has, from a dimension on.
POINTS = ((64, 1), (32, 2), (9, 3), (-(10**9), 6))
# Gradients, on benign jets, relative to sum |dR/dx t|: far above rounding, far below a wrong term.
GRADIENT = 1e-10


@dataclass(frozen=True)
class PathResult:
    """What was found on one path.

    Attributes:
        path: "numba", "torch" (numba behind autograd) or "torch plain", and the precision.
        max_relative_error: of R, over all points.
        error_units: the largest error in units of the effect of rounding the input.
        gradient_error: the largest relative error of a directional derivative; None where the path
            has no gradient.
    """

    path: str
    max_relative_error: float
    error_units: float
    gradient_error: float | None


@dataclass(frozen=True)
class FamilyCertificate:
    """How exact the kernels of a family are in one dimension.

    Attributes:
        family: name.
        n: dimension.
        points: how many random jets.
        reference: what the kernels were compared with.
        paths: the results.
        limit: the largest `error_units` that passes.
        source: SHA-256 of the sources of the kernels.
        versions: of what they run on.
    """

    family: str
    n: int
    points: int
    reference: str
    paths: tuple[PathResult, ...]
    limit: float
    source: str
    versions: tuple[tuple[str, str], ...]

    @property
    def ok(self) -> bool:
        """Whether every path is exact to rounding."""
        return bool(self.paths) and all(
            one.error_units <= self.limit and (one.gradient_error or 0.0) <= GRADIENT
            for one in self.paths
        )

    @property
    def max_relative_error(self) -> float:
        """The largest relative error of R in float64, ill-conditioned jets included."""
        return max(one.max_relative_error for one in self.paths if "float64" in one.path)

    @classmethod
    def from_json(cls, text: str) -> FamilyCertificate:
        """Read what `to_json` wrote.

        Args:
            text: JSON.

        Returns:
            The certificate.
        """
        content = dict(json.loads(text))
        content.pop("ok", None)
        content["paths"] = tuple(PathResult(**one) for one in content["paths"])
        content["versions"] = tuple(dict(content["versions"]).items())
        return cls(**content)

    def to_json(self) -> str:
        """The certificate as JSON."""
        content = asdict(self) | {"ok": self.ok, "versions": dict(self.versions)}
        return json.dumps(content, indent=2)

    def __str__(self) -> str:
        verdict = "passes" if self.ok else "FAILS"
        lines = [
            f"{self.family}, n = {self.n}: {verdict} ({self.points} jets, {self.reference})",
            f"{'path':<22} {'relative error':>15} {'in units':>10} {'gradient':>10}",
        ]
        for one in self.paths:
            slope = "-" if one.gradient_error is None else f"{one.gradient_error:.1e}"
            lines.append(
                f"{one.path:<22} {one.max_relative_error:>15.1e} {one.error_units:>10.2g} "
                f"{slope:>10}"
            )
        return "\n".join(lines)


@cache
def certificate(family: str, n: int) -> FamilyCertificate:
    """The certificate of a family in one dimension: from disk, or made when it is first asked for.

    Args:
        family: "full", "full_contracted", "diagonal", "diagonal_metric", "conformal", "low_rank",
            "product" or "warped".
        n: dimension.

    Returns:
        The certificate; look at `.ok`.

    """
    key = json.dumps([storing.source(), _versions()])
    found = storing.read(family, n, key)
    if found is None:
        points = next(count for least, count in POINTS if n >= least)
        found = certify(family, n, points=points)
        storing.store(found, key)
    return found


def require(family: str, n: int) -> FamilyCertificate:
    """The certificate of a family, which must pass.

    Args:
        family: see `certificate`.
        n: dimension.

    Returns:
        The certificate.

    Raises:
        CertificateError: it does not pass.

    Example:
        >>> require("conformal", 2).ok
        True
    """
    found = certificate(family, n)
    if not found.ok:
        raise CertificateError(f"kernels of this family are refused here:\n{found}")
    return found


def certify(family: str, n: int, *, points: int = 6, seed: int = 0) -> FamilyCertificate:
    """Compare all paths of a family with the definition of its curvature.

    Args:
        family: see `certificate`.
        n: dimension, at least 1; product and warped need 2.
        points: number of random jets; their condition numbers go from 1 to 1e12 in turn.
        seed: of the jets.

    Returns:
        The certificate.

    Raises:
        MetricError: an unknown family, or a dimension in which it cannot be compared.
    """
    known = case(family)
    if not isinstance(n, int) or not isinstance(points, int) or points < 1:
        raise MetricError(
            f"n = {n!r} and points = {points!r} were given; both are positive integers"
        )
    _feasible(family, known, n)
    random = np.random.default_rng(seed)
    draws = [
        Draw(random, n, CONDITIONS[k % len(CONDITIONS)], lorentzian=k % 3 == 2)
        for k in range(points)
    ]
    sample = Sample.of([_point(known, draw) for draw in draws])
    return FamilyCertificate(
        family,
        n,
        points,
        _reference(known, n),
        tuple(_measure(name, run, sample) for name, run in _paths(known, n)),
        UNITS,
        storing.source(),
        _versions(),
    )


@dataclass(frozen=True)
class Point:
    """A random jet with its curvature."""

    arrays: tuple[Any, ...]
    value: Any
    tangent: tuple[Any, ...]
    slope: Any
    sensitivity: float


@dataclass(frozen=True)
class Sample:
    """Random jets, stacked; `slopes` are the derivatives of R along `tangents`."""

    arrays: list[np.ndarray[Any, Any]]
    tangents: list[np.ndarray[Any, Any]]
    values: list[Any]
    slopes: list[Any]
    sensitivity: list[float]

    @classmethod
    def of(cls, points: list[Point]) -> Sample:
        """Stack points."""
        return cls(
            [np.stack(column) for column in zip(*(p.arrays for p in points), strict=True)],
            [np.stack(column) for column in zip(*(p.tangent for p in points), strict=True)],
            [p.value for p in points],
            [p.slope for p in points],
            [p.sensitivity for p in points],
        )


def _feasible(family: str, known: Case, n: int) -> None:
    least = 2 if family in ("product", "warped") else 1
    if not least <= n <= known.largest:
        raise MetricError(
            f"the {family} family is certified for n = {least} to {known.largest}, n = {n} was "
            "asked for; the loops of larger dimensions are the same"
        )


def _reference(known: Case, n: int) -> str:
    if n <= DEFINITION:
        return f"definition in {DIGITS} digits"
    if known.large is None:
        return "sectional curvatures in long numbers"
    return "blocks in long numbers, turned" if known.vjp else "the full family"


def _point(known: Case, draw: Draw) -> Point:
    """Draw a jet; R there, a direction, the derivative of R along it."""
    import mpmath

    with mpmath.workdps(DIGITS):
        if draw.n > DEFINITION and known.large is not None:
            # turned and summed in doubles, which an ill-conditioned metric would not survive
            benign = Draw(draw.random, draw.n, min(draw.condition, BENIGN), draw.lorentzian)
            arrays, value, tangent = known.large(benign)
            return Point(arrays, value, tangent, -value, _sensitivity(known, arrays))
        arrays = known.draw(draw)
        # a direction has the symmetries of a jet: it is another one
        tangent = known.draw(Draw(draw.random, draw.n))
        jet = [long(x) for x in arrays]
        value = known.exact(*jet)
        if draw.condition > BENIGN:
            return Point(arrays, value, tangent, None, _sensitivity(known, arrays))
        # a step of 1e-25 leaves 35 of 60 digits to the quotient, less what conditioning takes
        step = mpmath.mpf(10) ** -25
        moved = [x + step * long(t) for x, t in zip(jet, tangent, strict=True)]
        slope = (known.exact(*moved) - value) / step
        return Point(arrays, value, tangent, slope, _sensitivity(known, arrays))


def _sensitivity(known: Case, arrays: tuple[Any, ...]) -> float:
    """Sum of |x dR/dx| over the entries of the jet, or of the jet of the whole metric."""
    if known.vjp is not None:
        given, slopes = arrays, known.vjp(*arrays, np.ones(()))
    else:
        assert known.jet is not None
        given = tuple(np.asarray(x, dtype=np.float64) for x in known.jet(*arrays))
        slopes = full.scalar_vjp(*given, cotangent=np.ones(()))
    return float(sum(np.abs(x * s).sum() for x, s in zip(given, slopes, strict=True)))


def _paths(known: Case, n: int) -> Iterator[tuple[str, Run]]:
    """Names and functions: arrays to R and the gradient of its sum (or None)."""

    def by_numba(arrays: list[Any]) -> tuple[Any, Any]:
        value = known.scalar(*arrays)
        return value, known.vjp and known.vjp(*arrays, np.ones(len(arrays[0])))

    yield "numba", by_numba
    if find_spec("torch") is None:
        return
    from .torch import paths

    yield "torch", lambda arrays: paths.differentiated(known.scalar, arrays)
    if known.formula is not None:
        formula = known.formula(n)
        yield "torch plain", lambda arrays: paths.plain(formula, arrays)


def _measure(name: str, run: Run, sample: Sample) -> PathResult:
    value, slopes = run(sample.arrays)
    errors, units, directions = [], [], []
    for k, exact in enumerate(sample.values):
        error = abs(float(value[k] - exact))
        size = abs(float(exact))
        scale = max(sample.sensitivity[k], size)
        errors.append(error / size if size else error)
        units.append(error / (EPSILON * scale) if scale else (0.0 if error == 0.0 else np.inf))
    for k, slope in enumerate(sample.slopes if slopes is not None else []):
        if slope is None:
            continue
        terms = [np.ravel(s[k] * t[k]) for s, t in zip(slopes, sample.tangents, strict=True)]
        total = float(sum(np.abs(term).sum() for term in terms))
        error = abs(float(sum(term.sum() for term in terms) - slope))
        directions.append(error / total if total else error)
    return PathResult(
        f"{name} float64",
        max(errors, default=0.0),
        # nan has to fail
        float(np.max(units, initial=0.0)),
        None if slopes is None else float(np.max(directions, initial=0.0)),
    )


def _versions() -> tuple[tuple[str, str], ...]:
    names = ["numba", "numpy"] + (["torch"] if find_spec("torch") else [])
    return (("geomkit", __version__), *((name, version(name)) for name in names))
