"""Formulas as text, as LaTeX and as exact SymPy expressions."""

from __future__ import annotations

from geomkit.expressions.exact import check_exact
from geomkit.expressions.latex import parse_latex
from geomkit.expressions.line_element import (
    line_element_coordinates,
    parse_latex_line_element,
    parse_line_element,
)
from geomkit.expressions.names import canonical_name, is_name
from geomkit.expressions.render import to_latex, to_text
from geomkit.expressions.subs_identity import compare_points_of_subs
from geomkit.expressions.text import parse

compare_points_of_subs()

__all__ = [
    "canonical_name",
    "check_exact",
    "is_name",
    "line_element_coordinates",
    "parse",
    "parse_latex",
    "parse_latex_line_element",
    "parse_line_element",
    "to_latex",
    "to_text",
]
