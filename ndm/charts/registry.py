"""Coordinate maps by name, for configurations."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from ndm.charts.base import CoordinateMap, checked_dimension
from ndm.charts.composition import Composition
from ndm.charts.coupling import AffineCoupling
from ndm.charts.linear import Affine, LUAffine
from ndm.charts.monotone import Monotone
from ndm.charts.normalisation import ActNorm
from ndm.charts.permutation import Permutation
from ndm.charts.spline import SplineCoupling
from ndm.charts.zuko_map import ZUKO_FLOWS, zuko_flow
from ndm.errors import ConfigError, ModelError

__all__ = ["KINDS", "coordinate_map"]


def coordinate_map(kind: str, n: int, **options: Any) -> CoordinateMap:
    """A coordinate map by name.

    | kind | map | options |
    |---|---|---|
    | "affine_coupling" | `AffineCoupling` | hidden, activation, parity, max_log_scale |
    | "spline" | `SplineCoupling` (C^1) | bins, bound, hidden, activation, parity, spread |
    | "lu" | `LUAffine` | |
    | "affine" | `Affine` | matrix, shift |
    | "actnorm" | `ActNorm` | |
    | "monotone" | `Monotone` | boosts, max_rapidity |
    | "permutation" | `Permutation`, reversed unless said | order |
    | "flow" | see below | depth, hidden, activation, max_log_scale, actnorm |
    | "zuko_maf", "zuko_nice", "zuko_nsf", "zuko_realnvp" | `zuko_flow` | see there |

    "flow" is the usual stack: `depth` times an LU map and two affine couplings, of parity 0 and 1
    (an ActNorm before each, if asked for; for n = 1 a `Monotone` in place of the couplings).

    Args:
        kind: one of the names above.
        n: number of coordinates.
        options: the keyword arguments of that map.

    Returns:
        The map, near the identity.

    Raises:
        ConfigError: an unknown kind or option; the message names those that there are.
        ModelError: an option has a value that the map cannot be built with.

    Example:
        >>> from ndm.charts import coordinate_map
        >>> coordinate_map("monotone", 1, boosts=2)
        Monotone(1, boosts=2, max_rapidity=1.0)
    """
    if kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1)
        raise ConfigError(
            f"unknown coordinate map {kind!r}",
            key="kind",
            remedy=(f"did you mean {near[0]!r}? " if near else "")
            + f"there are {', '.join(KINDS)}",
        )
    build = KINDS[kind]
    _check_options(kind, build, options)
    made: CoordinateMap = build(n, **options)
    return made


def _permutation(n: int, order: list[int] | None = None) -> Permutation:
    checked_dimension(n, "Permutation")
    if order is not None and len(order) != n:
        raise ModelError(f"Permutation was given an order of {len(order)} for {n} coordinates")
    return Permutation(order if order is not None else list(range(n))[::-1])


def _flow(
    n: int,
    depth: int = 2,
    hidden: tuple[int, ...] = (32,),
    activation: str = "tanh",
    max_log_scale: float = 2.0,
    actnorm: bool = False,
) -> Composition:
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ModelError(f"coordinate map 'flow' was given depth={depth!r}, and needs at least 1")
    maps: list[CoordinateMap] = []
    for _ in range(depth):
        if actnorm:
            maps.append(ActNorm(n))
        maps.append(LUAffine(n))
        if n == 1:  # a coupling has nothing to condition on
            maps.append(Monotone(n))
        else:
            maps.extend(AffineCoupling(n, hidden, activation, p, max_log_scale) for p in (0, 1))
    return Composition(*maps)


KINDS: dict[str, Callable[..., CoordinateMap]] = {
    "actnorm": ActNorm,
    "affine": Affine,
    "affine_coupling": AffineCoupling,
    "flow": _flow,
    "lu": LUAffine,
    "monotone": Monotone,
    "permutation": _permutation,
    "spline": SplineCoupling,
    **{f"zuko_{name}": partial(zuko_flow, name) for name in ZUKO_FLOWS},
}


def _check_options(kind: str, build: Callable[..., CoordinateMap], options: dict[str, Any]) -> None:
    known = list(inspect.signature(build).parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known):
        return  # zuko looks at its options itself
    names = [parameter.name for parameter in known]
    unknown = [name for name in options if name not in names]
    if unknown:
        allowed = f"its options are {', '.join(names)}" if names else "it has no options"
        raise ConfigError(
            f"coordinate map {kind!r} has no option {unknown[0]!r}", key=unknown[0], remedy=allowed
        )
