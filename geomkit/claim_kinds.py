"""The kinds of claims: which keys each has, and what they may contain.

One table, `CLAIM_KINDS`, and one checker for each shape of value. A checker returns the value in
its normal form or raises `Unfit`, which says what was expected; the reader adds file and key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy

from geomkit.expressions import check_exact, to_text
from geomkit.expressions.names import canonical_name, is_name
from geomkit.metric.names import nearest

__all__ = [
    "CLAIM_KINDS",
    "COMMON_KEYS",
    "Checker",
    "Declared",
    "KeySpec",
    "Unfit",
    "key_part",
    "meant_kind",
]


class Unfit(Exception):
    """A value has the wrong shape.

    Args:
        message: what was found.
        remedy: what to write.
        key: where inside the value, e.g. `[2]`.
    """

    def __init__(self, message: str, remedy: str, key: str = "") -> None:
        super().__init__(message)
        self.message, self.remedy, self.key = message, remedy, key


@dataclass(frozen=True)
class Declared:
    """What a claim may refer to.

    Args:
        coordinates: names of the coordinates.
        names: all names that are taken.
    """

    coordinates: tuple[str, ...]
    names: frozenset[str]


# What remains of \frac, \beta, \theta, \nabla, \rho ... in double quotes.
_ESCAPED = re.compile(r"[\f\b]|\t(?:heta|an|au|imes|ext)|\nabla|\r(?:ho\b|ight)")

Checker = Callable[[Any, Declared], Any]


@dataclass(frozen=True)
class KeySpec:
    """Keys of one kind of claim.

    Args:
        required: keys that must be there, with their checkers.
        optional: keys that may be there.
        meaning: what is claimed, in a few words.
    """

    required: Mapping[str, Checker] = field(default_factory=dict)
    optional: Mapping[str, Checker] = field(default_factory=dict)
    meaning: str = ""

    @property
    def allowed(self) -> tuple[str, ...]:
        """All keys of this kind, besides the common ones; `latex` may stand for `value`."""
        return (*self.required, *self.optional)


def key_part(name: str) -> str:
    """Return a key as part of a key path: quoted unless it is a bare word.

    Args:
        name: the key.

    Returns:
        `.name`, or `["a key"]`.

    Example:
        >>> key_part("value"), key_part("t|t,r")
        ('.value', '["t|t,r"]')
    """
    return f".{name}" if name.replace("_", "a").isalnum() and name.isascii() else f'["{name}"]'


def expression(value: Any, declared: Declared) -> Any:
    """A text, or a whole number."""
    if isinstance(value, str) and _ESCAPED.search(value):
        raise Unfit(
            "a backslash was read as an escape (\\frac as a form feed and rac)",
            "write LaTeX in single quotes, '...', or double the backslashes",
        )
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    if isinstance(value, sympy.Expr):  # in a mapping, not in a file
        return to_text(check_exact(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise Unfit(f"{value} is not a number", "write a finite expression, in quotes")
    if isinstance(value, float):
        raise Unfit(
            f"{value} is a floating-point number, which is not exact",
            f'write it as a text, "{value}", which is read as an exact decimal',
        )
    raise Unfit(f"found {_shown(value)}", 'write an expression in quotes, such as "1/r**2"')


def boolean(value: Any, declared: Declared) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise Unfit(f"found {_shown(value)}", "write true or false, without quotes")


def text(value: Any, declared: Declared) -> str:
    """A text."""
    if isinstance(value, str):
        return value
    raise Unfit(f"found {_shown(value)}", "write a text in quotes")


def new_name(value: Any, declared: Declared) -> str:
    """A name that is not yet taken."""
    if not isinstance(value, str) or not is_name(value):
        raise Unfit(f"found {_shown(value)}", 'write a name, such as "tau"')
    name = canonical_name(value)
    if name in declared.names:
        raise Unfit(f"the name {name!r} is already declared in the metric", "choose another name")
    return name


def expressions(count: int | None = None, what: str = "expressions") -> Checker:
    """A list of `count` expressions; as many as there are coordinates if `count` is -1."""

    def check(value: Any, declared: Declared) -> list[Any]:
        wanted = len(declared.coordinates) if count == -1 else count
        names = f", one for each of {', '.join(declared.coordinates)}" if count == -1 else ""
        number = "" if wanted is None else f"{wanted} "
        remedy = f"write a list of {number}{what}{names}"
        if not isinstance(value, list | tuple):
            raise Unfit(f"found {_shown(value)}", remedy)
        if not value or (wanted is not None and len(value) != wanted):
            raise Unfit(f"found {len(value)} entries", remedy)
        return [_inside(expression, entry, declared, f"[{i}]") for i, entry in enumerate(value)]

    return check


def plane(value: Any, declared: Declared) -> list[Any]:
    """Two vectors."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Unfit(f"found {_shown(value)}", "write two vectors, [[u...], [v...]]")
    vector = expressions(-1)
    return [_inside(vector, entry, declared, f"[{i}]") for i, entry in enumerate(value)]


