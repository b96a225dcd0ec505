"""What a call of a kernel returns: a named tuple that can be pickled."""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import Any

__all__ = ["values_type"]


@cache
def values_type(names: tuple[str, ...]) -> Any:
    """Return the class of named tuples with these fields.

    It is made while the program runs, so pickle cannot import it: copies are made by calling
    `values_type` again. Names that tuples cannot have get another: `_1` for the second one.

    Args:
        names: the names.

    Returns:
        The class; the same one for the same names.

    Example:
        >>> import pickle
        >>> values = values_type(("scalar", "ricci"))(1.0, 2.0)
        >>> pickle.loads(pickle.dumps(values))
        Values(scalar=1.0, ricci=2.0)
    """
    base: Any = namedtuple("Values", names, rename=True)  # type: ignore[misc]

    def reduce(self: Any) -> tuple[Any, ...]:
        return _again, (names, tuple(self))

    return type("Values", (base,), {"__slots__": (), "__reduce__": reduce, "__doc__": base.__doc__})


def _again(names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    return values_type(names)(*values)
