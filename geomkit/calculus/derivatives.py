"""Derivatives of tensors on a chart: covariant, Lie, divergence, gradient, Hessian, Laplacians.

All functions work on field elements, so that a result which vanishes is exactly 0; nothing is
simplified. The slot added by a derivative is the last one, (nabla T)_{..k} = nabla_k T_{..}; see
`geomkit.conventions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sympy

from geomkit.chart import Chart
from geomkit.curvature import Curvature
from geomkit.errors import MetricError, TensorError
from geomkit.field import Element
from geomkit.tensor import Tensor
from geomkit.tensor.coerce import Scalar, Source, as_chart, as_element
from geomkit.tensor.input import as_vector
from geomkit.tensor.symmetry import Index, Symmetry

__all__ = [
    "VectorLike",
    "along",
    "covariant_derivative",
    "dalembert",
    "differential",
    "divergence",
    "gradient",
    "hessian",
    "laplacian",
    "laplacian_element",
    "lie_bracket",
    "lie_derivative",
    "refuse_connection",
]

Term = tuple[int, Element, Element]
VectorLike = Tensor | Sequence[Any]


def covariant_derivative(tensor: Tensor) -> Tensor:
    """The covariant derivative nabla T, its new lower slot last.

    (nabla T)^i_jk = nabla_k T^i_j = d_k T^i_j + Gamma^i_mk T^m_j - Gamma^m_jk T^i_m, and so on for
    any number of indices.

    Args:
        tensor: a tensor of any rank and positions.

    Returns:
        A tensor with positions `tensor.positions + "d"` and the symmetries of `tensor` in its
        first slots.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> covariant_derivative(gk.curvature(m).metric).is_zero
        True
    """
    refuse_connection(tensor)
    chart = tensor.chart
    return Tensor.build(
        chart,
        tensor.positions + "d",
        lambda i: chart.field.dot(_nabla_terms(tensor, i[:-1], i[-1])),
        symmetry=tensor.symmetry.extended(1),
        name=f"nabla {tensor.name}",
        symbol_latex=rf"(\nabla {tensor.symbol_latex})",
    )


def divergence(tensor: Tensor, slot: int = -1) -> Tensor | sympy.Expr:
    """The divergence nabla_i T^{..i..} on one slot; a lower slot is raised first.

    Args:
        tensor: a tensor of rank 1 or more.
        slot: the slot, from 0; default the last.

    Returns:
        A SymPy expression for a vector or covector, else a tensor of one rank less.

    Raises:
        TensorError: if there is no such slot.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> from geomkit.tensor.input import vector_field
        >>> divergence(vector_field(m, ["r", "0"]))
        2
    """
    refuse_connection(tensor)
    if not -tensor.rank <= slot < tensor.rank:
        raise TensorError(
            f"slot {slot} of {tensor.name!r} does not exist; a divergence needs one of its "
            f"{tensor.rank} slots, counted from 0"
        )
    slot %= tensor.rank
    name, symbol = tensor.name, tensor.symbol_latex
    if tensor.positions[slot] == "d":
        tensor = tensor.raise_index(slot)
    chart = tensor.chart

    def component(i: Index) -> Element:
        return chart.field.dot(
            term
            for m in range(chart.n)
            for term in _nabla_terms(tensor, (*i[:slot], m, *i[slot:]), m)
        )

    if tensor.rank == 1:
        return component(()).to_sympy()
    return Tensor.build(
        chart,
        tensor.positions[:slot] + tensor.positions[slot + 1 :],
        component,
        symmetry=tensor.symmetry.drop((slot,)),
        name=f"div {name}",
        symbol_latex=rf"(\operatorname{{div}} {symbol})",
    )


def lie_derivative(vector: VectorLike, tensor: Tensor | Scalar) -> Tensor | sympy.Expr:
    """The Lie derivative L_X T along a vector field.

    (L_X T)^i_j = X^k d_k T^i_j - T^k_j d_k X^i + T^i_k d_j X^k, and so on for any number of
    indices.

    Args:
        vector: the vector field X, a tensor with positions `"u"` or (if `tensor` is one) its
            components.
        tensor: a tensor of any kind, or a scalar.

    Returns:
        A tensor with positions and symmetry of `tensor`; a SymPy expression for a scalar.

    Raises:
        TensorError: if neither argument is a tensor.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> lie_derivative(["0", "1"], gk.curvature(m).metric).is_zero
        True
    """
    if not isinstance(tensor, Tensor):
        if not isinstance(vector, Tensor):
            raise TensorError(
                "lie_derivative(X, T) got no tensor; make X one with vector_field(metric, [...])"
            )
        chart = as_chart(vector.chart, [tensor])
        x = as_vector(chart, vector).on(chart)
        return along(x, as_element(chart, tensor)).to_sympy()
    refuse_connection(tensor)
    x, tensor = as_vector(tensor.chart, vector).aligned(tensor)
    chart = tensor.chart
    return Tensor.build(
        chart,
        tensor.positions,
        lambda i: chart.field.dot(_lie_terms(x, tensor, i)),
        symmetry=tensor.symmetry,
        name=f"L_{x.name} {tensor.name}",
        symbol_latex=rf"(\mathcal{{L}}_{{{x.symbol_latex}}} {tensor.symbol_latex})",
    )


def lie_bracket(x: Tensor, y: VectorLike) -> Tensor:
    """The Lie bracket [X, Y]^i = X^k d_k Y^i - Y^k d_k X^i.

    Args:
        x: a vector field.
        y: a vector field, or its components.

    Returns:
        The vector field [X, Y].
    """
    x = as_vector(x.chart, x)
    y = as_vector(x.chart, y)
    bracket = lie_derivative(x, y)
    assert isinstance(bracket, Tensor)
    return bracket.renamed(f"[{x.name}, {y.name}]", f"[{x.symbol_latex}, {y.symbol_latex}]")


def differential(source: Source, function: Scalar) -> Tensor:
    """The differential (df)_i = d_i f.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        function: the scalar f.

    Returns:
        A covector field.
    """
    chart = as_chart(source, [function])
    f = as_element(chart, function)
    return Tensor.build(
        chart, "d", lambda i: f.diff(chart.metric.coordinates[i[0]]), name="df", symbol_latex="(df)"
    )


def gradient(source: Source, function: Scalar) -> Tensor:
    """The gradient (grad f)^i = g^ij d_j f.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        function: the scalar f.

    Returns:
        A vector field.
    """
    raised = differential(source, function).raise_index(0)
    return raised.renamed("grad f", r"(\operatorname{grad} f)")


def hessian(source: Source, function: Scalar) -> Tensor:
    """The Hessian nabla_i nabla_j f = d_i d_j f - Gamma^k_ij d_k f.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        function: the scalar f.

    Returns:
        A symmetric tensor with positions `"dd"`.
    """
    df = differential(source, function)
    return Tensor.build(
        df.chart,
        "dd",
        lambda i: df.chart.field.dot(_nabla_terms(df, i[:1], i[1])),
        symmetry=Symmetry.symmetric(2),
        name="Hess f",
        symbol_latex=r"(\nabla^2 f)",
    )


def laplacian_element(source: Source, function: Scalar) -> Element:
    """The Laplace-Beltrami operator g^ij nabla_i nabla_j f, as field element.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        function: the scalar f.

    Returns:
        The element.
    """
    hess = hessian(source, function)
    chart = hess.chart
    return chart.field.dot(
        (1 if i == j else 2, chart.inverse[i][j], element)
        for (i, j), element in hess.stored().items()
    )


def laplacian(source: Source, function: Scalar) -> sympy.Expr:
    """The Laplace-Beltrami operator div grad f = g^ij nabla_i nabla_j f, of negative spectrum.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        function: the scalar f.

    Returns:
        A SymPy expression.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> laplacian(m, "r**2")
        4
    """
    return laplacian_element(source, function).to_sympy()


def dalembert(source: Source, function: Scalar) -> sympy.Expr:
    """The d'Alembert operator: the Laplace-Beltrami operator of a Lorentzian metric.

    In signature (-,+,+,+) it is -d_t^2 + Laplace in flat space; of the opposite sign in (+,-,-,-).

    Args:
        source: the geometry: a Metric, Chart or Curvature of Lorentzian signature.
        function: the scalar f.

    Returns:
        A SymPy expression.

    Raises:
        MetricError: if the metric is not Lorentzian.
    """
    chart = as_chart(source)
    plus, minus = Curvature(chart).signature
    if 1 not in (plus, minus) or chart.n < 2 or 0 in (plus, minus):
        raise MetricError(
            f"the d'Alembert operator needs a Lorentzian metric; {chart.metric.name!r} has "
            f"signature ({plus}, {minus}): use laplacian"
        )
    return laplacian(chart, function)


def refuse_connection(tensor: Tensor) -> None:
    """Refuse Christoffel symbols where a tensor is needed.

    Args:
        tensor: the candidate.

    Raises:
        TensorError: if it has name and symmetry of `Curvature.christoffel`.
    """
    if tensor.name == "Gamma" and tensor.symmetry == Symmetry.christoffel():
        raise TensorError(
            "the Christoffel symbols are not a tensor: they have no covariant or Lie derivative "
            "and transform otherwise; start from the tensor that you need"
        )


def along(vector: Tensor, element: Element) -> Element:
    """The derivative X f = X^k d_k f of an element along a vector field.

    Args:
        vector: the vector field.
        element: the function.

    Returns:
        The derivative.
    """
    x = vector.chart.metric.coordinates
    return vector.chart.field.dot((1, v, element.diff(x[k])) for (k,), v in vector.stored().items())


def _nabla_terms(tensor: Tensor, index: Index, k: int) -> Iterator[Term]:
    """The products whose sum is (nabla_k T)[index]."""
    chart: Chart = tensor.chart
    yield 1, chart.field.one, tensor.element(*index).diff(chart.metric.coordinates[k])
    for slot, position in enumerate(tensor.positions):
        i = index[slot]
        for m in range(chart.n):
            gamma = chart.christoffel(i, m, k) if position == "u" else chart.christoffel(m, i, k)
            if gamma.is_zero:
                continue
            other = tensor.element(*index[:slot], m, *index[slot + 1 :])
            if not other.is_zero:
                yield 1 if position == "u" else -1, gamma, other


def _lie_terms(x: Tensor, tensor: Tensor, index: Index) -> Iterator[Term]:
    """The products whose sum is (L_X T)[index]."""
    coordinates = tensor.chart.metric.coordinates
    here = tensor.element(*index)
    for (k,), value in x.stored().items():
        yield 1, value, here.diff(coordinates[k])
    for slot, position in enumerate(tensor.positions):
        for k in range(tensor.chart.n):
            other = tensor.element(*index[:slot], k, *index[slot + 1 :])
            if other.is_zero:
                continue
            if position == "u":
                yield -1, other, x.element(index[slot]).diff(coordinates[k])
            else:
                yield 1, other, x.element(k).diff(coordinates[index[slot]])
