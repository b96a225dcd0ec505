r"""Line elements, as text or LaTeX, to the symmetric matrix of the metric.

`dr` is the differential of the coordinate `r`. The line element is a homogeneous quadratic form in
the differentials; brackets such as `(dt - a*sin(theta)**2*dphi)**2` are multiplied out with respect
to the differentials only, and the coefficients stay as they were written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from geomkit.errors import ParseError
from geomkit.expressions.build import Builder
from geomkit.expressions.latex import LatexReader
from geomkit.expressions.latex_differentials import at_differential
from geomkit.expressions.latex_tokens import LatexToken
from geomkit.expressions.names import Scope, canonical_name
from geomkit.expressions.render import to_text
from geomkit.expressions.text import parse_scoped

__all__ = ["line_element_coordinates", "parse_latex_line_element", "parse_line_element"]

_Form = dict[tuple[Any, ...], list[Any]]
"""A polynomial in the differentials: sorted differentials of a monomial -> its coefficients."""


def parse_line_element(
    text: str, coordinates: Sequence[Any], names: Mapping[str, Any], *, where: str = ""
) -> sympy.ImmutableDenseMatrix:
    """Read a line element in SymPy's notation.

    Args:
        text: for instance `"-(1 - 2*M/r)*dt**2 + ..."`; a prefix `ds**2 =` may stand before it.
        coordinates: names or symbols of the coordinates.
        names: what each declared name stands for (coordinates may be among them).
        where: what the text is, put in front of error messages.

    Returns:
        The symmetric matrix g_ij with ds^2 = g_ij dx^i dx^j.

    Raises:
        ParseError: when the text is no homogeneous quadratic form in the differentials.

    Example:
        >>> parse_line_element("dr**2 + r**2*(dphi - 2*dr)**2", ["r", "phi"], {})
        Matrix([
        [4*r**2 + 1, -2*r**2],
        [   -2*r**2,    r**2]])
    """
    if not isinstance(text, str):
        raise ParseError(f"a text was expected, not {type(text).__name__}", where=where)
    table, differentials = _tables(coordinates, names, where, text)
    scope = Scope(table | {f"d{name}": symbol for name, symbol in differentials.items()})
    left, equals, right = text.partition("=")
    if equals and left.replace(" ", "").replace("^", "**") not in ("ds**2", "ds²", "g"):
        raise ParseError(
            "only ds**2 may stand before the equals sign", text=text, position=0, where=where
        )
    # blanks instead of the prefix: positions in messages stay those of the given text
    formula = " " * (len(left) + 1) + right if equals else text
    expression = parse_scoped(formula, scope, where=where)
    return _matrix(expression, list(differentials.values()), Builder(text, where))


def parse_latex_line_element(
    text: str, coordinates: Sequence[Any] | None, names: Mapping[str, Any], *, where: str = ""
) -> tuple[tuple[str, ...], sympy.ImmutableDenseMatrix]:
    r"""Read a line element in LaTeX.

    Args:
        text: for instance `ds^2 = dr^2 + r^2 d\Omega^2`.
        coordinates: names or symbols of the coordinates; None takes the declared symbols whose
            differentials occur, in the order of their first occurrence.
        names: what each declared name stands for (coordinates may be among them).
        where: what the text is, put in front of error messages.

    Returns:
        Names of the coordinates, and the symmetric matrix g_ij with ds^2 = g_ij dx^i dx^j.

    Raises:
        ParseError: when the text is no homogeneous quadratic form in the differentials.

    Example:
        >>> parse_latex_line_element(r"ds^2 = dr^2 + r^2\,d\varphi^2", ["r", "phi"], {})[1]
        Matrix([
        [1,    0],
        [0, r**2]])
    """
    if not isinstance(text, str):
        raise ParseError(f"a text was expected, not {type(text).__name__}", where=where)
    if coordinates is None:
        coordinates = line_element_coordinates(text, names, where=where)
    table, differentials = _tables(coordinates, names, where, text)
    reader = LatexReader(text, Scope(table), where, differentials)
    _skip_prefix(reader)
    expression = reader.read()
    twice = sorted(reader.explicit & reader.implied)
    if twice:
        raise reader.builder.error(
            f"d{twice[0]} is written and also stands inside d\\Omega^2 or d\\vec{{x}}^2; write the "
            "differentials out for each coordinate",
            None,
        )
    matrix = _matrix(expression, list(differentials.values()), reader.builder)
    return tuple(differentials), matrix


def line_element_coordinates(
    text: str, names: Mapping[str, Any], *, where: str = ""
) -> tuple[str, ...]:
    r"""Find the coordinates of a LaTeX line element by their differentials.

    Args:
        text: the line element.
        names: what each declared name stands for.
        where: what the text is, put in front of error messages.

    Returns:
        Declared names whose differentials occur, in the order of their first occurrence.

    Example:
        >>> import sympy
        >>> names = {name: sympy.Symbol(name) for name in ("r", "theta", "M")}
        >>> line_element_coordinates(r"\frac{dr^2}{1-2M/r} + r^2 d\theta^2", names)
        ('r', 'theta')
    """
    scope = Scope(names)
    symbols = {name: sympy.Dummy(f"d{name}") for name, v in scope.table.items() if v.is_Symbol}
    reader = LatexReader(text, scope, where, symbols)
    _skip_prefix(reader)
    found = reader.read().atoms(sympy.Dummy)
    by_name = {name: symbol for name, symbol in symbols.items() if symbol in found}
    return tuple(sorted(by_name, key=lambda name: _first(reader, name, symbols)))


def _first(reader: LatexReader, name: str, symbols: Mapping[str, Any]) -> int:
    """Index of the first token where the differential of a name is read."""
    for index in range(len(reader.stream.tokens)):
        reader.stream.index = index
        if reader.stream.peek().text[:1] == "d" and at_differential(reader):
            value = reader.atom()
            if symbols[name] in value.free_symbols:
                return index
    return len(reader.stream.tokens)


def _tables(
    coordinates: Sequence[Any], names: Mapping[str, Any], where: str, text: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Declared names with the coordinates, and the symbols of the differentials."""
    table = {canonical_name(name): value for name, value in names.items()}
    differentials: dict[str, Any] = {}
    for given in coordinates:
        name = canonical_name(str(given))
        if isinstance(given, sympy.Symbol):
            table[name] = given
        symbol = table.setdefault(name, sympy.Symbol(name, real=True))
        if not isinstance(symbol, sympy.Symbol):
            raise ParseError(f"the coordinate {name} is declared as {symbol}", where=where)
        differentials[name] = sympy.Dummy(f"d{name}", real=True)
    for name in differentials:
        if f"d{name}" in table:
            raise ParseError(
                f"d{name} is declared, and is the differential of {name} as well; rename it",
                text=text,
                where=where,
            )
    return table, differentials


