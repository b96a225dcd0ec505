"""Metrics as text, LaTeX, dictionaries, TOML and JSON, in the notation that is read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sympy

from geomkit import expressions
from geomkit.errors import MetricError
from geomkit.metric.combinations import ingredients

if TYPE_CHECKING:
    from geomkit.metric.model import Metric

__all__ = ["as_dict", "as_toml", "latex", "line_element"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def line_element(metric: Metric) -> str:
    """Return ds^2 as text, with the abbreviations of the metric.

    Args:
        metric: any metric.

    Returns:
        For instance "dr**2 + r**2*dphi**2".
    """
    names = [x.name for x in metric.coordinates]
    terms = []
    for i, j, coefficient in _terms(metric):
        product = f"d{names[i]}**2" if i == j else f"d{names[i]}*d{names[j]}"
        above, below = sympy.fraction(coefficient)
        term = _times(_spell(above, metric), product)
        if below != 1:
            bottom = _spell(below, metric)
            term += f"/{bottom}" if below.is_Atom or below.is_Pow else f"/({bottom})"
        terms.append(term)
    text = " + ".join(terms) or "0"
    return text.replace("+ -", "- ")


def latex(metric: Metric) -> str:
    r"""Return ds^2 in LaTeX, followed by the definitions.

    Args:
        metric: any metric.

    Returns:
        LaTeX without dollar signs.
    """
    names = [rf"\mathrm{{d}}{expressions.to_latex(x)}" for x in metric.coordinates]
    terms = []
    for i, j, coefficient in _terms(metric):
        product = f"{names[i]}^{{2}}" if i == j else rf"{names[i]}\,{names[j]}"
        factor = expressions.to_latex(coefficient)
        if coefficient.is_Add:
            factor = rf"\left({factor}\right)"
        factor = {"1": "", "-1": "-"}.get(factor, rf"{factor}\,")
        terms.append(f"{factor}{product}")
    text = r"\mathrm{d}s^{2} = " + (" + ".join(terms) or "0").replace("+ -", "- ")
    for definition in metric.definitions:
        value = expressions.to_latex(definition.stated)
        text += rf",\quad {expressions.to_latex(definition.symbol)} = {value}"
    return text


def as_dict(metric: Metric) -> dict[str, Any]:
    """Return the metric as texts, lists and mappings, as in the `[metric]` table of a file.

    Args:
        metric: any metric.

    Returns:
        What `Metric.from_dict` reads.

    Raises:
        MetricError: for derivatives of composite functions, f' at x**2 + y**2.
    """
    stated = [metric.stated, *(d.stated for d in metric.definitions)]
    if any(entry.has(sympy.Subs) for entry in stated):
        raise MetricError(
            f"metric {metric.name!r} contains the derivative of a composite function, which has no "
            "notation in text; declare its derivative as another function, or keep the SymPy form"
        )
    texts = _texts(ingredients(metric), metric)
    result: dict[str, Any] = {
        "name": metric.name,
        "coordinates": [x.name for x in metric.coordinates],
        "matrix": [[_spell(entry, metric) for entry in row] for row in metric.stated.tolist()],
    }
    result |= {group: entries for group, entries in texts.items() if entries}
    described = {"title": metric.title, "reference": metric.reference}
    return result | {key: value for key, value in described.items() if value}


def as_toml(metric: Metric) -> str:
    """Return the metric as the text of a metric file.

    Args:
        metric: any metric.

    Returns:
        TOML, with one table `[metric]`.
    """
    content = as_dict(metric)
    tables = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    lines = ["[metric]"]
    for key, value in content.items():
        if key == "matrix":
            rows = ",\n          ".join(_toml(row) for row in value)
            lines.append(f"matrix = [{rows}]")
        elif key not in tables:
            lines.append(f"{key} = {_toml(value)}")
    for key, table in tables.items():
        lines += ["", f"[metric.{key}]"]
        lines += [f"{_toml_key(name)} = {_toml(value)}" for name, value in table.items()]
    return "\n".join(lines) + "\n"


def _terms(metric: Metric) -> list[tuple[int, int, Any]]:
    n, g = metric.n, metric.stated
    pairs = [(i, j) for i in range(n) for j in range(i, n) if g[i, j] != 0]
    return [(i, j, g[i, j] if i == j else 2 * g[i, j]) for i, j in pairs]


def _times(factor: str, product: str) -> str:
    if factor == "1":
        return product
    if factor == "-1":
        return f"-{product}"
    simple = not re.search(r"[-+ ]", factor.lstrip("-")) or _enclosed(factor)
    return f"{factor}*{product}" if simple else f"({factor})*{product}"


def _enclosed(text: str) -> bool:
    """Whether no + or - of the text stands outside brackets (a leading sign apart)."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and character in "+-" and position > 0:
            return False
    return True


def _spell(expression: Any, metric: Metric) -> str:
    """The text of an expression; constants whose names are taken by the metric are written out."""
    taken = {sympy.E: ("E", "exp(1)"), sympy.pi: ("pi", "acos(-1)")}
    for constant, (name, spelling) in taken.items():
        if name in metric.names and expression.has(constant):
            expression = expression.xreplace({constant: sympy.Symbol(spelling)})
    return expressions.to_text(expression)


def _texts(value: Any, metric: Metric) -> Any:
    if isinstance(value, Mapping):
        return {key: _texts(entry, metric) for key, entry in value.items()}
    if isinstance(value, list):
        return [_texts(entry, metric) for entry in value]
    return value if isinstance(value, bool) else _spell(value, metric)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml_key(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # TOML's basic strings and booleans are those of JSON (but for DEL, which JSON leaves alone)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_key(name: str) -> str:
    return name if _BARE_KEY.match(name) else _toml(name)
