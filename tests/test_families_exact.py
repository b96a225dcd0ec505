"""The formulas of the families are identities of the exact engine.

For metrics of unspecified functions the scalar curvature is derived exactly, with the functions'
derivatives as inputs, and evaluated in 40 digits at random jets. It must agree with the definition
that certificates use (to 30 digits) and with the numba kernels (to rounding).
"""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
import pytest

import geomkit as gk
from geomkit.evaluate import Digits
from geomkit.families import conformal, diagonal, full, low_rank, reference, warped
from geomkit.interpret import interpret
from geomkit.lower import lower

COORDINATES = "xyzw"
# Jets of size one: what rounding of n^4 terms leaves, with room for cancellation.
ROUNDING = 1e-12


class Functions:
    """Random values, gradients and Hessians of named functions of all coordinates."""

    def __init__(self, n: int, names: list[str], seed: int = 1) -> None:
        random = np.random.default_rng(seed)
        self.n, self.names = n, names
        self.value = {name: float(random.uniform(0.5, 1.5)) for name in names}
        self.slope = {name: random.normal(size=n) for name in names}
        self.second = {}
        for name in names:
            raw = random.normal(size=(n, n))
            self.second[name] = raw + raw.T

    def derivative(self, name: str, orders: tuple[int, ...]) -> float:
        at = [i for i, order in enumerate(orders) for _ in range(order)]
        table: Any = (self.value, self.slope, self.second)[len(at)][name]
        return float(table[tuple(at)] if at else table)

    def text(self, name: str) -> str:
        return f"{name}({', '.join(COORDINATES[: self.n])})"

    def exact(self, matrix: list[list[str]]) -> Any:
        """R of a metric of these functions, by the exact engine, in 40 digits."""
        metric = gk.Metric(
            coordinates=list(COORDINATES[: self.n]),
            matrix=matrix,
            functions=[self.text(name) for name in self.names],
        )
        program = lower(metric, "scalar")
        values = {
            one.name: 0.0 if one.jet is None else self.derivative(one.jet.function, one.jet.orders)
            for one in program.inputs
        }
        return interpret(program, values, Digits(40))[0]

    def stack(self, names: list[str]) -> tuple[np.ndarray[Any, Any], ...]:
        parts = (self.value, self.slope, self.second)
        return tuple(np.array([part[name] for name in names]) for part in parts)


def agree(exact: Any, definition: Any, kernels: list[Any]) -> None:
    scale = max(1.0, abs(float(exact)))
    assert abs(exact - definition) < 1e-30 * scale
    for value in kernels:
        assert abs(float(value) - float(exact)) < ROUNDING * scale


def long(*arrays: Any) -> list[Any]:
    return [reference.long(array) for array in arrays]


@pytest.fixture(autouse=True)
def digits() -> Any:
    import mpmath

    with mpmath.workdps(50):
        yield


def exp() -> Any:
    import mpmath

    return mpmath.exp