def _skip_prefix(reader: LatexReader) -> None:
    """Pass over `ds^2 =`; anything else before an equals sign is refused."""
    stream = reader.stream
    signs = [i for i, token in enumerate(stream.tokens) if token.text == "="]
    if not signs:
        return
    left = stream.tokens[: signs[0]]
    if len(signs) > 1:
        raise reader.error("several equals signs; give one line element", stream.tokens[signs[1]])
    if not _is_interval(left):
        raise reader.error("only ds^2 may stand before the equals sign", stream.tokens[0])
    stream.index = signs[0] + 1


def _is_interval(tokens: Sequence[LatexToken]) -> bool:
    r"""Whether tokens are ds^2, d\sigma_4^2, dl^{2}, ds_{\rm BH}^2, g."""
    texts = [token.text for token in tokens]
    if texts[:1] == ["g"] and len(texts) <= 4:
        return True
    if texts[:1] == ["-"] and texts[2:3] == ["tau"]:
        texts = texts[1:]  # -d\tau^2 = ds^2
    if texts[:1] != ["d"] or len(texts) < 4 or len(texts) > 12:
        return texts == ["ds", "^", "2"]
    return texts[1] in ("s", "l", "ell", "sigma", "tau", "S", "Sigma") and "^" in texts[2:]


# quadratic forms ------------------------------------------------------------------------------


def _matrix(expression: Any, differentials: list[Any], builder: Builder) -> Any:
    """Matrix of the quadratic form."""
    place = {symbol: index for index, symbol in enumerate(differentials)}
    form = _form(expression, place, builder)
    size = len(differentials)
    entries = [[sympy.S.Zero] * size for _ in range(size)]
    for monomial, coefficients in form.items():
        total = builder.add(coefficients, None)
        if total.is_zero and len(monomial) != 2:
            continue
        if len(monomial) != 2:
            raise _not_quadratic(total, monomial, builder)
        i, j = (place[symbol] for symbol in monomial)
        if i == j:
            entries[i][i] = total
        else:
            entries[i][j] = entries[j][i] = builder.multiply([sympy.Rational(1, 2), total], None)
    return sympy.ImmutableDenseMatrix(entries)


def _not_quadratic(coefficient: Any, monomial: Sequence[Any], builder: Builder) -> ParseError:
    term = sympy.Mul(coefficient, *monomial)
    names = " ".join(str(symbol.name) for symbol in monomial) or "no differential"
    shown = to_text(term.xreplace({s: sympy.Symbol(s.name) for s in monomial}))
    return builder.error(
        f"the term {shown[:120]} has {names}; each term of a line element has two differentials",
        None,
    )


def _form(expression: Any, place: Mapping[Any, int], builder: Builder) -> _Form:
    """Expand an expression with respect to the differentials, up to second order."""
    builder.charge(1, None)
    if expression in place:
        return {(expression,): [sympy.S.One]}
    if expression.free_symbols.isdisjoint(place):
        return {(): [expression]}
    if expression.is_Add:
        return _sum([_form(term, place, builder) for term in expression.args])
    if expression.is_Mul:
        result: _Form = {(): [sympy.S.One]}
        for factor in expression.args:
            result = _product(result, _form(factor, place, builder), place, builder)
        return result
    if expression.is_Pow and expression.exp in (1, 2):
        base = _form(expression.base, place, builder)
        return _product(base, base, place, builder)
    symbol = next(symbol for symbol in place if symbol in expression.free_symbols)
    shown = to_text(expression.xreplace({s: sympy.Symbol(s.name) for s in place}))
    raise builder.error(
        f"{symbol.name} occurs in {shown[:120]}; differentials may be multiplied and squared only",
        None,
    )


def _sum(forms: Sequence[_Form]) -> _Form:
    total: _Form = {}
    for form in forms:
        for monomial, coefficients in form.items():
            total.setdefault(monomial, []).extend(coefficients)
    return total


def _product(left: _Form, right: _Form, place: Mapping[Any, int], builder: Builder) -> _Form:
    result: _Form = {}
    for first, some in left.items():
        for second, others in right.items():
            monomial = tuple(sorted((*first, *second), key=place.__getitem__))
            builder.charge(len(some) * len(others), None)
            a, b = builder.add(some, None), builder.add(others, None)
            if len(monomial) > 2:
                raise _not_quadratic(builder.multiply([a, b], None), monomial, builder)
            result.setdefault(monomial, []).append(builder.multiply([a, b], None))
    return result
