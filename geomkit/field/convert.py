"""From SymPy expressions to elements: find the kernels, adjoin generators, then build.

Before anything is converted, all kernels of the given expressions (angles, exponents, powers) are
collected, inner ones first, so that each family of generators is chosen to suit all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from geomkit.errors import FieldError
from geomkit.evaluate import evaluate

from .angles import Angles, Exponentials
from .fraction import Element
from .functions import Functions
from .generator import Generator
from .powers import Powers

if TYPE_CHECKING:
    from .ball import Evaluation
    from .tower import Field

__all__ = ["Converter"]

TRIGONOMETRIC = (sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc)
HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)
CIRCULAR_INVERSES = (sp.asin, sp.acos, sp.atan, sp.acot, sp.atan2)
HYPERBOLIC_INVERSES = (sp.asinh, sp.acosh, sp.atanh)
LOGARITHMIC = (sp.log, sp.LambertW, *HYPERBOLIC_INVERSES)
# An integer power beyond this is not expanded.
MAX_EXPONENT = 2000
# (family, arguments) of one kernel
Kernel = tuple[str, tuple[sp.Expr, ...]]


class Converter:
    """Converts SymPy expressions into elements of one field."""

    def __init__(self, owner: Field) -> None:
        self.field = owner
        self.powers = Powers(owner, self)
        self.exponentials = Exponentials(owner, self)
        self.functions = Functions(owner, self)
        self._trigonometric = Angles(owner, self, hyperbolic=False)
        self._hyperbolic = Angles(owner, self, hyperbolic=True)
        self._memo: dict[sp.Expr, Element] = {}
        self._prepared: set[Kernel] = set()

    def convert(self, expression: sp.Expr | int) -> Element:
        """Return the element of an expression.

        Raises:
            FieldError: it does not fit the field.
        """
        expression = sp.sympify(expression) if isinstance(expression, int) else expression
        if expression in self._memo:
            return self._memo[expression]
        self.adjoin([expression])
        return self._build(expression)

    def adjoin(self, expressions: Sequence[sp.Expr]) -> None:
        """Adjoin the generators that these expressions need."""
        depths: dict[sp.Basic, int] = {}
        kernels: dict[Kernel, int] = {}
        symbols: dict[sp.Symbol, None] = {}
        for expression in expressions:
            _scan(expression, depths, kernels, symbols)
        self._adjoin_symbols(symbols)
        levels: dict[int, list[Kernel]] = {}
        for kernel, depth in kernels.items():
            if kernel not in self._prepared:
                levels.setdefault(depth, []).append(kernel)
        for depth in sorted(levels):
            self._prepare(levels[depth], expressions)
            self._prepared.update(levels[depth])

    def _adjoin_symbols(self, symbols: Mapping[sp.Symbol, None]) -> None:
        # Coordinates first: the leading term decides the sign in which a factor is shown, and
        # r - 2 M reads better than 2 M - r.
        variables = [x for x in self.field.variables if x in symbols]
        fresh: list[tuple[sp.Symbol, Generator]] = []
        for symbol in dict.fromkeys([*variables, *symbols]):
            if symbol in self._memo:
                continue
            name = f"g{len(self.field.generators) + len(fresh)}"

            def derive(by: sp.Symbol, symbol: sp.Symbol = symbol) -> Element:
                return self.field.one if by == symbol else self.field.zero

            def value(at: Evaluation, symbol: sp.Symbol = symbol) -> Any:
                return at.symbol(symbol)

            fresh.append((symbol, Generator(name, "symbol", symbol, derive, value)))
        if fresh:
            self.field.add_generators([g for _, g in fresh])
            for symbol, generator in fresh:
                self._memo[symbol] = self.field.generator(generator.name)

    def _prepare(self, kernels: list[Kernel], used: Sequence[sp.Expr]) -> None:
        """Adjoin one level of kernels, whose arguments can be converted already."""
        build = self._build
        angles = [build(split_pi(a)[0]) for a in _arguments(kernels, "trig", CIRCULAR_INVERSES)]
        hyperbolic = [build(a) for a in _arguments(kernels, "hyper", HYPERBOLIC_INVERSES)]
        exponents = [build(args[0]) for f, args in kernels if f == "exp"]
        self.exponentials.prepare(exponents)
        # cosh and exp of dependent arguments are related: then exp alone serves both
        own = [a for a in hyperbolic if not self._by_exponentials(a)]
        self.exponentials.prepare([a for a in hyperbolic if self._by_exponentials(a)])
        self._hyperbolic.prepare(own, used)
        self._trigonometric.prepare(angles, used)
        powers = [(build(b), build(e)) for b, e in _powers(kernels) if not e.is_integer]
        whole = [(build(b), build(e)) for b, e in _powers(kernels) if e.is_integer]
        self.powers.prepare(powers + [(b, e) for b, e in whole if self.powers.is_positive(b)])

    def _by_exponentials(self, argument: Element) -> bool:
        if not self.exponentials.lattice.basis:
            return False
        return argument.is_zero or self.exponentials.spans(argument)

    # Building ---------------------------------------------------------------------------------

    def _build(self, expr: sp.Expr) -> Element:
        if expr in self._memo:
            return self._memo[expr]
        result = self._dispatch(expr)
        self._memo[expr] = result
        return result

    def _dispatch(self, expr: sp.Expr) -> Element:
        field, build = self.field, self._build
        if isinstance(expr, sp.Rational):
            return field.constant(Fraction(int(expr.p), int(expr.q)))
        if isinstance(expr, sp.Add):
            return field.sum([build(a) for a in expr.args])
        if isinstance(expr, sp.Mul):
            result = field.one
            for argument in expr.args:
                result = result * build(argument)
            return result
        if isinstance(expr, sp.Pow):
            return self._power(expr)
        if isinstance(expr, sp.exp) or expr is sp.E:
            rest, powers = split_logarithms(_exponent(expr))
            result = self.exponentials.value(build(rest))
            for base, exponent in powers:
                result = result * self.convert(sp.Pow(base, exponent))
            return result
        if isinstance(expr, TRIGONOMETRIC):
            return self._ratio(type(expr).__name__, *self._trigonometric_pair(expr.args[0]))
        if isinstance(expr, HYPERBOLIC):
            return self._ratio(type(expr).__name__, *self._hyperbolic_pair(expr.args[0]))
        if isinstance(expr, sp.log) and len(expr.args) == 1:
            return self.functions.log(build(expr.args[0]))
        if isinstance(expr, AppliedUndef):
            return self.functions.applied(expr)
        if isinstance(expr, sp.Derivative):
            return self.functions.derivative(expr)
        if isinstance(expr, sp.Subs):
            return self.functions.substitution(expr)
        if isinstance(expr, sp.NumberSymbol):
            return self._constant(expr)
        return self._other(expr)

    def _power(self, expr: sp.Pow) -> Element:
        base, exponent = expr.args
        if isinstance(exponent, sp.Integer):
            if abs(exponent) > MAX_EXPONENT:
                raise FieldError(expr, f"an exponent beyond {MAX_EXPONENT} is not expanded")
            return self._build(base) ** int(exponent)
        found = self._build(base)
        if exponent.is_integer and not self.powers.is_positive(found):
            # (-2)**n is real, so a real power says nothing about the sign of its base here
            raise FieldError(expr, "an integer power of a base whose sign is open on the domain")
        return self.powers.power(found, self._build(exponent))

    def _trigonometric_pair(self, angle: sp.Expr) -> tuple[Element, Element]:
        rest, turn = split_pi(angle)
        even, odd = self._trigonometric.pair(self._build(rest))
        if not turn:
            return even, odd
        c, s = self.convert(sp.cos(turn * sp.pi)), self.convert(sp.sin(turn * sp.pi))
        return even * c - odd * s, odd * c + even * s

    def _hyperbolic_pair(self, expr: sp.Expr) -> tuple[Element, Element]:
        if split_logarithms(expr)[1]:
            growing = self.convert(sp.exp(expr))
        else:
            argument = self._build(expr)
            if self._hyperbolic.lattice.coordinates(argument) is not None:
                return self._hyperbolic.pair(argument)
            growing = self.exponentials.value(argument)
        decaying = self.field.inverse(growing)
        half = Fraction(1, 2)
        return (growing + decaying) * half, (growing - decaying) * half

    def _ratio(self, name: str, even: Element, odd: Element) -> Element:
        """Return the function of this name out of (cos, sin) or (cosh, sinh)."""
        if name in ("sin", "sinh"):
            return odd
        if name in ("cos", "cosh"):
            return even
        if name in ("tan", "tanh"):
            return odd / even
        if name in ("cot", "coth"):
            return even / odd
        return self.field.inverse(even if name in ("sec", "sech") else odd)

    def _constant(self, expr: sp.Expr) -> Element:
        if isinstance(expr, sp.core.numbers.GoldenRatio | sp.core.numbers.TribonacciConstant):
            return self.convert(expr.rewrite(sp.sqrt))
        name = f"g{len(self.field.generators)}"

        def value(at: Evaluation) -> Any:
            return evaluate(expr, {}, at.arithmetic)

        zero: Callable[[sp.Symbol], Element] = lambda symbol: self.field.zero  # noqa: E731
        self.field.add_generators([Generator(name, "constant", expr, zero, value)])
        return self.field.generator(name)

    def _other(self, expr: sp.Expr) -> Element:
        build = self._build
        if isinstance(expr, sp.Abs):
            return self.powers.absolute(build(expr.args[0]))
        if isinstance(expr, sp.sign):
            return self.powers.sign(build(expr.args[0]))
        if isinstance(expr, sp.Max | sp.Min):
            result = build(expr.args[0])
            for argument in expr.args[1:]:
                other = build(argument)
                gap = self.powers.absolute(result - other)
                both = result + other
                result = (both + gap if isinstance(expr, sp.Max) else both - gap) * Fraction(1, 2)
            return result
        if isinstance(expr, sp.Heaviside):
            return (self.powers.sign(build(expr.args[0])) + 1) * Fraction(1, 2)
        if isinstance(expr, sp.Piecewise):
            return self._piecewise(expr)
        if isinstance(expr, sp.erfc):
            return 1 - self.convert(sp.erf(expr.args[0]))
        if expr.has(sp.I) or isinstance(expr, sp.re | sp.im | sp.arg | sp.conjugate):
            raise FieldError(expr, "complex numbers are not supported")
        if isinstance(expr, sp.Float):
            raise FieldError(expr, f"a float is not exact; write {sp.nsimplify(expr)}")
        if isinstance(expr, sp.Function):
            return self.functions.special(expr)
        raise FieldError(expr, f"{type(expr).__name__} is not a function of the field")

    def _piecewise(self, expr: sp.Piecewise) -> Element:
        """Take the branch whose condition is proved on the whole domain, if there is one."""
        for value, condition in expr.args:
            truth = self._truth(condition)
            if truth:
                return self.convert(value)
            if truth is None:
                return self.functions.opaque(expr)
        raise FieldError(expr, "no condition holds on the domain")

    def _truth(self, condition: Any) -> bool | None:
        if condition in (sp.true, sp.false):
            return bool(condition)
        if not isinstance(condition, sp.core.relational.Relational):
            return None
        sign = self.powers.sign(self.convert(condition.lhs - condition.rhs)).as_rational()
        if sign is None:
            return None
        outcomes = {"Gt": sign > 0, "Ge": sign > 0, "Lt": sign < 0, "Le": sign < 0}
        names = {
            sp.StrictGreaterThan: "Gt",
            sp.GreaterThan: "Ge",
            sp.StrictLessThan: "Lt",
            sp.LessThan: "Le",
        }
        name = names.get(type(condition))
        return outcomes[name] if name else None


def split_pi(angle: sp.Expr) -> tuple[sp.Expr, sp.Rational]:
    """Split an angle into a rest and a multiple of pi whose cosine SymPy knows in radicals."""
    turn, rest = sp.Integer(0), []
    for term in sp.Add.make_args(angle):
        coefficient, factor = term.as_coeff_Mul()
        if factor is sp.pi and coefficient.is_Rational:
            turn += coefficient
        else:
            rest.append(term)
    if sp.cos(turn * sp.pi).has(sp.cos, sp.sin):  # no radicals: an angle like any other
        return angle, sp.Integer(0)
    return sp.Add(*rest), turn


def _exponent(expr: sp.Expr) -> sp.Expr:
    return sp.Integer(1) if expr is sp.E else expr.args[0]


def _scan(
    expr: sp.Basic,
    depths: dict[sp.Basic, int],
    kernels: dict[Kernel, int],
    symbols: dict[sp.Symbol, None],
) -> int:
    """Collect symbols and kernels below an expression; return how deep its kernels nest."""
    if expr in depths:
        return depths[expr]
    if isinstance(expr, sp.Symbol):
        symbols[expr] = None
    if isinstance(expr, sp.Subs):  # its bound variables are no symbols of ours
        depth = max((_scan(a, depths, kernels, symbols) for a in expr.point), default=0)
        depths[expr] = depth
        return depth
    if isinstance(expr, sp.Derivative):
        arguments: tuple[Any, ...] = (expr.expr,)
    elif isinstance(expr, sp.Piecewise):
        arguments = tuple(branch for branch, _ in expr.args[:1])
    else:
        arguments = expr.args
    depth = max((_scan(a, depths, kernels, symbols) for a in arguments), default=0)
    found = _kernels(expr)
    depth += bool(found)
    for kernel in found:
        kernels[kernel] = max(depth, kernels.get(kernel, 0))
    depths[expr] = depth
    return depth


def _kernels(expr: sp.Basic) -> list[Kernel]:
    if isinstance(expr, TRIGONOMETRIC):
        return [("trig", (expr.args[0],))]
    if isinstance(expr, HYPERBOLIC) and not split_logarithms(expr.args[0])[1]:
        return [("hyper", (expr.args[0],))]
    if isinstance(expr, sp.exp) or expr is sp.E:
        return [("exp", (split_logarithms(_exponent(expr))[0],))]
    if isinstance(expr, sp.Pow) and not isinstance(expr.args[1], sp.Integer):
        return [("power", (expr.args[0], expr.args[1]))]
    return []


def _powers(kernels: list[Kernel]) -> list[tuple[sp.Expr, ...]]:
    return [args for f, args in kernels if f == "power"]


def _arguments(kernels: list[Kernel], family: str, inverses: tuple[Any, ...]) -> list[sp.Expr]:
    """Return the arguments of a family, with each inverse function that occurs in them.

    sin(2 atan(x)) becomes algebraic when atan(x) itself is a basis argument.
    """
    arguments = [args[0] for f, args in kernels if f == family]
    for argument in list(arguments):
        for term in sp.Add.make_args(argument):
            _coefficient, factor = term.as_coeff_Mul()
            if isinstance(factor, inverses):
                arguments.append(factor)
    return arguments


def split_logarithms(exponent: sp.Expr) -> tuple[sp.Expr, list[tuple[sp.Expr, sp.Expr]]]:
    """Split an exponent into a rest and terms e log(b), returned as pairs (b, e).

    asinh, acosh and atanh count as the logarithms that they are, and so does W = log(x/W).

    Args:
        exponent: the exponent.

    Returns:
        The rest, and the pairs.
    """
    rest, powers = [], []
    for term in sp.Add.make_args(exponent):
        logs = [f for f in sp.Mul.make_args(term) if isinstance(f, LOGARITHMIC)]
        base = _exponential(logs[0]) if len(logs) == 1 else None
        if base is not None:
            powers.append((base, term / logs[0]))
            continue
        rest.append(term)
    return sp.Add(*rest), powers


def _exponential(logarithm: sp.Expr) -> sp.Expr | None:
    """Return exp of a logarithm or inverse hyperbolic function or LambertW(x), in closed form."""
    x = logarithm.args[0]
    if isinstance(logarithm, sp.asinh):
        return x + sp.sqrt(x**2 + 1)
    if isinstance(logarithm, sp.acosh):
        return x + sp.sqrt(x - 1) * sp.sqrt(x + 1)
    if isinstance(logarithm, sp.atanh):
        return sp.sqrt((1 + x) / (1 - x))
    if len(logarithm.args) > 1:  # another base, another branch
        return None
    return x / logarithm if isinstance(logarithm, sp.LambertW) else x
