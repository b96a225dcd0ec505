"""What a user gives for an expression, read into the metric's own symbols."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit import expressions
from geomkit.errors import MetricError
from geomkit.metric.names import canonical_name, nearest

__all__ = ["adopt", "expanded_size", "has_derivative", "is_latex", "mentioned", "read"]

_MAX_NODES = 5_000
# Anything that may be a derivative; too many matches cost an abbreviation, too few a wrong result.
_DERIVATIVE = re.compile(r"diff|Derivative|partial|nabla|dot|prime|'|\\frac\s*\{?\s*(?:d|\\mathrm)")


def read(given: Any, names: Mapping[str, Any], where: str) -> sympy.Expr:
    """Return an expression in the symbols and functions of `names`.

    Args:
        given: text (LaTeX if it has backslashes or braces), a SymPy expression or an exact number.
        names: declared names and what they stand for.
        where: what is read, for messages.

    Returns:
        The expression, with symbols mapped by name.
    """
    if isinstance(given, str):
        if is_latex(given):
            return expressions.parse_latex(given, names, where=where)
        return expressions.parse(given, names, where=where)
    expression = expressions.check_exact(given, where=where)
    return (
        adopt(expression, names, where) if expression.args or expression.is_Symbol else expression
    )


def is_latex(text: str) -> bool:
    """Whether a text is LaTeX: backslashes and braces mean nothing in plain formulas.

    Args:
        text: a formula.

    Returns:
        True for LaTeX; formulas such as x^2+1, which are both, count as plain.
    """
    return "\\" in text or "{" in text


def has_derivative(text: Any) -> bool:
    """Whether a text may contain a derivative.

    An abbreviation is a symbol, and the derivative of a symbol is 0. So texts with derivatives are
    read with what the abbreviations stand for.

    Args:
        text: what a user gives.

    Returns:
        True if it looks like it; False is certain.
    """
    return isinstance(text, str) and _DERIVATIVE.search(text) is not None


def mentioned(text: str, names: Iterable[str]) -> set[str]:
    r"""Return the names that a text may mention, at least.

    Args:
        text: a formula, LaTeX or not.
        names: declared names.

    Returns:
        All names that occur; in LaTeX, where letters run together, perhaps some more.

    Example:
        >>> names = ["r", "Sigma", "r_plus", "M", "a", "t"]
        >>> sorted(mentioned(r"\partial_r \Sigma + r_+ M", names))
        ['M', 'Sigma', 'a', 'r', 'r_plus']
    """
    text = canonical_name(text)
    if not is_latex(text):
        return set(names) & set(re.findall(r"\w+", text))
    known = set(names)

    def letters(command: re.Match[str]) -> str:
        name = command[1].removeprefix("var")
        return f" {name} " if name in known else " "

    rest = re.sub(r"\\([A-Za-z]+)", letters, text)
    for sign, word in (("+", "plus p"), ("-", "minus m")):
        for subscript in (f"_{sign}", f"_{{{sign}}}"):
            rest = rest.replace(subscript, "".join(f"_{w}" for w in word.split()))
    rest = re.sub(r"[_{}]", "", rest)
    return {name for name in known if name.replace("_", "") in rest}


def expanded_size(expression: Any, sizes: Mapping[sympy.Symbol, int], where: str) -> int:
    """Return how many nodes an expression has once abbreviations are put in.

    Args:
        expression: an expression with abbreviations.
        sizes: nodes of what each abbreviation stands for.
        where: what it is, for messages.

    Returns:
        The number of nodes.

    Raises:
        MetricError: if it is absurd; abbreviations of abbreviations grow exponentially.
    """
    size = sum(sizes.get(node, 1) for node in sympy.preorder_traversal(expression))
    if size > _MAX_NODES:
        raise MetricError(
            f"{where}: with its abbreviations put in it has {size} parts, more than {_MAX_NODES}; "
            "use fewer nested definitions"
        )
    return size


def adopt(expression: sympy.Expr, names: Mapping[str, Any], where: str) -> sympy.Expr:
    """Return a SymPy expression with its symbols and functions replaced by the declared ones.

    SymPy symbols of the same name but other assumptions are different symbols, and derivatives
    with respect to the wrong one vanish silently. So symbols are mapped by name.

    Args:
        expression: an expression in anybody's symbols.
        names: declared names and what they stand for.
        where: what it is, for messages.

    Returns:
        The same expression in the declared symbols.

    Raises:
        MetricError: for symbols and functions that are not declared.
    """
    rule: dict[Any, Any] = {}
    for symbol in expression.free_symbols:
        declared = names.get(canonical_name(symbol.name))
        if not isinstance(declared, sympy.Symbol):
            raise MetricError(_undeclared(symbol.name, declared, names, where))
        if declared != symbol:
            rule[symbol] = declared
    result = expression.xreplace(rule) if rule else expression
    for function in {type(call) for call in result.atoms(AppliedUndef)}:
        name = function.__name__
        declared = names.get(canonical_name(name))
        if isinstance(declared, AppliedUndef):  # the function at its declared arguments
            declared = type(declared)
        if declared is None or isinstance(declared, sympy.Symbol):
            raise MetricError(_undeclared(f"{name}(...)", declared, names, where))
        if declared != function:
            result = result.replace(function, declared)
    return result


def _undeclared(name: str, declared: Any, names: Mapping[str, Any], where: str) -> str:
    if declared is not None:
        kind = "a symbol" if isinstance(declared, sympy.Symbol) else "a function"
        return f"{where}: {name!r} is used, but declared as {kind}; use it as {kind}"
    bare = name.removesuffix("(...)")
    listed = ", ".join(list(names)[:40])
    remedy = (
        f'declare it with functions={{"{bare}(x)": [...]}}'
        if bare != name
        else f'declare it with parameters=["{bare}"] if it is a constant'
    )
    return f"{where}: {name!r} is not declared{nearest(bare, names)} ({listed} are); {remedy}"
