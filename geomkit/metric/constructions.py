"""Metrics from line elements, embeddings and other metrics.

Each function returns the keyword arguments of `Metric`; the classmethods of `Metric` call them. The
matrix is given as a function of the declarations, since texts can only be read once names are
declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy

from geomkit import expressions
from geomkit.errors import MetricError
from geomkit.metric.declarations import Declarations
from geomkit.metric.entries import MatrixSource
from geomkit.metric.names import named_items, nearest, plain_name
from geomkit.metric.tidy import tidy

if TYPE_CHECKING:
    from geomkit.metric.model import Metric

__all__ = [
    "flat_pullback",
    "ingredients",
    "latex_source",
    "line_element_matrix",
    "metric_pullback",
    "product",
    "pullback_declarations",
    "renamed",
]

_GROUPS = ("parameters", "functions", "definitions", "domain")


def ingredients(metric: Metric) -> dict[str, dict[str, Any]]:
    """Return the declarations of a metric in the form in which `Metric` takes them.

    Args:
        metric: any metric.

    Returns:
        Mappings under "parameters", "functions", "definitions" and "domain".
    """
    boxes = {box.symbol: box for box in metric.domain.boxes}
    parameters: dict[str, Any] = {}
    for parameter in metric.parameters:
        symbol = parameter.symbol
        if parameter.value is not None:
            parameters[symbol.name] = {"value": parameter.value}
            continue
        box = boxes[symbol]
        entry: dict[str, Any] = {"range": [box.lower, box.upper]}
        if box.integer:
            entry["integer"] = True
        if symbol.is_nonzero and not (symbol.is_positive or symbol.is_negative):
            entry["nonzero"] = True
        parameters[symbol.name] = entry
    return {
        "parameters": parameters,
        "functions": {str(f.function): list(f.examples) for f in metric.functions},
        "definitions": {d.symbol.name: d.stated for d in metric.definitions},
        "domain": {x.name: [boxes[x].lower, boxes[x].upper] for x in metric.coordinates},
    }


def merged(
    groups: Iterable[Mapping[str, Mapping[str, Any]]], what: str
) -> dict[str, dict[str, Any]]:
    """Return the union of several declarations; what is declared twice must be declared alike.

    Args:
        groups: results of `ingredients`, and what a user adds.
        what: the construction, for messages.

    Returns:
        The union, in the same form.

    Raises:
        MetricError: for a name that stands for different things.
    """
    result: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
    for given in groups:
        for group, entries in given.items():
            for name, value in entries.items():
                if result[group].setdefault(name, value) != value:
                    raise MetricError(
                        f"{what}: {group}.{name} is {result[group][name]} in one part and {value} "
                        "in another; rename one of them with Metric.rename"
                    )
    return result


def line_element_matrix(text: str) -> MatrixSource:
    """Return the source of the matrix of a line element, in text or LaTeX.

    Args:
        text: for instance "dr**2 + r**2*dphi**2".

    Returns:
        A function from declarations to the matrix.
    """

    def source(declarations: Declarations) -> Any:
        names = [x.name for x in declarations.coordinates]
        if "\\" in text:
            return expressions.parse_latex_line_element(text, names, declarations.names)[1]
        return expressions.parse_line_element(text, names, declarations.names)

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


def pullback_declarations(
    target: Metric, coordinates: Any, declared: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a pullback declares: parameters and functions of the target, and what is added.

    Formal arguments of functions that are coordinates of the target become coordinates of the new
    chart: they are dummies, a(t) can be used as a(phi(s)) whether it is declared as a(t) or a(s).

    Args:
        target: the metric that is pulled back.
        coordinates: the new coordinates.
        declared: keywords of the user.

    Returns:
        Keywords of `Metric` other than coordinates and matrix.

    Raises:
        MetricError: if a function has more arguments than there are new coordinates.
    """
    new = [name for name, _, _ in named_items(coordinates, "coordinates")]
    taken = ingredients(target)
    functions: dict[str, Any] = {}
    for function in target.functions:
        formal = [x for x in function.arguments if x in target.coordinates]
        if len(formal) > len(new):
            raise MetricError(
                f"pullback: {function.function} has {len(formal)} arguments, but there are only "
                f"{len(new)} new coordinates; put a concrete function in its place first"
            )
        rule = {x: sympy.Symbol(y) for x, y in zip(formal, new, strict=False)}
        key = str(function.function.xreplace(rule))
        functions[key] = [example.xreplace(rule) for example in function.examples]
    inherited = {"parameters": taken["parameters"], "functions": functions}
    return _with_added([inherited], declared, target.name, "pullback")


