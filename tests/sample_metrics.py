"""A few geometries that the tests of tensor calculus share, each as a function that builds it."""

from __future__ import annotations

from functools import cache

from geomkit.metric import Metric


@cache
def plane() -> Metric:
    return Metric(coordinates=["x", "y"], matrix=[[1, 0], [0, 1]], name="plane")


@cache
def polar() -> Metric:
    return Metric(
        coordinates=["r", "phi"],
        matrix=[[1, 0], [0, "r**2"]],
        domain={"r": ["1/2", "2"], "phi": ["-1", "1"]},
        name="polar",
    )


@cache
def space() -> Metric:
    return Metric(coordinates=["x", "y", "z"], matrix=[[1, 0, 0], [0, 1, 0], [0, 0, 1]])


@cache
def sphere() -> Metric:
    return Metric(
        coordinates=["theta", "phi"],
        matrix=[["a**2", 0], [0, "a**2*sin(theta)**2"]],
        parameters={"a": {"positive": True}},
        domain={"theta": ["1/4", "3"]},
        name="sphere",
    )


@cache
def skew() -> Metric:
    """Nothing is constant, nothing is diagonal: three coordinates, Lorentzian."""
    return Metric(
        coordinates=["x", "y", "z"],
        matrix=[["-1", "x*y", 0], ["x*y", "4 + exp(z)", "x"], [0, "x", "2 + x**2"]],
        name="skew",
    )


@cache
def minkowski() -> Metric:
    rows = [[-1 if i == j == 0 else int(i == j) for j in range(4)] for i in range(4)]
    return Metric(coordinates=["t", "x", "y", "z"], matrix=rows, name="minkowski")


@cache
def static_spherical() -> Metric:
    """Any static, spherically symmetric spacetime."""
    return Metric(
        coordinates=["t", "r", "theta", "phi"],
        matrix=[
            ["-exp(2*nu(r))", 0, 0, 0],
            [0, "exp(2*mu(r))", 0, 0],
            [0, 0, "r**2", 0],
            [0, 0, 0, "r**2*sin(theta)**2"],
        ],
        functions={"nu(r)": ["1/r"], "mu(r)": ["r/5"]},
        domain={"r": ["1", "3"], "theta": ["1/2", "5/2"]},
        name="static spherical",
    )


@cache
def friedmann() -> Metric:
    return Metric(
        coordinates=["t", "r", "theta", "phi"],
        matrix=[
            [-1, 0, 0, 0],
            [0, "a(t)**2/(1 - k*r**2)", 0, 0],
            [0, 0, "a(t)**2*r**2", 0],
            [0, 0, 0, "a(t)**2*r**2*sin(theta)**2"],
        ],
        parameters={"k": {"range": ["-1", "1"]}},
        functions={"a(t)": ["1 + t**2"]},
        domain={"r": ["1/4", "3/4"], "theta": ["1/2", "5/2"]},
        name="friedmann",
    )


@cache
def kerr() -> Metric:
    sigma, delta = "(r**2 + a**2*cos(theta)**2)", "(r**2 - 2*M*r + a**2)"
    return Metric(
        coordinates=["t", "r", "theta", "phi"],
        matrix=[
            [f"-(1 - 2*M*r/{sigma})", 0, 0, f"-2*M*a*r*sin(theta)**2/{sigma}"],
            [0, f"{sigma}/{delta}", 0, 0],
            [0, 0, sigma, 0],
            [
                f"-2*M*a*r*sin(theta)**2/{sigma}",
                0,
                0,
                f"(r**2 + a**2 + 2*M*r*a**2*sin(theta)**2/{sigma})*sin(theta)**2",
            ],
        ],
        parameters={"M": {"range": ["1/2", "2"]}, "a": {"range": ["1/4", "1/2"]}},
        domain={"r": ["6", "9"], "theta": ["1/2", "5/2"]},
        name="kerr",
    )
