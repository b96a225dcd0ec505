"""Formulas as text, as LaTeX and as exact SymPy expressions."""

from __future__ import annotations

from geomkit.expressions.exact import check_exact
from geomkit.expressions.names import canonical_name, is_name
from geomkit.expressions.render import to_latex, to_text
from geomkit.expressions.text import parse

__all__ = [
    "canonical_name",
    "check_exact",
    "is_name",
    "parse",
    "to_latex",
    "to_text",
]
