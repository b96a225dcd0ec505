"""Metric: a (pseudo-)Riemannian metric in coordinates, validated when it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy

from geomkit.domain import Domain
from geomkit.errors import MetricError
from geomkit.metric import combinations, constructions, text
from geomkit.metric.checks import check_regular, symmetrised, warn_unused
from geomkit.metric.declarations import Declarations, Definition, Parameter, declare
from geomkit.metric.entries import read_matrix
from geomkit.metric.functions import UnspecifiedFunction, concretise
from geomkit.metric.names import canonical_name, nearest

__all__ = ["Metric"]


@dataclass(frozen=True, init=False, repr=False)
class Metric:
    """The metric g = g_ij dx^i dx^j, its symbols with their assumptions, and where it is meant.

    Entries are texts (`"r**2*sin(theta)**2"`, or LaTeX with a backslash), SymPy expressions or
    exact numbers; symbols in SymPy expressions are mapped by name onto the metric's own.

    Args:
        coordinates: names or SymPy symbols.
        matrix: rows of entries, a SymPy matrix, or a LaTeX matrix.
        parameters: names; or a mapping from names to `{"range": [lo, hi]}`, `{"positive": True}`
            (also negative, nonzero, integer) or `{"value": "1 - M"}`. Default box: [1/2, 2].
        functions: unspecified functions, `["a(t)"]`, or with examples `{"a(t)": ["exp(t)"]}`.
        domain: boxes of coordinates, `{"r": ["3*M", "10*M"]}`. Default: [-2, 2].
        definitions: abbreviations, `{"Sigma": "r**2 + a**2*cos(theta)**2"}`.
        name: a short name for reports.
        reference: where the metric comes from.
        title: a line that describes it.

    Attributes:
        matrix: the components with definitions and derived parameters substituted.
        stated: the components as given, with the definitions.

    Raises:
        MetricError: if the matrix is not square, symmetric and regular somewhere in the domain, or
            the declarations contradict themselves.
        ParseError: if a text cannot be read, or uses a name that is not declared.

    Example:
        >>> m = Metric(coordinates=["r", "phi"], matrix=[["1", "0"], ["0", "r**2"]],
        ...            domain={"r": ["0", "2"]}, name="plane")
        >>> m.matrix[1, 1].diff(m.symbols["r"])
        2*r
        >>> m.line_element()
        'dr**2 + r**2*dphi**2'
    """

    name: str
    coordinates: tuple[sympy.Symbol, ...]
    matrix: sympy.ImmutableDenseMatrix
    parameters: tuple[Parameter, ...]
    functions: tuple[UnspecifiedFunction, ...]
    definitions: tuple[Definition, ...]
    domain: Domain
    reference: str
    title: str
    stated: sympy.ImmutableDenseMatrix = field(compare=False)
    _declarations: Declarations = field(compare=False)

    def __init__(
        self,
        coordinates: Any,
        matrix: Any,
        parameters: Any = None,
        functions: Any = None,
        domain: Any = None,
        definitions: Any = None,
        name: str = "metric",
        reference: str = "",
        title: str = "",
    ) -> None:
        try:
            declared = declare(coordinates, parameters, functions, definitions, domain)
            stated = symmetrised(read_matrix(matrix, declared), declared)
            resolved = declared.resolve(stated)
            check_regular(resolved, declared)
        except MetricError as error:
            raise MetricError(f"metric {str(name)!r}: {error}") from None
        warn_unused(resolved, declared)
        values = {
            "name": str(name),
            "coordinates": declared.coordinates,
            "matrix": resolved,
            "parameters": declared.parameters,
            "functions": declared.functions,
            "definitions": declared.definitions,
            "domain": declared.domain,
            "reference": str(reference),
            "title": str(title),
            "stated": stated,
            "_declarations": declared,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @property
    def n(self) -> int:
        """The dimension."""
        return len(self.coordinates)

    @property
    def symbols(self) -> Mapping[str, sympy.Symbol]:
        """Coordinates, parameters and definitions by name: the very symbols in use."""
        return self._declarations.symbols

    @property
    def names(self) -> Mapping[str, Any]:
        """What `geomkit.expressions.parse` needs: symbols, functions, values of definitions."""
        return self._declarations.names

    def index(self, coordinate: Any) -> int:
        """Return the number of a coordinate, counted from 0.

        Args:
            coordinate: its name (Greek letters too), its symbol, or its number.

        Returns:
            The number.

        Raises:
            MetricError: if there is no such coordinate.
        """
        names = [x.name for x in self.coordinates]
        if isinstance(coordinate, int) and not isinstance(coordinate, bool):
            if 0 <= coordinate < self.n:
                return coordinate
        else:
            name = canonical_name(str(coordinate))
            if name in names:
                return names.index(name)
        raise MetricError(
            f"metric {self.name!r} has no coordinate {coordinate!r}"
            f"{nearest(str(coordinate), names)}; coordinates are {', '.join(names)}"
        )

    def resolve(
        self, expression: Any, *, where: str = "expression", extra: Mapping[str, Any] | None = None
    ) -> sympy.Expr:
        """Return an expression in the metric's own symbols, definitions substituted.

        Args:
            expression: text, SymPy expression (symbols are mapped by name) or exact number.
            where: what it is, for messages.
            extra: further symbols that may be used, by name (the parameter of a curve, say).

        Returns:
            The expression in coordinates, free parameters and functions.
        """
        return self._declarations.resolve(self._declarations.read(expression, where, extra))

    def concrete(self, expression: Any, k: int = 0) -> Any:
        """Return an expression (or matrix) with the k-th examples in place of the functions.

        Args:
            expression: an expression in the metric's symbols.
            k: which examples; counted cyclically. Where none is given, a polynomial is used.

        Returns:
            The expression without unspecified functions.
        """
        return concretise(expression, self.functions, k)

    def line_element(self) -> str:
        """Return ds^2 as text, which `Metric.from_line_element` reads back.

        Returns:
            For instance "dr**2 + r**2*dphi**2".
        """
        return text.line_element(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the metric as texts, lists and mappings.

        Returns:
            What `Metric.from_dict` reads.
        """
        return text.as_dict(self)

    def to_json(self) -> str:
        """Return the text of a metric file in JSON.

        Returns:
            JSON, with one key "metric".
        """
        return json.dumps({"metric": self.to_dict()}, indent=2, ensure_ascii=False)

    def to_toml(self) -> str:
        """Return the text of a metric file in TOML.

        Returns:
            TOML, with one table `[metric]`.
        """
        return text.as_toml(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Metric:
        """Make a metric from the `[metric]` table of a file.

        Args:
            content: the keys of the table; one of matrix, line_element, embedding.

        Returns:
            The metric.
        """
        return constructions.from_table(cls, content)

    @classmethod
    def from_line_element(cls, line_element: str, coordinates: Any, **declared: Any) -> Metric:
        """Make a metric from ds^2 in text, or in LaTeX if it has backslashes or braces.

        Args:
            line_element: for instance "-(1-2*M/r)*dt**2 + dr**2/(1-2*M/r)".
            coordinates: names or symbols, in order.
            **declared: parameters, functions, domain, definitions, name, reference.

        Returns:
            The metric.

        Example:
            >>> Metric.from_line_element("dr**2 + r**2*dphi**2", ["r", "phi"]).matrix
            Matrix([
            [1,    0],
            [0, r**2]])
        """
        return cls(coordinates, constructions.line_element_matrix(line_element), **declared)

    @classmethod
    def from_latex(cls, latex: str, coordinates: Any = None, **declared: Any) -> Metric:
        r"""Make a metric from a line element (or a matrix, with coordinates) in LaTeX.

        Args:
            latex: for instance r"ds^2 = dr^2 + r^2 d\\varphi^2".
            coordinates: names or symbols; None: in the order in which their differentials occur.
            **declared: parameters, functions, domain, definitions, name, reference.

        Returns:
            The metric.

        Example:
            >>> Metric.from_latex(r"ds^2 = \frac{dx^2 + dy^2}{y^2}").line_element()
            'dx**2/y**2 + dy**2/y**2'
        """
        if isinstance(latex, str) and r"\begin{" in latex:
            return cls(() if coordinates is None else coordinates, latex, **declared)
        if coordinates is None:
            coordinates = constructions.latex_coordinates(latex, declared)
        return cls(coordinates, constructions.line_element_matrix(latex), **declared)

    @classmethod
    def from_embedding(
        cls, map: Sequence[Any], coordinates: Any, ambient: Any = None, **declared: Any
    ) -> Metric:
        """Make the metric induced on x -> X(x): g_ab = G_ij(X) d_a X^i d_b X^j.

        Args:
            map: the functions X^i of the coordinates.
            coordinates: names or symbols of the x^a.
            ambient: None for a Euclidean space; a list of signs for a pseudo-Euclidean one; or a
                `Metric` G, whose parameters and functions are taken over.
            **declared: parameters, functions, domain, definitions, name, reference.

        Returns:
            The induced metric.

        Example:
            >>> Metric.from_embedding(["sin(u)*cos(v)", "sin(u)*sin(v)", "cos(u)"], ["u", "v"],
            ...                       domain={"u": ["0.1", "3"]}).matrix
            Matrix([
            [1,         0],
            [0, sin(u)**2]])
        """
        if isinstance(ambient, Metric):
            return ambient.pullback(map, coordinates, **declared)
        return cls(coordinates, constructions.flat_pullback(map, ambient), **declared)

    def pullback(self, map: Sequence[Any], coordinates: Any, **declared: Any) -> Metric:
        """Return phi^* g for a map (or change of coordinates) y -> x = phi(y).

        Args:
            map: the functions phi^i, one for each coordinate of this metric.
            coordinates: names or symbols of the y^a.
            **declared: further parameters, functions, definitions; domain of the y^a; name.

        Returns:
            The metric (phi^* g)_ab = g_ij(phi) d_a phi^i d_b phi^j.
        """
        keywords = combinations.pullback_declarations(self, coordinates, declared)
        return type(self)(coordinates, constructions.metric_pullback(map, self), **keywords)

    def product(self, *others: Metric, name: str = "", reference: str = "") -> Metric:
        """Return the product metric g_1 + g_2 + ... on the product of the manifolds.

        Args:
            *others: metrics in coordinates of other names (see `rename`).
            name: a name; "g1 x g2" if empty.
            reference: where it comes from.

        Returns:
            The block diagonal metric.
        """
        return combinations.product(
            [self, *others], ["1"] * (1 + len(others)), {"name": name, "reference": reference}
        )

    def warped(self, fibre: Metric, warp: Any, **declared: Any) -> Metric:
        """Return the warped product g_B + w^2 g_F, this metric being the base.

        Args:
            fibre: g_F, in coordinates of other names (see `rename`).
            warp: the function w of the base coordinates.
            **declared: further parameters, functions, definitions, name, reference.

        Returns:
            The metric on the product.
        """
        return combinations.product([self, fibre], ["1", warp], declared)

    def conformal(self, omega: Any, **declared: Any) -> Metric:
        """Return the conformally related metric Omega^2 g.

        Args:
            omega: the function Omega of the coordinates.
            **declared: further parameters, functions, definitions, name, reference.

        Returns:
            The rescaled metric.
        """
        return combinations.product([self], [omega], declared)

    def rename(self, names: Mapping[str, str], name: str = "") -> Metric:
        """Return the same metric in other names.

        Args:
            names: old name -> new name, of coordinates, parameters, definitions or functions.
            name: a new name for the metric; the old one if empty.

        Returns:
            The metric with every occurrence renamed.
        """
        return combinations.renamed(self, names, name or self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        # functions made at run time do not survive copying by reference: go through texts
        return (Metric.from_dict, (self.to_dict(),))

    def __repr__(self) -> str:
        names = ", ".join(x.name for x in self.coordinates)
        return f"<Metric {self.name!r} ({names}): {self.line_element()}>"

    def __str__(self) -> str:
        lines = [f"{self.name}: ds^2 = {self.line_element()}"]
        lines += [f"  {d.symbol} = {d.stated}" for d in self.definitions]
        return "\n".join(lines)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {text.latex(self)}$"
