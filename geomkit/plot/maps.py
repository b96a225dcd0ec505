"""Heat maps of a scalar over two coordinates."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from geomkit.errors import MetricError
from geomkit.plot.figures import new_figure, spelt
from geomkit.plot.values import box_range, middle_values

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["heat_map"]

_WIDE = 1000.0  # a wider range of values gets a logarithmic scale


def heat_map(
    metric: Metric,
    quantity: str = "scalar",
    *,
    over: tuple[str, str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    at: Mapping[str, float] | None = None,
    parameters: Mapping[str, float] | None = None,
    resolution: int = 200,
    backend: str = "numba",
) -> Any:
    """Draw a scalar quantity over two coordinates; grey is where it is not finite.

    White is 0 where both signs occur. Colours are cut at the 1st and 99th percentile, so that a
    singularity at an edge does not hide everything else; the bar shows where. Their scale is
    logarithmic (near 0 linear, where both signs occur) where values differ by more than 1000 times.

    Args:
        metric: the metric.
        quantity: a scalar of `geomkit.quantities`, or "NAME = EXPR".
        over: names of the two coordinates; by default the first two on which the matrix depends.
        ranges: from where to where, by name; by default the boxes of the domain.
        at: values of the other coordinates; by default the middle of their boxes.
        parameters: values of the parameters; by default the middle of their boxes.
        resolution: points a side.
        backend: of the kernel.

    Returns:
        A matplotlib figure.

    Raises:
        MetricError: the quantity is a tensor, there are not two coordinates to draw over, or the
            metric holds unspecified functions.

    Example:
        >>> import geomkit as gk
        >>> figure = heat_map(gk.catalog["torus"], "gauss", resolution=20, backend="interpret")
        >>> figure.axes[0].get_xlabel()
        'u'
    """
    from geomkit.kernel import compile

    _check(metric, over, ranges, resolution)
    kernel = compile(metric, [quantity], backend)
    output = kernel.program.outputs[0]
    if output.shape:
        raise MetricError(f"{quantity} is a tensor; a map needs a scalar, such as 'scalar'")
    first, second = over or _two_coordinates(metric)
    middle = middle_values(metric, {**(at or {}), **(parameters or {})})
    names = [x.name for x in metric.coordinates]
    grids = []
    for name in (first, second):
        low, high = (ranges or {}).get(name) or box_range(metric, metric.index(name), middle)
        # cell centres: edges of a domain are where coordinates fail
        grids.append(low + (high - low) * (np.arange(resolution) + 0.5) / resolution)
    points = np.empty((resolution, resolution, metric.n))
    for k, name in enumerate(names):
        points[..., k] = middle[name]
    points[..., metric.index(first)] = grids[0]
    points[..., metric.index(second)] = grids[1][:, None]
    scalars = {n: middle[n] for n in kernel.signature.names}
    with warnings.catch_warnings():  # what is not finite is drawn grey
        warnings.simplefilter("ignore")
        values = np.asarray(getattr(kernel(points, **scalars), output.name))
    used = {symbol.name for symbol in metric.matrix.free_symbols}
    fixed = {n: v for n, v in middle.items() if n not in (first, second) and n in used}
    return _draw(values, grids, (first, second), (output.name, metric.name), fixed)


def _check(metric: Metric, over: Any, ranges: Any, resolution: Any) -> None:
    names = [x.name for x in metric.coordinates]
    if metric.functions:
        raise MetricError(
            f"metric {metric.name!r} holds unspecified functions ({metric.functions[0].name}); a "
            "map needs numbers: write them out"
        )
    if over is not None and (len(over) != 2 or len(set(over) & set(names)) != 2):
        raise MetricError(f"over = {over}: give two different ones of {', '.join(names)}")
    strange = sorted(set(ranges or {}) - set(names))
    if strange:
        raise MetricError(f"ranges has {strange[0]!r}; there are {', '.join(names)}")
    if not isinstance(resolution, int) or resolution < 2:
        raise MetricError(f"resolution = {resolution!r}: give a whole number, at least 2")


def _draw(
    values: Any,
    grids: list[Any],
    names: tuple[str, str],
    titles: tuple[str, str],
    fixed: Mapping[str, float],
) -> Any:
    figure, axes = new_figure()
    finite = values[np.isfinite(values)]
    scale, colours = _scale(finite)
    axes.set_facecolor("0.8")
    drawn = axes.pcolormesh(
        grids[0],
        grids[1],
        np.where(np.isfinite(values), values, np.nan),
        cmap=colours,
        norm=scale,
        shading="nearest",
        rasterized=True,
    )
    cut = bool(finite.size) and (finite.min() < scale.vmin or finite.max() > scale.vmax)
    figure.colorbar(drawn, ax=axes, extend="both" if cut else "neither", label=titles[0])
    axes.set_xlabel(spelt(names[0]))
    axes.set_ylabel(spelt(names[1]))
    rest = ", ".join(f"{spelt(name)} = {value:.4g}" for name, value in fixed.items())
    axes.set_title(f"{titles[0]} of {titles[1]}" + (f"\n{rest}" if rest else ""), fontsize=11)
    return figure


def _scale(finite: Any) -> tuple[Any, str]:
    """The scale of the colours, and the name of the colours."""
    from matplotlib.colors import LogNorm, Normalize, SymLogNorm

    low, high = map(float, np.percentile(finite, [1, 99])) if finite.size else (0.0, 1.0)
    reach = max(abs(low), abs(high)) or 1.0
    if low < 0 < high:
        usual = float(np.median(np.abs(finite)))
        if usual > 0 and reach > _WIDE * usual:
            return SymLogNorm(usual, vmin=-reach, vmax=reach), "RdBu_r"
        return Normalize(-reach, reach), "RdBu_r"
    if low > 0 and high > _WIDE * low:
        return LogNorm(low, high), "viridis"
    # constant up to rounding: one colour, not a picture of the rounding
    return Normalize(low, high if high - low > 1e-9 * reach else low + 1e-3 * reach), "viridis"


def _two_coordinates(metric: Metric) -> tuple[str, str]:
    used = [x.name for x in metric.coordinates if metric.matrix.has(x)]
    used += [x.name for x in metric.coordinates if x.name not in used]
    if len(used) < 2:
        raise MetricError(f"metric {metric.name!r} has one coordinate only; a map needs two")
    first, second = sorted(used[:2], key=metric.index)
    return first, second
