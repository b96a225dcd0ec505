"""Is the matrix a metric: symmetric, and regular somewhere in the domain?

The checks are numerical, at rational points of the domain, and quick: the exact questions belong
to the field above. They refuse what cannot work, with the entry and the point at fault.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

import mpmath
import sympy

from geomkit.domain import Point
from geomkit.errors import MetricError
from geomkit.metric.declarations import Declarations
from geomkit.metric.functions import concretise
from geomkit.metric.magnitude import is_moderate

__all__ = ["GeomkitWarning", "check_regular", "symmetrised", "warn_unused"]

# Few digits settle nearly every metric; many are used before one is called degenerate. What is
# smaller than 10^(10 - digits), relative to its row, counts as zero: ten digits are for rounding.
_FEW, _MANY, _ROUNDING = 30, 250, 10
_POINTS = 40  # tried, until one is regular
# SymPy raises its working precision until digits are significant; what then is below is zero.
_SAME = mpmath.mpf(10) ** -40
# What coordinates are usually called.
_COORDINATE = re.compile(r"(t|r|x|y|z|u|v|rho|tau|eta|xi|chi|psi|theta|vartheta|phi|varphi)_?\d*\Z")
_ENOUGH = 6  # finite points at which the determinant vanishes: then it vanishes


class GeomkitWarning(UserWarning):
    """Something that works, but is probably not what was meant."""


def symmetrised(
    stated: sympy.ImmutableDenseMatrix, declarations: Declarations
) -> sympy.ImmutableDenseMatrix:
    """Return the matrix with g_ji written as g_ij, once both are found to be equal.

    Args:
        stated: the matrix as read.
        declarations: its names and domain.

    Returns:
        The symmetric matrix.

    Raises:
        MetricError: naming the first entry where g_ij and g_ji differ.
    """
    n = stated.rows
    pairs = [(i, j) for i in range(n) for j in range(i) if stated[i, j] != stated[j, i]]
    if not pairs:
        return stated
    points = list(islice(declarations.domain.stream(attempts=_POINTS), _ENOUGH))
    for i, j in pairs:
        difference = declarations.resolve(stated[j, i] - stated[i, j])
        if difference == 0:
            continue
        concrete = concretise(difference, declarations.functions)
        values = [_value(concrete, point, _FEW) for point in points]
        known = [value for value in values if value is not None]
        if not known or any(abs(value) > _SAME for value in known):
            raise MetricError(
                f"the matrix is not symmetric: g[{j},{i}] - g[{i},{j}] = "
                f"{_short(stated[j, i] - stated[i, j])}; give the full matrix with equal entries "
                "on both sides of the diagonal, or a line element (Metric.from_line_element)"
            )
    return sympy.ImmutableDenseMatrix(n, n, lambda i, j: stated[min(i, j), max(i, j)])


def check_regular(matrix: sympy.ImmutableDenseMatrix, declarations: Declarations) -> None:
    """Refuse a metric that has no regular point in its domain.

    Args:
        matrix: the symmetric matrix, resolved.
        declarations: its names and domain.

    Raises:
        MetricError: if the determinant vanishes wherever it is finite, or is finite nowhere.
    """
    concrete = concretise(matrix, declarations.functions)
    singular: list[Point] = []
    trouble = ""
    for point in declarations.domain.stream(attempts=_POINTS):
        values = _matrix_at(concrete, point, _FEW)
        if isinstance(values, tuple):
            trouble = trouble or _describe(matrix, values, point)
        elif _nonzero_determinant(values, _FEW) or (
            not singular and _regular_at(concrete, point, _MANY)
        ):
            return
        else:
            singular.append(point)
            if len(singular) == _ENOUGH:
                break
    if singular:
        raise MetricError(
            f"the metric is degenerate: its determinant is 0 at all {len(singular)} sample points "
            f"of the domain, for example at {_shown(singular[0])}; a metric needs det g != 0: "
            "look for dependent or missing rows, or remove a coordinate"
        )
    raise MetricError(
        f"the domain has no regular point among {_POINTS} sample points{trouble}; give boxes in "
        "which the metric is finite and real, as domain = {r = [lower, upper]}"
    )


def warn_unused(matrix: sympy.ImmutableDenseMatrix, declarations: Declarations) -> None:
    """Warn about coordinates that the entries do not use while something like them is in use.

    A coordinate that does not occur is usual: t in Schwarzschild, z in a product with a line. It is
    suspect if another name that differs by case or underscores only does occur; and if no
    coordinate occurs at all, but a parameter with the name of a coordinate (r, theta): then the
    curvature would vanish because that parameter is constant.

    Args:
        matrix: the matrix, resolved.
        declarations: its names.
    """
    used = matrix.free_symbols
    unused = [x for x in declarations.coordinates if x not in used]
    for x in unused:
        for other in used:
            if _look(other.name) == _look(x.name):
                _warn(
                    f"the coordinate {x} is never used, but {other} is; if they are the same, "
                    "write one name for both"
                )
                return
    suspects = [s for s in sorted(used, key=str) if _COORDINATE.match(s.name)]
    if suspects and len(unused) == len(declarations.coordinates):
        _warn(
            f"the coordinates {', '.join(map(str, unused))} are never used, but the parameter "
            f"{suspects[0]} is: as it stands the metric is constant and flat; if {suspects[0]} is "
            "meant to be a coordinate, declare it as one"
        )


def _regular_at(matrix: Any, point: Point, digits: int) -> bool:
    values = _matrix_at(matrix, point, digits)
    return not isinstance(values, tuple) and _nonzero_determinant(values, digits)


def _matrix_at(matrix: Any, point: Point, digits: int) -> list[list[Any]] | tuple[int, int]:
    """The matrix at a point, or the entry (i, j) that has no real finite value there."""
    n = matrix.rows
    rows: list[list[Any]] = [[mpmath.mpf(0)] * n for _ in range(n)]
    known: dict[Any, Any] = {}
    for i, j in _upper_triangle(n):
        entry = matrix[i, j]
        if entry not in known:
            known[entry] = _value(entry, point, digits)
        if known[entry] is None:
            return i, j
        rows[i][j] = rows[j][i] = known[entry]
    return rows


def _upper_triangle(n: int) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(n) for j in range(i, n))


def _value(expression: sympy.Expr, point: Point, digits: int) -> Any:
    """A real number as mpf, or None where the expression has no such value."""
    if expression.is_Rational:
        with mpmath.workdps(digits):
            return mpmath.mpf(int(expression.p)) / int(expression.q)
    if not is_moderate(expression, point):
        return None
    try:
        number = expression.evalf(digits, subs=point)
        re, im = number.as_real_imag()
        if not (re.is_number and re.is_finite and im.is_number):
            return None
        if abs(im) > abs(re) / 10**20:
            return None
        return re._to_mpmath(4 * digits)  # bits, more than there are
    except (ArithmeticError, ValueError, TypeError, AttributeError, NotImplementedError):
        return None  # a pole of a special function, for instance


def _nonzero_determinant(rows: list[list[Any]], digits: int) -> bool:
    """Whether |det| is more than rounding, by elimination with pivots scaled to their rows."""
    n = len(rows)
    with mpmath.workdps(digits):
        tiny = mpmath.mpf(10) ** (_ROUNDING - digits)
        scaled = []
        for row in rows:
            size = max(map(abs, row))
            if size == 0:
                return False
            scaled.append([x / size for x in row])
        for k in range(n):
            pivot = max(range(k, n), key=lambda i: abs(scaled[i][k]))
            if abs(scaled[pivot][k]) < tiny:
                return False
            scaled[k], scaled[pivot] = scaled[pivot], scaled[k]
            for row in scaled[k + 1 :]:
                factor = row[k] / scaled[k][k]
                row[k:] = [x - factor * y for x, y in zip(row[k:], scaled[k][k:], strict=True)]
    return True


def _describe(matrix: Any, entry: tuple[int, int], point: Point) -> str:
    i, j = entry
    shown = _short(matrix[i, j])
    return f": at {_shown(point)}, say, g[{i},{j}] = {shown} is not a real number of moderate size"


def _shown(point: Point) -> str:
    return ", ".join(f"{symbol} = {value}" for symbol, value in point.items())


def _short(expression: Any, limit: int = 120) -> str:
    text = str(expression)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _look(name: str) -> str:
    return name.lower().replace("_", "")


def _warn(message: str) -> None:
    # point at the user's line, however many constructors lie between
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("geomkit."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, GeomkitWarning, stacklevel=level)
