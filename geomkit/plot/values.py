"""Numbers for what the caller leaves open: the middle of a box, and where it begins and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from geomkit.errors import MetricError

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["box_range", "middle_values"]


def middle_values(metric: Metric, given: Mapping[str, float]) -> dict[str, float]:
    """Return a value for each parameter and coordinate: the one given, or the middle of its box.

    Args:
        metric: the metric.
        given: values by name.

    Returns:
        Values by name, in the order of the domain.

    Raises:
        MetricError: a name is neither a coordinate nor a parameter.
    """
    values: dict[str, float] = {}
    for box in metric.domain.boxes:
        name = box.symbol.name
        low, high = (float(b.subs(_symbols(metric, values))) for b in (box.lower, box.upper))
        values[name] = float(given.get(name, (low + high) / 2))
    unknown = sorted(set(given) - set(values))
    if unknown:
        raise MetricError(
            f"metric {metric.name!r} has no coordinate or parameter {unknown[0]!r}; there are "
            f"{', '.join(values)}"
        )
    return values


def box_range(metric: Metric, number: int, values: Mapping[str, float]) -> tuple[float, float]:
    """Return where the box of a coordinate begins and ends, for given values of the others.

    Args:
        metric: the metric.
        number: of the coordinate.
        values: by name.

    Returns:
        Both ends.
    """
    symbol = metric.coordinates[number]
    box = next(b for b in metric.domain.boxes if b.symbol == symbol)
    others = {k: v for k, v in _symbols(metric, values).items() if k != symbol}
    return float(box.lower.subs(others)), float(box.upper.subs(others))


def _symbols(metric: Metric, values: Mapping[str, float]) -> dict[Any, float]:
    return {metric.symbols[name]: value for name, value in values.items()}
