"""Names of symbols: Greek letters and their names are the same, and declared names win.

`canonical_name` is the one place that says when two spellings mean the same symbol: `θ`, `ϑ` and
`theta` are one
name. `Scope` looks names up and, when one is unknown, says which declared name is nearest.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from geomkit.errors import ParseError

__all__ = ["GREEK_LETTERS", "GREEK_NAMES", "Scope", "canonical_name", "is_name"]

GREEK_LETTERS: Mapping[str, str] = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "epsilon",
    "ζ": "zeta",
    "η": "eta",
    "θ": "theta",
    "ι": "iota",
    "κ": "kappa",
    "λ": "lambda",
    "μ": "mu",
    "ν": "nu",
    "ξ": "xi",
    "ο": "omicron",
    "π": "pi",
    "ρ": "rho",
    "ς": "sigma",
    "σ": "sigma",
    "τ": "tau",
    "υ": "upsilon",
    "φ": "phi",
    "χ": "chi",
    "ψ": "psi",
    "ω": "omega",
    "Γ": "Gamma",
    "Δ": "Delta",
    "Θ": "Theta",
    "Λ": "Lambda",
    "Ξ": "Xi",
    "Π": "Pi",
    "Σ": "Sigma",
    "Υ": "Upsilon",
    "Φ": "Phi",
    "Ψ": "Psi",
    "Ω": "Omega",
    # variant and sign forms of the same letters
    "ϑ": "theta",
    "ϕ": "phi",
    "ϵ": "epsilon",
    "ϱ": "rho",
    "ϖ": "pi",
    "ϰ": "kappa",
    "\u00b5": "mu",  # micro sign
    "\u2126": "Omega",  # ohm sign
}
"""Greek letters (variants included) and the names that they stand for."""

GREEK_NAMES: frozenset[str] = frozenset(GREEK_LETTERS.values())
"""Names of Greek letters, e.g. for LaTeX."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")
_LISTED = 40  # declared names shown in a message; more would bury it


def canonical_name(name: str) -> str:
    """The one spelling of a name: Greek letters become their names, all else stays.

    Args:
        name: a name as written by a user.

    Returns:
        The name with every Greek letter replaced by its name.

    Example:
        >>> canonical_name("θ"), canonical_name("ρ_0"), canonical_name("Δr")
        ('theta', 'rho_0', 'Deltar')
    """
    if name.isascii():
        return name
    return "".join(GREEK_LETTERS.get(letter, letter) for letter in name)


def is_name(text: str) -> bool:
    """Whether `text` can be the name of a coordinate, parameter or function.

    Args:
        text: what a user would like to use as a name.

    Returns:
        True for ASCII identifiers and Greek letters, Python keywords included.

    Example:
        >>> is_name("lambda"), is_name("φ"), is_name("2r"), is_name("a b")
        (True, True, False, False)
    """
    return _NAME.match(canonical_name(text)) is not None


class Scope:
    """The declared names of one metric, in canonical spelling.

    Args:
        names: declared names and what they stand for.
        definitions: symbols that are abbreviations, and what they stand for.

    Example:
        >>> import sympy
        >>> scope = Scope({"θ": sympy.Symbol("theta", real=True)})
        >>> scope.get("theta")
        theta
    """

    def __init__(
        self, names: Mapping[str, Any], definitions: Mapping[Any, Any] | None = None
    ) -> None:
        self.table: dict[str, Any] = {canonical_name(name): names[name] for name in names}
        self.definitions = definitions

    def expanded(self, expression: Any) -> Any:
        """An expression with abbreviations written out, as derivatives need it.

        Args:
            expression: a SymPy expression.

        Returns:
            The expression in which nothing hides a coordinate.
        """
        return expression.xreplace(dict(self.definitions)) if self.definitions else expression

    def get(self, name: str) -> Any | None:
        """What a name stands for.

        Args:
            name: a name in any spelling.

        Returns:
            The declared object, or None when the name is not declared.
        """
        return self.table.get(canonical_name(name))

    def first(self, candidates: Iterable[str]) -> str | None:
        """The first of several spellings that is declared.

        Args:
            candidates: spellings in order of preference.

        Returns:
            The canonical name, or None when none is declared.
        """
        for candidate in candidates:
            name = canonical_name(candidate)
            if name in self.table:
                return name
        return None

    def unknown(
        self, name: str, *, text: str, position: int | None, where: str, known: Iterable[str] = ()
    ) -> ParseError:
        """The error for a name that is not declared.

        Args:
            name: the name that was found.
            text: the text that was parsed.
            position: offset of the name in the text.
            where: what the text is.
            known: further names that could have been meant (functions, constants).

        Returns:
            An error that names the nearest declared name and lists the declared ones.
        """
        near = self.nearest(name, known)
        hint = f"; did you mean {near!r}?" if near else ""
        return ParseError(
            f"unknown name {name!r}{hint} {self.listing()}",
            text=text,
            position=position,
            where=where,
        )

    def nearest(self, name: str, known: Iterable[str] = ()) -> str | None:
        """The declared name (else the known one) that resembles a name most.

        Args:
            name: the name that was found.
            known: names to try when no declared one is near.

        Returns:
            The nearest name, or None when nothing resembles it.
        """
        wanted = canonical_name(name)[:80]  # difflib is quadratic in the length
        for pool in (self.table, known):
            # 0.5 rather than difflib's 0.6: names are short, one letter in two matters
            close = difflib.get_close_matches(wanted, list(pool), n=1, cutoff=0.5)
            if close:
                return close[0]
            for other in pool:
                if other.lower() == wanted.lower():
                    return other
        return None

    def listing(self) -> str:
        """The declared names, for a message.

        Returns:
            A parenthesis with the names, cut when there are very many.
        """
        names = sorted(self.table)
        if not names:
            return "(no names are declared)"
        shown = ", ".join(names[:_LISTED])
        more = f", ... {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return f"(declared: {shown}{more})"
