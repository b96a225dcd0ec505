"""Guarded arithmetic: the only place where parsed text turns into SymPy objects.

SymPy evaluates while it builds. `9**9**9`, `factorial(10**9)` or a derivative of a product with a
thousand factors
would run for hours, and `1/0` or `log(0)` give objects that no metric can use. Each operation here
therefore
estimates first, builds second and looks at the result third; whatever goes wrong is a `ParseError`
with a position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction

from geomkit.errors import ParseError
from geomkit.expressions import limits
from geomkit.expressions.clock import Clock
from geomkit.expressions.functions import COMPLEX, Function

__all__ = ["Builder"]

_ORDERED = frozenset({"Abs", "abs", "sign", "Min", "Max", "min", "max", "Heaviside", "comparison"})


class Builder:
    """Builds SymPy expressions for one text, within one budget.

    Every method raises a `ParseError` for what lies beyond the limits.

    Args:
        text: the text that is parsed, for messages.
        where: what the text is, for messages.
    """

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        self.work = 0
        self.clock = Clock(limits.MAX_SECONDS)

    # errors and budget --------------------------------------------------------------------

    def error(self, message: str, position: int | None) -> ParseError:
        """The error for a place in the text, to be raised.

        Args:
            message: what is wrong and what to do.
            position: offset into the text, if known.

        Returns:
            The error.
        """
        return ParseError(message, text=self.text, position=position, where=self.where)

    def charge(self, amount: int, position: int | None) -> None:
        """Count work that is about to be done.

        Args:
            amount: nodes, or 64-bit words of a number.
            position: offset of the cause.
        """
        self.work += amount
        if self.work > limits.MAX_WORK or self.clock.is_over():
            raise self.error(
                "the expression is too large to build; split it by definitions", position
            )

    def checked(self, make: Callable[..., Any], *arguments: Any, position: int | None) -> Any:
        """Build something with SymPy and refuse what is not a finite expression.

        Args:
            make: a SymPy constructor.
            *arguments: its arguments.
            position: offset of the operation.

        Returns:
            What was built.
        """
        self.charge(1, position)
        try:
            result = make(*arguments)
        except RecursionError:
            message = "the expression is nested too deeply; split it by definitions"
            raise self.error(message, position) from None
        except Exception as error:  # SymPy raises nearly anything on nonsense
            name = getattr(make, "__name__", "the operation").lstrip("_")
            raise self.error(f"cannot evaluate {name}: {error}", position) from error
        if result is sympy.zoo or result is sympy.nan or result is sympy.oo or result is -sympy.oo:
            raise self.error("the value is infinite or undefined (a division by zero?)", position)
        return result

    # arithmetic ---------------------------------------------------------------------------

    def add(self, terms: Sequence[Any], position: int | None) -> Any:
        """Sum of terms, built at once.

        Args:
            terms: SymPy expressions.
            position: offset of the first operator.

        Returns:
            The sum.
        """
        return self._many(sympy.Add, terms, position)

    def multiply(self, factors: Sequence[Any], position: int | None) -> Any:
        """Product of factors, built at once.

        Args:
            factors: SymPy expressions.
            position: offset of the first operator.

        Returns:
            The product.
        """
        return self._many(sympy.Mul, factors, position)

    def _many(self, make: Callable[..., Any], parts: Sequence[Any], position: int | None) -> Any:
        if len(parts) == 1:
            return parts[0]
        size = sum(limits.bits(part) for part in parts)
        if make is sympy.Mul and size > limits.MAX_BITS:
            raise self.error(
                f"a number with more than {limits.MAX_BITS} bits would arise", position
            )
        # adding fractions may multiply their denominators: sizes add up term after term
        self.charge(size // 64 * len(parts) + len(parts), position)
        return self.checked(make, *parts, position=position)

    def negate(self, term: Any, position: int | None) -> Any:
        """Negative of an expression.

        Args:
            term: a SymPy expression.
            position: offset of the sign.

        Returns:
            -term.
        """
        return self.checked(sympy.Mul, sympy.S.NegativeOne, term, position=position)

    def invert(self, divisor: Any, position: int | None) -> Any:
        """Reciprocal of an expression.

        Args:
            divisor: a SymPy expression.
            position: offset of the division.

        Returns:
            1/divisor.
        """
        if self.checked(_is_zero, divisor, position=position):
            raise self.error("division by zero", position)
        return self.checked(sympy.Pow, divisor, sympy.S.NegativeOne, position=position)

    def power(self, base: Any, exponent: Any, position: int | None) -> Any:
        """Power of an expression, refused when the numbers would explode.

        Args:
            base: a SymPy expression.
            exponent: a SymPy expression.
            position: offset of the operator.

        Returns:
            base**exponent.
        """
        if exponent.is_Rational:
            self._check_exponent(base, exponent, position)
            if exponent.is_negative and self.checked(_is_zero, base, position=position):
                raise self.error("division by zero", position)
        else:
            self._check_growth("an exponent", exponent, limits.MAX_EXPONENT, position)
            self._check_terms(exponent, position)
            self._check_logarithms(exponent, position)
        result = self.checked(sympy.Pow, base, exponent, position=position)
        if not exponent.is_Integer:
            self._check_real(result, position)
        self.charge(limits.bits(result) // 64, position)
        if result.is_Pow and result.exp.is_Rational and not limits.is_small_exponent(result.exp):
            raise self.error(f"exponents are limited to {limits.MAX_EXPONENT}", position)
        return result

    def _check_exponent(self, base: Any, exponent: Any, position: int | None) -> None:
        if not limits.is_small_exponent(exponent):
            raise self.error(
                f"exponents are limited to {limits.MAX_EXPONENT} (numerator and denominator)",
                position,
            )
        if limits.bits(base) * max(1, abs(int(exponent.p)) // int(exponent.q)) > limits.MAX_BITS:
            raise self.error(
                f"a number with more than {limits.MAX_BITS} bits would arise", position
            )

    def _check_real(self, result: Any, position: int | None) -> None:
        """Refuse complex numbers at once: SymPy may decide their signs for minutes."""
        factor = result.args[0] if result.is_Mul else result  # (-1)**(1/3)*x**(1/3)
        number = result if result.is_number else factor
        if not number.is_number or number.is_Rational:
            return
        if not self.checked(limits.is_real_number, number, position=position):
            raise self.error(
                "the value is complex (a root or logarithm of a negative number, an inverse "
                "function outside its domain); complex metrics are not supported yet",
                position,
            )

    def _check_growth(self, what: str, argument: Any, most: int, position: int | None) -> None:
        """Refuse a numerical argument beyond `most`."""
        size = self.checked(limits.magnitude, argument, position=position)
        if size is not None and not size <= most:
            raise self.error(f"{what} is limited to numbers up to {most}", position)

    def _check_terms(self, argument: Any, position: int | None) -> None:
        if len(argument.args) > limits.MAX_TERMS:
            raise self.error(
                f"more than {limits.MAX_TERMS} terms inside a function or exponent; "
                "abbreviate them by definitions",
                position,
            )

    def _check_logarithms(self, exponent: Any, position: int | None) -> None:
        """SymPy turns exp(n*log(m)) into m**n: the same limits as for powers."""
        for term in sympy.Add.make_args(exponent):
            coefficient, rest = term.as_coeff_Mul()
            large = coefficient.is_Rational and abs(coefficient) > limits.MAX_TERMS
            if large and rest.has(sympy.log):
                raise self.error(
                    f"multiples of a logarithm in an exponent are at most {limits.MAX_TERMS}",
                    position,
                )

    # functions ----------------------------------------------------------------------------

    def call(
        self, name: str, function: Function, arguments: Sequence[Any], position: int | None
    ) -> Any:
        """Value of a known function.

        Args:
            name: the name as written.
            function: its table entry.
            arguments: SymPy expressions.
            position: offset of the name.

        Returns:
            The expression, with SymPy's automatic evaluation.
        """
        least, most = function.least, function.most
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self.error(f"{name} takes {wanted} argument(s), {len(arguments)} given", position)
        for argument in arguments:
            self._check_terms(argument, position)
            if function.growth:
                self._check_growth(f"the argument of {name}", argument, function.growth, position)
            if name in _ORDERED:
                self._check_order(argument, position)
        if name in ("exp", "sinh", "cosh", "tanh", "coth", "sech", "csch"):
            self._check_logarithms(arguments[0], position)
        if name in ("sqrt", "cbrt", "root"):
            exponent = {"sqrt": 2, "cbrt": 3}.get(name) or arguments[1]
            inverse = self.invert(sympy.sympify(exponent, strict=True), position)
            return self.power(arguments[0], inverse, position)
        result = self.checked(function.build, *arguments, position=position)
        if name in COMPLEX:
            self._check_real(result, position)
        self.charge(limits.bits(result) // 64, position)
        return result

    def apply(
        self, function: Any, name: str, arguments: Sequence[Any], position: int | None
    ) -> Any:
        """Value of a declared function, at its own or at other arguments.

        Args:
            function: the declared object: `f`, or `f(t)` with its signature.
            name: the name as written.
            arguments: SymPy expressions.
            position: offset of the name.

        Returns:
            The applied function.
        """
        if isinstance(function, AppliedUndef):
            if len(arguments) != len(function.args):
                raise self.error(
                    f"{name} was declared as {function}: it takes {len(function.args)} "
                    f"argument(s), {len(arguments)} given",
                    position,
                )
            function = function.func
        if not isinstance(function, (UndefinedFunction, sympy.FunctionClass)):
            raise self.error(
                f"{name!r} is not a function; write {name}*(...) for a product", position
            )
        if not arguments:
            raise self.error(f"{name} needs an argument", position)
        for argument in arguments:
            self._check_terms(argument, position)
        return self.checked(function, *arguments, position=position)

    def derivative(
        self, expression: Any, variables: Sequence[tuple[Any, int]], position: int | None
    ) -> Any:
        """Partial derivative, carried out.

        Args:
            expression: what to differentiate.
            variables: pairs of a symbol and an order.
            position: offset of the operator.

        Returns:
            The derivative; unspecified functions keep unevaluated derivatives.
        """
        if sum(order for _, order in variables) > limits.MAX_DERIVATIVES:
            raise self.error(f"derivatives are limited to order {limits.MAX_DERIVATIVES}", position)
        for variable, order in variables:
            if not isinstance(variable, sympy.Symbol):
                raise self.error(
                    f"cannot differentiate with respect to {variable}: not a symbol", position
                )
            for _ in range(order):
                _, size = limits.derivative_size(expression)
                self.charge(_DERIVATIVE_NODE * size, position)
                expression = self.checked(sympy.diff, expression, variable, position=position)
        return expression

    # conditions ---------------------------------------------------------------------------

    def compare(self, relation: Callable[..., Any], left: Any, right: Any, position: int) -> Any:
        """Comparison of two expressions, for the conditions of Piecewise.

        Args:
            relation: a SymPy relation such as `sympy.Lt`.
            left: left side.
            right: right side.
            position: offset of the comparison.

        Returns:
            A relation, or SymPy's true or false.
        """
        self._check_order(left, position)
        self._check_order(right, position)
        return self.checked(relation, left, right, position=position)

    def _check_order(self, argument: Any, position: int | None) -> None:
        """Deciding signs is SymPy's slowest job: keep what it has to look at small."""
        if len(argument.args) > limits.MAX_TERMS // 4:
            raise self.error("too many terms inside a comparison, Abs, sign, Min or Max", position)
        nested = sum(1 for part in sympy.preorder_traversal(argument) if isinstance(part, _SIGNED))
        if nested > 6:
            raise self.error("Abs, sign, Min and Max are nested too deeply", position)

    def finish(self, result: Any, position: int | None = None) -> Any:
        """Refuse a finished expression that is not real and exact.

        Args:
            result: what was built from the whole text.
            position: offset for the message.

        Returns:
            The expression.
        """
        atoms = result.atoms()
        if sympy.I in atoms:
            raise self.error(
                "the expression is complex (an even root or logarithm of a negative number, "
                "or I); complex metrics are not supported yet",
                position,
            )
        if not atoms.isdisjoint(_INDEFINITE):
            raise self.error("the value is infinite or undefined (a division by zero?)", position)
        if result.has(*_PARTS):
            # SymPy does not know that derivatives of real functions are real
            result = result.replace(sympy.re, _same).replace(sympy.conjugate, _same)
            result = result.replace(sympy.im, _nothing)
        return result


_DERIVATIVE_NODE = 6  # a node of a derivative costs SymPy about six times one of a sum
_SIGNED = (sympy.Abs, sympy.sign, sympy.Min, sympy.Max, sympy.Heaviside, sympy.Piecewise)
_PARTS = (sympy.re, sympy.im, sympy.conjugate)
_INDEFINITE = frozenset({sympy.zoo, sympy.nan, sympy.oo, -sympy.oo})


def _same(expression: Any) -> Any:
    return expression


def _nothing(_: Any) -> Any:
    return sympy.S.Zero


def _is_zero(expression: Any) -> bool:
    return expression.is_zero is True
