"""What is written like a function but is none: diff, Derivative, Subs, Piecewise."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.expressions import limits
from geomkit.expressions.names import Scope

if TYPE_CHECKING:
    from geomkit.expressions.text import TextReader

__all__ = ["OPERATORS"]

_RELATIONS: Mapping[type[ast.cmpop], Any] = {
    ast.Lt: sympy.Lt,
    ast.LtE: sympy.Le,
    ast.Gt: sympy.Gt,
    ast.GtE: sympy.Ge,
    ast.Eq: sympy.Eq,
    ast.NotEq: sympy.Ne,
}
_NAMED_RELATIONS: Mapping[str, Any] = {
    "Eq": sympy.Eq,
    "Ne": sympy.Ne,
    "Lt": sympy.Lt,
    "Le": sympy.Le,
    "Gt": sympy.Gt,
    "Ge": sympy.Ge,
}


def derivative(reader: TextReader, node: ast.Call, depth: int, position: int) -> Any:
    """Read diff(f, x, 2), diff(f, x, y), diff(f, (x, 2)), and diff(f) for f(x).

    Args:
        reader: the reader.
        node: the call.
        depth: depth of the expression.
        position: offset of the name.

    Returns:
        The expression.
    """
    if not node.args:
        raise reader.error("diff needs an expression and a variable: diff(f(x), x)", position)
    expression = reader.expression(node.args[0], depth)
    variables: list[tuple[Any, int]] = []
    for argument in node.args[1:]:
        if isinstance(argument, ast.Tuple) and len(argument.elts) == 2:
            variable = reader.expression(argument.elts[0], depth)
            variables.append((variable, _order(reader, argument.elts[1], depth)))
        elif (
            variables and isinstance(argument, ast.Name) and reader.token(argument).kind == "number"
        ):
            variables[-1] = (variables[-1][0], _order(reader, argument, depth))
        else:
            variables.append((reader.expression(argument, depth), 1))
    if not variables:
        if not isinstance(expression, AppliedUndef) or len(expression.args) != 1:
            raise reader.error("diff needs a variable: diff(f(x, y), x)", position)
        variables.append((expression.args[0], 1))
    return reader.builder.derivative(reader.scope.expanded(expression), variables, position)


def substituted(reader: TextReader, node: ast.Call, depth: int, position: int) -> Any:
    """Read Subs(Derivative(f(_xi), _xi), _xi, x**2), the derivative of f at x**2.

    Args:
        reader: the reader.
        node: the call.
        depth: depth of the expression.
        position: offset of the name.

    Returns:
        The expression.
    """
    if len(node.args) != 3:
        raise reader.error("Subs takes an expression, a variable and a value", position)
    bound, values = (
        list(part.elts) if isinstance(part, ast.Tuple) else [part] for part in node.args[1:]
    )
    points = [reader.expression(value, depth) for value in values]
    names = [reader.token(name).text for name in bound if isinstance(name, ast.Name)]
    if not len(names) == len(bound) == len(points):
        raise reader.error("Subs takes as many values as variables", position)
    variables = [sympy.Symbol(name, real=True) for name in names]
    outer = reader.scope
    reader.scope = Scope({**outer.table, **dict(zip(names, variables, strict=True))})
    inner = reader.expression(node.args[0], depth)
    reader.scope = outer
    return reader.builder.checked(sympy.Subs, inner, variables, points, position=position)


def _order(reader: TextReader, node: ast.expr, depth: int) -> int:
    value = reader.expression(node, depth)
    if not value.is_Integer or not 0 <= value <= limits.MAX_DERIVATIVES:
        raise reader.error(
            f"the order of a derivative is a number from 0 to {limits.MAX_DERIVATIVES}",
            reader.at(node),
        )
    return int(value)


def piecewise(reader: TextReader, node: ast.Call, depth: int, position: int) -> Any:
    """Read Piecewise((value, condition), ...).

    Args:
        reader: the reader.
        node: the call.
        depth: depth of the expression.
        position: offset of the name.

    Returns:
        The expression.
    """
    pieces: list[tuple[Any, Any]] = []
    for argument in node.args:
        if not isinstance(argument, ast.Tuple) or len(argument.elts) != 2:
            raise reader.error(
                "Piecewise takes pairs: Piecewise((value, condition), ...)", position
            )
        value = reader.expression(argument.elts[0], depth)
        condition = _condition(reader, argument.elts[1], depth)
        if condition is not sympy.false:
            pieces.append((value, condition))
        if condition is sympy.true:
            break
    if not pieces:
        raise reader.error("no case of this Piecewise ever applies", position)
    if pieces[0][1] is sympy.true:
        return pieces[0][0]
    return reader.builder.checked(_piecewise, pieces, position=position)


def _condition(reader: TextReader, node: ast.expr, depth: int) -> Any:
    if depth > 2 * limits.MAX_DEPTH:
        raise reader.error("the condition is nested too deeply", reader.at(node))
    if isinstance(node, ast.Name) and reader.token(node).text in ("True", "true"):
        return sympy.true
    if isinstance(node, ast.Name) and reader.token(node).text in ("False", "false"):
        return sympy.false
    if isinstance(node, ast.Compare):
        return _comparison(reader, node, depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        join = sympy.And if isinstance(node.op, ast.BitAnd) else sympy.Or
        sides = [_condition(reader, side, depth + 1) for side in (node.left, node.right)]
        return reader.builder.checked(join, *sides, position=reader.at(node))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = reader.token(node.func).text
        if name in _NAMED_RELATIONS and len(node.args) == 2:
            left, right = (reader.expression(side, depth + 1) for side in node.args)
            return reader.builder.compare(_NAMED_RELATIONS[name], left, right, reader.at(node))
        if name in ("And", "Or") and 2 <= len(node.args) <= 8:
            sides = [_condition(reader, side, depth + 1) for side in node.args]
            join = sympy.And if name == "And" else sympy.Or
            return reader.builder.checked(join, *sides, position=reader.at(node))
    raise reader.error("a condition was expected, x > 0 for instance, or True", reader.at(node))


def _comparison(reader: TextReader, node: ast.Compare, depth: int) -> Any:
    sides = [reader.expression(side, depth) for side in (node.left, *node.comparators)]
    relations = [
        reader.builder.compare(_RELATIONS[type(kind)], left, right, reader.at(node))
        for kind, left, right in zip(node.ops, sides, sides[1:], strict=False)
        if type(kind) in _RELATIONS
    ]
    return reader.builder.checked(sympy.And, *relations, position=reader.at(node))


def _piecewise(pieces: list[tuple[Any, Any]]) -> Any:
    # evaluate=False: SymPy would solve the conditions, which may take minutes
    return sympy.Piecewise(*pieces, evaluate=False)


OPERATORS: Mapping[str, Any] = {
    "diff": derivative,
    "Derivative": derivative,
    "Subs": substituted,
    "Piecewise": piecewise,
}
"""Readers of these calls by name."""