@pytest.mark.parametrize("n", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_full(n: int) -> None:
    pairs = list(combinations_with_replacement(range(n), 2))
    f = Functions(n, [f"g{i}{j}" for i, j in pairs])
    for i in range(n):
        f.value[f"g{i}{i}"] += n  # regular
    name = [[f"g{min(i, j)}{max(i, j)}" for j in range(n)] for i in range(n)]
    exact = f.exact([[f.text(entry) for entry in row] for row in name])
    jet = tuple(
        np.array([[part[entry] for entry in row] for row in name])
        for part in (f.value, f.slope, f.second)
    )
    contracted = full.contract(jet[0], jet[2])
    kernels = [full.scalar(*jet), full.scalar(jet[0], jet[1], contracted=contracted)]
    agree(exact, reference.scalar(*long(*jet)), kernels)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_conformal(n: int) -> None:
    f = Functions(n, ["phi"])
    text = f"exp(2*{f.text('phi')})"
    exact = f.exact([[text if i == j else "0" for j in range(n)] for i in range(n)])
    phi, dphi, hessian = (part[0] for part in f.stack(["phi"]))
    value, slope, second = long(phi, dphi, hessian)
    jet = reference.conformal_jet(value, slope, second, exp())
    definition = reference.scalar(*jet)
    agree(exact, definition, [conformal.scalar(phi, dphi, np.trace(hessian))])


@pytest.mark.parametrize(("n", "parameter"), list(product([2, 3, 4], ["log", "metric"])))
def test_diagonal(n: int, parameter: str) -> None:
    names = [f"h{i}" for i in range(n)]
    f = Functions(n, names)
    entry = "exp({})" if parameter == "log" else "{}"
    exact = f.exact(
        [[entry.format(f.text(names[i])) if i == j else "0" for j in range(n)] for i in range(n)]
    )
    h, dh, hessian = f.stack(names)
    unmixed = np.einsum("ikk->ik", hessian)
    value, slope, second = long(h, dh, hessian)
    jet = reference.diagonal_jet(value, slope, second, exp() if parameter == "log" else None)
    agree(exact, reference.scalar(*jet), [diagonal.scalar(h, dh, unmixed, parameter=parameter)])


def test_diagonal_with_signs() -> None:
    names = ["h0", "h1", "h2"]
    f = Functions(3, names)
    signs = (-1, 1, 1)
    entries = [f"{s}*exp({f.text(name)})" for s, name in zip(signs, names, strict=True)]
    exact = f.exact([[entries[i] if i == j else "0" for j in range(3)] for i in range(3)])
    h, dh, hessian = f.stack(names)
    found = diagonal.scalar(h, dh, np.einsum("ikk->ik", hessian), signs=signs)
    assert abs(float(exact) - found) < ROUNDING * abs(float(exact))


@pytest.mark.parametrize("n", [2, 3])
def test_low_rank(n: int) -> None:
    diagonals, columns = [f"d{i}" for i in range(n)], [f"u{i}" for i in range(n)]
    f = Functions(n, diagonals + columns)
    exact = f.exact(
        [
            [
                (f"{f.text(diagonals[i])} + " if i == j else "")
                + f"{f.text(columns[i])}*{f.text(columns[j])}"
                for j in range(n)
            ]
            for i in range(n)
        ]
    )
    d, (u, du, ddu) = f.stack(diagonals), f.stack(columns)
    arrays = (*d, u[:, None], du[:, None], ddu[:, None])
    definition = reference.scalar(*reference.low_rank_jet(*long(*arrays)))
    agree(exact, definition, [low_rank.scalar(*arrays)])


def test_warped_product_of_surfaces() -> None:
    metric = gk.Metric(
        coordinates=list("xyzt"),
        matrix=[
            ["exp(2*p(x, y))", "0", "0", "0"],
            ["0", "exp(2*p(x, y))", "0", "0"],
            ["0", "0", "w(x, y)**2*exp(2*q(z, t))", "0"],
            ["0", "0", "0", "w(x, y)**2*exp(2*q(z, t))"],
        ],
        functions=["p(x, y)", "w(x, y)", "q(z, t)"],
    )
    f = Functions(2, ["p", "w", "q"])
    program = lower(metric, "scalar")
    values = {
        one.name: 0.0 if one.jet is None else f.derivative(one.jet.function, one.jet.orders)
        for one in program.inputs
    }
    exact = interpret(program, values, Digits(40))[0]
    surfaces = {name: (f.value[name], f.slope[name], f.second[name]) for name in "pwq"}
    jets = {
        name: tuple(
            np.asarray(part, dtype=float)
            for part in reference.conformal_jet(*surfaces[name], np.exp)
        )
        for name in "pq"
    }
    w, dw, ddw = surfaces["w"]
    _, laplacian, slope = warped.operators(jets["p"][0], jets["p"][1], dw, ddw)
    base, fibre = (
        conformal.scalar(surfaces[name][0], surfaces[name][1], np.trace(surfaces[name][2]))
        for name in "pq"
    )
    found = warped.scalar(base, fibre, w, laplacian, slope, 2)
    assert abs(float(exact) - found) < ROUNDING * max(1.0, abs(float(exact)))
