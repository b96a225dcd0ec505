"""Renderings of tensors: plain text, LaTeX, HTML and JSON.

Only independent non-zero components are shown, and a component of more than `LONGEST` terms is
only announced: printing a huge expression takes far longer than deriving it.
"""

from __future__ import annotations

import contextlib
import html
import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sympy

from geomkit import conventions
from geomkit.errors import FieldError

if TYPE_CHECKING:
    from geomkit.field import Element
    from geomkit.tensor.model import Tensor
    from geomkit.tensor.symmetry import Index

__all__ = [
    "LONGEST",
    "convention",
    "index_latex",
    "to_dict",
    "to_html",
    "to_json",
    "to_latex",
    "to_text",
]

# Names under which `conventions` explains the tensors that geomkit makes itself.
_QUANTITY = {
    ("g", "dd"): "metric",
    ("g", "uu"): "inverse_metric",
    ("Gamma", "udd"): "christoffel",
    ("Gamma", "ddd"): "christoffel_down",
    ("R", "uddd"): "riemann",
    ("R", "dddd"): "riemann_down",
    ("Ric", "dd"): "ricci",
    ("Ric", "ud"): "ricci_mixed",
    ("G", "dd"): "einstein",
    ("G", "ud"): "einstein_mixed",
    ("S", "dd"): "tracefree_ricci",
    ("S", "ud"): "shape_operator",
    ("P", "dd"): "schouten",
    ("C", "dddd"): "weyl",
    ("C", "ddd"): "cotton",
    ("II", "dd"): "second_fundamental_form",
}
_VERB = {
    "nabla": "covariant_derivative",
    "d": "exterior_derivative",
    "delta": "codifferential",
    "Hess": "hessian",
    "div": "divergence",
}

LONGEST = 400  # terms of a component that is printed in full


def convention(tensor: Tensor) -> str:
    """The convention that a tensor follows.

    Args:
        tensor: the tensor.

    Returns:
        One line from `geomkit.conventions`, or "" for a tensor that needs none.
    """
    verb = tensor.name.partition(" ")[0]
    key = _QUANTITY.get((tensor.name, tensor.positions)) or _VERB.get(verb) or tensor.name
    return conventions.text(key)


def to_text(tensor: Tensor) -> str:
    """A tensor for the terminal: one line per independent non-zero component.

    Args:
        tensor: the tensor.

    Returns:
        The text.
    """
    total = tensor.symmetry.count(tensor.chart.n)
    stored = tensor.stored()
    kind = f"positions {tensor.positions}" if tensor.rank else "scalar"
    lines = [f"{tensor.name} ({kind}), {len(stored)} of {total} independent components non-zero"]
    shown = _Shown(tensor, str)
    for index, element in stored.items():
        lines.append(f"  {tensor.name}{_index_text(tensor, index)} = {shown(element)}")
    lines += [f"  with {symbol} = {value}" for symbol, value in shown.used()]
    if tensor.symmetry.blocks:
        lines.append(f"  [{tensor.symmetry}]")
    if tensor.convention:
        lines.append(f"  convention: {tensor.convention}")
    return "\n".join(lines)


def to_latex(tensor: Tensor) -> str:
    r"""A tensor as LaTeX: an `aligned` environment with lines `\Gamma^{r}{}_{tt} &= ...`.

    Args:
        tensor: the tensor.

    Returns:
        LaTeX for math mode.
    """
    symbol = tensor.symbol_latex
    if tensor.is_zero:
        letters = "ijklmnpqrsuvwxyz"[: tensor.rank]
        return f"{symbol}{index_latex(tensor.positions, list(letters))} = 0"
    lines = []
    shown = _Shown(tensor, sympy.latex)
    for index, element in tensor.stored().items():
        left = symbol + index_latex(tensor.positions, _labels_latex(tensor, index))
        lines.append(f"{left} &= {shown(element)}")
    lines += [rf"\text{{with }} {name} &= {value}" for name, value in shown.used()]
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def to_html(tensor: Tensor) -> str:
    """A tensor for notebooks: heading, typeset components, symmetry and convention.

    Args:
        tensor: the tensor.

    Returns:
        HTML whose formulas are typeset by MathJax.
    """
    total = tensor.symmetry.count(tensor.chart.n)
    count = f"{len(tensor.stored())} of {total} independent components non-zero"
    notes = [f"{tensor.symmetry}"] if tensor.symmetry.blocks else []
    if tensor.convention:
        notes.append(f"convention: {tensor.convention}")
    note = f"<p><small>{html.escape('; '.join(notes))}</small></p>" if notes else ""
    return (
        f'<div class="geomkit-tensor"><p><b>{html.escape(tensor.name)}</b> '
        f"({html.escape(tensor.positions) or 'scalar'}): {count}</p>"
        f"<p>$${html.escape(to_latex(tensor), quote=False)}$$</p>{note}</div>"
    )