def product(factors: Sequence[Metric], warps: Sequence[Any], declared: Mapping[str, Any]) -> Metric:
    """Return g = w_1^2 g_1 + w_2^2 g_2 + ... on a product.

    Args:
        factors: the metrics, in disjoint coordinates.
        warps: the warping function of each.
        declared: keywords of the user.

    Returns:
        The block diagonal metric.

    Raises:
        MetricError: if two factors share a coordinate.
    """
    coordinates = [x.name for factor in factors for x in factor.coordinates]
    for name in coordinates:
        if coordinates.count(name) > 1:
            raise MetricError(
                f"product: two factors have the coordinate {name!r}; rename it in one of them, "
                f'with metric.rename({{"{name}": "{name}_2"}})'
            )

    def source(declarations: Declarations) -> Any:
        blocks = []
        for index, (factor, warp) in enumerate(zip(factors, warps, strict=True)):
            squared = declarations.read(warp, f"warp[{index}]") ** 2
            blocks.append(factor.stated.applyfunc(lambda entry, w=squared: w * entry))
        return sympy.diag(*blocks)

    names = " x ".join(factor.name for factor in factors)
    keywords = _with_added(map(ingredients, factors), declared, names, "product")
    return type(factors[0])(coordinates, source, **keywords)


def _with_added(
    groups: Iterable[Mapping[str, Mapping[str, Any]]],
    declared: Mapping[str, Any],
    name: str,
    what: str,
) -> dict[str, Any]:
    extra: dict[str, dict[str, Any]] = {}
    for group in _GROUPS:
        is_function = group == "functions"
        items = named_items(declared.get(group), group, functions=is_function)
        extra[group] = {(str(o) if is_function else n): value for n, o, value in items}
    rest = {key: value for key, value in declared.items() if key not in _GROUPS}
    return {"name": name, **merged([*groups, extra], what), **{k: v for k, v in rest.items() if v}}


def renamed(metric: Metric, names: Mapping[str, str], name: str) -> Metric:
    """Return the metric in other names.

    Args:
        metric: any metric.
        names: old name -> new name.
        name: name of the result.

    Returns:
        The metric with every occurrence renamed.

    Raises:
        MetricError: for an old name that the metric does not have.
    """
    change = {plain_name(old, "rename"): plain_name(new, "rename") for old, new in names.items()}
    for old in change:
        if old not in metric.names:
            raise MetricError(f"rename: {old!r} is not declared{nearest(old, metric.names)}")
    symbols = {
        symbol: sympy.Symbol(change[old]) for old, symbol in metric.symbols.items() if old in change
    }
    functions = {
        type(f.function): sympy.Function(change[f.name])
        for f in metric.functions
        if f.name in change
    }

    def new(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: new(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [new(entry) for entry in value]
        if not hasattr(value, "xreplace"):
            return value
        value = value.xreplace(symbols)
        for old, function in functions.items():
            value = value.replace(old, function)
        return value

    content = ingredients(metric)
    keywords = {
        group: {change.get(key, key): new(value) for key, value in content[group].items()}
        for group in ("parameters", "definitions", "domain")
    }
    keywords["functions"] = {
        str(new(f.function)): [new(example) for example in f.examples] for f in metric.functions
    }
    coordinates = [change.get(x.name, x.name) for x in metric.coordinates]
    return type(metric)(
        coordinates, new(metric.stated), name=name, reference=metric.reference, **keywords
    )


def latex_source(text: str, declared: Mapping[str, Any]) -> tuple[MatrixSource | str, list[str]]:
    """Return the matrix source of LaTeX, and the coordinates whose differentials it contains.

    Args:
        text: a line element, or a matrix.
        declared: keywords of the user; their names are not coordinates.

    Returns:
        What `Metric` takes as matrix, and names.
    """
    raise NotImplementedError
