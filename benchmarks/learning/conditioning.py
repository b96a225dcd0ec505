"""The error of R where g is ill-conditioned: R67.

A jet (g, dg, ddg) whose R is known is carried over to coordinates in which g has a given condition
number: R stays, g becomes A^T g A. That is done in extended precision and rounded once, so that the
error is that of the precision in which g is given, and of the kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import geomkit as gk
import ndm
from benchmarks.learning.problems import table
from geomkit.errors import GeomkitError
from ndm.errors import NdmError

TITLE = "Ill-conditioned metrics"
N, POINTS = 4, 64
DECADES = range(0, 13, 2)  # of the condition number
TYPES = {"float32": np.float32, "float64": np.float64}

Array = NDArray[Any]
Carried = Callable[[float], tuple[Array, ...]]


def _net(family: str) -> tuple[ndm.MetricNet, torch.Tensor]:
    torch.manual_seed(0)
    return ndm.MetricNet(N, family, spread=0.5).double(), torch.randn(POINTS, N).double()


def _long(*tensors: torch.Tensor) -> list[Array]:
    return [tensor.detach().numpy().astype(np.longdouble) for tensor in tensors]


def _stretch(kappa: float) -> Array:
    """Factors of the coordinates; their squares span kappa."""
    exponents = np.linspace(-0.25, 0.25, N, dtype=np.longdouble)
    result: Array = np.longdouble(kappa) ** exponents
    return result


def _full() -> Carried:
    field, x = _net("full")
    g, dg, ddg = _long(*field.jet(x))
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(N, N)))[0].astype(np.longdouble)

    def carried(kappa: float) -> tuple[Array, ...]:
        # a rotation after the stretch: the small direction lies across the axes
        A = _stretch(kappa)[:, None] * turn
        return (
            np.einsum("zab,ai,bj->zij", g, A, A),
            np.einsum("zabc,ai,bj,ck->zijk", dg, A, A, A),
            np.einsum("zabcd,ai,bj,ck,dl->zijkl", ddg, A, A, A, A),
        )

    return carried


def _diagonal() -> Carried:
    field, x = _net("diagonal")
    h, dh, ddh = _long(*field.parametrisation.entry_jet(field.net, x, "diagonal"))

    def carried(kappa: float) -> tuple[Array, ...]:
        a = _stretch(kappa)
        scale = (a * a)[:, None]
        return h * a * a, dh * scale * a, ddh * scale * a * a

    return carried


def _low_rank() -> Carried:
    field, x = _net("lowrank")
    d, dd, ddd, u, du, ddu = _long(*field.parametrisation._parts(field.net, x))

    def carried(kappa: float) -> tuple[Array, ...]:
        a = _stretch(kappa)
        s, pair = a * a, a[:, None] * a
        return (
            d * s,
            dd * s[:, None] * a,
            ddd * s[:, None, None] * pair,
            u * a[:, None],
            du * a[:, None, None] * a,
            ddu * a[:, None, None, None] * pair,
        )

    return carried


KERNELS: dict[str, tuple[Callable[[], Carried], Callable[..., Any]]] = {
    "full": (_full, gk.families.full.scalar),
    "diagonal": (
        _diagonal,
        lambda *jet, **options: gk.families.diagonal.scalar(*jet, parameter="metric", **options),
    ),
    "lowrank": (_low_rank, gk.families.low_rank.scalar),
}


def _errors(family: str) -> dict[str, list[Any]]:
    """Median and largest relative error over points for each condition number."""
    make, kernel = KERNELS[family]
    carried = make()
    exact = kernel(*(part.astype(np.float64) for part in carried(1.0)))
    found: dict[str, list[Any]] = {name: [] for name in TYPES}
    for name, kind in TYPES.items():
        for decade in DECADES:
            jet = [part.astype(kind) for part in carried(10.0**decade)]
            try:
                R = np.asarray(kernel(*jet), dtype=float)
            except GeomkitError as error:
                found[name].append(type(error).__name__)
                continue
            error_of = np.abs(R - exact) / np.abs(exact)
            found[name].append([float(np.median(error_of)), float(error_of.max())])
    return found


def _nets(family: str, bound: float | None) -> list[list[Any]]:
    """Condition of g, and error of R in float32 against float64, as one direction grows."""
    rows = []
    for decade in DECADES:
        torch.manual_seed(0)
        field = ndm.MetricNet(N, family, spread=0.5, eps=1e-13, max_condition=bound).double()
        rows_of = torch.arange(N)
        # the first column of L, or of U: a direction across the axes, of which g has the square
        column = rows_of * (rows_of + 1) // 2 if family == "full" else N + 2 * rows_of
        with torch.no_grad():
            field.net.layers[-1].bias[column] += 0.5 * (10.0 ** (decade / 2) - 1)
        x = torch.randn(POINTS, N).double()
        g = field(x).detach()
        rows.append([float(torch.linalg.cond(g).median()), _error_of_single(field, x)])
    return rows


def _error_of_single(field: ndm.MetricNet, x: torch.Tensor) -> float | str:
    try:
        R = field.scalar_curvature(x).detach()
        single = field.float().scalar_curvature(x.float()).detach().double()
    except (GeomkitError, NdmError) as error:
        return type(error).__name__
    return float(((single - R).abs() / R.abs()).median())


NETS: dict[str, tuple[str, float | None]] = {
    "full": ("full", None),
    "full, max_condition=1e4": ("full", 1e4),
    "lowrank": ("lowrank", None),
}


def measure() -> dict[str, Any]:
    """Errors of every family, and what a bound on the condition number does."""
    return {
        "errors": {family: _errors(family) for family in KERNELS},
        "nets": {name: _nets(*options) for name, options in NETS.items()},
    }


def section(data: dict[str, Any]) -> str:
    """The section of the page."""
    rows = []
    for family, kinds in data["errors"].items():
        for kind, found in kinds.items():
            cells = [one if isinstance(one, str) else f"{one[0]:.0e}" for one in found]
            rows.append([family, kind, *cells])
    head = "family | precision | " + " | ".join(f"1e{k}" for k in DECADES)
    nets = []
    for name, found in data["nets"].items():
        nets.append([name, "condition", *(f"{one[0]:.0e}" for one in found)])
        errors = (one[1] if isinstance(one[1], str) else f"{one[1]:.0e}" for one in found)
        nets.append([name, "error of R", *errors])
    second = "net | what | " + " | ".join(f"1e{k}" for k in DECADES)
    return f"""Relative error of R (median of {POINTS} points, n = {N}) where the jet of a metric
net is carried over to coordinates in which the condition number of g is larger by the factor in the
head, and rounded to the precision; R itself is the same everywhere. A name of an error: it was
refused. Kernels compute float32 in float64: what is lost there is lost by giving g in float32. For
"full" the coordinates are stretched and then turned; the others, whose form a rotation would not
keep, are stretched along the axes, which costs nothing. Conformal metrics have condition number 1.

{table(head, rows)}

Nets whose metric grows in a direction across the axes (the first column of L, or of U; its square
is larger by about the factor in the head): condition number of g, and relative error of R of the
net in float32 against the same net in float64 (medians). `max_condition` is the adaptive eps.

{table(second, nets)}

So the error of a full metric's R grows as the square of the condition number, or faster, times the
rounding of g: in float32 R means nothing from a condition number of 1e6 on, in float64 from 1e8. A
metric that is no longer positive definite in its precision is refused (`ModelError`); between
these, only a bound on the condition number helps."""