def signature(value: Any, declared: Declared) -> list[int]:
    """Two counts, [plus, minus]."""
    pair = isinstance(value, list | tuple) and len(value) == 2
    if pair and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in value):
        return list(value)
    raise Unfit(f"found {_shown(value)}", "write [plus, minus], two whole numbers such as [3, 1]")


def components(up: int, down: int) -> Checker:
    """A table from index texts such as "t|t,r" to expressions."""
    example = ["i", "j", "k", "l"][: up + down]
    form = ",".join(example[:up]) + "|" * bool(up) + ",".join(example[up:])

    def check(value: Any, declared: Declared) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Unfit(f"found {_shown(value)}", f'write a table, {{"{form}" = "..."}}')
        result: dict[str, Any] = {}
        for index, component in value.items():
            names = _index(str(index), declared, up, down, form)
            if names in result:
                raise Unfit(
                    f"the component {names!r} is given twice", "keep one", key_part(str(index))
                )
            result[names] = _inside(expression, component, declared, key_part(str(index)))
        return result

    return check


def _index(given: str, declared: Declared, up: int, down: int, form: str) -> str:
    """The index text in canonical names, without blanks."""
    coordinates = declared.coordinates
    known = f"the coordinates are {', '.join(coordinates)}"
    groups = [[canonical_name(name.strip()) for name in g.split(",")] for g in given.split("|")]
    wanted = [up, down] if up else [down]
    if [len(group) for group in groups] != wanted:
        raise Unfit(
            f"{given!r} is not an index of this tensor",
            f'write it in the form "{form}"; {known}',
            key_part(given),
        )
    for name in (name for group in groups for name in group):
        if name not in coordinates:
            raise Unfit(
                f"{name!r} is not a coordinate{nearest(name, coordinates)}",
                f'write the index as "{form}"; {known}',
                key_part(given),
            )
    return "|".join(",".join(group) for group in groups)


def _inside(checker: Checker, value: Any, declared: Declared, key: str) -> Any:
    try:
        return checker(value, declared)
    except Unfit as error:
        raise Unfit(error.message, error.remedy, key + error.key) from None


def _shown(value: Any) -> str:
    kinds = {dict: "a table", list: "the list ", str: "the text ", bool: "", int: "the number "}
    kind = kinds.get(type(value), f"{type(value).__name__} ")
    written = str(value).lower() if isinstance(value, bool) else repr(value)
    return kind if isinstance(value, dict) else f"{kind}{written[:60]}"


_VALUE: Mapping[str, Checker] = {"value": expression}
_BOOLEAN: Mapping[str, Checker] = {"value": boolean}
_VECTOR: Mapping[str, Checker] = {"vector": expressions(-1)}


def _tensor(up: int, down: int, meaning: str) -> KeySpec:
    return KeySpec({"components": components(up, down)}, {"complete": boolean}, meaning)


