"""The derivatives of all functions of programs, in one table.

A rule gives the partial derivative as a numerator and a denominator (a node each), so that a factor
can go into the numerator and 1/x costs one division. Kinks get what is symmetric: sign(0) = 0 for
the derivative of abs, and where max and min are equal each argument has one half. The derivatives
of Si at 0, and of the elliptic integrals at m = 0, are 0/0 as written: NaN there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from geomkit.errors import LoweringError
from geomkit.program import Builder

__all__ = ["RULES", "Rule", "partial"]

Rule = Callable[[Builder, Sequence[int], int], tuple[int, int]]
"""(builder, arguments, value of the function) -> numerator and denominator of a derivative."""


def partial(builder: Builder, node: int, position: int) -> tuple[int, int] | None:
    """Return the partial derivative of a function call by one of its arguments.

    Args:
        builder: where the call is, and where the derivative is put.
        node: the call.
        position: which argument.

    Returns:
        Numerator and denominator; None if the derivative is zero wherever there is one (floor,
        sign).

    Raises:
        LoweringError: programs have no function that it could be written with.

    Example:
        >>> b = Builder("f")
        >>> above, below = partial(b, b.call("log", b.input("x", "parameter")), 0)
        >>> print(b.scalar("derivative", b.div(above, below)).finish())
        program f(x)
          derivative = 1/x
    """
    call = builder.node(node)
    rule = RULES[str(call.value)][position]
    if isinstance(rule, str):
        raise LoweringError(
            f"program {builder.name!r} needs the derivative of {call.value} by its argument "
            f"{position + 1}, which is {rule}: programs have no function for that; "
            "differentiate by other inputs, or write the quantity without it"
        )
    return rule and rule(builder, call.args, node)


# Pieces ---------------------------------------------------------------------------------------


def _plain(derivative: Callable[[Builder, int, int], int]) -> Rule:
    """A derivative that is no quotient, from argument and value."""
    return lambda b, args, value: (derivative(b, args[0], value), b.number(1))


def _over(denominator: Callable[[Builder, int, int], int], sign: int = 1) -> Rule:
    """sign/denominator, from argument and value."""
    return lambda b, args, value: (b.number(sign), denominator(b, args[0], value))


def _call(name: str, sign: int = 1) -> Rule:
    """Another function of the same argument."""
    return _plain(lambda b, x, _: _signed(b, b.call(name, x), sign))


def _signed(b: Builder, node: int, sign: int) -> int:
    return node if sign > 0 else b.neg(node)


def _square(b: Builder, x: int) -> int:
    return b.mul(x, x)


def _one_plus_square(b: Builder, x: int, _value: int) -> int:
    return b.add(b.number(1), _square(b, x))


def _one_minus_square(b: Builder, x: int, _value: int) -> int:
    one = b.number(1)
    return b.mul(b.sub(one, x), b.add(one, x))  # no cancellation of 1 - x*x near 1


def _root(inner: Callable[[Builder, int, int], int]) -> Callable[[Builder, int, int], int]:
    return lambda b, x, value: b.call("sqrt", inner(b, x, value))


def _square_minus_one(b: Builder, x: int, _value: int) -> int:
    one = b.number(1)
    return b.mul(b.sub(x, one), b.add(x, one))


# Two arguments --------------------------------------------------------------------------------


def _pow_base(b: Builder, args: Sequence[int], value: int) -> tuple[int, int]:
    base, exponent = args
    fixed = b.value(exponent)
    if fixed is None:
        return b.mul(exponent, value), base
    return b.mul(exponent, _power(b, base, fixed - 1)), b.number(1)


def _power(b: Builder, base: int, exponent: Fraction) -> int:
    """base**exponent, as a product or a root where it is one."""
    if exponent.denominator == 1 and exponent >= 0:
        return b.power(base, int(exponent))
    if exponent == Fraction(1, 2):
        return b.call("sqrt", base)
    return b.call("pow", base, b.number(exponent))


def _pow_exponent(b: Builder, args: Sequence[int], value: int) -> tuple[int, int]:
    return b.mul(value, b.call("log", args[0])), b.number(1)


def _atan2(first: bool) -> Rule:
    def rule(b: Builder, args: Sequence[int], _value: int) -> tuple[int, int]:
        y, x = args
        return (x if first else b.neg(y)), b.add(_square(b, x), _square(b, y))

    return rule


def _extremum(sign: int) -> Rule:
    """(1 +- sign(a - b))/2."""

    def rule(b: Builder, args: Sequence[int], _value: int) -> tuple[int, int]:
        side = b.call("sign", b.sub(args[0], args[1]))
        return b.add(b.number(1), _signed(b, side, sign)), b.number(2)

    return rule


# Special functions ----------------------------------------------------------------------------


def _error_function(sign: int, inside: int) -> Rule:
    """2 sign exp(inside x**2)/sqrt(pi)."""

    def rule(b: Builder, args: Sequence[int], _value: int) -> tuple[int, int]:
        bell = b.call("exp", _signed(b, _square(b, args[0]), inside))
        return b.mul(b.number(2 * sign), bell), b.call("sqrt", b.constant("pi"))

    return rule


def _polygamma(b: Builder, args: Sequence[int], _value: int) -> tuple[int, int]:
    return b.call("polygamma", b.add(args[0], b.number(1)), args[1]), b.number(1)


def _digamma(b: Builder, x: int) -> int:
    return b.call("polygamma", b.number(0), x)


def _lambert(b: Builder, _x: int, w: int) -> int:
    return b.mul(b.call("exp", w), b.add(b.number(1), w))  # regular at 0, unlike x (1 + w)/w


def _bessel(name: str, sign: int, overall: int) -> Rule:
    """(f_(nu-1) + sign f_(nu+1)) overall/2; for nu = 0 both are the same up to sign."""

    def rule(b: Builder, args: Sequence[int], _value: int) -> tuple[int, int]:
        order, x = args
        one = b.number(1)
        above = b.call(name, b.add(order, one), x)
        if b.value(order) == 0:
            return _signed(b, above, overall * sign), one
        below = b.call(name, b.sub(order, one), x)
        total = b.add(below, _signed(b, above, sign))
        return _signed(b, total, overall), b.number(2)

    return rule


def _expint(b: Builder, args: Sequence[int], _value: int) -> tuple[int, int]:
    order, x = args
    if b.value(order) == 1:
        return b.neg(b.call("exp", b.neg(x))), x
    return b.neg(b.call("expint", b.sub(order, b.number(1)), x)), b.number(1)


def _ratio(name: str) -> Rule:
    """f(x)/x."""
    return lambda b, args, _: (b.call(name, args[0]), args[0])


def _fresnel(name: str) -> Rule:
    def derivative(b: Builder, x: int, _value: int) -> int:
        angle = b.mul(b.div(b.constant("pi"), b.number(2)), _square(b, x))
        return b.call(name, angle)

    return _plain(derivative)


def _elliptic_k(b: Builder, args: Sequence[int], value: int) -> tuple[int, int]:
    m = args[0]
    rest = b.sub(b.number(1), m)
    above = b.sub(b.call("elliptic_e", m), b.mul(rest, value))
    return above, b.mul(b.mul(b.number(2), m), rest)


def _elliptic_e(b: Builder, args: Sequence[int], value: int) -> tuple[int, int]:
    m = args[0]
    return b.sub(value, b.call("elliptic_k", m)), b.mul(b.number(2), m)


_ORDER = "a derivative of a Bessel function by its order"

#: For each function one entry an argument: a rule, None for a derivative that is zero, or a text
#: that says what programs would need.
RULES: Mapping[str, tuple[Rule | str | None, ...]] = {
    "sqrt": (_over(lambda b, _, value: b.mul(b.number(2), value)),),
    "pow": (_pow_base, _pow_exponent),
    "abs": (_call("sign"),),
    "sign": (None,),
    "floor": (None,),
    "max": (_extremum(1), _extremum(-1)),
    "min": (_extremum(-1), _extremum(1)),
    "exp": (_plain(lambda _b, _x, value: value),),
    "log": (_over(lambda _b, x, _: x),),
    "sin": (_call("cos"),),
    "cos": (_call("sin", -1),),
    "tan": (_plain(lambda b, _x, value: _one_plus_square(b, value, value)),),
    "asin": (_over(_root(_one_minus_square)),),
    "acos": (_over(_root(_one_minus_square), -1),),
    "atan": (_over(_one_plus_square),),
    "atan2": (_atan2(True), _atan2(False)),
    "sinh": (_call("cosh"),),
    "cosh": (_call("sinh"),),
    # 1 - tanh**2 would lose all digits where tanh is nearly 1
    "tanh": (_over(lambda b, x, _: _square(b, b.call("cosh", x))),),
    "asinh": (_over(_root(_one_plus_square)),),
    "acosh": (_over(_root(_square_minus_one)),),
    "atanh": (_over(_one_minus_square),),
    "erf": (_error_function(1, -1),),
    "erfc": (_error_function(-1, -1),),
    "erfi": (_error_function(1, 1),),
    "gamma": (_plain(lambda b, x, value: b.mul(value, _digamma(b, x))),),
    "loggamma": (_plain(lambda b, x, _: _digamma(b, x)),),
    "polygamma": ("a derivative of polygamma by its order", _polygamma),
    "zeta": ("a derivative of the zeta function",),
    "lambertw": (_over(_lambert),),
    "besselj": (_ORDER, _bessel("besselj", -1, 1)),
    "bessely": (_ORDER, _bessel("bessely", -1, 1)),
    "besseli": (_ORDER, _bessel("besseli", 1, 1)),
    "besselk": (_ORDER, _bessel("besselk", 1, -1)),
    "airyai": (_call("airyaiprime"),),
    "airybi": (_call("airybiprime"),),
    "airyaiprime": (_plain(lambda b, x, _: b.mul(x, b.call("airyai", x))),),
    "airybiprime": (_plain(lambda b, x, _: b.mul(x, b.call("airybi", x))),),
    "expint": ("a derivative of the exponential integral by its order", _expint),
    "Ei": (_ratio("exp"),),
    "Si": (_ratio("sin"),),
    "Ci": (_ratio("cos"),),
    "fresnels": (_fresnel("sin"),),
    "fresnelc": (_fresnel("cos"),),
    "elliptic_k": (_elliptic_k,),
    "elliptic_e": (_elliptic_e,),
}
