"""The curvature of Kerr in closed form, written by hand, for any kind of number.

The same lines serve NumPy, SymPy, JAX and heyoka.py, whoever brings sin and cos along; nothing here
imports geomkit. `kerr.c` computes the same components in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["COMPONENTS", "kerr", "kerr_metric"]

# The independent components that are not zero: those of R_ijkl, then the Kretschmann scalar.
COMPONENTS: tuple[tuple[int, ...], ...] = (
    (0, 1, 0, 1),
    (0, 1, 0, 2),
    (0, 1, 1, 3),
    (0, 1, 2, 3),
    (0, 2, 0, 2),
    (0, 2, 1, 3),
    (0, 2, 2, 3),
    (0, 3, 0, 3),
    (0, 3, 1, 2),
    (1, 2, 1, 2),
    (1, 3, 1, 3),
    (1, 3, 2, 3),
    (2, 3, 2, 3),
    (),
)


def kerr(
    r: Any, theta: Any, M: Any, a: Any, sin: Callable[[Any], Any], cos: Callable[[Any], Any]
) -> tuple[Any, ...]:
    """The components of `COMPONENTS` for Kerr in Boyer-Lindquist coordinates.

    Args:
        r: the radial coordinate.
        theta: the polar angle.
        M: the mass.
        a: the spin parameter.
        sin: the sine for this kind of number.
        cos: the cosine.

    Returns:
        One number (or array, or expression) for each component.
    """
    s, c = sin(theta), cos(theta)
    r2, a2, s2 = r * r, a * a, s * s
    A = a2 * (c * c)
    B = a2 * s2
    R = r2 + a2
    sigma = r2 + A
    delta = R - 2 * M * r
    sigma3 = sigma * sigma * sigma
    u = M * r * (r2 - 3 * A) / sigma3
    v = M * (3 * r2 - A) * s * c / sigma3
    us, av = u * s2, a * v
    return (
        -u * (2 * delta + B) / delta,
        3 * a2 * v,
        -a * us * (3 * R - 4 * M * r) / delta,
        av * (B + 2 * R),
        u * (delta + 2 * B),
        av * (2 * B + R),
        a * us * (3 * R - 2 * M * r),
        us * delta,
        -av * sigma,
        -u * (sigma * sigma) / delta,
        -us * (R * R + 2 * B * delta) / delta,
        3 * a2 * R * s2 * v,
        us * (2 * (R * R) + B * delta),
        48 * (M * M) * (r2 - A) * (A * A - 14 * A * r2 + r2 * r2) / (sigma3 * sigma3),
    )


def kerr_metric(
    x: Any, M: Any, a: Any, sin: Callable[[Any], Any], cos: Callable[[Any], Any]
) -> list[list[Any]]:
    """The metric of Kerr at x = (t, r, theta, phi), for packages that derive by themselves.

    Args:
        x: the coordinates.
        M: the mass.
        a: the spin parameter.
        sin: the sine for this kind of number.
        cos: the cosine.

    Returns:
        The rows of the matrix.
    """
    r, s, c = x[1], sin(x[2]), cos(x[2])
    zero = 0 * r
    sigma = r * r + a * a * (c * c)
    delta = r * r + a * a - 2 * M * r
    s2 = s * s
    drag = -2 * M * a * r * s2 / sigma
    return [
        [2 * M * r / sigma - 1, zero, zero, drag],
        [zero, sigma / delta, zero, zero],
        [zero, zero, sigma, zero],
        [drag, zero, zero, (r * r + a * a - a * drag) * s2],
    ]
