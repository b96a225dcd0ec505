"""JAX under jit: the closed form, and curvature by automatic differentiation of the metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.kernels.closed_form import COMPONENTS, kerr, kerr_metric

__all__ = ["closed_form", "columns", "forward", "reverse"]

Call = tuple[Callable[[], Any], Callable[[Any], Any]]


def closed_form(problem: dict[str, Any]) -> Call:
    """The formulas on an array of points, one array of components."""

    def formulas(x: Any, mass: Any, spin: Any) -> Any:
        return jnp.stack(kerr(x[:, 1], x[:, 2], mass, spin, jnp.sin, jnp.cos))

    return _jitted(formulas, (problem["points"], problem["mass"], problem["spin"])), np.asarray


def columns(problem: dict[str, Any]) -> Call:
    """The same with r and theta as arrays of their own: XLA repeats less of its work."""

    def formulas(r: Any, theta: Any, mass: Any, spin: Any) -> Any:
        return jnp.stack(kerr(r, theta, mass, spin, jnp.sin, jnp.cos))

    r, theta = problem["points"].T[1:3]
    return _jitted(formulas, (r, theta, problem["mass"], problem["spin"])), np.asarray


def forward(problem: dict[str, Any]) -> Call:
    """Automatic differentiation of the metric, forward mode twice: the fastest way."""
    return _automatic(problem, jax.jacfwd)


def reverse(problem: dict[str, Any]) -> Call:
    """The same by `jax.jacobian`, which is reverse mode."""
    return _automatic(problem, jax.jacobian)


def _automatic(problem: dict[str, Any], jacobian: Any) -> Call:
    def curvature(x: Any, mass: Any, spin: Any) -> Any:
        return _curvature(x, mass, spin, jacobian)

    mapped = jax.vmap(curvature, in_axes=(0, None, None))
    call = _jitted(mapped, (problem["points"], problem["mass"], problem["spin"]))
    return call, lambda result: np.asarray(result).T


def _jitted(function: Callable[..., Any], values: tuple[Any, ...]) -> Callable[[], Any]:
    compiled = jax.jit(function)
    arrays = [jnp.asarray(value) for value in values]
    return lambda: compiled(*arrays).block_until_ready()


def _curvature(x: Any, mass: Any, spin: Any, jacobian: Any) -> Any:
    """The textbook sums over the derivatives of the metric at one point."""

    def metric(x: Any) -> Any:
        return jnp.array(kerr_metric(x, mass, spin, jnp.sin, jnp.cos))

    def gamma(x: Any) -> Any:
        d = jacobian(metric)(x)
        low = (d + jnp.swapaxes(d, 1, 2) - jnp.transpose(d, (2, 0, 1))) / 2
        return jnp.einsum("il,ljk->ijk", jnp.linalg.inv(metric(x)), low)

    g, here, change = metric(x), gamma(x), jacobian(gamma)(x)
    half = jnp.einsum("ijlk->ijkl", change) + jnp.einsum("imk,mjl->ijkl", here, here)
    riemann = jnp.einsum("im,mjkl->ijkl", g, half - jnp.swapaxes(half, 2, 3))
    inverse = jnp.linalg.inv(g)
    raised = jnp.einsum("ia,jb,kc,ld,abcd->ijkl", inverse, inverse, inverse, inverse, riemann)
    square = jnp.sum(riemann * raised)
    return jnp.stack([riemann[index] if index else square for index in COMPONENTS])
