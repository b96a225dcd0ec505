"""Functions of jets: Taylor coefficients at the constant term, composed with the jet.

Functions of one variable argument have hand-written coefficients (`taylor`); for the others SymPy's
derivative formulas are evaluated at the constant terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate.arithmetic import Number, UndecidedError
from geomkit.evaluate.monomials import monomials
from geomkit.evaluate.taylor import TAYLOR

if TYPE_CHECKING:
    from geomkit.evaluate.jets import Jet, Jets

__all__ = ["apply", "power_taylor"]


def apply(ring: Jets, name: str, args: Sequence[Number]) -> Number:
    """Apply a primitive function to jets and base numbers, at least one jet among them.

    Args:
        ring: the jets.
        name: SymPy's name of the function.
        args: jets and base numbers.

    Returns:
        The jet of the value.
    """
    special = _SPECIAL.get(name)
    if special is not None:
        return special(ring, name, args)
    if name in TAYLOR:
        *constants, inner = args
        if _is_jet(inner) and not any(_is_jet(c) for c in constants):
            return ring.compose(TAYLOR[name](ring.base, *constants, inner.value, ring.order), inner)
    return _symbolic(ring, name, args)


@lru_cache(maxsize=512)
def _binomials(exponent: Fraction, order: int) -> tuple[Fraction, ...]:
    result = [Fraction(1)]
    for k in range(1, order + 1):
        result.append(result[-1] * (exponent - k + 1) / k)
    return tuple(result)


def power_taylor(base: Any, x: Number, exponent: Fraction, order: int) -> list[Number]:
    """Taylor coefficients binomial(p, k) x**(p - k) of x**p.

    Args:
        base: arithmetic of x.
        x: where to expand.
        exponent: p, exact.
        order: number of the last coefficient.

    Returns:
        Coefficients 0 ... order.
    """
    result = []
    for k, binomial in enumerate(_binomials(exponent, order)):
        if binomial == 0:
            result.append(base.number(0))
            continue
        power = base.power(x, exponent - k)
        result.append(power if binomial == 1 else power * base.number(binomial))
    return result


def _is_jet(x: Number) -> bool:
    return hasattr(x, "terms")


def _absolute(ring: Jets, name: str, args: Sequence[Number]) -> Number:
    sign = ring.sign(args[0])
    if sign is None:
        raise _kink(ring, name, args[0])
    return args[0] if sign > 0 else -args[0]


def _piecewise_constant(values: tuple[int, int]) -> Callable[..., Number]:
    def constant(ring: Jets, name: str, args: Sequence[Number]) -> Number:
        sign = ring.sign(args[0])
        if not sign:
            raise _kink(ring, name, args[0])
        return ring.number(values[sign > 0])

    return constant


def _kink(ring: Jets, name: str, x: Number) -> DomainError:
    value = ring.as_jet(x).value
    text = f"{name} is not known to be smooth where its argument is {value}"
    return DomainError(text) if ring.base.sign(value) == 0 else UndecidedError(text)


def _extremum(ring: Jets, name: str, args: Sequence[Number]) -> Number:
    best = args[0]
    for x in args[1:]:
        difference = ring.as_jet(x - best)
        sign = ring.sign(difference)
        if sign is None:
            raise _kink(ring, name, difference)
        if (sign < 0) == (name == "Min"):
            best = x
    return best


def _atan2(ring: Jets, name: str, args: Sequence[Number]) -> Number:
    """atan2(y, x) = atan2(y0, x0) + atan((y x0 - x y0)/(x x0 + y y0)), near the base point."""
    y, x = (ring.as_jet(argument) for argument in args)
    y0, x0 = y.value, x.value
    if ring.base.sign(x0) != 1 and not ring.base.sign(y0):
        raise _kink(ring, name, y)  # the branch cut
    turned = (y * x0 - x * y0).without_constant()
    ratio = turned * ring.power(x * x0 + y * y0, Fraction(-1))
    return ring.apply("atan", [ratio]).without_constant() + ring.base.apply(name, [y0, x0])


def _lambert(ring: Jets, name: str, args: Sequence[Number]) -> Number:
    inner, branch = args[0], args[1:]
    if any(_is_jet(b) for b in branch):
        raise EvaluationError("the branch of LambertW must be a number")
    coefficients = TAYLOR[name](ring.base, *branch, inner.value, ring.order)
    return ring.compose(coefficients, inner)


_SPECIAL: Mapping[str, Callable[[Jets, str, Sequence[Number]], Number]] = {
    "Abs": _absolute,
    "sign": _piecewise_constant((-1, 1)),
    "Heaviside": _piecewise_constant((0, 1)),
    "DiracDelta": _piecewise_constant((0, 0)),
    "Min": _extremum,
    "Max": _extremum,
    "atan2": _atan2,
    "LambertW": _lambert,
}


def _symbolic(ring: Jets, name: str, args: Sequence[Number]) -> Number:
    """Compose with the partial derivatives that SymPy knows, evaluated at the constant terms."""
    from geomkit.evaluate.walk import Evaluator

    moving = tuple(i for i, x in enumerate(args) if _is_jet(x))
    marks = _marks(len(args))
    constants = [x.value if _is_jet(x) else x for x in args]
    evaluator = Evaluator(dict(zip(marks, constants, strict=True)), ring.base)
    steps = [args[i].without_constant() for i in moving]
    table = monomials(len(moving), ring.order)
    powers: dict[int, Jet] = {}
    result = ring.jet({0: evaluator(_partial(name, len(args), moving, (0,) * len(moving)))})
    for index, exponents in enumerate(table.exponents[1:], start=1):
        first = next(v for v, e in enumerate(exponents) if e)
        lower = table.index[tuple(e - (v == first) for v, e in enumerate(exponents))]
        powers[index] = powers[lower] * steps[first] if lower else steps[first]
        value = evaluator(_partial(name, len(args), moving, exponents))
        weight = ring.base.number(Fraction(1, table.factorials[index]))
        result = result + powers[index] * (value * weight)
    return result


@lru_cache(maxsize=32)
def _marks(count: int) -> tuple[sympy.Symbol, ...]:
    return tuple(sympy.Dummy(f"x{i}", real=True) for i in range(count))


@lru_cache(maxsize=1024)
def _partial(name: str, count: int, moving: tuple[int, ...], exponents: tuple[int, ...]) -> Any:
    """Partial derivative of the SymPy function `name` by its arguments at `moving`."""
    marks = _marks(count)
    expression = getattr(sympy, name)(*marks)
    for position, times in zip(moving, exponents, strict=True):
        if times:
            expression = expression.diff(marks[position], times)
    if expression.has(sympy.Derivative, sympy.Subs, sympy.meijerg):
        raise EvaluationError(f"the derivative of {name} by argument {moving} has no closed form")
    return expression