def to_dict(tensor: Tensor) -> dict[str, Any]:
    """A tensor as plain data.

    Args:
        tensor: the tensor.

    Returns:
        Name, positions, metric, coordinates, symmetry, convention and the independent non-zero
        components; their keys are written as in claim files, `"r|t,t"` or `"t,r"`.
    """
    return {
        "name": tensor.name,
        "positions": tensor.positions,
        "metric": tensor.chart.metric.name,
        "coordinates": [str(x) for x in tensor.chart.metric.coordinates],
        "symmetry": str(tensor.symmetry),
        "convention": tensor.convention,
        "components": {
            index_key(tensor, index): str(element.to_sympy())
            for index, element in tensor.stored().items()
        },
    }


def to_json(tensor: Tensor) -> str:
    """`to_dict` as JSON text.

    Args:
        tensor: the tensor.

    Returns:
        JSON.
    """
    return json.dumps(to_dict(tensor), indent=2, ensure_ascii=False)


def index_key(tensor: Tensor, index: Index) -> str:
    """An index as claim files write it: upper ones, a bar, lower ones; a comma between slots.

    Args:
        tensor: the tensor.
        index: an index.

    Returns:
        Text such as `"r|t,t"`; without bar if all slots are alike.
    """
    labels = [str(tensor.chart.metric.coordinates[i]) for i in index]
    ups = tensor.positions.rstrip("d")
    if "d" in ups or not ups or ups == tensor.positions:
        return ",".join(labels)
    return ",".join(labels[: len(ups)]) + "|" + ",".join(labels[len(ups) :])


def index_latex(positions: str, labels: list[str]) -> str:
    r"""Staggered indices, as in `^{r}{}_{tt}`.

    Args:
        positions: index positions.
        labels: the index of each slot as LaTeX.

    Returns:
        LaTeX.

    Example:
        >>> print(index_latex("udd", ["r", "\\theta", "t"]))
        ^{r}{}_{\theta t}
    """
    groups: list[tuple[str, list[str]]] = []
    for position, label in zip(positions, labels, strict=True):
        if not groups or groups[-1][0] != position:
            groups.append((position, []))
        groups[-1][1].append(label)
    marks = {"u": "^", "d": "_"}
    return "{}".join(f"{marks[p]}{{{_joined(parts)}}}" for p, parts in groups)


def _joined(labels: list[str]) -> str:
    """Labels side by side, kept apart where they would run into one another."""
    text = labels[0]
    for before, label in pairwise(labels):
        long = len(before) > 1 and not before.startswith("\\")
        if long or (len(label) > 1 and not label.startswith("\\")):
            text += r"\,"
        elif before.startswith("\\") and label[0].isalpha():
            text += " "
        text += label
    return text


def _labels_latex(tensor: Tensor, index: Index) -> list[str]:
    return [sympy.latex(tensor.chart.metric.coordinates[i]) for i in index]


def _index_text(tensor: Tensor, index: Index) -> str:
    names = [str(x) for x in tensor.chart.metric.coordinates]
    labels = [names[i] for i in index]
    separator = "" if all(len(name) == 1 for name in names) else ","
    text, last = "", ""
    for position, label in zip(tensor.positions, labels, strict=True):
        text += separator if position == last else {"u": "^", "d": "_"}[position]
        text, last = text + label, position
    return text


class _Shown:
    """Prints components, with the abbreviations that the metric defines, and remembers which."""

    def __init__(self, tensor: Tensor, render: Callable[[sympy.Expr], Any]) -> None:
        self.render = render
        self.definitions = {d.symbol: d for d in tensor.chart.metric.definitions}
        self.table: dict[sympy.Symbol, Element] = {}
        self.seen: set[sympy.Symbol] = set()
        for symbol, definition in self.definitions.items():
            with contextlib.suppress(FieldError):  # it does not occur in what this field holds
                self.table[symbol] = tensor.chart.field(definition.value)

    def __call__(self, element: Element) -> str:
        if element.term_count > LONGEST:
            size = f"{element.term_count} terms"
            latex = self.render is sympy.latex
            return rf"\text{{({size})}}" if latex else f"({size}; ask for it by index)"
        value = element.to_sympy(self.table) if self.table else element.to_sympy()
        self.seen |= value.free_symbols & self.table.keys()
        return str(self.render(value))

    def used(self) -> Iterator[tuple[str, str]]:
        for symbol, definition in self.definitions.items():
            if symbol in self.seen:
                yield str(self.render(symbol)), str(self.render(definition.stated))