CLAIM_KINDS: dict[str, KeySpec] = {
    "scalar_curvature": KeySpec(_VALUE, meaning="R is this expression"),
    "gauss_curvature": KeySpec(_VALUE, meaning="K is this expression (surfaces)"),
    "kretschmann": KeySpec(_VALUE, meaning="R_ijkl R^ijkl is this expression"),
    "ricci_squared": KeySpec(_VALUE, meaning="R_ij R^ij is this expression"),
    "weyl_squared": KeySpec(_VALUE, meaning="C_ijkl C^ijkl is this expression"),
    "volume_element": KeySpec(_VALUE, meaning="sqrt|det g| is this expression"),
    "constant_sectional_curvature": KeySpec(_VALUE, meaning="R_ijkl = K (g_ik g_jl - g_il g_jk)"),
    "einstein_constant": KeySpec(_VALUE, meaning="Ric = L g"),
    "ricci_flat": KeySpec(_BOOLEAN, meaning="Ric = 0"),
    "flat": KeySpec(_BOOLEAN, meaning="Riemann = 0"),
    "conformally_flat": KeySpec(_BOOLEAN, meaning="Weyl (n >= 4) or Cotton (n = 3) = 0"),
    "christoffel": _tensor(1, 2, "components of Gamma^i_jk"),
    "riemann_up": _tensor(1, 3, "components of R^i_jkl"),
    "riemann_down": _tensor(0, 4, "components of R_ijkl"),
    "ricci": _tensor(0, 2, "components of R_ij"),
    "einstein": _tensor(0, 2, "components of G_ij"),
    "ricci_mixed": _tensor(1, 1, "components of R^i_j"),
    "einstein_mixed": _tensor(1, 1, "components of G^i_j"),
    "sectional_curvature": KeySpec({"plane": plane, **_VALUE}, meaning="K of this plane"),
    "signature": KeySpec({"value": signature}, meaning="numbers of signs [plus, minus]"),
    "killing": KeySpec(_VECTOR, meaning="L_X g = 0"),
    "conformal_killing": KeySpec(_VECTOR, meaning="L_X g is proportional to g"),
    "geodesic": KeySpec(
        {"curve": expressions(-1)},
        {
            "range": expressions(2, "bounds"),
            "norm": expression,
            "affine": boolean,
            "parameter": new_name,
        },
        "the curve solves the geodesic equation",
    ),
    "distance": KeySpec(_VALUE, meaning="geodesic distance to the point with suffix _0"),
    "laplacian": KeySpec({"function": expression, **_VALUE}, meaning="Laplace-Beltrami"),
    "embedding": KeySpec(
        {"map": expressions()}, {"ambient": expressions(None, "signs")}, "g is the induced metric"
    ),
    "fisher": KeySpec(
        {"var": new_name, "logpdf": expression, "support": expressions(2, "bounds")},
        {"breaks": expressions()},
        "g is the Fisher information of this density",
    ),
}
"""Kind of claim -> its keys. `latex` may stand in place of every `value` that is an expression."""

_ALIASES = {
    "ricci_scalar": "scalar_curvature",
    "curvature_scalar": "scalar_curvature",
    "scalar": "scalar_curvature",
    "gaussian_curvature": "gauss_curvature",
    "dalembertian": "laplacian",
    "box": "laplacian",
    "laplace_beltrami": "laplacian",
    "beltrami": "laplacian",
    "wave_operator": "laplacian",
    "connection": "christoffel",
    "riemann": "riemann_down or riemann_up",
    "einstein_metric": "einstein_constant",
    "vacuum": "ricci_flat",
    "space_form": "constant_sectional_curvature",
    "induced_metric": "embedding",
    "sqrt_det": "volume_element",
    "determinant": "volume_element",
}


def meant_kind(name: str) -> str:
    """Return "; did you mean ...?" for a kind that does not exist, or "" where nothing is near.

    Args:
        name: what was given.

    Returns:
        A part of a message.

    Example:
        >>> meant_kind("dalembertian"), meant_kind("kretchmann")
        ("; did you mean 'laplacian'?", "; did you mean 'kretschmann'?")
    """
    alias = _ALIASES.get(name.strip().lower().replace(" ", "_").replace("-", "_"))
    return f"; did you mean {alias!r}?" if alias else nearest(name, CLAIM_KINDS)


COMMON_KEYS: Mapping[str, Checker] = {"kind": text, "source": text}


def has_expression_value(spec: KeySpec) -> bool:
    """Whether `latex` may stand in place of `value`."""
    keys: Sequence[Checker | None] = (spec.required.get("value"),)
    return keys[0] is expression
