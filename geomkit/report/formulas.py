"""Claims, metrics and derived quantities as typeset formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from geomkit.errors import GeomkitError
from geomkit.expressions import parse, parse_latex
from geomkit.report.mathml import name_to_mathml, to_mathml

if TYPE_CHECKING:
    from geomkit.derived import Derived, Entry
    from geomkit.metric import Metric

__all__ = ["component", "line_element", "statement", "typeset"]

# Nodes of an expression that is still typeset: beyond, no screen shows it and browsers grow slow.
LARGEST = 600
# Components of a claim that are shown at once; the others are folded away.
SHOWN = 8

_C, _G, _K, _R = (f"<mi>{letter}</mi>" for letter in "CGKR")
_EQUALS = "<mo>=</mo>"


def _squared(symbol: str, indices: str) -> str:
    row = f"<mrow>{''.join(f'<mi>{i}</mi>' for i in indices)}</mrow>"
    return f"<msub>{symbol}{row}</msub><msup>{symbol}{row}</msup>"


# Left-hand sides: kinds of claims and names of quantities (they overlap).
_SCALARS = {
    "scalar": _R,
    "scalar_curvature": _R,
    "gauss": _K,
    "gauss_curvature": _K,
    "constant_sectional_curvature": _K,
    "sectional_curvature": _K,
    "kretschmann": _squared(_R, "ijkl"),
    "ricci_squared": _squared(_R, "ij"),
    "weyl_squared": _squared(_C, "ijkl"),
    "determinant": "<mi>det</mi><mi>g</mi>",
    "volume_element": "<msqrt><mo>|</mo><mi>det</mi><mi>g</mi><mo>|</mo></msqrt>",
    "euler_density": "<msub><mi>E</mi><mn>4</mn></msub>",
    "chern_pontryagin": f"<msup><mrow></mrow><mo>*</mo></msup>{_R}{_R}",
    "distance": "<mi>d</mi>",
    "laplacian": "<mi>Δ</mi><mi>f</mi>",
    "einstein_constant": "<mi>Ric</mi><mo>=</mo><mi>Λ</mi><mi>g</mi><mo>,</mo><mi>Λ</mi>",
}
_TENSORS = {
    "metric": "<mi>g</mi>",
    "inverse_metric": "<mi>g</mi>",
    "christoffel": "<mi>Γ</mi>",
    "christoffel_down": "<mi>Γ</mi>",
    "riemann": _R,
    "riemann_up": _R,
    "riemann_down": _R,
    "ricci": _R,
    "ricci_mixed": _R,
    "tracefree_ricci": "<mi>S</mi>",
    "einstein": _G,
    "einstein_mixed": _G,
    "schouten": "<mi>P</mi>",
    "weyl": _C,
    "cotton": _C,
}


def typeset(text: Any, metric: Metric | None) -> str:
    """Typeset an expression given as text; what cannot be read is shown as it stands.

    Args:
        text: an expression in SymPy syntax.
        metric: the metric whose names it uses, if it is known.

    Returns:
        A `<math>` element, or escaped text in `<code>`.
    """
    inner = _inner(text, metric)
    return _code(text) if inner is None else f"<math>{inner}</math>"


def statement(kind: str, keys: Mapping[str, Any], metric: Metric | None) -> str:
    """Typeset what a claim says.

    Args:
        kind: the kind of the claim.
        keys: its keys, as in the claim file.
        metric: the metric, if it is known.

    Returns:
        HTML.
    """
    if kind in _TENSORS and isinstance(keys.get("components"), Mapping):
        pieces = [_claimed(kind, at, text, metric) for at, text in keys["components"].items()]
        return _folded(pieces)
    if kind in _SCALARS and ("value" in keys or "latex" in keys):
        inner = _value(keys, metric)
        if inner is None:
            return _code(keys.get("value", keys.get("latex")))
        return f"<math><mrow>{_SCALARS[kind]}</mrow>{_EQUALS}{inner}</math>"
    for key in ("vector", "curve", "map"):
        if isinstance(keys.get(key), Sequence):
            return _tuple(keys[key], metric)
    rest = {key: value for key, value in keys.items() if key not in {"kind", "source", "complete"}}
    if set(rest) <= {"value"}:
        return _plain(rest.get("value", ""), metric)
    return "<br>".join(f"{escape(key)}: {_plain(value, metric)}" for key, value in rest.items())


def component(derived: Derived, entry: Entry) -> str:
    """Typeset one component of a derived quantity, or a scalar.

    Args:
        derived: the quantity.
        entry: the component.

    Returns:
        A `<math>` element on a line of its own.
    """
    left = _SCALARS.get(derived.name) or _indexed(
        _TENSORS[derived.name], derived.positions, entry.index
    )
    if entry.is_long:
        right = f"<mtext>({entry.element.term_count:,} terms)</mtext>"
    else:
        right = to_mathml(entry.short)
    return f"<math display='block'><mrow>{left}</mrow>{_EQUALS}{right}</math>"


def line_element(metric: Metric) -> str:
    """Typeset the line element of a metric.

    Args:
        metric: the metric.

    Returns:
        A `<math>` element, or nothing when it is too long to be read.
    """
    terms: list[str] = []
    size = 0
    for i, x in enumerate(metric.coordinates):
        for j in range(i, metric.n):
            entry = metric.matrix[i, j] * (1 if i == j else 2)
            size += entry.count_ops()
            if entry == 0 or size > LARGEST:
                continue
            differential = _differential(x, metric.coordinates[j])
            negative = entry.could_extract_minus_sign()
            sign = "<mo>&#x2212;</mo>" if negative else "<mo>+</mo>" if terms else ""
            magnitude = -entry if negative else entry
            factor = "" if magnitude == 1 else to_mathml(magnitude)
            if magnitude.is_Add:
                factor = f"<mrow><mo>(</mo>{factor}<mo>)</mo></mrow>"
            terms.append(f"{sign}{factor}{differential}")
    if size > LARGEST:
        return ""
    left = "<msup><mrow><mi>d</mi><mi>s</mi></mrow><mn>2</mn></msup>"
    return f"<math display='block'>{left}{_EQUALS}{''.join(terms)}</math>"


def _differential(x: Any, y: Any) -> str:
    gap = "<mspace width='0.22em'></mspace>"
    first = f"<mi>d</mi>{name_to_mathml(x.name)}"
    if x == y:
        return f"{gap}<msup><mrow>{first}</mrow><mn>2</mn></msup>"
    return f"{gap}<mrow>{first}</mrow>{gap}<mrow><mi>d</mi>{name_to_mathml(y.name)}</mrow>"


def _inner(text: Any, metric: Metric | None, *, latex: bool = False) -> str | None:
    """MathML of an expression given as text, or None when it cannot be read or is too large."""
    if metric is None or isinstance(text, bool):
        return None
    try:
        read = parse_latex if latex else parse
        expression = read(str(text), metric.names)
    except GeomkitError:
        return None
    return to_mathml(expression) if expression.count_ops() <= LARGEST else None


def _value(keys: Mapping[str, Any], metric: Metric | None) -> str | None:
    if "latex" in keys:
        return _inner(keys["latex"], metric, latex=True)
    return _inner(keys["value"], metric)


def _plain(value: Any, metric: Metric | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return typeset(value, metric)
    if isinstance(value, Mapping):
        return "<br>".join(f"{_code(k)}: {_plain(v, metric)}" for k, v in value.items())
    return _code(value)


def _tuple(entries: Sequence[Any], metric: Metric | None) -> str:
    inner = [_inner(entry, metric) for entry in entries]
    if any(piece is None for piece in inner):
        return _code(", ".join(map(str, entries)))
    commas = "<mo>,</mo>".join(piece for piece in inner if piece is not None)
    return f"<math><mo>(</mo>{commas}<mo>)</mo></math>"


def _claimed(kind: str, at: str, text: Any, metric: Metric | None) -> str:
    """One component as a claim file writes it: `"r|t,t" = "..."`."""
    up, _, down = at.rpartition("|")
    ups, downs = ([name.strip() for name in part.split(",") if name.strip()] for part in (up, down))
    left = _indexed(_TENSORS[kind], "u" * len(ups) + "d" * len(downs), [*ups, *downs])
    right = _inner(text, metric)
    if right is None:
        return f"<math>{left}{_EQUALS}</math> {_code(text)}"
    return f"<math>{left}{_EQUALS}{right}</math>"


def _indexed(symbol: str, positions: str, names: Sequence[str]) -> str:
    """A symbol with its indices, each in a column of its own: R^i_jkl."""
    empty = "<mrow></mrow>"
    marks = (name_to_mathml(name) for name in names)
    scripts = [
        f"{empty}{mark}" if position == "u" else f"{mark}{empty}"
        for position, mark in zip(positions, marks, strict=True)
    ]
    return f"<mmultiscripts>{symbol}{''.join(scripts)}</mmultiscripts>"


def _folded(pieces: Sequence[str]) -> str:
    shown = "<br>".join(pieces[:SHOWN])
    if len(pieces) <= SHOWN:
        return shown
    rest = "<br>".join(pieces[SHOWN:])
    return f"{shown}<details><summary>{len(pieces) - SHOWN} more</summary>{rest}</details>"


def _code(value: Any) -> str:
    return f"<code>{escape(str(value))}</code>"
