"""Heat maps of a scalar over two coordinates."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from geomkit.errors import MetricError
from geomkit.plot.figures import new_figure
from geomkit.plot.values import box_range, middle_values

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["heat_map"]


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
    singularity at an edge does not hide everything else; the bar shows where.

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
        MetricError: the quantity is a tensor, or there are not two coordinates to draw over.

    Example:
        >>> import geomkit as gk
        >>> figure = heat_map(gk.catalog["torus"], "gauss", resolution=20, backend="interpret")
        >>> figure.axes[0].get_xlabel()
        'u'
    """
    from geomkit.kernel import compile

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
    fixed = {n: v for n, v in middle.items() if n not in (first, second)}
    return _draw(values, grids, (first, second), f"{output.name} of {metric.name}", fixed)


def _draw(
    values: Any, grids: list[Any], names: tuple[str, str], title: str, fixed: Mapping[str, float]
) -> Any:
    figure, axes = new_figure()
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
    reach = max(abs(low), abs(high)) or 1.0
    mixed = low < 0 < high
    limits = (-reach, reach) if mixed else (low, high if high > low else low + reach * 1e-3)
    axes.set_facecolor("0.8")
    drawn = axes.pcolormesh(
        grids[0],
        grids[1],
        np.where(np.isfinite(values), values, np.nan),
        cmap="RdBu_r" if mixed else "viridis",
        vmin=limits[0],
        vmax=limits[1],
        shading="nearest",
        rasterized=True,
    )
    figure.colorbar(drawn, ax=axes, extend="both" if finite.size else "neither")
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    rest = ", ".join(f"{name} = {value:.4g}" for name, value in fixed.items())
    axes.set_title(title + (f"\n{rest}" if rest else ""), fontsize=10)
    return figure


def _two_coordinates(metric: Metric) -> tuple[str, str]:
    used = [x.name for x in metric.coordinates if metric.matrix.has(x)]
    used += [x.name for x in metric.coordinates if x.name not in used]
    if len(used) < 2:
        raise MetricError(f"metric {metric.name!r} has one coordinate only; a map needs two")
    first, second = sorted(used[:2], key=metric.index)
    return first, second
