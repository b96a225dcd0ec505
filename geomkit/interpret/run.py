"""Running a program node by node in an arithmetic of `geomkit.evaluate`."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from fractions import Fraction
from numbers import Rational
from typing import Any

from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import Number
from geomkit.interpret.functions import apply
from geomkit.program import Node, Program

__all__ = ["attempt", "exact", "interpret"]

# The working precisions of mpmath and of python-flint are globals of theirs: one run at a time.
LOCKS = [threading.RLock()]


def interpret(program: Program, values: Mapping[str, Any], arithmetic: Any) -> tuple[Number, ...]:
    """Run a program at one point.

    Floats are taken as the rational numbers that they are. The precision in force elsewhere plays
    no part and is left as it was; calls from several threads wait for each other.

    Args:
        program: the program.
        values: a number for each input, by name: int, float, Fraction, NumPy or mpmath float, or a
            number of the arithmetic.
        arithmetic: `Digits(dps)`, `Balls(bits)` or `Jets(...)` of `geomkit.evaluate`.

    Returns:
        One number for each of `Program.slots`: with balls, each contains the true value.

    Raises:
        DomainError: a slot has no finite real value there (or, with balls, that is open at this
            precision: then it is an `UndecidedError`); the message names the slot and the reason.

    Example:
        >>> from geomkit.evaluate import Balls
        >>> from geomkit.program import Builder
        >>> b = Builder("inverse")
        >>> program = b.scalar("inverse", b.div(b.number(1), b.input("x", "parameter"))).finish()
        >>> interpret(program, {"x": 0.25}, Balls(100))[0] == 4
        True
        >>> interpret(program, {"x": 0}, Balls(100))
        Traceback (most recent call last):
            ...
        geomkit.errors.DomainError: inverse has no value at x = 0: division by zero
    """
    results = attempt(program, values, arithmetic)
    for slot, result in zip(program.slots, results, strict=True):
        if isinstance(result, DomainError):
            needed = [one.name for one in program.inputs]
            point = ", ".join(f"{name} = {_shown(values[name])}" for name in needed)
            raise type(result)(f"{slot} has no value at {point}: {result}") from None
    return results


def attempt(
    program: Program, values: Mapping[str, Any], arithmetic: Any
) -> tuple[Number | DomainError, ...]:
    """Run a program at one point, slot by slot: a slot without value does not spoil the others.

    Args:
        program: the program.
        values: as for `interpret`.
        arithmetic: as for `interpret`.

    Returns:
        For each slot its number, or the error that says why there is none.

    Raises:
        EvaluationError: inputs are missing or unknown, or the arithmetic lacks a function.
    """
    _compare_names(program, values)
    with LOCKS[0], arithmetic.working():
        inputs = [_read(arithmetic, one.name, values[one.name]) for one in program.inputs]
        found: list[Number | DomainError] = []
        for node in program.nodes:
            args = [found[a] for a in node.args]
            broken = next((x for x in args if isinstance(x, DomainError)), None)
            found.append(_node(node, args, inputs, arithmetic) if broken is None else broken)
    return tuple(found[k] for k in program.results)


def exact(value: Any) -> Fraction:
    """Return the rational number that a number is.

    Args:
        value: int, float, Fraction, NumPy or mpmath float.

    Returns:
        The rational number.

    Raises:
        DomainError: the number is NaN or infinite.
        EvaluationError: it is no real number.
    """
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if hasattr(value, "_mpf_"):
        sign, mantissa, exponent, bits = value._mpf_
        if bits or not exponent:
            size = int(mantissa) * Fraction(2) ** int(exponent)
            return -size if sign else size
        raise DomainError(f"{value} is not finite")
    if isinstance(value, float) or hasattr(value, "as_integer_ratio"):
        if not math.isfinite(value):
            raise DomainError(f"{value} is not finite")
        above, below = value.as_integer_ratio()
        return Fraction(int(above), int(below))
    raise EvaluationError(f"{value!r} of type {type(value).__name__} is no real number")


def _read(arithmetic: Any, name: str, value: Any) -> Number | DomainError:
    if type(value).__name__ in ("arb", "Interval", "Jet"):
        return value
    try:
        return arithmetic.number(exact(value))
    except DomainError as error:
        return DomainError(f"the input {name} = {error}")
    except EvaluationError as error:
        raise EvaluationError(f"the input {name} = {error}") from None


def _node(node: Node, args: list[Number], inputs: list[Any], arithmetic: Any) -> Any:
    try:
        return _value(node, args, inputs, arithmetic)
    except DomainError as error:
        return error


def _value(node: Node, args: list[Number], inputs: list[Any], arithmetic: Any) -> Any:
    match node.op:
        case "input":
            return inputs[int(str(node.value))]
        case "number":
            return arithmetic.number(node.value)
        case "constant":
            return arithmetic.constant(str(node.value))
        case "add":
            return args[0] + args[1]
        case "sub":
            return args[0] - args[1]
        case "mul":
            return args[0] * args[1]
        case "div":
            return _quotient(arithmetic, *args)
        case "neg":
            return -args[0]
    return apply(arithmetic, str(node.value), args)


def _quotient(arithmetic: Any, above: Number, below: Number) -> Number:
    if arithmetic.sign(below) == 0:
        raise DomainError("division by zero")
    return above * arithmetic.power(below, Fraction(-1))


def _compare_names(program: Program, values: Mapping[str, Any]) -> None:
    names = [one.name for one in program.inputs]
    missing = [name for name in names if name not in values]
    unknown = [name for name in values if name not in names]
    if missing or unknown:
        wrong = [f"{', '.join(missing)} missing"] if missing else []
        wrong += [f"{', '.join(map(str, unknown))} unknown"] if unknown else []
        raise EvaluationError(
            f"{' and '.join(wrong)}: program {program.name!r} needs a number for each of "
            f"{', '.join(names) or 'no inputs'}"
        )


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _new_lock() -> None:
    LOCKS[0] = threading.RLock()


# a forked child may not inherit a lock that a thread of its parent holds
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)
