"""Tensors from what users write: lists, matrices, arrays or components by index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.field import Element
from geomkit.tensor.algebra import same_metric
from geomkit.tensor.coerce import Scalar, Source, as_chart, as_element
from geomkit.tensor.model import Tensor
from geomkit.tensor.slots import check_positions, parse_index
from geomkit.tensor.symmetry import Index, Symmetry

__all__ = ["as_vector", "covector_field", "tensor_field", "vector_field"]


def tensor_field(
    source: Source,
    positions: str,
    components: Mapping[Any, Scalar] | Sequence[Any] | Any,
    *,
    symmetry: Symmetry | None = None,
    name: str = "T",
    symbol_latex: str | None = None,
) -> Tensor:
    """A tensor field from its components.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        positions: index positions, e.g. `"ud"`.
        components: all components as nested sequence, SymPy matrix or array; or a mapping from
            index (tuple of numbers or names, or text such as `"r|t,t"`) to value, where missing
            ones are zero up to `symmetry`.
        symmetry: symmetry of the slots; default none.
        name: name in plain text.
        symbol_latex: symbol in LaTeX; default `name`.

    Returns:
        The tensor.

    Raises:
        TensorError: if shape or indices do not fit, or the components contradict the symmetry.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dx**2 + dy**2", coordinates=["x", "y"])
        >>> t = tensor_field(m, "dd", {"x,y": "x*y"}, symmetry=Symmetry.symmetric(2))
        >>> t["y", "x"]
        x*y
    """
    chart = as_chart(source)
    check_positions(positions)
    rank = len(positions)
    symmetry = Symmetry.none(rank) if symmetry is None else symmetry
    if isinstance(components, Mapping):
        given = {parse_index(chart, i, rank): v for i, v in components.items()}
    else:
        given = _flattened(components, rank, chart.n, positions)
    chart = as_chart(chart, given.values())
    found: dict[Index, Element] = {}
    for index, value in given.items():
        element = as_element(chart, value)
        canonical, sign = symmetry.canonical(index)
        stored = element if sign >= 0 else -element
        expected = chart.field.zero if sign == 0 else found.setdefault(canonical, stored)
        if not (stored - expected).is_zero:
            raise TensorError(
                f"component {index} of {name!r} contradicts the symmetry ({symmetry}): "
                f"{stored.to_sympy()} was given, {expected.to_sympy()} is needed; "
                "correct it, or leave out symmetry="
            )
    return Tensor(chart, positions, found, symmetry=symmetry, name=name, symbol_latex=symbol_latex)


def vector_field(source: Source, components: Sequence[Scalar] | Any, *, name: str = "X") -> Tensor:
    """A vector field X^i from its components.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        components: n scalars, or a mapping from coordinate to scalar.
        name: name of the field.

    Returns:
        A tensor with positions `"u"`.
    """
    return tensor_field(source, "u", components, name=name)


def covector_field(
    source: Source, components: Sequence[Scalar] | Any, *, name: str = "omega"
) -> Tensor:
    """A covector field (1-form) omega_i from its components.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        components: n scalars, or a mapping from coordinate to scalar.
        name: name of the field.

    Returns:
        A tensor with positions `"d"`.
    """
    return tensor_field(source, "d", components, name=name)


def as_vector(chart: Chart, value: Tensor | Sequence[Scalar] | Any) -> Tensor:
    """A vector field on `chart`: a tensor with positions `"u"`, or its components.

    Args:
        chart: the chart.
        value: the vector field.

    Returns:
        The vector field, on this chart or (see `as_chart`) on a finer one of the same metric.

    Raises:
        TensorError: if a tensor of another kind is given.
    """
    if not isinstance(value, Tensor):
        return vector_field(chart, value)
    if value.positions != "u":
        raise TensorError(
            f"{value.name!r} has positions {value.positions!r}, a vector field ('u') is needed"
            + ("; use raise_index(0)" if value.positions == "d" else "")
        )
    if not same_metric(chart, value.chart):
        value.on(chart)  # says what is wrong
    return value


def _flattened(components: Any, rank: int, n: int, positions: str) -> dict[Index, Any]:
    """All entries of a nested sequence by index."""
    if rank == 0:
        return {(): components}
    if hasattr(components, "tolist"):
        components = components.tolist()
        if rank == 1 and all(isinstance(row, list) and len(row) == 1 for row in components):
            components = [row[0] for row in components]  # a column matrix
    found: dict[Index, Any] = {(): components}
    for _ in range(rank):
        deeper: dict[Index, Any] = {}
        for index, entry in found.items():
            if (
                isinstance(entry, (str, bytes))
                or not isinstance(entry, Sequence)
                or len(entry) != n
            ):
                raise TensorError(
                    f"components of a tensor with positions {positions!r} must be nested lists of "
                    f"shape {(n,) * rank}; at {list(index)} there is {str(entry)[:60]!r}"
                )
            deeper.update({(*index, i): part for i, part in enumerate(entry)})
        found = deeper
    return found
