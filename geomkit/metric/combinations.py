"""Metrics from other metrics: their declarations, merged; products; other names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy

from geomkit.errors import MetricError
from geomkit.metric.declarations import Declarations
from geomkit.metric.names import named_items, nearest, plain_name

if TYPE_CHECKING:
    from geomkit.metric.model import Metric

__all__ = ["ingredients", "merged", "product", "pullback_declarations", "renamed"]

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


def product(factors: Sequence[Metric], warps: Sequence[Any], declared: Mapping[str, Any]) -> Metric:
    """Return g = w_1^2 g_1 + w_2^2 g_2 + ... on a product.

    Args:
        factors: the metrics, in disjoint coordinates.
        warps: the warping function of each.
        declared: keywords of the user.

    Returns:
        The block diagonal metric.

    Raises:
        MetricError: if two factors share a coordinate, or one is no metric.
    """
    for factor in factors:
        if not isinstance(factor, type(factors[0])):
            raise MetricError(
                f"product: expected a Metric, got {type(factor).__name__} {factor!r:.60}"
            )
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
    keywords: dict[str, Any] = {
        group: {change.get(key, key): new(value) for key, value in content[group].items()}
        for group in ("parameters", "definitions", "domain")
    }
    keywords["functions"] = {
        str(new(f.function)): [new(example) for example in f.examples] for f in metric.functions
    }
    coordinates = [change.get(x.name, x.name) for x in metric.coordinates]
    described = {**keywords, "name": name, "reference": metric.reference}
    return type(metric)(coordinates, new(metric.stated), **described)
