"""Reading a certificate that somebody else may have written: types, keys, sums."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from .model import Accuracy

__all__ = ["made", "sums_differ"]

_NUMBERS = ("inf", "-inf", "nan")
# Of all quantities together there are as many as of each added up.
_SUMS = (
    "components",
    "zeros",
    "random_pairs",
    "adversarial_pairs",
    "beyond",
    "unexplained",
    "at_zeros",
    "not_finite",
)


def made(hint: Any, value: Any, where: str = "certificate") -> Any:
    """Build a value of a type from what JSON holds.

    Args:
        hint: a type: a dataclass, a tuple or a mapping of types, text, number or truth value.
        value: what was read.
        where: what it is, for messages.

    Returns:
        The value; "inf", "-inf" and "nan" become numbers.

    Raises:
        TypeError: it is of another type; the message says where.
        KeyError: something is missing.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        assert isinstance(hint, type)
        hints = get_type_hints(hint)
        given = _checked(dict, value, where)
        return hint(**{f.name: made(hints[f.name], given[f.name], f.name) for f in fields(hint)})
    if origin is tuple:
        items = _checked(list, value, where)
        return tuple(made(arguments[0], item, where) for item in items)
    if origin in (Mapping, dict):
        table = _checked(dict, value, where)
        return {str(key): made(arguments[1], item, where) for key, item in table.items()}
    if hint is float:
        number = float(value) if value in _NUMBERS else value
        return float(_checked(int | float, number, where))
    return _checked(hint, value, where)


def _checked(kind: type | types.UnionType, value: Any, where: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{where} is {str(value)[:40]!r}")
    return value


def sums_differ(rows: Sequence[Accuracy]) -> bool:
    """Whether the last row, of all quantities together, is not what the other rows add up to.

    Args:
        rows: the numeric part of a certificate.

    Returns:
        True if a count, or the largest error, is another one.
    """
    *each, together = rows
    counts = any(sum(getattr(r, n) for r in each) != getattr(together, n) for n in _SUMS)
    largest = max((row.relative.get("max", 0.0) for row in each), default=0.0)
    ratio = max((row.largest_ratio for row in each), default=0.0)
    return counts or largest != together.relative.get("max", 0.0) or ratio != together.largest_ratio
