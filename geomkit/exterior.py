"""Exterior calculus: differential forms as antisymmetric tensors.

A p-form is a `Tensor` with p lower slots and `Symmetry.antisymmetric(p)`, omega = sum over i1 <
... < ip of omega_{i1..ip} dx^i1 ^ ... ^ dx^ip; functions are 0-forms (tensors of rank 0).
Conventions: (dx ^ dy)_01 = 1; alpha ^ *beta = <alpha, beta> vol with vol = sqrt|det g| dx^0 ^ ...
^ dx^(n-1); the codifferential is the adjoint of d, so that on 1-forms it is minus the divergence.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import sympy

from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.field import Element
from geomkit.tensor import Tensor
from geomkit.tensor.coerce import Scalar, Source, as_chart
from geomkit.tensor.input import as_vector, tensor_field
from geomkit.tensor.symmetry import Index, Symmetry, sort_with_parity

__all__ = [
    "codifferential",
    "exterior_derivative",
    "form",
    "hodge_laplacian",
    "hodge_star",
    "inner_product",
    "interior_product",
    "volume_form",
    "wedge",
]


def form(
    source: Source, degree: int, components: Mapping[Any, Scalar] | Any, *, name: str = "omega"
) -> Tensor:
    """A differential form from its components.

    Args:
        source: the geometry: a Metric, Chart or Curvature.
        degree: the degree p, from 0 to n.
        components: a mapping from index to scalar, the full antisymmetric array, or (degree 0) a
            scalar.
        name: name of the form.

    Returns:
        The form.

    Raises:
        TensorError: if the degree is out of range.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dx**2 + dy**2", coordinates=["x", "y"])
        >>> form(m, 2, {"y,x": "x"})["x", "y"]
        -x
    """
    chart = as_chart(source)
    if not 0 <= degree <= chart.n:
        raise TensorError(
            f"a form of degree {degree} was asked for; degrees go from 0 to {chart.n}"
        )
    symmetry = Symmetry.antisymmetric(degree)
    return tensor_field(chart, "d" * degree, components, symmetry=symmetry, name=name)


def exterior_derivative(omega: Tensor) -> Tensor:
    """The exterior derivative (d omega)_{i0..ip} = sum_a (-1)^a d_{i_a} omega_{i0..(no i_a)..ip}.

    Args:
        omega: a form.

    Returns:
        The form d omega of one degree more; zero if `omega` has degree n.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dx**2 + dy**2", coordinates=["x", "y"])
        >>> exterior_derivative(form(m, 1, ["-y", "x"]))["x", "y"]
        2
    """
    chart, p = _check_form(omega), omega.rank
    x = chart.metric.coordinates

    def component(i: Index) -> Element:
        return chart.field.sum(
            _signed(a, omega.element(*i[:a], *i[a + 1 :]).diff(x[i[a]])) for a in range(p + 1)
        )

    return _build(chart, p + 1, component, f"d {omega.name}", rf"(d{omega.symbol_latex})")


def wedge(alpha: Tensor, beta: Tensor) -> Tensor:
    """The exterior product alpha ^ beta, with (dx ^ dy)_01 = 1.

    (alpha ^ beta)_I = sum over splittings I = J + K of sign(J, K) alpha_J beta_K.

    Args:
        alpha: a form.
        beta: a form on the same metric.

    Returns:
        A form whose degree is the sum of the degrees; zero if that exceeds n.
    """
    _check_form(alpha)
    _check_form(beta)
    alpha, beta = alpha.aligned(beta)
    chart = alpha.chart
    p, degree = alpha.rank, alpha.rank + beta.rank

    def component(i: Index) -> Element:
        terms = []
        for chosen in combinations(range(degree), p):
            rest = tuple(s for s in range(degree) if s not in chosen)
            sign = sort_with_parity(chosen + rest)[1]
            first = alpha.element(*(i[s] for s in chosen))
            terms.append((sign, first, beta.element(*(i[s] for s in rest))))
        return chart.field.dot(terms)

    symbol = rf"({alpha.symbol_latex} \wedge {beta.symbol_latex})"
    return _build(chart, degree, component, f"{alpha.name} ^ {beta.name}", symbol)


def volume_form(source: Source) -> Tensor:
    """The volume form vol = sqrt|det g| dx^0 ^ ... ^ dx^(n-1).

    Args:
        source: the geometry: a Metric, Chart or Curvature.

    Returns:
        A form of degree n.
    """
    chart = as_chart(source)
    return _build(chart, chart.n, lambda _: chart.volume, "vol", r"\mathrm{vol}")


def inner_product(alpha: Tensor, beta: Tensor) -> sympy.Expr:
    """The inner product <alpha, beta> = sum over i1 < ... < ip of alpha_I beta^I.

    Args:
        alpha: a form.
        beta: a form of the same degree on the same metric.

    Returns:
        A SymPy expression.

    Raises:
        TensorError: if the arguments are not forms of one degree.
    """
    _check_form(alpha)
    _check_form(beta)
    if alpha.rank != beta.rank:
        raise TensorError(
            f"forms of different degrees, {alpha.rank} and {beta.rank}, have no product"
        )
    alpha, beta = alpha.aligned(beta)
    chart = alpha.chart
    raised = beta.with_positions("u" * beta.rank)
    terms = ((1, e, raised.element(*i)) for i, e in alpha.stored().items())
    return chart.field.dot(terms).to_sympy()


def hodge_star(omega: Tensor) -> Tensor:
    """The Hodge dual *omega: alpha ^ *omega = <alpha, omega> vol for all alpha of the same degree.

    (*omega)_J = sqrt|det g| sign(I, J) omega^I, where I < are the indices that J leaves out. Twice
    applied it is (-1)^(p(n-p)) times the sign of det g.

    Args:
        omega: a form of degree p.

    Returns:
        A form of degree n - p.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"],
        ...                                 domain={"r": ["1", "2"]})
        >>> hodge_star(form(m, 1, ["1", "0"]))["phi"]
        r
    """
    chart, n = _check_form(omega), omega.chart.n
    raised = omega.with_positions("u" * omega.rank)

    def component(j: Index) -> Element:
        i = tuple(k for k in range(n) if k not in j)
        sign = sort_with_parity(i + j)[1]
        return chart.field.dot([(sign, chart.volume, raised.element(*i))])

    name, symbol = f"*{omega.name}", rf"({{\star}}{omega.symbol_latex})"
    return _build(chart, n - omega.rank, component, name, symbol)


def codifferential(omega: Tensor) -> Tensor:
    """The codifferential, adjoint to d: (delta omega)_{i2..ip} = -nabla^i omega_{i i2..ip}.

    Equal to (-1)^(n(p+1)+1) sign(det g) * d * omega, but computed without roots from
    (delta omega)^{K} = -(d_i omega^{iK} + omega^{iK} d_i log|det g| / 2).

    Args:
        omega: a form of degree 1 or more.

    Returns:
        The form of one degree less.

    Raises:
        TensorError: if `omega` is not a form, or a function.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> codifferential(form(m, 1, ["r", "0"]))[()]
        -2
    """
    chart, p = _check_form(omega), omega.rank
    if p == 0:
        raise TensorError(
            "the codifferential of a function vanishes: there are no forms of degree -1"
        )
    x, det = chart.metric.coordinates, chart.determinant
    half = chart.field(sympy.Rational(1, 2))
    slope = [half * det.diff(y) / det for y in x]  # d_i log sqrt|det g|
    raised = omega.with_positions("u" * p)
    one = chart.field.one

    def component(k: Index) -> Element:
        terms = []
        for i in range(chart.n):
            entry = raised.element(i, *k)
            terms += [(-1, one, entry.diff(x[i])), (-1, entry, slope[i])]
        return chart.field.dot(terms)

    upper = Tensor.build(
        chart,
        "u" * (p - 1),
        component,
        symmetry=Symmetry.antisymmetric(p - 1),
        name=f"delta {omega.name}",
        symbol_latex=rf"(\delta {omega.symbol_latex})",
    )
    return upper.with_positions("d" * (p - 1))


def hodge_laplacian(omega: Tensor) -> Tensor:
    """The Hodge Laplacian (d delta + delta d) omega; on functions, minus Laplace-Beltrami.

    Args:
        omega: a form.

    Returns:
        A form of the same degree.
    """
    chart, p = _check_form(omega), omega.rank
    parts = []
    if p > 0:
        parts.append(exterior_derivative(codifferential(omega)))
    if p < chart.n:
        parts.append(codifferential(exterior_derivative(omega)))
    total = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return total.renamed(f"Delta {omega.name}", rf"(\Delta {omega.symbol_latex})")


def interior_product(vector: Tensor | Any, omega: Tensor) -> Tensor:
    """The interior product (i_X omega)_{i2..ip} = X^i omega_{i i2..ip}.

    Args:
        vector: the vector field X, as tensor or as its components.
        omega: a form of degree 1 or more.

    Returns:
        The form of one degree less.

    Raises:
        TensorError: if `omega` is not a form, or a function.
    """
    chart, p = _check_form(omega), omega.rank
    if p == 0:
        raise TensorError(
            "the interior product with a function vanishes; give a form of degree 1 or more"
        )
    x, omega = as_vector(chart, vector).aligned(omega)
    chart = x.chart

    def component(k: Index) -> Element:
        return chart.field.dot((1, v, omega.element(i, *k)) for (i,), v in x.stored().items())

    symbol = rf"(\iota_{{{x.symbol_latex}}} {omega.symbol_latex})"
    return _build(chart, p - 1, component, f"i_{x.name} {omega.name}", symbol)


def _build(chart: Chart, degree: int, component: Any, name: str, symbol: str) -> Tensor:
    symmetry = Symmetry.antisymmetric(degree)
    return Tensor.build(
        chart, "d" * degree, component, symmetry=symmetry, name=name, symbol_latex=symbol
    )


def _check_form(omega: Tensor) -> Chart:
    """The chart of a form; a TensorError for anything else."""
    if not isinstance(omega, Tensor):
        raise TensorError(
            f"{omega!r} is not a form; make one with exterior.form(metric, degree, ...)"
        )
    antisymmetric = omega.symmetry == Symmetry.antisymmetric(omega.rank)
    if "u" in omega.positions or not antisymmetric:
        raise TensorError(
            f"{omega.name!r} ({omega.positions!r}, {omega.symmetry}) is not a form: all slots must "
            "be down and antisymmetric; make one with exterior.form(metric, degree, components)"
        )
    return omega.chart


def _signed(power: int, element: Element) -> Element:
    return -element if power % 2 else element
