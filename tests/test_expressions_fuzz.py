"""Fuzzing: whatever is typed gives an expression or a ParseError, soon; what is written reads back.

The round trips compare with the expression that was written, not with another parser: equal as
SymPy objects for text, equal in value at a rational point (50 digits of mpmath) for LaTeX.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from geomkit.errors import ParseError
from geomkit.expressions import (
    parse,
    parse_latex,
    parse_latex_line_element,
    parse_line_element,
    to_latex,
    to_text,
)

x, y, theta, lam = sp.symbols("x y theta lambda", real=True)
r = sp.Symbol("r", positive=True)
a = sp.Function("a", real=True)
f = sp.Function("f", real=True)
NAMES: dict[str, Any] = {
    "x": x,
    "y": y,
    "theta": theta,
    "lambda": lam,
    "r": r,
    "a": a(r),
    "f": f(x, y),
}
POINT = {
    x: sp.Rational(7, 5),
    y: sp.Rational(3, 4),
    theta: sp.Rational(5, 6),
    lam: sp.Rational(2, 7),
    r: sp.Rational(9, 8),
}
# the promise is a second of CPU time; a busy machine also slows down the clock of threads a little
SECONDS = 1.5

TEXT_TOKENS = [
    *("x", "y", "theta", "θ", "lambda", "r", "a", "f", "q", "pi", "E", "I", "oo", "__class__"),
    *("sin", "exp", "sqrt", "log", "Abs", "Max", "gamma", "factorial", "zeta", "binomial"),
    *("diff", "Derivative", "Piecewise", "True", "besselj", "polygamma", "LambertW", "atan2"),
    *("0", "1", "2", "-1", "0.5", "1e3", "99999999", "1/3", "10**9", "(", ")", "(", ")", ","),
    *("+", "-", "*", "/", "**", "^", "<", ">=", "==", "&", "|", "²", " ", "\n", "=", "dx", "dx**2"),
    *(".", "[", "]", "{", "}", ":", ";", "'", '"', "\\", "#", "@", "%", "!", "$", "~", "\x00"),
    *(
        "if",
        "else",
        "for",
        "in",
        "not",
        "is",
        "await",
        "yield",
        "import",
        "f'",
        "(x:=1)",
        "...",
        "//",
    ),
]
LATEX_TOKENS = [
    *("x", "y", r"\theta", r"\vartheta", r"\lambda", "r", "a", "f", "q", r"\pi", "e", "i", "d"),
    *(
        r"\sin",
        r"\sin^2",
        r"\exp",
        r"\sqrt",
        r"\sqrt[3]",
        r"\ln",
        r"\Gamma",
        "|",
        "!",
        "'",
        r"\dot",
    ),
    *(r"\frac", r"\frac{1}{2}", r"\frac{d}{dr}", r"\partial_x", r"\over", r"\operatorname{erf}"),
    *("0", "1", "2", "10", "0.5", "99999999", "{", "}", "(", ")", "[", "]", "^", "^2", "_", "_1"),
    *("+", "-", "/", r"\cdot", "=", ",", r"\,", r"\left", r"\right", r"\!", "&", r"\\", "$", " "),
    *(r"d\Omega^2", r"d\vec{x}^2", r"\mathrm{d}", "dx", "dr^2", "ds^2=", r"\tilde", r"\mathbf{x}"),
    *(r"\begin{align}", r"\end", r"\foo", "%", "~", "#", "\x00", r"\text{foo}", r"\rm", r"\infty"),
]


def answers(read: Callable[[str], Any], text: str) -> Any | None:
    """What a parser says about a text: an expression, or None for a ParseError, soon."""
    start = time.thread_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result, trouble = read(text), None
        except ParseError as error:
            result, trouble = None, error
    if trouble is not None:
        assert trouble.message
        assert trouble.position is None or 0 <= trouble.position <= len(text)
    assert time.thread_time() - start < SECONDS
    return result


def pieces(tokens: list[str]) -> st.SearchStrategy[str]:
    """Token strings: much more often nearly right than random letters."""
    return st.lists(st.sampled_from(tokens), max_size=40).map("".join)


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    result = answers(lambda given: parse(given, NAMES), text)
    assert result is None or isinstance(result, sp.Expr)


@given(pieces(TEXT_TOKENS))
def test_any_tokens(text: str) -> None:
    result = answers(lambda given: parse(given, NAMES), text)
    assert result is None or isinstance(result, sp.Expr)


@given(pieces(TEXT_TOKENS))
def test_any_line_element(text: str) -> None:
    answers(lambda given: parse_line_element(given, ["x", "y"], NAMES), text)


@given(st.text(max_size=300))
def test_any_latex(text: str) -> None:
    result = answers(lambda given: parse_latex(given, NAMES), text)
    assert result is None or isinstance(result, sp.Expr)


@given(pieces(LATEX_TOKENS))
def test_any_latex_tokens(text: str) -> None:
    result = answers(lambda given: parse_latex(given, NAMES), text)
    assert result is None or isinstance(result, sp.Expr)


@given(pieces(LATEX_TOKENS))
def test_any_latex_line_element(text: str) -> None:
    answers(lambda given: parse_latex_line_element(given, ["x", "r"], NAMES), text)


@given(
    st.sampled_from(["(", "-", "sin(", "x**", "2*", "1/(", "Abs(", "diff(", "f(", "9**", "+x"]),
    st.integers(1, 6000),
)
def test_repetitions(piece: str, count: int) -> None:
    closing = ")" * count if piece.endswith("(") else ""
    answers(lambda given: parse(given, NAMES), f"{piece * count}x{closing}")


# round trips ----------------------------------------------------------------------------------


def _grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    functions = [sp.sin, sp.cos, sp.tan, sp.exp, sp.sinh, sp.cosh, sp.tanh, sp.atan, sp.asinh]
    return st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda terms: sp.Add(*terms)),
        st.lists(inner, min_size=2, max_size=3).map(lambda factors: sp.Mul(*factors)),
        st.tuples(inner, st.integers(-3, 3)).map(lambda pair: sp.Pow(*pair)),
        st.tuples(inner, st.sampled_from([2, 3])).map(lambda p: sp.root(1 + p[0] ** 2, p[1])),
        st.tuples(st.sampled_from(functions), inner).map(lambda pair: pair[0](pair[1])),
        inner.map(lambda e: sp.log(1 + e**2)),
        inner.map(lambda e: sp.Abs(e)),
    )


LEAVES = st.one_of(
    st.sampled_from([x, y, theta, lam, r]),
    st.fractions(-9, 9, max_denominator=12).map(lambda q: sp.Rational(q.numerator, q.denominator)),
    st.sampled_from([sp.pi, sp.sqrt(2)]),
)
JETS = st.sampled_from(
    [
        a(r),
        a(r).diff(r),
        a(r).diff(r, 2),
        f(x, y),
        f(x, y).diff(x, y),
        f(x, y).diff(y, 2),
        a(x**2).diff(x),
    ]
)
NUMERIC = st.recursive(LEAVES, _grow, max_leaves=8)
SYMBOLIC = st.recursive(st.one_of(LEAVES, JETS), _grow, max_leaves=8)


def is_finite_and_real(expression: sp.Expr) -> bool:
    """Whether an expression is one that the parsers promise to read."""
    return not expression.has(sp.zoo, sp.nan, sp.oo, sp.I, sp.re, sp.im)


@given(SYMBOLIC)
def test_text_reads_back(expression: sp.Expr) -> None:
    assume(is_finite_and_real(expression))
    assert same(parse(to_text(expression), NAMES), expression)


@given(SYMBOLIC)
def test_latex_of_functions_reads_back(expression: sp.Expr) -> None:
    assume(is_finite_and_real(expression))
    assert same(parse_latex(to_latex(expression), NAMES), expression)


def same(result: sp.Expr, expression: sp.Expr) -> bool:
    """Whether two expressions are equal, functions and their derivatives being independent.

    SymPy does not always evaluate Abs(Abs(x)), and only at the second attempt sorts some sums; so
    values decide when the trees differ.
    """
    if result == expression:
        return True
    difference = result - expression
    jets = list(difference.atoms(sp.Subs))
    jets += sorted(difference.atoms(sp.Derivative), key=lambda d: -d.derivative_count)
    jets += sorted(difference.atoms(sp.core.function.AppliedUndef), key=str)
    values = {jet: sp.Rational(3 + i, 5 + 2 * i) for i, jet in enumerate(jets)}
    return vanishes(difference.xreplace(values), expression.xreplace(values))


@given(NUMERIC)
def test_latex_reads_back(expression: sp.Expr) -> None:
    assume(is_finite_and_real(expression))
    assert vanishes(parse_latex(to_latex(expression), NAMES) - expression, expression)


def vanishes(difference: sp.Expr, scale: sp.Expr) -> bool:
    """Whether a difference is zero at the sample point, to 40 of 60 digits."""
    if difference == 0:
        return True
    symbols = list(POINT)
    with mpmath.workdps(60):
        point = [mpmath.mpf(q.p) / q.q for q in POINT.values()]
        try:
            error = sp.lambdify(symbols, difference, "mpmath")(*point)
            size = sp.lambdify(symbols, scale, "mpmath")(*point)
        except (ZeroDivisionError, OverflowError, ValueError):
            return True  # the point is a pole: nothing to compare
        # 60 digits, of which cancellation between a dozen operations may take some
        return bool(abs(error) <= mpmath.mpf(10) ** -40 * (1 + abs(size)))


def test_the_comparison_can_fail() -> None:
    assert not vanishes(x - y, x)
    assert vanishes(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1, x)


@given(st.lists(NUMERIC, min_size=3, max_size=3))
def test_line_elements_read_back(entries: list[sp.Expr]) -> None:
    assume(all(is_finite_and_real(entry) for entry in entries))
    e, two_f, g = entries
    text = f"({to_text(e)})*dx**2 + ({to_text(two_f)})*dx*dy + ({to_text(g)})*dy**2"
    matrix = parse_line_element(text, ["x", "y"], NAMES)
    assert matrix.is_symmetric()
    for place, expected in (((0, 0), e), ((0, 1), two_f / 2), ((1, 1), g)):
        assert same(matrix[place], expected)
