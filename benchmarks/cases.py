"""The metrics that are timed, built from any SymPy: the peers' environment runs this file too.

A case says how its metric is built, what it must reach, and on what domain it is meant. Nothing
here imports geomkit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

__all__ = ["CASES", "Case"]

Built = tuple[list[Any], list[list[Any]]]


@dataclass(frozen=True)
class Case:
    """One metric to be timed.

    Attributes:
        name: for tables and the command line.
        build: gives the coordinates and the matrix, made of plain symbols.
        target: seconds of CPU time that the field results may take.
        ratio: how many times faster than plain SymPy they must be, if SymPy finishes.
        parameters: the parameters with their ranges, as `Metric` takes them.
        functions: the unspecified functions with an example each.
        domain: boxes of coordinates.
        kretschmann: whether the Kretschmann scalar is part of the task.
        vacuum: whether Ricci has to vanish exactly.
        peers: whether the other packages are timed on it too.
    """

    name: str
    build: Callable[[], Built]
    target: float
    ratio: float | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)
    domain: dict[str, list[str]] = field(default_factory=dict)
    kretschmann: bool = True
    vacuum: bool = False
    peers: bool = False


def _symbols(text: str) -> list[Any]:
    return list(sp.symbols(text))


def _diagonal(coordinates: list[Any], entries: list[Any]) -> Built:
    n = len(coordinates)
    zero = sp.Integer(0)
    return coordinates, [[entries[i] if i == j else zero for j in range(n)] for i in range(n)]


def _sphere(n: int) -> Built:
    angles = _symbols(" ".join(f"x{k}" for k in range(1, n + 1)))
    entries = [sp.Integer(1)]
    for angle in angles[:-1]:
        entries.append(entries[-1] * sp.sin(angle) ** 2)
    return _diagonal(angles, entries)


def _half_space(n: int) -> Built:
    coordinates = _symbols(" ".join([f"x{k}" for k in range(1, n)] + ["y"]))
    return _diagonal(coordinates, [1 / coordinates[-1] ** 2] * n)


def _hyperbolic(n: int) -> Built:
    """dr^2 + sinh(r)^2 dOmega_(n-1): the chart of H^n that compares with the angles of S^n."""
    coordinates, sphere = _sphere(n - 1)
    entries = [sp.sinh(sp.Symbol("r")) ** 2 * sphere[k][k] for k in range(n - 1)]
    return _diagonal([sp.Symbol("r"), *coordinates], [sp.Integer(1), *entries])


def _fisher() -> Built:
    mu, sigma = _symbols("mu sigma")
    return _diagonal([mu, sigma], [1 / sigma**2, 2 / sigma**2])


def _static(f: Callable[[Any], Any]) -> Built:
    t, r, theta, phi = _symbols("t r theta phi")
    return _diagonal([t, r, theta, phi], [-f(r), 1 / f(r), r**2, r**2 * sp.sin(theta) ** 2])


def _schwarzschild() -> Built:
    mass = sp.Symbol("M")
    return _static(lambda r: 1 - 2 * mass / r)


def _reissner_nordstrom() -> Built:
    mass, charge = _symbols("M Q")
    return _static(lambda r: 1 - 2 * mass / r + charge**2 / r**2)


def _flrw() -> Built:
    t, r, theta, phi, k = _symbols("t r theta phi k")
    a = sp.Function("a")(t)
    angle = a**2 * r**2
    entries = [-sp.Integer(1), a**2 / (1 - k * r**2), angle, angle * sp.sin(theta) ** 2]
    return _diagonal([t, r, theta, phi], entries)


def _static_spherical() -> Built:
    t, r, theta, phi = _symbols("t r theta phi")
    nu, lam = sp.Function("nu")(r), sp.Function("lam")(r)
    entries = [-sp.exp(2 * nu), sp.exp(2 * lam), r**2, r**2 * sp.sin(theta) ** 2]
    return _diagonal([t, r, theta, phi], entries)


def _full(n: int) -> Built:
    """A symmetric matrix of unknown functions of all coordinates."""
    coordinates = _symbols(" ".join("uvwx"[:n]))
    entry = {(i, j): sp.Function(f"g{i}{j}")(*coordinates) for i in range(n) for j in range(i, n)}
    return coordinates, [[entry[min(i, j), max(i, j)] for j in range(n)] for i in range(n)]


def _full_functions(n: int) -> dict[str, list[str]]:
    names = "uvwx"[:n]
    arguments = ",".join(names)
    found = {}
    for i in range(n):
        for j in range(i, n):
            example = f"{3 + i} + {names[i]}*{names[j]}/7" if i == j else f"{names[i]}*{names[j]}/9"
            found[f"g{i}{j}({arguments})"] = [example]
    return found


def _generic_diagonal(n: int) -> Built:
    coordinates = _symbols(" ".join(f"x{k}" for k in range(n)))
    entries = [sp.Function(f"h{k}")(*coordinates) for k in range(n)]
    return _diagonal(coordinates, entries)


def _generic_functions(n: int) -> dict[str, list[str]]:
    arguments = ",".join(f"x{k}" for k in range(n))
    return {f"h{k}({arguments})": [f"{k + 2} + x{k}*x{(k + 1) % n}/8"] for k in range(n)}


def _ten_dimensional() -> Built:
    """Every entry depends on the next coordinate, so that ten different factors meet."""
    x = _symbols(" ".join(f"x{k}" for k in range(10)))
    entries = [1 + x[(k + 1) % 10] ** 2 for k in range(10)]
    return _diagonal(x, entries)


def _kerr_like(delta: Callable[[Any, Any], Any], twice: Callable[[Any], Any]) -> Built:
    t, r, theta, phi, a = _symbols("t r theta phi a")
    sigma = r**2 + a**2 * sp.cos(theta) ** 2
    sine = sp.sin(theta) ** 2
    cross = -a * twice(r) * sine / sigma
    zero = sp.Integer(0)
    matrix = [
        [-(1 - twice(r) / sigma), zero, zero, cross],
        [zero, sigma / delta(r, a), zero, zero],
        [zero, zero, sigma, zero],
        [cross, zero, zero, (r**2 + a**2 + twice(r) * a**2 * sine / sigma) * sine],
    ]
    return [t, r, theta, phi], matrix


def _kerr() -> Built:
    mass = sp.Symbol("M")
    return _kerr_like(lambda r, a: r**2 - 2 * mass * r + a**2, lambda r: 2 * mass * r)


def _kerr_newman() -> Built:
    mass, charge = _symbols("M Q")
    return _kerr_like(
        lambda r, a: r**2 - 2 * mass * r + a**2 + charge**2, lambda r: 2 * mass * r - charge**2
    )


def _kerr_newman_de_sitter() -> Built:
    t, r, theta, phi, a, mass, charge, lam = _symbols("t r theta phi a M Q L")
    sine, cosine = sp.sin(theta) ** 2, sp.cos(theta) ** 2
    sigma = r**2 + a**2 * cosine
    radial = (r**2 + a**2) * (1 - lam * r**2 / 3) - 2 * mass * r + charge**2
    polar = 1 + lam * a**2 * cosine / 3
    xi = 1 + lam * a**2 / 3
    zero = sp.Integer(0)
    cross = a * sine * (radial - polar * (r**2 + a**2)) / (sigma * xi**2)
    last = sine * (polar * (r**2 + a**2) ** 2 - radial * a**2 * sine) / (sigma * xi**2)
    matrix = [
        [(polar * a**2 * sine - radial) / (sigma * xi**2), zero, zero, cross],
        [zero, sigma / radial, zero, zero],
        [zero, zero, sigma / polar, zero],
        [cross, zero, zero, last],
    ]
    return [t, r, theta, phi], matrix


def _myers_perry() -> Built:
    t, r, theta, phi, psi, a, b, m = _symbols("t r theta phi psi a b m")
    sine, cosine = sp.sin(theta) ** 2, sp.cos(theta) ** 2
    sigma = r**2 + a**2 * cosine + b**2 * sine
    delta = (r**2 + a**2) * (r**2 + b**2) - m * r**2
    form = [-sp.Integer(1), sp.Integer(0), sp.Integer(0), a * sine, b * cosine]
    flat = [
        -sp.Integer(1),
        r**2 * sigma / delta,
        sigma,
        (r**2 + a**2) * sine,
        (r**2 + b**2) * cosine,
    ]
    zero = sp.Integer(0)
    matrix = [
        [(flat[i] if i == j else zero) + m * form[i] * form[j] / sigma for j in range(5)]
        for i in range(5)
    ]
    return [t, r, theta, phi, psi], matrix


def _projective_plane() -> Built:
    """CP2 with the Fubini-Study metric in real affine coordinates."""
    x = _symbols("x1 y1 x2 y2")
    norm = 1 + sum(c**2 for c in x)
    rotated = [-x[1], x[0], -x[3], x[2]]
    matrix = [
        [
            (1 if i == j else 0) / norm - (x[i] * x[j] + rotated[i] * rotated[j]) / norm**2
            for j in range(4)
        ]
        for i in range(4)
    ]
    return x, matrix


_M = {"M": {"range": ["1/2", "2"]}}
_OUTSIDE = {"r": ["3*M", "10*M"], "theta": ["1/5", "29/10"]}
_ROTATION = {"a": {"range": ["1/10", "1/2"]}}
_ROTATING = {**_M, **_ROTATION}
_CHARGED = {**_ROTATING, "Q": {"range": ["1/10", "1/2"]}}
_ANGLE = {"theta": ["1/5", "29/10"]}


def _angles(n: int) -> dict[str, list[str]]:
    return {f"x{k}": ["1/5", "29/10"] for k in range(1, n + 1)}


_UPPER = {"y": ["1/2", "3"]}

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case("S2", lambda: _sphere(2), 0.005, 20, domain=_angles(2), peers=True),
        Case("H3", lambda: _half_space(3), 0.005, 20, domain=_UPPER),
        Case("Fisher normal", _fisher, 0.005, 20, domain={"sigma": ["1/2", "2"]}),
        Case(
            "Schwarzschild", _schwarzschild, 0.015, 200, _M,
            domain=_OUTSIDE, vacuum=True, peers=True,
        ),
        Case(
            "Reissner-Nordstrom", _reissner_nordstrom, 0.015, 200,
            {**_M, "Q": {"range": ["1/10", "1/2"]}}, domain=_OUTSIDE, peers=True,
        ),
        Case(
            "FLRW", _flrw, 0.015, 200, {"k": {"range": ["-9/10", "9/10"]}},
            {"a(t)": ["1+t**2/3"]}, {"r": ["1/10", "9/10"], **_ANGLE}, peers=True,
        ),
        Case(
            "static spherical", _static_spherical, 0.015, 200,
            functions={"nu(r)": ["r/3"], "lam(r)": ["r**2/5"]},
            domain={"r": ["1", "3"], **_ANGLE}, peers=True,
        ),
        Case("S3", lambda: _sphere(3), 0.015, 200, domain=_angles(3)),
        Case("S4", lambda: _sphere(4), 0.015, 200, domain=_angles(4)),
        Case(
            "H4", lambda: _hyperbolic(4), 0.015, 200, domain={"r": ["1/2", "2"], **_angles(3)},
        ),
        Case("H4, half-space", lambda: _half_space(4), 0.015, 200, domain=_UPPER),
        Case("E, F, G (u, v)", lambda: _full(2), 0.010, 1000, functions=_full_functions(2)),
        Case("Kerr", _kerr, 0.030, None, _ROTATING, domain=_OUTSIDE, vacuum=True, peers=True),
        Case("Kerr-Newman", _kerr_newman, 0.080, None, _CHARGED, domain=_OUTSIDE),
        Case(
            "Kerr-Newman-de Sitter", _kerr_newman_de_sitter, 0.080, None,
            {**_CHARGED, "L": {"range": ["1/1000", "1/200"]}}, domain=_OUTSIDE,
        ),
        Case(
            "Myers-Perry 5D", _myers_perry, 0.080, None,
            {**_ROTATION, "b": {"range": ["3/5", "1"]}, "m": {"range": ["1", "2"]}},
            domain={"r": ["3", "9"], "theta": ["1/5", "7/5"]}, vacuum=True,
        ),
        Case("CP2", _projective_plane, 0.080),
        Case("S8", lambda: _sphere(8), 0.080, domain=_angles(8)),
        Case("H8", lambda: _half_space(8), 0.080, domain=_UPPER),
        Case(
            "generic diagonal 4D", lambda: _generic_diagonal(4), 0.080,
            functions=_generic_functions(4),
        ),
        Case("full 3x3, 6 functions", lambda: _full(3), 0.300, functions=_full_functions(3)),
        Case("diagonal 10D", _ten_dimensional, 0.300),
        Case(
            "full 4x4, 10 functions", lambda: _full(4), 1.0, functions=_full_functions(4),
            kretschmann=False,
        ),
    )
}  # fmt: skip
