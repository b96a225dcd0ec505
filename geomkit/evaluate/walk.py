"""Evaluation of a SymPy expression at a point, in any arithmetic.

The walk keeps its own stack, so depth is no limit, and a memo, so a common subexpression is
evaluated once. It knows nothing of the exact field of `geomkit.field`: the two check each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate.arithmetic import (
    CONSTANTS,
    DERIVED,
    Arithmetic,
    Number,
    UndecidedError,
    as_fraction,
)
from geomkit.evaluate.conditions import decide, operands

__all__ = ["Evaluator", "evaluate"]

_NAMES = (
    "exp log sin cos tan cot sec csc sinh cosh tanh coth sech csch asin acos atan acot asec "
    "acsc asinh acosh atanh acoth asech acsch atan2 Abs sign Min Max Heaviside DiracDelta erf "
    "erfc erfi gamma loggamma digamma trigamma polygamma zeta beta factorial binomial "
    "lowergamma uppergamma besselj bessely besseli besselk LambertW Si Ci Shi Chi Ei airyai "
    "airybi airyaiprime airybiprime elliptic_k elliptic_e elliptic_f elliptic_pi re im "
    "conjugate"
)

_FUNCTIONS: Mapping[type, str] = {getattr(sympy, name): name for name in _NAMES.split()}


def evaluate(expr: Any, values: Mapping[Any, Any], arithmetic: Arithmetic) -> Number:
    """Evaluate an expression at a point.

    Args:
        expr: a SymPy expression, real at the point.
        values: exact rationals (or numbers of the arithmetic) for the symbols; also for applied
            unspecified functions `a(t)` and their derivatives, where these occur.
        arithmetic: `Balls(bits)`, `Digits(dps)` or `Jets(base, variables, order)`.

    Returns:
        A number of the arithmetic: a ball that contains the value, decimal digits, or a jet.

    Example:
        >>> from geomkit.evaluate import Balls
        >>> x = sympy.Symbol("x")
        >>> ball = evaluate(2 * sympy.sqrt(x) - 3, {x: sympy.Rational(9, 4)}, Balls(100))
        >>> ball.contains(0)
        True
    """
    return Evaluator(values, arithmetic)(expr)


class Evaluator:
    """Evaluates several expressions at one point; common subexpressions are shared among them.

    Args:
        values: as for `evaluate`.
        arithmetic: as for `evaluate`.

    Example:
        >>> from geomkit.evaluate import Digits
        >>> x = sympy.Symbol("x")
        >>> at = Evaluator({x: 2}, Digits(15))
        >>> print(at(x**2), at(sympy.log(x)))
        4.0 0.693147180559945
    """

    def __init__(self, values: Mapping[Any, Any], arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic
        with arithmetic.working():
            self._memo: dict[Any, Number] = {
                key: arithmetic.seed(key, value) for key, value in values.items()
            }
        self._given = tuple(self._memo)

    def __call__(self, expr: Any) -> Number:
        """The value of an expression at the point."""
        root = sympy.sympify(expr, strict=True)
        memo, stack = self._memo, [root]
        with self.arithmetic.working():
            while stack:
                node = stack[-1]
                if node in memo:
                    stack.pop()
                    continue
                rewritten = _rewritten(node)
                missing = [child for child in self._needed(node, rewritten) if child not in memo]
                if missing:
                    stack.extend(missing)
                    continue
                memo[node] = self._value(node, rewritten)
                stack.pop()
        return memo[root]

    def _needed(self, node: Any, rewritten: Any) -> Sequence[Any]:
        if rewritten is not None:
            return [rewritten]
        if isinstance(node, sympy.Piecewise):
            return self._needed_by_branches(node)
        if node.is_Pow and node.exp.is_Rational:
            return [node.base]
        if node.is_Atom or isinstance(node, AppliedUndef):
            return ()
        if type(node) not in _FUNCTIONS and not (node.is_Add or node.is_Mul or node.is_Pow):
            raise EvaluationError(
                f"no value is known for {_short(node)} (a {type(node).__name__}); "
                "give one in `values`, or write it with the functions that formulas may use"
            )
        arguments: Sequence[Any] = node.args
        return arguments

    def _needed_by_branches(self, node: Any) -> Sequence[Any]:
        """What a Piecewise needs next: conditions in order, then the branch that holds, alone."""
        for value, condition in node.args:
            sides = [side for side in operands(condition) if side not in self._memo]
            if sides:
                return sides
            holds = decide(condition, self._sign_of_difference)
            if holds is None:
                raise UndecidedError(f"the condition {condition} is not decided at this point")
            if holds:
                return [value]
        raise DomainError(f"no condition of {_short(node)} holds at this point")

    def _sign_of_difference(self, lhs: Any, rhs: Any) -> int | None:
        return self.arithmetic.sign(self._memo[lhs] - self._memo[rhs])

    def _value(self, node: Any, rewritten: Any) -> Number:
        memo, arithmetic = self._memo, self.arithmetic
        if rewritten is not None:
            return memo[rewritten]
        if node.is_Add:
            return _total([memo[child] for child in node.args])
        if node.is_Mul:
            return _product([memo[child] for child in node.args])
        if node.is_Pow:
            if node.exp.is_Rational:
                return arithmetic.power(memo[node.base], as_fraction(node.exp))
            if node.base is sympy.E:
                return arithmetic.apply("exp", [memo[node.exp]])
            return arithmetic.real_power(memo[node.base], memo[node.exp])
        if isinstance(node, sympy.Piecewise):
            return memo[self._needed_by_branches(node)[0]]
        if type(node) in _FUNCTIONS:
            name = _FUNCTIONS[type(node)]
            arguments = [memo[child] for child in node.args]
            derived = DERIVED.get(name)
            return derived(arithmetic, arguments) if derived else arithmetic.apply(name, arguments)
        return self._atom(node)

    def _atom(self, node: Any) -> Number:
        if node.is_Rational:
            return self.arithmetic.number(as_fraction(node))
        if node in CONSTANTS:
            return self.arithmetic.constant(CONSTANTS[node])
        if node.is_Float:
            raise EvaluationError(
                f"the expression holds the float {node}; write exact numbers: 1/2, not 0.5"
            )
        if node in (sympy.I, sympy.oo, -sympy.oo, sympy.zoo, sympy.nan):
            raise DomainError(f"the expression holds {node}, which is not a finite real number")
        known = ", ".join(_short(key) for key in self._given) or "nothing"
        raise EvaluationError(
            f"no value was given for {_short(node)} ({known} given); add it to `values`"
            + ("" if not node.is_Symbol else " (symbols with other assumptions differ)")
        )


def _total(terms: Sequence[Number]) -> Number:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _product(factors: Sequence[Number]) -> Number:
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


def _rewritten(node: Any) -> Any:
    """An equal expression that can be evaluated, for nodes that need working out; else None."""
    if isinstance(node, (sympy.Derivative, sympy.Subs)):
        done = node.doit()
        if isinstance(done, type(node)):
            raise EvaluationError(
                f"{_short(node)} has no closed form; give its value in `values`, or replace its "
                "function by a concrete one"
            )
        return done
    if isinstance(node, sympy.binomial) and node.args[1].is_Integer:
        # a polynomial, also where the gamma functions of the general case have poles
        done = node.expand(func=True)
        return None if done == node else done
    return None


def _short(node: Any, limit: int = 40) -> str:
    """Text of a small expression, else only its kind: printing a huge one would take very long."""
    small = len(list(islice(sympy.preorder_traversal(node), limit))) < limit
    return str(node) if small else f"an expression of type {type(node).__name__}"
