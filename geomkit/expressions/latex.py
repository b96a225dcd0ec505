r"""LaTeX to SymPy: a recursive-descent parser for formulas as papers print them.

Grammar, after layout is gone:

    sum      = [sign] product {sign product}
    product  = factor {("*" | "/" | nothing) factor}
    factor   = atom {"^" argument | prime | "!"}
    atom     = number | name | bracket | \frac | \sqrt | function | derivative | differential

What can be read in two ways (`\sin\theta r`, `1/2r`, `x^10`) is refused with the remedy: a formula
misread is a true claim called false.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from geomkit.errors import ParseError
from geomkit.expressions import limits
from geomkit.expressions.build import Builder
from geomkit.expressions.latex_calls import call, spelled_function
from geomkit.expressions.latex_differentials import at_differential, differential
from geomkit.expressions.latex_names import describe, read_name
from geomkit.expressions.latex_symbols import command, declared, undeclared
from geomkit.expressions.latex_tokens import LatexToken, Stream, tokenise_latex
from geomkit.expressions.names import Scope
from geomkit.expressions.text import parse_number

__all__ = ["LatexReader", "parse_latex"]

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ENDS = (")", "]", "}", "+", "-", ",", "=", "over")


def parse_latex(
    text: str,
    names: Mapping[str, Any],
    *,
    where: str = "",
    definitions: Mapping[Any, Any] | None = None,
) -> sympy.Expr:
    r"""Read a formula in LaTeX as an exact expression.

    Args:
        text: the formula, with or without dollar signs.
        names: what each declared name stands for; `\theta` is the name `theta`, `r_+` is `r_plus`
            or `r_p`, `\vartheta` is `theta` when only that is declared.
        where: what the text is, put in front of error messages.
        definitions: what symbols stand for that are abbreviations; derivatives see through them.

    Returns:
        The expression, with the very symbols of `names`.

    Raises:
        ParseError: when the text is not a formula, is ambiguous, or a name is not declared.

    Example:
        >>> import sympy
        >>> r, theta, M = sympy.symbols("r theta M", real=True)
        >>> names = {"r": r, "theta": theta, "M": M}
        >>> parse_latex(r"-\left(1-\frac{2M}{r}\right) + r^2\sin^2\theta", names)
        2*M/r + r**2*sin(theta)**2 - 1
        >>> parse_latex(r"\tfrac12 \dot a", {"a": sympy.Function("a")(sympy.Symbol("t"))})
        Derivative(a(t), t)/2
    """
    if not isinstance(text, str):
        raise ParseError(f"a text was expected, not {type(text).__name__}", where=where)
    return LatexReader(text, Scope(names, definitions), where).read()


class LatexReader:
    """One LaTeX text on its way to an expression.

    Args:
        text: the formula.
        scope: the declared names.
        where: what the text is, for messages.
        differentials: the symbols of dr, dtheta, ... by coordinate, in a line element.
    """

    def __init__(
        self,
        text: str,
        scope: Scope,
        where: str,
        differentials: Mapping[str, Any] | None = None,
    ) -> None:
        self.builder = Builder(text, where)
        self.scope = scope
        self.text = text
        self.where = where
        self.stream = Stream(tokenise_latex(text, self.builder))
        self.differentials = differentials
        self.depth = 0
        self.in_bars = False
        self.explicit: set[str] = set()  # coordinates whose differentials are written
        self.implied: set[str] = set()  # coordinates that d\Omega^2 and d\vec{x}^2 stand for

    def read(self) -> Any:
        """Read the whole text.

        Returns:
            The expression.

        Raises:
            ParseError: when the text is not a formula.
        """
        try:
            result = self.sum()
        except ParseError:
            raise
        except RecursionError:  # a caller that is deep in its own stack leaves us less
            raise self.builder.error("the formula is nested too deeply", None) from None
        except Exception as error:  # SymPy raises nearly anything on nonsense
            raise self.builder.error(f"cannot evaluate the formula: {error}", None) from error
        self.expect_end()
        return self.builder.finish(result)

    # sums and products --------------------------------------------------------------------------

    def sum(self) -> Any:
        """Read a sum, up to what cannot belong to it.

        Returns:
            The expression.
        """
        start = self.stream.peek().position
        terms = [self.signed_product()]
        while self.stream.at("+", "-"):
            terms.append(self.signed_product())
        result = self.builder.add(terms, start)
        if self.stream.accept("over"):  # {a \over b}
            result = self.builder.multiply([result, self.builder.invert(self.sum(), start)], start)
        return result

    def signed_product(self) -> Any:
        """Read signs and a product.

        Returns:
            The expression.
        """
        negative = False
        while self.stream.at("+", "-"):
            negative ^= self.stream.next().text == "-"
        start = self.stream.peek().position
        product = self.product()
        return self.builder.negate(product, start) if negative else product

    def product(self) -> Any:
        """Read factors joined by signs of multiplication, by slashes or by nothing.

        Returns:
            The expression.
        """
        start = self.stream.peek().position
        factors = [self.factor()]
        divided: LatexToken | None = None
        while True:
            token = self.stream.peek()
            if self.stream.accept("*"):
                negative = self.stream.at("+", "-")
                factors.append(self._signed_factor() if negative else self.factor())
                divided = None
            elif self.stream.accept("/", "div"):
                divisor = self._signed_factor()
                factors.append(self.builder.invert(divisor, token.position))
                divided = token
            elif self.starts_atom():
                self._check_juxtaposed(token, divided)
                factors.append(self.factor())
            else:
                return self.builder.multiply(factors, start)

    def _signed_factor(self) -> Any:
        negative = False
        while self.stream.at("+", "-"):
            negative ^= self.stream.next().text == "-"
        start = self.stream.peek().position
        factor = self.factor()
        return self.builder.negate(factor, start) if negative else factor

    def _check_juxtaposed(self, token: LatexToken, divided: LatexToken | None) -> None:
        if token.kind == "number":
            raise self.error(r"a number follows a factor; write \cdot between them", token)
        if divided is None or token.spaced or at_differential(self):
            return
        raise self.error(r"ambiguous after a slash: write \frac{a}{b} c, or a/(b c)", divided)

    def starts_atom(self) -> bool:
        """Whether a factor starts here.

        Returns:
            False at the end, and at what closes or separates.
        """
        token = self.stream.peek()
        if token.kind == "symbol":
            return token.text in "({[" or (token.text == "|" and not self.in_bars)
        if token.kind == "command":
            return token.text not in ("over", "div")
        return token.kind != "end"

    # factors ------------------------------------------------------------------------------------

    def factor(self) -> Any:
        """Read an atom with its powers.

        Returns:
            The expression.
        """
        return self.powers(self.atom())

    def powers(self, value: Any) -> Any:
        """Read the powers of a value.

        Args:
            value: the base.

        Returns:
            The power.
        """
        while True:
            token = self.stream.peek()
            if self.stream.accept("^"):
                exponent = self.exponent(token)
                self._refuse_index(value, exponent, token)
                value = self.builder.power(value, exponent, token.position)
                if self.stream.at("^"):
                    raise self.error("a double superscript; use braces", self.stream.peek())
            elif token.kind == "symbol" and token.text in "²³":
                self.stream.next()
                exponent = sympy.Integer(2 if token.text == "²" else 3)
                value = self.builder.power(value, exponent, token.position)
            elif self.stream.accept("!"):
                value = call(self, "factorial", [value], token)
            else:
                return value

    def _refuse_index(self, base: Any, exponent: Any, token: LatexToken) -> None:
        if self.differentials is None or not base.is_Symbol or not exponent.is_Symbol:
            return
        if exponent in (self.scope.table.get(name) for name in self.differentials):
            raise self.error(
                f"{base}^{exponent} looks like a component with an upper index; give the component "
                "a name of its own",
                token,
            )

    def exponent(self, caret: LatexToken) -> Any:
        """Read what follows a caret.

        Args:
            caret: the caret, for messages.

        Returns:
            The expression.
        """
        token = self.stream.peek()
        if token.kind == "number" and len(token.text) > 1:
            raise self.error(
                f"x^{token.text} prints as x to the {token.text[0]}; write ^{{{token.text}}}",
                token,
            )
        if token.text == "'" or token.kind == "end":
            raise self.error("a prime or nothing as an exponent", caret)
        return self.argument()

    def argument(self) -> Any:
        r"""Read the argument of a command: a group, or a single token (`\frac12`).

        Returns:
            The expression.
        """
        token = self.stream.peek()
        if self.stream.at("{"):
            return self.bracket()
        if token.kind == "number":
            if len(token.text) > 1:
                return parse_number(self.stream.split_digit().text)
            return parse_number(self.stream.next().text)
        if token.kind in ("letter", "greek"):
            return self._single_letter(token)
        return self.atom()

    def _single_letter(self, token: LatexToken) -> Any:
        """In x^ab only a belongs to the exponent."""
        following = self.stream.peek(1)
        if token.kind == "letter" and following.kind == "letter" and not following.spaced:
            raise self.error("more than one letter without braces; write {...}", token)
        return self.atom()

    def atom(self) -> Any:
        """Read a number, name, bracket, fraction, root, function or derivative.

        Returns:
            The expression.
        """
        token = self.stream.peek()
        self.depth += 1
        if self.depth > limits.MAX_DEPTH:
            raise self.error("the expression is nested too deeply; split it by definitions")
        value = self._atom(token)
        self.depth -= 1
        return value

    def _atom(self, token: LatexToken) -> Any:
        if token.kind == "number":
            self.stream.next()
            return self._number(token)
        if token.kind == "symbol":
            return self._symbol(token)
        if token.kind in ("letter", "greek", "word"):
            return self.name(token)
        if token.kind == "command":
            return command(self, token)
        if token.kind == "bold":
            raise self.error("bold letters are read in d\\mathbf{x}^2 only", token)
        raise self.error("the formula ends too early", token)

    def _number(self, token: LatexToken) -> Any:
        try:
            return parse_number(token.text)
        except ValueError as error:
            raise self.error(str(error), token) from None

    def _symbol(self, token: LatexToken) -> Any:
        if token.text in _CLOSING:
            return self.bracket()
        if token.text == "|" and not self.in_bars:
            return self._absolute(token)
        raise self.error(f"{describe(token)} is not expected here", token)

    def bracket(self) -> Any:
        """Read a bracketed sum.

        Returns:
            The expression.
        """
        opening = self.stream.next()
        bars, self.in_bars = self.in_bars, False
        value = self.sum()
        self.in_bars = bars
        closing = self.stream.peek()
        if not self.stream.accept(_CLOSING[opening.text]):
            if closing.text == ",":
                raise self.error("several arguments, but no function before them", opening)
            raise self.error(f"this bracket is not closed before {describe(closing)}", opening)
        return value

    def _absolute(self, token: LatexToken) -> Any:
        self.stream.next()
        self.in_bars = True
        value = self.sum()
        self.in_bars = False
        if not self.stream.accept("|"):
            raise self.error("this bar is never closed", token)
        return call(self, "Abs", [value], token)

    # names --------------------------------------------------------------------------------------

    def name(self, token: LatexToken) -> Any:
        """Read a differential, a declared name, a constant or a function spelled in letters.

        Args:
            token: the first token of it.

        Returns:
            The expression.
        """
        form = differential(self)
        if form is not None:
            return form
        spelled = spelled_function(self)
        if spelled is not None:
            return spelled
        found = read_name(self.stream, self.scope.table)
        if found is None:
            return undeclared(self, token)
        return declared(self, found)

    def error(self, message: str, token: LatexToken | None = None) -> ParseError:
        """The error at a token, to be raised.

        Args:
            message: what is wrong and what to do.
            token: the place; the next token when None.

        Returns:
            The error.
        """
        token = token or self.stream.peek()
        return self.builder.error(message, token.position)

    def expect_end(self) -> None:
        """Refuse what is left over after the formula."""
        token = self.stream.peek()
        if token.kind != "end":
            raise self.error(f"{describe(token)} is not expected here", token)
