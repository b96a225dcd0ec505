"""The matrix of a metric from a line element, an embedding or a map.

Texts can be read only once the names are declared. So each function here returns a `MatrixSource`,
a function of the declarations, which `Metric` takes in place of a matrix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy

from geomkit import expressions
from geomkit.errors import MetricError
from geomkit.metric.declarations import Declarations
from geomkit.metric.entries import MatrixSource
from geomkit.metric.names import function_parts, named_items, nearest
from geomkit.metric.reading import is_latex
from geomkit.metric.tidy import tidy

if TYPE_CHECKING:
    from geomkit.metric.model import Metric

__all__ = [
    "flat_pullback",
    "from_table",
    "latex_coordinates",
    "line_element_matrix",
    "metric_pullback",
]

_KEYS = (
    "name",
    "title",
    "reference",
    "coordinates",
    "matrix",
    "line_element",
    "embedding",
    "parameters",
    "domain",
    "definitions",
    "functions",
)
# d or \mathrm{d}, followed by a letter or a Greek one, with its subscript
_DIFFERENTIAL = re.compile(r"d\}?(?:\\[,!;])?\s*\{?(\\[A-Za-z]+|[A-Za-z])(_(?:\w|\{\w+\}))?")


def line_element_matrix(text: str) -> MatrixSource:
    """Return the source of the matrix of a line element, in text or LaTeX.

    Args:
        text: for instance "dr**2 + r**2*dphi**2".

    Returns:
        A function from declarations to the matrix.

    Raises:
        MetricError: if it is no text.
    """
    if not isinstance(text, str):
        raise MetricError(f"line_element: expected a text, got {type(text).__name__}")

    def source(declarations: Declarations) -> Any:
        x, names = declarations.coordinates, declarations.names
        if is_latex(text):
            return expressions.parse_latex_line_element(text, x, names, where="line_element")[1]
        return expressions.parse_line_element(text, x, names, where="line_element")

    return source


def flat_pullback(map: Sequence[Any], signature: Sequence[Any] | None) -> MatrixSource:
    """Return the source of g_ab = sum_i eps_i d_a X^i d_b X^i.

    Args:
        map: X^i in terms of the new coordinates.
        signature: the eps_i; all 1 if None.

    Returns:
        A function from declarations to the matrix.

    Raises:
        MetricError: if the numbers of functions and of signs differ.
    """
    signs = [1] * len(map) if signature is None else list(signature)
    if len(signs) != len(map):
        raise MetricError(
            f"embedding: the map has {len(map)} functions, but the ambient space has "
            f"{len(signs)} signs; give one sign (1 or -1) for each function"
        )

    def source(declarations: Declarations) -> Any:
        functions = _read_map(map, declarations)
        eps = [declarations.read(s, f"ambient[{i}]") for i, s in enumerate(signs)]
        return _pulled_back(sympy.diag(*eps), functions, declarations.coordinates)

    return source


def metric_pullback(map: Sequence[Any], target: Metric) -> MatrixSource:
    """Return the source of (phi^* g)_ab = g_ij(phi) d_a phi^i d_b phi^j.

    Args:
        map: the coordinates of the target in terms of the new ones.
        target: the metric g.

    Returns:
        A function from declarations to the matrix.

    Raises:
        MetricError: if the map does not have one function for each coordinate.
    """
    if len(map) != target.n:
        raise MetricError(
            f"pullback: the map has {len(map)} functions, but {target.name!r} has {target.n} "
            f"coordinates ({', '.join(x.name for x in target.coordinates)}); give one for each"
        )

    def source(declarations: Declarations) -> Any:
        phi = _read_map(map, declarations)
        # names that both charts use (r -> r) denote the new symbol after the substitution
        rule = dict(zip(target.coordinates, phi, strict=True))
        for symbol in target.matrix.free_symbols - set(target.coordinates):
            rule[symbol] = declarations.symbols[symbol.name]
        return _pulled_back(
            target.matrix.applyfunc(lambda entry: _substituted(entry, rule)),
            phi,
            declarations.coordinates,
        )

    return source


def _substituted(expression: Any, rule: Mapping[Any, Any]) -> Any:
    if expression.has(sympy.Derivative):
        # the derivative with respect to t, taken at t = phi(s), is not a derivative in s
        return expression.subs(list(rule.items()), simultaneous=True)
    return expression.xreplace(dict(rule))


def _read_map(map: Sequence[Any], declarations: Declarations) -> list[Any]:
    read = [declarations.read(entry, f"map[{i}]") for i, entry in enumerate(map)]
    return [declarations.resolve(entry) for entry in read]


def _pulled_back(matrix: Any, phi: Sequence[Any], coordinates: Sequence[Any]) -> list[list[Any]]:
    jacobian = [[function.diff(x) for x in coordinates] for function in phi]
    n, m = len(coordinates), len(phi)
    terms = [(i, j) for i in range(m) for j in range(m) if matrix[i, j] != 0]

    def entry(a: int, b: int) -> Any:
        total = sympy.Add(*(matrix[i, j] * jacobian[i][a] * jacobian[j][b] for i, j in terms))
        return tidy(total)

    upper = {(a, b): entry(a, b) for a in range(n) for b in range(a, n)}
    return [[upper[min(a, b), max(a, b)] for b in range(n)] for a in range(n)]


def latex_coordinates(text: str, declared: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the coordinates of a LaTeX line element, found by their differentials.

    Args:
        text: the line element.
        declared: keywords of the user; names that are declared there are no coordinates.

    Returns:
        Names, in the order in which their differentials occur.

    Raises:
        MetricError: if there are none, or if it is no text.
    """
    if not isinstance(text, str):
        raise MetricError(f"from_latex: expected a text in LaTeX, got {type(text).__name__}")
    names: dict[str, Any] = {}
    for group in ("parameters", "definitions"):
        names |= {n: sympy.Symbol(n) for n, _, _ in named_items(declared.get(group), group)}
    functions = named_items(declared.get("functions"), "functions", functions=True)
    for name, original, _ in functions:
        arguments = map(sympy.Symbol, function_parts(original)[1])
        names[name] = sympy.Function(name)(*arguments)
    known = set(names)
    for letter, subscript in _DIFFERENTIAL.findall(text):
        candidate = letter.lstrip("\\").removeprefix("var") + re.sub(r"[{}]", "", subscript)
        names.setdefault(candidate, sympy.Symbol(candidate))
    found = expressions.line_element_coordinates(text, names, where="line_element")
    coordinates = tuple(name for name in found if name not in known)
    if not coordinates:
        raise MetricError("from_latex: no differentials are found; give coordinates=[...]")
    return coordinates


def from_table(kind: type[Metric], content: Mapping[str, Any]) -> Metric:
    """Return the metric of a `[metric]` table.

    Args:
        kind: the class of the result.
        content: the keys of the table; one of matrix, line_element, embedding.

    Returns:
        The metric.

    Raises:
        MetricError: for unknown or missing keys.
    """
    given = dict(content)
    for key in given:
        if key not in _KEYS:
            raise MetricError(
                f"unknown key {key!r}{nearest(str(key), _KEYS)}; allowed: {', '.join(_KEYS)}"
            )
    sources = [key for key in ("matrix", "line_element", "embedding") if key in given]
    if len(sources) != 1:
        found = " and ".join(sources) or "none of them"
        raise MetricError(f"give one of matrix, line_element, embedding; found {found}")
    if "coordinates" not in given:
        raise MetricError("the key coordinates is missing; give a list of names")
    if "line_element" in given:
        return kind.from_line_element(given.pop("line_element"), **given)
    if "embedding" in given:
        embedding = dict(given.pop("embedding"))
        return kind.from_embedding(**embedding, **given)
    return kind(**given)
