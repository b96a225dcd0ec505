"""SymPy expressions as MathML, which browsers typeset by themselves: no network, no script.

Written for reading: `sin^2 theta` without needless parentheses, unspecified functions without their
arguments, their derivatives as primes or subscripts, positive terms first.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape
from itertools import pairwise
from typing import Any

import sympy
from sympy.core.alphabets import greeks
from sympy.core.function import AppliedUndef

__all__ = ["math", "name_to_mathml", "to_mathml"]

_ADD, _MUL, _POW, _ATOM = 1, 2, 3, 4
_TIMES = "<mo>&#x2062;</mo>"
_APPLY = "<mo>&#x2061;</mo>"
_MINUS = "<mo>&#x2212;</mo>"
_GREEK = {
    **{
        name: unicodedata.lookup(f"GREEK SMALL LETTER {name.upper()}")
        for name in greeks
        if name != "lambda"
    },
    **{
        name.capitalize(): unicodedata.lookup(f"GREEK CAPITAL LETTER {name.upper()}")
        for name in greeks
        if name != "lambda"
    },
    "lambda": "λ",
    "Lambda": "Λ",
    "lamda": "λ",
    "Lamda": "Λ",
    "varphi": "φ",
    "ell": "ℓ",
}
_CONSTANTS = {
    sympy.pi: "<mi>π</mi>",
    sympy.E: "<mi mathvariant='normal'>e</mi>",
    sympy.I: "<mi mathvariant='normal'>i</mi>",
    sympy.oo: "<mi>∞</mi>",
    -sympy.oo: "<mrow><mo>&#x2212;</mo><mi>∞</mi></mrow>",
    sympy.EulerGamma: "<mi>γ</mi>",
    sympy.nan: "<mtext>undefined</mtext>",
}
_FUNCTIONS = {"log": "ln", "besselj": "J", "bessely": "Y", "besseli": "I", "besselk": "K"} | {
    "polygamma": "ψ", "loggamma": "lnΓ", "gamma": "Γ", "zeta": "ζ", "LambertW": "W", "beta": "B",
}  # fmt: skip
_ELEMENTARY = {
    *("sin", "cos", "tan", "sec", "csc", "cot"),
    *("sinh", "cosh", "tanh", "sech", "csch", "coth", "log"),
}
_INDEXED = {"besselj", "bessely", "besseli", "besselk"}


def math(expression: Any, *, display: bool = False) -> str:
    """Wrap an expression as a `<math>` element.

    Args:
        expression: a SymPy expression.
        display: on a line of its own, in large style.

    Returns:
        The element, ready to stand in a page.

    Example:
        >>> math(sympy.Symbol("theta"))
        '<math><mi>θ</mi></math>'
    """
    opening = "<math display='block'>" if display else "<math>"
    return f"{opening}{to_mathml(expression)}</math>"


def to_mathml(expression: Any) -> str:
    """Typeset an expression.

    Args:
        expression: a SymPy expression.

    Returns:
        Presentation MathML without the outer `<math>`; every name in it is escaped.

    Example:
        >>> x = sympy.Symbol("x")
        >>> to_mathml(x**2)
        '<msup><mi>x</mi><mn>2</mn></msup>'
    """
    return _render(sympy.sympify(expression, strict=True))


def name_to_mathml(name: str) -> str:
    """Typeset a name: Greek letters by name, what follows an underscore or a letter as subscript.

    Args:
        name: for example `theta`, `x_1`, `r0`.

    Returns:
        MathML of the name, escaped.

    Example:
        >>> name_to_mathml("phi_0")
        '<msub><mi>φ</mi><mn>0</mn></msub>'
    """
    parts = [part for part in name.split("_") if part] or [name]
    match = re.fullmatch(r"([^\W\d_]+)(\d+)", parts[0])
    if match and len(parts) == 1:
        parts = list(match.groups())
    head = _word(parts[0])
    if len(parts) == 1:
        return head
    return f"<msub>{head}{_row(*(_word(part) for part in parts[1:]))}</msub>"


def _word(text: str) -> str:
    if text.isdigit():
        return f"<mn>{text}</mn>"
    letter = _GREEK.get(text, text)
    upright = " mathvariant='normal'" if text[0].isupper() and letter != text else ""
    return f"<mi{upright}>{escape(letter)}</mi>"  # capital Greek letters stand upright


def _row(*parts: str) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _fence(inner: str) -> str:
    return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"


def _render(expr: Any, level: int = 0) -> str:
    """Render `expr`, in parentheses if it binds more loosely than `level` demands."""
    text, binding = _dispatch(expr)
    return _fence(text) if binding < level else text


def _dispatch(expr: Any) -> tuple[str, int]:
    if expr in _CONSTANTS:
        return _CONSTANTS[expr], _ATOM
    if expr.is_Symbol:
        return name_to_mathml(expr.name), _ATOM
    if expr.is_Number:
        return _number(expr)
    if expr.is_Add:
        return _sum(expr), _ADD
    if expr.is_Mul:
        return _product(expr)
    if expr.is_Pow or isinstance(expr, sympy.exp):
        return _power(*expr.as_base_exp())
    if isinstance(expr, sympy.Derivative):
        return _derivative(expr)
    if isinstance(expr, sympy.Subs):
        return _substituted(expr)
    if isinstance(expr, sympy.Abs):
        return f"<mrow><mo>|</mo>{_render(expr.args[0])}<mo>|</mo></mrow>", _ATOM
    if isinstance(expr, sympy.Function):
        return _function(expr, None)
    return f"<mtext>{escape(str(expr))}</mtext>", _ADD


def _number(number: Any) -> tuple[str, int]:
    if not number.is_Rational:
        return f"<mn>{escape(str(number))}</mn>", _ATOM
    size = f"<mn>{abs(number.p)}</mn>"
    if number.q != 1:
        size = f"<mfrac>{size}<mn>{number.q}</mn></mfrac>"
    if number.p < 0:
        return _row(_MINUS, size), _ADD
    return size, _ATOM if number.q == 1 else _MUL


def _sum(expr: Any) -> str:
    terms = list(expr.as_ordered_terms())
    lead = next((k for k, term in enumerate(terms) if not term.could_extract_minus_sign()), 0)
    terms.insert(0, terms.pop(lead))
    parts = []
    for position, term in enumerate(terms):
        negative = bool(term.could_extract_minus_sign()) and not term.is_Add
        if negative:
            parts.append(_MINUS)
        elif position:
            parts.append("<mo>+</mo>")
        parts.append(_render(-term if negative else term, _MUL))
    return _row(*parts)


def _product(expr: Any) -> tuple[str, int]:
    coefficient, _ = expr.as_coeff_Mul()
    if coefficient.is_number and coefficient.is_negative:
        return _row(_MINUS, _render(-expr, _MUL)), _ADD
    above: list[Any] = []
    below: list[Any] = []
    for factor in expr.as_ordered_factors():
        if factor.is_Rational:
            above += [sympy.Integer(factor.p)] if factor.p != 1 else []
            below += [sympy.Integer(factor.q)] if factor.q != 1 else []
        elif factor.is_Pow and _is_negative(factor.exp) and factor.base is not sympy.E:
            below.append(
                sympy.Pow(factor.base, -factor.exp, evaluate=False)
                if factor.exp != -1
                else factor.base
            )
        else:
            above.append(factor)
    if not below:
        return _factors(above), _MUL
    top = _factors(above) if above else "<mn>1</mn>"
    return f"<mfrac>{_row(top)}{_row(_factors(below))}</mfrac>", _MUL


def _is_negative(exponent: Any) -> bool:
    coefficient, _ = exponent.as_coeff_Mul()
    return bool(coefficient.is_negative)


def _factors(factors: list[Any]) -> str:
    """Juxtapose factors: numbers, letters, then sums and functions."""
    if len(factors) == 1:
        return _render(factors[0])
    ordered = sorted(factors, key=_rank)
    parts = [_render(ordered[0], _MUL if not ordered[0].is_Add else _POW)]
    for previous, factor in pairwise(ordered):
        digits = factor.is_Number or (factor.is_Pow and factor.base.is_Number)
        parts.append("<mo>·</mo>" if digits and previous.is_number else _TIMES)
        if _rank(factor) == _NAMED or _rank(previous) == _NAMED:
            parts.append("<mspace width='0.17em'></mspace>")
        parts.append(_render(factor, _POW if factor.is_Add else _MUL))
    return _row(*parts)


_NAMED = 4


def _rank(factor: Any) -> int:
    base = factor.as_base_exp()[0] if factor.is_Pow else factor
    if base.is_number:
        return 0
    if base.is_Symbol:
        return 1
    if isinstance(base, AppliedUndef | sympy.Derivative):
        return 2
    return 3 if base.is_Add or isinstance(factor, sympy.exp) or base is sympy.E else _NAMED


def _power(base: Any, exponent: Any) -> tuple[str, int]:
    if base is sympy.E:
        return f"<msup><mi mathvariant='normal'>e</mi>{_small(exponent)}</msup>", _POW
    if _is_negative(exponent):
        flipped = base if exponent == -1 else sympy.Pow(base, -exponent, evaluate=False)
        return f"<mfrac><mn>1</mn>{_row(_render(flipped))}</mfrac>", _MUL
    if exponent.is_Rational and exponent.p == 1 and exponent.q == 2:
        return f"<msqrt>{_render(base)}</msqrt>", _ATOM
    if exponent.is_Rational and exponent.p == 1 and exponent.q <= 9:
        return f"<mroot>{_row(_render(base))}<mn>{exponent.q}</mn></mroot>", _ATOM
    if isinstance(base, sympy.Function) and not isinstance(
        base, AppliedUndef | sympy.Abs | sympy.exp
    ):
        return _function(base, exponent)
    shown = f"<mn>{exponent}</mn>" if exponent.is_Integer else _small(exponent)
    return f"<msup>{_row(_render(base, _ATOM))}{shown}</msup>", _POW


def _small(exponent: Any) -> str:
    """Render an exponent; a fraction with a numeric denominator on one line."""
    above, below = exponent.as_numer_denom()
    if not below.is_Integer or below == 1:
        return _row(_render(exponent))
    sign = ""
    if above.could_extract_minus_sign():
        sign, above = _MINUS, -above
    return f"<mrow>{sign}{_render(above, _MUL)}<mo>/</mo><mn>{below}</mn></mrow>"


def _function(expr: Any, exponent: Any) -> tuple[str, int]:
    """Render a function, its power written at the name: sin^2 theta."""
    if isinstance(expr, AppliedUndef) and all(arg.is_Symbol for arg in expr.args):
        return name_to_mathml(expr.func.__name__), _ATOM
    name, arguments = expr.func.__name__, list(expr.args)
    head = name_to_mathml(name) if isinstance(expr, AppliedUndef) else _head(name)
    if name in _INDEXED:
        head = f"<msub>{head}{_row(_render(arguments.pop(0)))}</msub>"
    elif name == "polygamma":
        order = arguments.pop(0)
        head = f"<msup>{head}{_fence(_render(order))}</msup>" if order != 0 else head
    if exponent is not None:
        head = f"<msup>{_row(head)}{_row(_render(exponent))}</msup>"
    if len(arguments) == 1 and arguments[0].is_Symbol and name in _ELEMENTARY:
        return _row(head, _APPLY, "<mspace width='0.1em'></mspace>", _render(arguments[0])), _MUL
    inner = "<mo>,</mo>".join(_render(argument) for argument in arguments)
    return _row(head, _APPLY, _fence(inner)), _POW


def _head(name: str) -> str:
    shown = _FUNCTIONS.get(name, name)
    if name.startswith(("asin", "acos", "atan", "asec", "acsc", "acot")) and not name.endswith("2"):
        shown = ("ar" if name.endswith("h") else "arc") + name[1:]
    return f"<mi>{escape(shown)}</mi>"


def _derivative(expr: Any) -> tuple[str, int]:
    inner, orders = expr.expr, expr.variable_count
    if isinstance(inner, AppliedUndef) and len(inner.args) == 1 and inner.args[0].is_Symbol:
        return _primed(name_to_mathml(inner.func.__name__), int(orders[0][1])), _ATOM
    variables = [_render(variable) for variable, order in orders for _ in range(int(order))]
    if isinstance(inner, AppliedUndef) and all(arg.is_Symbol for arg in inner.args):
        return f"<msub>{name_to_mathml(inner.func.__name__)}{_row(*variables)}</msub>", _ATOM
    dels = [f"<msub><mo form='prefix'>∂</mo>{variable}</msub>" for variable in variables]
    return _row(*dels, _render(inner, _ATOM)), _POW


def _primed(head: str, order: int) -> str:
    if order <= 3:  # as text: fonts without mathematics have a prime that is raised already
        return f"<mrow>{head}<mtext class='prime'>{'′' * order}</mtext></mrow>"
    return f"<msup>{head}{_fence(f'<mn>{order}</mn>')}</msup>"


def _substituted(expr: Any) -> tuple[str, int]:
    """Render f'(x^2 + y^2), which SymPy writes as a Subs of a Derivative."""
    inner = expr.expr
    if isinstance(inner, sympy.Derivative) and isinstance(inner.expr, AppliedUndef):
        slots = dict(zip(expr.variables, expr.point, strict=True))
        arguments = "<mo>,</mo>".join(_render(slots.get(arg, arg)) for arg in inner.expr.args)
        order = sum(int(count) for _, count in inner.variable_count)
        head = name_to_mathml(inner.expr.func.__name__)
        if len(inner.expr.args) == 1:
            return _row(_primed(head, order), _APPLY, _fence(arguments)), _POW
        places = [
            f"<mn>{inner.expr.args.index(variable) + 1}</mn>" * int(count)
            for variable, count in inner.variable_count
        ]
        return _row(f"<msub>{head}{_row(*places)}</msub>", _APPLY, _fence(arguments)), _POW
    return f"<mtext>{escape(str(expr))}</mtext>", _ADD
