"""Claims, metrics and derived quantities as typeset formulas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from sympy import Symbol

from geomkit.errors import GeomkitError
from geomkit.expressions import parse, parse_latex
from geomkit.report.mathml import name_to_mathml, to_mathml

if TYPE_CHECKING:
    from geomkit.derived import Derived, Entry
    from geomkit.metric import Metric

__all__ = ["component", "extended", "line_element", "names_of", "statement", "typeset"]

# What `expressions.parse` takes as declared names; None when the metric is not known.
Names = Mapping[str, Any] | None

# Nodes of an expression that is still typeset: beyond, no screen shows it and browsers grow slow.
LARGEST = 600
_DECIMAL = re.compile(r"[-+]?\d+\.\d+(e[-+]?\d+)?")
# Components of a claim that are shown at once; the others are folded away.
SHOWN = 8

_C, _G, _K, _R = (f"<mi>{letter}</mi>" for letter in "CGKR")
_GAMMA = "<mi mathvariant='normal'>Γ</mi>"
_EQUALS = "<mo>=</mo>"
_GAP = "<mspace width='0.22em'></mspace>"


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
    "laplacian": "<mi mathvariant='normal'>Δ</mi><mi>f</mi>",
    "einstein_constant": "<mi>Ric</mi><mo>=</mo><mi>λ</mi><mi>g</mi><mo>,</mo><mi>λ</mi>",
}
# Properties: what vanishes when the claim says true.
_PROPERTIES = {
    "flat": "<mi>Riem</mi>",
    "ricci_flat": "<mi>Ric</mi>",
}
# Keys that read better as the beginning of an equation.
_LEFT = {
    "vector": "<math><mi>X</mi><mo>=</mo></math>",
    "curve": "<math><msup><mi>x</mi><mi>i</mi></msup><mo>=</mo></math>",
    "logpdf": "<math><mi>log</mi><mspace width='0.2em'></mspace><mi>p</mi><mo>=</mo></math>",
    "function": "<math><mi>f</mi><mo>=</mo></math>",
    "norm": "<math><mi>g</mi><mo>(</mo><mi>x′</mi><mo>,</mo><mi>x′</mi><mo>)</mo><mo>=</mo></math>",
}
_TENSORS = {
    "metric": "<mi>g</mi>",
    "inverse_metric": "<mi>g</mi>",
    "christoffel": _GAMMA,
    "christoffel_down": _GAMMA,
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


def typeset(text: Any, names: Names) -> str:
    """Typeset an expression given as text; what cannot be read is shown as it stands.

    Args:
        text: an expression in SymPy syntax.
        names: the names that it uses, if they are known.

    Returns:
        A `<math>` element, or escaped text in `<code>`.
    """
    if _DECIMAL.fullmatch(str(text)):
        digits = str(text).replace("-", "&#x2212;")  # of a ball: no rational number is meant
        return f"<math><mn>{digits}</mn></math>"
    inner = _inner(text, names)
    return _code(text) if inner is None else _math(inner)


def statement(kind: str, keys: Mapping[str, Any], names: Names) -> str:
    """Typeset what a claim says.

    Args:
        kind: the kind of the claim.
        keys: its keys, as in the claim file.
        names: the names of the metric, if they are known.

    Returns:
        HTML.
    """
    names = extended(names, keys)
    if kind in _TENSORS and isinstance(keys.get("components"), Mapping):
        pieces = [_claimed(kind, at, text, names) for at, text in keys["components"].items()]
        return _folded(pieces)
    if kind in _SCALARS and ("value" in keys or "latex" in keys):
        inner = _value(keys, names)
        if inner is None:
            return _code(keys.get("value", keys.get("latex")))
        return _math(f"<mrow>{_SCALARS[kind]}</mrow>{_EQUALS}{inner}")
    if kind in _PROPERTIES and isinstance(keys.get("value"), bool):
        relation = _EQUALS if keys["value"] else "<mo>≠</mo>"
        return _math(f"{_PROPERTIES[kind]}{relation}<mn>0</mn>")
    rest = {key: value for key, value in keys.items() if key not in {"kind", "source", "complete"}}
    if set(rest) <= {"value"} and isinstance(rest.get("value"), bool):
        return f"{'' if rest['value'] else 'not '}{escape(kind.replace('_', ' '))}"
    if set(rest) <= {"value"}:
        return _plain(rest.get("value", ""), names)
    return _folded([f"{_LEFT.get(k, escape(k))} {_plain(v, names)}" for k, v in rest.items()])


def component(derived: Derived, entry: Entry) -> str:
    """Typeset one component of a derived quantity, or a scalar.

    Args:
        derived: the quantity.
        entry: the component.

    Returns:
        A formula on a line of its own.
    """
    left = _SCALARS.get(derived.name) or _indexed(
        _TENSORS[derived.name], derived.positions, entry.index
    )
    if entry.is_long:
        right = f"<mtext>({entry.element.term_count:,} terms)</mtext>"
    else:
        right = to_mathml(entry.short)
    return f"<div class='line'>{_math(f'<mrow>{left}</mrow>{_EQUALS}{right}')}</div>"


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
            entry = metric.stated[i, j] * (1 if i == j else 2)
            size += entry.count_ops()
            if entry == 0 or size > LARGEST:
                continue
            differential = _differential(x, metric.coordinates[j])
            leading = entry.as_coeff_Add()[0] if entry.is_Add else entry
            negative = bool(leading.could_extract_minus_sign())  # -(1 - 2M/r), not 2M/r - 1
            sign = "<mo>&#x2212;</mo>" if negative else "<mo>+</mo>" if terms else ""
            magnitude = -entry if negative else entry
            factor = "" if magnitude == 1 else to_mathml(magnitude) + _GAP
            if magnitude.is_Add:
                factor = f"<mrow><mo>(</mo>{to_mathml(magnitude)}<mo>)</mo></mrow>{_GAP}"
            terms.append(f"{sign}{factor}{differential}")
    if size > LARGEST:
        return ""
    left = "<msup><mrow><mi>d</mi><mi>s</mi></mrow><mn>2</mn></msup>"
    return f"<div class='line'>{_math(f'{left}{_EQUALS}' + ''.join(terms))}</div>"


def _differential(x: Any, y: Any) -> str:
    first = f"<mi>d</mi>{name_to_mathml(x.name)}"
    if x == y:
        return f"<msup><mrow>{first}</mrow><mn>2</mn></msup>"
    return f"<mrow>{first}</mrow>{_GAP}<mrow><mi>d</mi>{name_to_mathml(y.name)}</mrow>"


def names_of(metric: Metric) -> Names:
    """Give the names of a metric, its abbreviations as symbols so that they are shown as such.

    Args:
        metric: the metric.

    Returns:
        What the text of claims may use.
    """
    return {**metric.names, **{one.symbol.name: one.symbol for one in metric.definitions}}


def extended(names: Names, keys: Mapping[str, Any]) -> Names:
    """Add the names that a claim itself brings: its variable, its curve parameter, a second point.

    Args:
        names: the names of the metric.
        keys: the keys of the claim.

    Returns:
        All names that the claim may use.
    """
    if names is None:
        return None
    own = [str(keys.get("var", "")), str(keys.get("parameter", "s"))]
    own += [f"{name}_0" for name in names]
    fresh = {name: Symbol(name) for name in own if name and name not in names}
    return {**names, **fresh}


def _inner(text: Any, names: Names, *, latex: bool = False) -> str | None:
    """MathML of an expression given as text, or None when it cannot be read or is too large."""
    if names is None or isinstance(text, bool):
        return None
    try:
        read = parse_latex if latex else parse
        expression = read(str(text), names)
    except GeomkitError:
        return None
    return to_mathml(expression) if expression.count_ops() <= LARGEST else None


def _value(keys: Mapping[str, Any], names: Names) -> str | None:
    if "latex" in keys:
        return _inner(keys["latex"], names, latex=True)
    return _inner(keys["value"], names)


def _plain(value: Any, names: Names) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return typeset(value, names)
    if isinstance(value, Sequence) and all(isinstance(entry, str | int) for entry in value):
        return _tuple(value, names)
    if isinstance(value, Mapping):
        return "<br>".join(f"{_code(k)}: {_plain(v, names)}" for k, v in value.items())
    return _code(value)


def _tuple(entries: Sequence[Any], names: Names) -> str:
    inner = [_inner(entry, names) for entry in entries]
    if any(piece is None for piece in inner):
        return _code(", ".join(map(str, entries)))
    commas = "<mo>,</mo>".join(piece for piece in inner if piece is not None)
    return _math(f"<mrow><mo>(</mo>{commas}<mo>)</mo></mrow>")


def _claimed(kind: str, at: str, text: Any, names: Names) -> str:
    """One component as a claim file writes it: `"r|t,t" = "..."`."""
    up, _, down = at.rpartition("|")
    ups, downs = ([name.strip() for name in part.split(",") if name.strip()] for part in (up, down))
    left = _indexed(_TENSORS[kind], "u" * len(ups) + "d" * len(downs), [*ups, *downs])
    right = _inner(text, names)
    if right is None:
        return f"{_math(left + _EQUALS)} {_code(text)}"
    return _math(left + _EQUALS + right)


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
    lines = [f"<div class='line'>{piece}</div>" for piece in pieces]
    shown = "".join(lines[:SHOWN])
    if len(pieces) <= SHOWN:
        return shown
    rest = "".join(lines[SHOWN:])
    return f"{shown}<details><summary>{len(pieces) - SHOWN} more</summary>{rest}</details>"


def _math(inner: str) -> str:
    """A formula within a line, its fractions in full size."""
    return f"<math displaystyle='true'>{inner}</math>"


def _code(value: Any) -> str:
    return f"<code>{escape(str(value))}</code>"
