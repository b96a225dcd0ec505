"""What a program is to compute: quantities by name, operators on functions, user expressions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.errors import GeomkitError, LoweringError, ParseError
from geomkit.expressions import to_text
from geomkit.expressions.functions import FUNCTIONS
from geomkit.expressions.operators import OPERATORS
from geomkit.program import FUNCTIONS as OF_PROGRAMS
from geomkit.program import identifier
from geomkit.quantities import QUANTITIES, find_quantities

from .components import Components

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["CURVES", "OPERATORS_OF_FUNCTIONS", "Request", "read_requests"]

# Quantities along curves: the array arguments that they take.
CURVES: dict[str, tuple[str, ...]] = {
    "geodesic": ("velocity",),
    "transport": ("velocity", "vector"),
    "jacobi": ("velocity", "deviation", "deviation_velocity"),
    "energy": ("velocity",),
    "momentum": ("velocity",),
}
OPERATORS_OF_FUNCTIONS = ("laplacian", "gradient", "hessian")

_OPERATOR = re.compile(rf"\s*({'|'.join(OPERATORS_OF_FUNCTIONS)})\s*\((.*)\)\s*", re.DOTALL)
_NAMED = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)(.*)", re.DOTALL)
_CALLED = re.compile(r"([^\W\d]\w*)\s*\(")


@dataclass(frozen=True)
class Request:
    """One quantity of a program.

    Attributes:
        name: name of the output, an identifier.
        quantity: a name of `geomkit.quantities`, of `CURVES` or of `OPERATORS_OF_FUNCTIONS`, or
            "expression", or "tensor".
        expression: for operators and expressions, in the symbols of the metric.
        tensor: for "tensor", its components.

    Example:
        >>> import geomkit as gk
        >>> str(read_requests(gk.catalog["sphere2"], "size = sin(theta)**2")[0])
        'size = sin(theta)**2'
    """

    name: str
    quantity: str
    expression: sympy.Expr | None = None
    tensor: Components | None = None

    def __str__(self) -> str:
        if self.tensor is not None:
            return f"{self.name} = {self.tensor}"
        value = self.quantity
        if self.expression is not None:
            value = to_text(self.expression)
            if self.quantity != "expression":
                value = f"{self.quantity}({value})"
        return value if self.name == self.quantity else f"{self.name} = {value}"

    @property
    def vectors(self) -> tuple[str, ...]:
        """The array arguments it takes beside `points`."""
        return CURVES.get(self.quantity, ())


def read_requests(metric: Metric, quantities: Any) -> tuple[Request, ...]:
    """Read what a user asks a program to compute.

    Args:
        metric: the metric whose symbols expressions use.
        quantities: a text or a sequence of texts (or of requests): names of quantities, such as
            "ricci"; "laplacian(EXPR)", "gradient(EXPR)", "hessian(EXPR)"; "geodesic", "transport",
            "jacobi", "energy", "momentum"; "NAME = EXPR"; or a mapping from names of outputs to
            any of these, to SymPy expressions or tensors. What operators are applied to may
            contain an unspecified function, f(r, theta), whose derivatives become inputs.

    Returns:
        The requests; a second output of the same name is called laplacian_2, and so on.

    Raises:
        LoweringError: there is nothing to compute, or an unknown name.

    Example:
        >>> import geomkit as gk
        >>> sphere = gk.catalog["sphere2"]
        >>> [str(r) for r in read_requests(sphere, ["scalar_curvature", "laplacian(cos(theta))"])]
        ['scalar', 'laplacian(cos(theta))']
    """
    reader = _Reader(metric)
    if isinstance(quantities, Mapping):
        for name, value in quantities.items():
            reader.named(str(name), value)
    else:
        single = isinstance(quantities, str | Request) or not isinstance(quantities, Iterable)
        for one in [quantities] if single else quantities:
            reader.any(one)
    if not reader.found:
        raise LoweringError('nothing to compute was given; name a quantity, such as "scalar"')
    return tuple(reader.found)


class _Reader:
    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.found: list[Request] = []

    def any(self, given: Any) -> None:
        """Read a name, "NAME = EXPR", an operator, a request, or several separated by commas."""
        if isinstance(given, Request):
            self._add(given.name, given.quantity, given.expression, given.tensor)
            return
        if not isinstance(given, str):
            raise LoweringError(
                f"{given!r} is not the name of a quantity; an expression or tensor needs a name: "
                'give a mapping {"name": expression}, or text "name = expression"'
            )
        for text in _split(given):
            named = _NAMED.fullmatch(text)
            if named:
                self.named(named[1], named[2])
            else:
                self._value("", text)

    def named(self, name: str, value: Any) -> None:
        """Read a value for an output of a given name."""
        if not name.isidentifier():
            raise LoweringError(f"the name {name!r} of an output is no identifier; rename it")
        if hasattr(value, "positions") and hasattr(value, "nonzero"):
            self._tensor(name, Components.of(value))
        elif isinstance(value, Request):
            self._add(name, value.quantity, value.expression, value.tensor)
        elif isinstance(value, str):
            self._value(name, value)
        else:
            self._add(name, "expression", self._expression(value, name))

    def _tensor(self, name: str, tensor: Components) -> None:
        n, symmetry = self.metric.n, tensor.symmetry
        for index, _ in tensor.entries:
            inside = len(index) == symmetry.rank and all(i < n for i in index)
            if not inside or symmetry.canonical(index) != (index, 1):
                raise LoweringError(
                    f"{name}: {index} is no independent component of a tensor with positions "
                    f"{tensor.positions!r} in dimension {n} ({symmetry})"
                )
        entries = tuple((i, self._expression(e, name)) for i, e in tensor.entries)
        self._add(name, "tensor", None, Components(tensor.positions, symmetry, entries))

    def _value(self, name: str, text: str) -> None:
        text = text.strip()
        tensor = Components.read(text, lambda part: self._expression(part, name))
        if tensor is not None and name:
            self._tensor(name, tensor)
            return
        operator = _OPERATOR.fullmatch(text)
        if operator and _closes_last(text):
            inner = self._operand(operator[2], operator[1])
            self._add(name or operator[1], operator[1], inner)
            return
        known = "" if name and text in self.metric.names else _quantity(text)
        if known:
            self._add(name or known, known)
        elif name:
            self._add(name, "expression", self._expression(text, name))
        else:
            raise LoweringError(_unknown(text))

    def _operand(self, given: Any, where: str) -> sympy.Expr:
        """Read an expression in which functions that nobody knows are unspecified ones."""
        fresh: dict[str, Any] = {}
        if isinstance(given, str):
            called = dict.fromkeys(_CALLED.findall(given))
            fresh = {name: sympy.Function(name) for name in called if self._is_free(name)}
        elif isinstance(given, sympy.Basic):
            calls = sorted({type(f).__name__ for f in given.atoms(AppliedUndef)})
            fresh = {name: sympy.Function(name) for name in calls if self._is_free(name)}
        return self.metric.resolve(given, where=f"quantity {where!r}", extra=fresh)

    def _is_free(self, name: str) -> bool:
        """Whether a name may be that of an unspecified function."""
        known = name in FUNCTIONS or name in OPERATORS or name in OF_PROGRAMS
        return not known and name not in self.metric.names

    def _expression(self, given: Any, where: str) -> sympy.Expr:
        """Read an expression; one in SymPy by way of its text, so that its text is its own."""
        where = f"quantity {where!r}"
        expression = self.metric.resolve(given, where=where)
        try:
            return self.metric.resolve(to_text(expression), where=where)
        except ParseError:  # too long for a text
            return expression

    def _add(
        self,
        name: str,
        quantity: str,
        expression: sympy.Expr | None = None,
        tensor: Components | None = None,
    ) -> None:
        name = identifier(name)
        taken = {request.name for request in self.found}
        unique, k = name, 2
        while unique in taken:
            unique, k = f"{name}_{k}", k + 1
        self.found.append(Request(unique, quantity, expression, tensor))


def _split(text: str) -> list[str]:
    """Split at commas that stand in no parentheses."""
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def _closes_last(text: str) -> bool:
    """Whether the first parenthesis is closed by the last one."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == ")" and depth == 0:
            return i == len(text) - 1
    return False


def _quantity(text: str) -> str:
    """The quantity of this name or alias; "" if there is none."""
    name = text.strip().lower().replace("-", "_")
    if name in CURVES:
        return name
    try:
        found = find_quantities([text])
    except GeomkitError:
        return ""
    return (
        found[0] if len(found) == 1 and found[0] in QUANTITIES and found[0] != "signature" else ""
    )


def _unknown(text: str) -> str:
    known = [*(q for q in QUANTITIES if q != "signature"), *CURVES, *OPERATORS_OF_FUNCTIONS]
    near = difflib.get_close_matches(text.lower(), known, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(near)}? There" if near else ". There"
    return (
        f"unknown quantity {text!r}{hint} are {', '.join(known)}; an expression needs a "
        f'name, "name = {text}"'
    )
