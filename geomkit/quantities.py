"""The names of everything that can be derived from a metric: one table for all commands.

A name here is the name of an attribute of `geomkit.curvature(metric)`; its definition, signs
included, is in `geomkit.conventions`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geomkit.errors import GeomkitError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PROPERTIES", "QUANTITIES", "Quantity", "find_quantities"]


@dataclass(frozen=True)
class Quantity:
    """One quantity that can be derived.

    Attributes:
        name: what the user writes, and the attribute of `Curvature`.
        positions: index positions ("udd" is up, down, down); empty for a scalar.
        latex: the symbol without its indices.
        meaning: one line for people.
        dimensions: for which n it is defined, as text; empty when for all.
    """

    name: str
    positions: str
    latex: str
    meaning: str
    dimensions: str = ""

    @property
    def is_tensor(self) -> bool:
        """Tell whether the quantity has indices."""
        return bool(self.positions)


_TABLE = (
    Quantity("metric", "dd", "g", "the metric g_ij"),
    Quantity("inverse_metric", "uu", "g", "the inverse metric g^ij"),
    Quantity("determinant", "", r"\det g", "determinant of g_ij"),
    Quantity("volume_element", "", r"\sqrt{|\det g|}", "sqrt|det g|"),
    Quantity("christoffel", "udd", r"\Gamma", "Christoffel symbols Gamma^i_jk"),
    Quantity(
        "christoffel_down", "ddd", r"\Gamma", "Christoffel symbols Gamma_ijk of the first kind"
    ),
    Quantity("riemann", "uddd", "R", "Riemann tensor R^i_jkl"),
    Quantity("riemann_down", "dddd", "R", "Riemann tensor R_ijkl"),
    Quantity("ricci", "dd", "R", "Ricci tensor R_ij"),
    Quantity("ricci_mixed", "ud", "R", "Ricci tensor R^i_j"),
    Quantity("tracefree_ricci", "dd", "S", "trace-free Ricci tensor R_ij - R g_ij/n"),
    Quantity("einstein", "dd", "G", "Einstein tensor R_ij - R g_ij/2"),
    Quantity("einstein_mixed", "ud", "G", "Einstein tensor G^i_j"),
    Quantity("schouten", "dd", "P", "Schouten tensor P_ij", "n >= 3"),
    Quantity("weyl", "dddd", "C", "Weyl tensor C_ijkl", "n >= 3"),
    Quantity("cotton", "ddd", "C", "Cotton tensor nabla_i P_jk - nabla_j P_ik", "n >= 3"),
    Quantity("scalar", "", "R", "scalar curvature"),
    Quantity("gauss", "", "K", "Gauss curvature", "n = 2"),
    Quantity("kretschmann", "", r"R_{ijkl} R^{ijkl}", "Kretschmann scalar R_ijkl R^ijkl"),
    Quantity("ricci_squared", "", r"R_{ij} R^{ij}", "R_ij R^ij"),
    Quantity("weyl_squared", "", r"C_{ijkl} C^{ijkl}", "C_ijkl C^ijkl", "n >= 3"),
    Quantity("euler_density", "", "E_4", "Kretschmann - 4 R_ij R^ij + R^2", "n = 4"),
    Quantity("chern_pontryagin", "", r"{}^*\!R\,R", "(1/2) eps^abef R_ab^cd R_efcd", "n = 4"),
    Quantity("signature", "", r"(p, q)", "numbers of positive and negative directions"),
)

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _TABLE}

# Properties with a proof: the attribute of `Curvature` is a method that returns a Decision.
PROPERTIES: dict[str, str] = {
    "is_flat": "the Riemann tensor vanishes",
    "is_ricci_flat": "the Ricci tensor vanishes",
    "is_einstein": "Ric = L g with a constant L",
    "is_constant_curvature": "R_ijkl = K (g_ik g_jl - g_il g_jk) with a constant K",
    "is_conformally_flat": "Weyl (n >= 4) or Cotton (n = 3) vanishes",
    "is_locally_symmetric": "nabla Riemann vanishes",
}

# What people call some of them.
_ALIASES = {
    "ricci_scalar": "scalar",
    "scalar_curvature": "scalar",
    "gauss_curvature": "gauss",
    "gaussian_curvature": "gauss",
    "riemann_up": "riemann",
    "kretschmann_scalar": "kretschmann",
    "inverse": "inverse_metric",
    "gamma": "christoffel",
    "det": "determinant",
}


def find_quantities(names: Iterable[str]) -> list[str]:
    """Resolve what a user wrote to names of quantities and properties.

    Args:
        names: names, or comma-separated lists of them; `properties` stands for all properties.

    Returns:
        Each name once, in the order given.

    Raises:
        GeomkitError: a name is unknown; the message has the nearest ones.

    Example:
        >>> find_quantities(["ricci,scalar_curvature", "kretschmann"])
        ['ricci', 'scalar', 'kretschmann']
        >>> find_quantities(["kretchmann"])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        geomkit.errors.GeomkitError: unknown quantity ...
    """
    found: dict[str, None] = {}
    for text in names:
        for raw in text.split(","):
            name = raw.strip().lower().replace("-", "_")
            name = _ALIASES.get(name, name)
            if name == "properties":
                found |= dict.fromkeys(PROPERTIES)
            elif name in QUANTITIES or name in PROPERTIES:
                found[name] = None
            else:
                raise GeomkitError(_unknown(raw.strip()))
    return list(found)


def _unknown(name: str) -> str:
    known = [*QUANTITIES, *PROPERTIES, "properties", *_ALIASES]
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.6)
    near = list(dict.fromkeys(_ALIASES.get(one, one) for one in near))
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"unknown quantity {name!r}; {hint}All of them: {', '.join([*QUANTITIES, 'properties'])}"
