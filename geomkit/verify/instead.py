"""What holds instead, when a property was claimed in vain.

Each function returns a structured answer {"kind": ..., "value": ...}, itself a claim that holds,
and a sentence for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from geomkit.field import Element

from .context import Context
from .decide import NO_TRUTH
from .tensors import TENSORS, TensorKind, component_key, component_name

__all__ = [
    "conformal_instead",
    "constant_instead",
    "einstein_instead",
    "flat_instead",
    "ricci_flat_instead",
]

Answer = tuple[dict[str, Any] | None, str]


def flat_instead(context: Context) -> Answer:
    """Constant curvature, Ricci-flat, Einstein, or the scalar curvature and what Ricci is."""
    try:
        return _first(context, _gauss, _constant, _ricci_flat, _einstein, _scalar)
    except NO_TRUTH:
        return None, ""


def ricci_flat_instead(context: Context) -> Answer:
    """Einstein with a constant, or the scalar curvature and the Ricci tensor."""
    try:
        return _first(context, _gauss, _einstein, _scalar)
    except NO_TRUTH:
        return None, ""


def conformal_instead(context: Context) -> Answer:
    """The square of the Weyl tensor, or a component that is not zero."""
    try:
        if context.n > 3:
            square = context.curvature.element("weyl_squared")
            text = None if square.is_zero else context.text(square)
            if text is not None:
                return {"kind": "weyl_squared", "value": text}, f"Weyl^2 = {text}"
        return _component(context, TENSORS["cotton" if context.n == 3 else "weyl"])
    except NO_TRUTH:
        return None, ""


def einstein_instead(context: Context) -> Answer:
    """Einstein with another constant, or not Einstein at all."""
    try:
        structured, detail = _first(context, _einstein, _gauss)
        if structured is not None:
            return structured, detail
        structured, detail = _scalar(context)
        return structured, f"not an Einstein metric: {detail}"
    except NO_TRUTH:
        return None, ""


def constant_instead(context: Context) -> Answer:
    """Another constant curvature, or a curvature that is not constant."""
    structured, detail = flat_instead(context)
    if structured is not None and structured["kind"] != "constant_sectional_curvature":
        detail = f"the sectional curvature is not constant: {detail}"
    return structured, detail


def _first(context: Context, *candidates: Callable[[Context], Answer]) -> Answer:
    for candidate in candidates:
        structured, detail = candidate(context)
        if structured is not None:
            return structured, detail
    return None, ""


def _gauss(context: Context) -> Answer:
    """For n = 2 the Gauss curvature says everything."""
    if context.n != 2:
        return None, ""
    element = context.curvature.element("gauss")
    text = context.text(element)
    if text is None:
        return None, ""
    if _is_constant(context, element):
        return {"kind": "constant_sectional_curvature", "value": text}, f"K = {text}, constant"
    return {"kind": "gauss_curvature", "value": text}, f"K = {text}"


def _constant(context: Context) -> Answer:
    """K = R/(n(n-1)), if the curvature tensor is that of a space form."""
    n, curvature, field = context.n, context.curvature, context.field
    if n < 2:
        return None, ""
    value = curvature.element("scalar") / (n * (n - 1))
    g = curvature.chart.g
    for i, j, k, m in TENSORS["riemann_down"].symmetry.indices(n):
        area = field.dot([(1, g[i][k], g[j][m]), (-1, g[i][m], g[j][k])])
        if not (value * area - curvature.riemann_down.element(i, j, k, m)).is_zero:
            return None, ""
    text = context.text(value)
    words = f"constant sectional curvature K = {text}"
    return {"kind": "constant_sectional_curvature", "value": text}, words


def _ricci_flat(context: Context) -> Answer:
    if not context.curvature.ricci.is_zero:
        return None, ""
    detail = "Ric = 0"
    square = context.curvature.element("kretschmann")
    if not square.is_zero:
        detail += f", but Riem^2 = {context.text(square) or 'not 0'}"
    else:
        detail += f", but Riem != 0: {_component(context, TENSORS['riemann_down'])[1]}"
    return {"kind": "ricci_flat", "value": True}, detail


def _einstein(context: Context) -> Answer:
    """L = R/n, if Ric = L g."""
    n, curvature = context.n, context.curvature
    value = curvature.element("scalar") / n
    g = curvature.chart.g
    for i in range(n):
        for j in range(i, n):
            if not (value * g[i][j] - curvature.ricci.element(i, j)).is_zero:
                return None, ""
    if not _is_constant(context, value):
        return None, ""
    text = context.text(value)
    return {"kind": "einstein_constant", "value": text}, f"Einstein: Ric = ({text}) g"


def _scalar(context: Context) -> Answer:
    scalar = context.curvature.element("scalar")
    structured, component = _component(context, TENSORS["ricci"])
    if scalar.is_zero:
        if structured is None:
            return {"kind": "scalar_curvature", "value": "0"}, "R = 0"
        return structured, f"R = 0 but Ric != 0: {component}"
    text = context.text(scalar)
    if text is None:
        return structured, component
    return {"kind": "scalar_curvature", "value": text}, f"R = {text}; {component}"


def _component(context: Context, kind: TensorKind) -> Answer:
    """The simplest of the components that are not zero."""
    found = min(_nonzero(context, kind), key=lambda pair: pair[1].term_count, default=None)
    if found is None:
        return None, ""
    index, element = found
    text = context.text(element)
    if text is None:
        return None, ""
    components = {component_key(context, kind, index): text}
    structured = {"kind": kind.attribute, "components": components, "value": components}
    return structured, f"{component_name(context, kind, index)} = {text}"


def _nonzero(context: Context, kind: TensorKind) -> Iterator[tuple[tuple[int, ...], Element]]:
    tensor = getattr(context.curvature, kind.attribute)
    for index in kind.symmetry.indices(context.n):
        element = tensor.element(*index)
        if not element.is_zero:
            yield index, element


def _is_constant(context: Context, element: Element) -> bool:
    return all(element.diff(symbol).is_zero for symbol in context.coordinates)
