"""What tensors do with each other and with the metric: sums, products, traces, moved indices.

`Tensor` offers all of this as methods and operators; the work is done here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.field import Element, RefinementError
from geomkit.tensor.coerce import as_chart, as_element
from geomkit.tensor.slots import check_positions

if TYPE_CHECKING:
    from geomkit.tensor.model import Tensor
    from geomkit.tensor.symmetry import Index, Symmetry

__all__ = ["align", "combine", "contract", "move", "outer", "rehome", "same_metric"]


def same_metric(one: Chart, other: Chart) -> bool:
    """Whether two charts belong to the same metric in the same coordinates."""
    return one is other or one.metric is other.metric or one.metric == other.metric


def rehome(tensor: Tensor, chart: Chart) -> Tensor:
    """A tensor on another chart object of its metric.

    Args:
        tensor: the tensor.
        chart: the chart.

    Returns:
        The tensor with components in the field of `chart`.

    Raises:
        TensorError: if `chart` belongs to another metric.
    """
    if chart is tensor.chart:
        return tensor
    if not same_metric(chart, tensor.chart):
        raise TensorError(
            f"tensor {tensor.name!r} lives on metric {tensor.chart.metric.name!r}, not on "
            f"{chart.metric.name!r}; use calculus.transform to change coordinates"
        )
    return type(tensor)(
        chart,
        tensor.positions,
        {i: as_element(chart, e) for i, e in tensor.stored().items()},
        symmetry=tensor.symmetry,
        name=tensor.name,
        symbol_latex=tensor.symbol_latex,
    )


def align(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors of one metric on a common chart, whose field holds both.

    Args:
        one: a tensor.
        two: a tensor of the same metric.

    Returns:
        Both on one chart.
    """
    try:
        return one, rehome(two, one.chart)
    except RefinementError:  # the first field is too coarse for the second tensor
        chart = as_chart(two.chart, one.stored().values())
        return rehome(one, chart), rehome(two, chart)


def combine(
    one: Tensor, two: Tensor, sign: str, operation: Callable[[Element, Element], Element]
) -> Tensor:
    """A sum or difference, component by component.

    Args:
        one: a tensor.
        two: a tensor of the same positions.
        sign: "+" or "-", for the name.
        operation: what to do with two components.

    Returns:
        The tensor, with the symmetry that both have.

    Raises:
        TensorError: if the positions differ.
    """
    if one.positions != two.positions:
        raise TensorError(
            f"{one.name!r} has positions {one.positions!r}, {two.name!r} has {two.positions!r}; "
            f"use with_positions({one.positions!r})"
        )
    first, second = align(one, two)
    return one.build(
        first.chart,
        one.positions,
        lambda i: operation(first.element(*i), second.element(*i)),
        symmetry=one.symmetry.meet(two.symmetry),
        name=f"{one.name} {sign} {two.name}",
        symbol_latex=f"({one.symbol_latex} {sign} {two.symbol_latex})",
    )


def outer(one: Tensor, two: Tensor) -> Tensor:
    """The tensor product, the slots of the second factor last.

    Args:
        one: a tensor.
        two: a tensor of the same metric.

    Returns:
        A tensor of the added ranks.
    """
    first, second = align(one, two)
    return one.build(
        first.chart,
        one.positions + two.positions,
        lambda i: first.element(*i[: one.rank]) * second.element(*i[one.rank :]),
        symmetry=one.symmetry.outer(two.symmetry),
        name=f"{one.name} x {two.name}",
        symbol_latex=rf"({one.symbol_latex} \otimes {two.symbol_latex})",
    )


def move(tensor: Tensor, positions: str) -> Tensor:
    """A tensor with its indices raised and lowered to given positions.

    Args:
        tensor: the tensor.
        positions: wanted positions, one letter `u` or `d` per slot.

    Returns:
        The tensor; itself if nothing changes.

    Raises:
        TensorError: if the number of slots is wrong.
    """
    check_positions(positions)
    if len(positions) != tensor.rank:
        raise TensorError(
            f"positions {positions!r} given for {tensor.name!r} of rank {tensor.rank}; "
            f"give {tensor.rank} letters u or d"
        )
    slots = [s for s in range(tensor.rank) if positions[s] != tensor.positions[s]]
    result = tensor
    for count, slot in enumerate(slots, start=1):
        # symmetric slots are only symmetric again once all of them have moved
        symmetry = tensor.symmetry.split(slots[:count])
        result = _move_slot(result, slot, positions[slot], symmetry)
    return result


def _move_slot(tensor: Tensor, slot: int, position: str, symmetry: Symmetry) -> Tensor:
    chart = tensor.chart
    table = chart.inverse if position == "u" else chart.g

    def component(i: Index) -> Element:
        row = table[i[slot]]
        return chart.field.dot(
            (1, row[m], tensor.element(*i[:slot], m, *i[slot + 1 :]))
            for m in range(chart.n)
            if not row[m].is_zero
        )

    return tensor.build(
        chart,
        tensor.positions[:slot] + position + tensor.positions[slot + 1 :],
        component,
        symmetry=symmetry,
        name=tensor.name,
        symbol_latex=tensor.symbol_latex,
    )


def contract(tensor: Tensor, first: int, second: int) -> Tensor:
    """The trace over an upper and a lower slot.

    Args:
        tensor: the tensor.
        first: number of a slot, 0 or more.
        second: number of a slot, 0 or more.

    Returns:
        A tensor of rank two less.

    Raises:
        TensorError: if the slots are equal, or both up or both down.
    """
    a, b = sorted((first, second))
    old = tensor.positions
    if a == b or old[a] == old[b]:
        raise TensorError(
            f"slots {first} and {second} of {tensor.name!r} ({old!r}) cannot be contracted; one "
            f"must "
            f"be up and one down: use raise_index({b}) or lower_index({b}) first"
        )
    chart = tensor.chart

    def component(i: Index) -> Element:
        return chart.field.sum(
            tensor.element(*i[:a], m, *i[a : b - 1], m, *i[b - 1 :]) for m in range(chart.n)
        )

    return tensor.build(
        chart,
        old[:a] + old[a + 1 : b] + old[b + 1 :],
        component,
        symmetry=tensor.symmetry.drop((a, b)),
        name=f"tr {tensor.name}",
        symbol_latex=rf"\operatorname{{tr}} {tensor.symbol_latex}",
    )
