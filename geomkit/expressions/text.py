"""Text to SymPy, safely: our own tokens, Python's `ast` for precedence, a whitelist of nodes.

Every name and number of the text becomes a placeholder `_17` (its number among the tokens) before
`ast` sees it.
So `lambda` can be a coordinate, no name is ever looked up outside the declared ones, and positions
are known. What
`ast` returns is walked; it is never compiled or evaluated.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy
from sympy.core.function import UndefinedFunction

from geomkit.errors import ParseError
from geomkit.expressions import limits
from geomkit.expressions.build import Builder
from geomkit.expressions.functions import CONSTANTS, FUNCTIONS
from geomkit.expressions.names import Scope, canonical_name
from geomkit.expressions.operators import OPERATORS
from geomkit.expressions.tokens import Token, check_shape, spelled, tokenise

__all__ = ["TextReader", "parse", "parse_number", "parse_scoped"]

_KNOWN = frozenset(FUNCTIONS) | frozenset(CONSTANTS) | frozenset(OPERATORS) | {"oo"}


def parse(
    text: str,
    names: Mapping[str, Any],
    *,
    where: str = "",
    definitions: Mapping[Any, Any] | None = None,
) -> sympy.Expr:
    """Read a formula in SymPy's notation as an exact expression.

    Decimals are exact rationals, `^` is the power, Greek letters and their names are the same.
    Declared names win
    over SymPy's. Nothing is executed, and size, depth and exponents are limited.

    Args:
        text: the formula, for instance `"(1 - 2*M/r)*sin(theta)**2"`.
        names: what each declared name stands for: a symbol, a function `f` or `f(t)`, or an
            expression.
        where: what the text is (a key of a file, a matrix entry), put in front of error messages.
        definitions: what symbols stand for that are abbreviations; `diff` sees through them.

    Returns:
        The expression, with the very symbols of `names`.

    Raises:
        ParseError: when the text is not such a formula, a name is not declared, or a limit is
            exceeded.

    Example:
        >>> import sympy
        >>> r, M = sympy.symbols("r M", positive=True)
        >>> parse("1 - 2*M/r + 0.5*r^2", {"r": r, "M": M})
        -2*M/r + r**2/2 + 1
        >>> parse("1 - 2*m/r", {"r": r, "M": M}, where="entry [0, 0]")
        Traceback (most recent call last):
        ...
        geomkit.errors.ParseError: entry [0, 0]: unknown name 'm'; did you mean 'M'?
        (declared: M, r) (at character 7: '1 - 2*>>>m/r')
    """
    if not isinstance(text, str):
        raise ParseError(f"a text was expected, not {type(text).__name__}", where=where)
    return parse_scoped(text, Scope(names, definitions), where=where)


def parse_scoped(text: str, scope: Scope, *, where: str = "") -> sympy.Expr:
    """As `parse`, for names that were prepared once for many texts.

    Args:
        text: the formula.
        scope: the declared names.
        where: what the text is, put in front of error messages.

    Returns:
        The expression.
    """
    return TextReader(text, scope, where).read()


def parse_number(digits: str) -> sympy.Rational:
    """An unsigned decimal number as an exact rational.

    Args:
        digits: for instance `"0.25"`, `"1e-3"`, `".5"`.

    Returns:
        The rational number.

    Raises:
        ValueError: when the number has absurdly many digits.

    Example:
        >>> parse_number("0.25"), parse_number("1e-3")
        (1/4, 1/1000)
    """
    mantissa, _, exponent = digits.lower().partition("e")
    if len(mantissa) > limits.MAX_DIGITS or len(exponent) > 5 or abs(int(exponent or 0)) > 1000:
        raise ValueError(f"a number of more than {limits.MAX_DIGITS} digits")
    value = Fraction(digits)
    return sympy.Rational(value.numerator, value.denominator)


class TextReader:
    """One text on its way through tokens, tree and expression.

    Args:
        text: the formula.
        scope: the declared names.
        where: what the text is, for messages.
    """

    def __init__(self, text: str, scope: Scope, where: str) -> None:
        self.text = text
        self.scope = scope
        self.where = where
        self.builder = Builder(text, where)
        self.tokens: list[Token] = []
        self.offsets: list[int] = []  # where each token starts in the text that ast sees

    def error(self, message: str, position: int | None) -> ParseError:
        """The error for a place in the text, to be raised.

        Args:
            message: what is wrong and what to do.
            position: offset into the text, if known.

        Returns:
            The error.
        """
        return self.builder.error(message, position)

    def read(self) -> Any:
        """Read the whole text.

        Returns:
            The expression.

        Raises:
            ParseError: when the text is not a formula.
        """
        self.tokens = tokenise(self.text, self.builder)
        infinite = self._infinity()
        if infinite is not None:
            return infinite
        check_shape(self.tokens, self.scope, self.builder)
        try:
            result = self.expression(self._tree(), 0)
        except ParseError:
            raise
        except RecursionError:  # a caller that is deep in its own stack leaves us less
            message = "the expression is nested too deeply; split it by definitions"
            raise self.error(message, 0) from None
        except Exception as error:  # SymPy raises nearly anything on nonsense
            raise self.error(f"cannot evaluate the expression: {error}", 0) from error
        return self.builder.finish(result)

    def _infinity(self) -> Any | None:
        """`oo` is meant for the ends of intervals only: alone, with a sign, never in arithmetic."""
        words = [token.text for token in self.tokens[-2:]]
        if len(self.tokens) > 2 or words[-1] not in ("oo", "∞") or self.scope.get(words[-1]):
            return None
        if len(words) == 1 or words[0] == "+":
            return sympy.oo
        return -sympy.oo if words[0] in ("-", "−") else None

    def _tree(self) -> ast.expr:
        pieces: list[str] = []
        length = 0
        for number, token in enumerate(self.tokens):
            piece = f" _{number} " if token.kind != "operator" else spelled(token.text)
            self.offsets.append(length)
            pieces.append(piece)
            length += len(piece)
        source = "(" + "".join(pieces) + ")"  # brackets: leading blanks are no indentation
        try:
            return ast.parse(source, mode="eval").body
        except SyntaxError as error:
            raise self.error(
                "this is not a formula", self._source_position((error.offset or 1) - 1)
            ) from None
        except (RecursionError, MemoryError, ValueError):
            message = "the expression is nested too deeply; split it by definitions"
            raise self.error(message, 0) from None

    def _source_position(self, column: int) -> int:
        """Offset in the user's text of a column of the text that ast saw."""
        index = bisect_right(self.offsets, max(0, column - 1)) - 1
        return self.tokens[min(max(index, 0), len(self.tokens) - 1)].position

    # tree ---------------------------------------------------------------------------------

    def expression(self, node: ast.expr, depth: int) -> Any:
        """Turn a node into an expression.

        Args:
            node: a node of the tree.
            depth: how deep it lies.

        Returns:
            The expression.
        """
        if depth > 2 * limits.MAX_DEPTH:
            raise self.error(
                "the expression is nested too deeply; split it by definitions", self.at(node)
            )
        if isinstance(node, ast.Name):
            return self._leaf(node)
        if isinstance(node, ast.BinOp):
            return self._operation(node, depth + 1)
        if isinstance(node, ast.UnaryOp):
            return self._signed(node, depth + 1)
        if isinstance(node, ast.Call):
            return self._call(node, depth + 1)
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return sympy.Integer(node.value)  # the 2 or 3 of a superscript
        if isinstance(node, ast.Compare):
            raise self.error("comparisons are allowed inside Piecewise only", self.at(node))
        if isinstance(node, ast.Tuple):
            raise self.error("a single expression was expected, not several", self.at(node))
        raise self.error("this is not part of a formula", self.at(node))

    def at(self, node: ast.AST) -> int:
        """Place of a node in the text.

        Args:
            node: a node of the tree.

        Returns:
            Its offset.
        """
        if isinstance(node, ast.Name):
            return self.token(node).position
        return self._source_position(getattr(node, "col_offset", 1))

    def token(self, node: ast.Name) -> Token:
        """Token that a placeholder stands for.

        Args:
            node: the placeholder.

        Returns:
            The token.
        """
        return self.tokens[int(node.id[1:])]

    def _operation(self, node: ast.BinOp, depth: int) -> Any:
        kind = type(node.op)
        if kind is ast.Pow:
            base = self.expression(node.left, depth)
            return self.builder.power(base, self.expression(node.right, depth), self.at(node))
        if kind in (ast.Add, ast.Sub):
            return self.builder.add(self._terms(node, depth), self.at(node))
        if kind in (ast.Mult, ast.Div):
            return self.builder.multiply(self._factors(node, depth), self.at(node))
        raise self.error("this operator is not part of a formula", self.at(node))

    def _terms(self, node: ast.expr, depth: int) -> list[Any]:
        """A chain a + b - c is a left-leaning tree: walked in a loop, so that it may be long."""
        terms: list[Any] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            term = self.expression(node.right, depth)
            if isinstance(node.op, ast.Sub):
                term = self.builder.negate(term, self.at(node.right))
            terms.append(term)
            node = node.left
        terms.append(self.expression(node, depth))
        terms.reverse()
        return terms

    def _factors(self, node: ast.expr, depth: int) -> list[Any]:
        factors: list[Any] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
            factor = self.expression(node.right, depth)
            if isinstance(node.op, ast.Div):
                factor = self.builder.invert(factor, self.at(node.right))
            factors.append(factor)
            node = node.left
        factors.append(self.expression(node, depth))
        factors.reverse()
        return factors

    def _signed(self, node: ast.UnaryOp, depth: int) -> Any:
        value = self.expression(node.operand, depth)
        if isinstance(node.op, ast.USub):
            return self.builder.negate(value, self.at(node))
        if isinstance(node.op, ast.UAdd):
            return value
        raise self.error("this operator is not part of a formula", self.at(node))

    # names and calls ----------------------------------------------------------------------

    def _leaf(self, node: ast.Name) -> Any:
        token = self.token(node)
        if token.kind == "number":
            try:
                return parse_number(token.text)
            except ValueError as error:
                raise self.error(str(error), token.position) from None
        name = canonical_name(token.text)
        declared = self.scope.get(name)
        if declared is not None:
            if isinstance(declared, (UndefinedFunction, sympy.FunctionClass)):
                raise self.error(f"{name} is a function: write {name}(...)", token.position)
            return declared
        if name in CONSTANTS:
            return CONSTANTS[name]
        raise self._unknown(name, token.position)

    def _unknown(self, name: str, position: int) -> ParseError:
        if name in FUNCTIONS or name in OPERATORS:
            return self.error(f"{name} is a function: write {name}(...)", position)
        if name == "I":
            return self.error(
                "I, the imaginary unit: complex metrics are not supported yet", position
            )
        if name == "S":
            return self.error("S(...) is not needed: numbers are exact, write 1/2", position)
        if name.startswith("dOmega"):
            return self.error(
                "dOmega is read in LaTeX only; write dtheta**2 + sin(theta)**2*dphi**2", position
            )
        if name == "oo":
            return self.error("oo may only stand alone, as the end of an interval", position)
        return self.scope.unknown(
            name, text=self.text, position=position, where=self.where, known=_KNOWN
        )

    def _call(self, node: ast.Call, depth: int) -> Any:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self.error("only a named function can be called", self.at(node))
        token = self.token(node.func)
        name = canonical_name(token.text)
        declared = self.scope.get(name)
        if declared is None and name in OPERATORS:
            return OPERATORS[name](self, node, depth, token.position)
        if declared is None and name not in FUNCTIONS:
            if name in CONSTANTS:
                raise self.error(
                    f"{name} is a number: write {name}*(...) for a product", token.position
                )
            raise self._unknown(name, token.position)
        arguments = [self.expression(argument, depth) for argument in node.args]
        if declared is not None:
            return self.builder.apply(declared, name, arguments, token.position)
        return self.builder.call(name, FUNCTIONS[name], arguments, token.position)
