"""Tensors on a chart: index positions, independent components only, exact arithmetic.

A `Tensor` stores one field `Element` per independent non-zero component (see `symmetry`). Nothing
is converted to SymPy before somebody asks for it, and then one component at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sympy

from geomkit.chart import Chart
from geomkit.errors import TensorError
from geomkit.field import Element
from geomkit.tensor import algebra
from geomkit.tensor import display as tensor_display
from geomkit.tensor.coerce import Scalar, as_chart, as_element
from geomkit.tensor.slots import (
    Label,
    check_canonical,
    check_positions,
    check_symmetry,
    coordinate_number,
)
from geomkit.tensor.symmetry import Index, Symmetry

__all__ = ["Tensor"]


class Tensor:
    """A tensor in the coordinates of a chart.

    Args:
        chart: the chart.
        positions: one letter per slot, `u` (up) or `d` (down): `"udd"` for Gamma^i_jk.
        components: independent components by canonical index; missing ones are zero.
        symmetry: symmetry of the slots; default none.
        name: name in plain text.
        symbol_latex: symbol in LaTeX; default `name`.

    Raises:
        TensorError: if positions, symmetry and indices do not fit together.

    Example:
        >>> import geomkit as gk
        >>> m = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> from geomkit.tensor.input import vector_field
        >>> v = vector_field(m, ["0", "1"])
        >>> v.lower_index(0)["phi"]
        r**2
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        chart: Chart,
        positions: str,
        components: Mapping[Index, Element],
        *,
        symmetry: Symmetry | None = None,
        name: str = "T",
        symbol_latex: str | None = None,
    ) -> None:
        self.chart = chart
        check_positions(positions)
        self.positions = positions
        self.rank = len(positions)
        self.symmetry = Symmetry.none(self.rank) if symmetry is None else symmetry
        self.name = name
        self.symbol_latex = name if symbol_latex is None else symbol_latex
        check_symmetry(self.symmetry, positions)
        for index in components:
            check_canonical(index, self.symmetry, chart.n)
        self._components = {i: e for i, e in sorted(components.items()) if not e.is_zero}

    @classmethod
    def build(
        cls,
        chart: Chart,
        positions: str,
        component: Callable[[Index], Element],
        *,
        symmetry: Symmetry | None = None,
        name: str = "T",
        symbol_latex: str | None = None,
    ) -> Tensor:
        """A tensor from a function that computes its independent components.

        Args:
            chart: the chart.
            positions: index positions.
            component: gives the element at a canonical index.
            symmetry: symmetry of the slots; default none.
            name: name in plain text.
            symbol_latex: symbol in LaTeX.

        Returns:
            The tensor.
        """
        symmetry = Symmetry.none(len(positions)) if symmetry is None else symmetry
        components = {index: component(index) for index in symmetry.indices(chart.n)}
        return cls(
            chart, positions, components, symmetry=symmetry, name=name, symbol_latex=symbol_latex
        )

    # -- components ---------------------------------------------------------------------------

    def __getitem__(self, labels: Label | tuple[Label, ...]) -> sympy.Expr:
        return self.element(*(labels if isinstance(labels, tuple) else (labels,))).to_sympy()

    def element(self, *labels: Label) -> Element:
        """The component at `labels` as field element.

        Args:
            *labels: one coordinate per slot: number, name or symbol.

        Returns:
            The component.
        """
        index, sign = self.symmetry.canonical(self._index(labels))
        found = self._components.get(index) if sign else None
        if found is None:
            return self.chart.field.zero
        return found if sign > 0 else -found

    def stored(self) -> Mapping[Index, Element]:
        """The independent non-zero components as field elements, by canonical index."""
        return self._components

    def nonzero(self) -> dict[Index, sympy.Expr]:
        """The independent non-zero components as SymPy expressions, by canonical index."""
        return {index: element.to_sympy() for index, element in self._components.items()}

    def all_nonzero(self) -> dict[Index, sympy.Expr]:
        """All non-zero components as SymPy expressions, those that follow by symmetry included."""
        found = {}
        for index, element in self._components.items():
            expression = element.to_sympy()
            for other, sign in self.symmetry.orbit(index).items():
                found[other] = expression if sign > 0 else -expression
        return dict(sorted(found.items()))

    @property
    def is_zero(self) -> bool:
        """Whether the normal form of every component is zero."""
        return not self._components

    def to_sympy(self) -> Any:
        """All components: an expression (rank 0), an immutable matrix (rank 2), else an array."""
        n = self.chart.n
        if self.rank == 0:
            return self[()]
        table = self.all_nonzero()
        if self.rank == 2:
            return sympy.ImmutableDenseMatrix(n, n, lambda i, j: table.get((i, j), sympy.S.Zero))
        flat = [table.get(i, sympy.S.Zero) for i in Symmetry.none(self.rank).indices(n)]
        return sympy.ImmutableDenseNDimArray(flat, (n,) * self.rank)

    def _sympy_(self) -> sympy.Expr:
        """A tensor of rank 0 is a scalar also for SymPy."""
        if self.rank:
            raise sympy.SympifyError(f"tensor {self.name!r} of rank {self.rank}")
        return self[()]

    def __iter__(self) -> Iterator[sympy.Expr]:
        if self.rank != 1:
            raise TensorError(
                f"tensor {self.name!r} has rank {self.rank}, only rank 1 can be iterated over; "
                "use t.nonzero() or t.to_sympy()"
            )
        return (self[i] for i in range(self.chart.n))

    def _index(self, labels: Sequence[Label]) -> Index:
        if len(labels) != self.rank:
            raise TensorError(
                f"{len(labels)} indices given for {self.name!r} with positions {self.positions!r}; "
                f"give {self.rank}"
            )
        return tuple(coordinate_number(self.chart, label) for label in labels)

    # -- algebra ------------------------------------------------------------------------------

    def __add__(self, other: Tensor) -> Tensor:
        if not isinstance(other, Tensor):
            return NotImplemented
        return algebra.combine(self, other, "+", lambda a, b: a + b)

    def __sub__(self, other: Tensor) -> Tensor:
        if not isinstance(other, Tensor):
            return NotImplemented
        return algebra.combine(self, other, "-", lambda a, b: a - b)

    def __neg__(self) -> Tensor:
        return self._mapped(lambda e: -e, f"-{self.name}", f"-{self.symbol_latex}")

    def __mul__(self, scalar: Scalar) -> Tensor:
        if isinstance(scalar, Tensor) and scalar.rank and not self.rank:
            return scalar * self
        chart = as_chart(self.chart, [scalar])
        factor = as_element(chart, scalar)
        # the name stays short: a factor may be long
        return self.on(chart)._mapped(
            lambda e: factor * e, f"f*{self.name}", rf"f\,{self.symbol_latex}"
        )

    __rmul__ = __mul__

    def __truediv__(self, scalar: Scalar) -> Tensor:
        chart = as_chart(self.chart, [scalar])
        divisor = as_element(chart, scalar)
        if divisor.is_zero:
            raise TensorError(f"tensor {self.name!r} divided by zero")
        return self.on(chart)._mapped(
            lambda e: e / divisor, f"{self.name}/f", rf"f^{{-1}}\,{self.symbol_latex}"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        same_space = self.positions == other.positions and algebra.same_metric(
            self.chart, other.chart
        )
        return same_space and (self - other).is_zero

    def outer(self, other: Tensor) -> Tensor:
        """The tensor product self (x) other, the slots of `other` last.

        Args:
            other: a tensor on the same chart.

        Returns:
            A tensor of rank self.rank + other.rank.
        """
        return algebra.outer(self, other)

    def renamed(self, name: str, symbol_latex: str | None = None) -> Tensor:
        """The same tensor under another name.

        Args:
            name: name in plain text.
            symbol_latex: symbol in LaTeX; default `name`.

        Returns:
            The tensor.
        """
        return self._mapped(lambda e: e, name, name if symbol_latex is None else symbol_latex)

    def on(self, chart: Chart) -> Tensor:
        """The same tensor on another chart object of the same metric.

        Args:
            chart: a chart of the same metric.

        Returns:
            The tensor, its components in the field of `chart`.
        """
        return algebra.rehome(self, chart)

    def aligned(self, other: Tensor) -> tuple[Tensor, Tensor]:
        """Two tensors of one metric on a common chart.

        Args:
            other: a tensor of the same metric.

        Returns:
            `self` and `other` on a chart whose field holds both.
        """
        return algebra.align(self, other)

    # -- index positions ----------------------------------------------------------------------

    def raise_index(self, slot: int) -> Tensor:
        """T with slot `slot` raised by the inverse metric: T^i = g^im T_m."""
        return self._moved(slot, "u")

    def lower_index(self, slot: int) -> Tensor:
        """T with slot `slot` lowered by the metric: T_i = g_im T^m."""
        return self._moved(slot, "d")

    def with_positions(self, positions: str) -> Tensor:
        """T with its indices raised and lowered to `positions`.

        Args:
            positions: wanted positions, one letter `u` or `d` per slot.

        Returns:
            The tensor; `self` if nothing changes.
        """
        return algebra.move(self, positions)

    def contract(self, first: int, second: int) -> Tensor:
        """The trace over an upper and a lower slot.

        Args:
            first: slot number, from 0 (or from the end, if negative).
            second: slot number of the other position.

        Returns:
            A tensor of rank two less; of rank 0 (a scalar, also for SymPy) from rank 2.
        """
        return algebra.contract(self, self._slot(first), self._slot(second))

    def _moved(self, slot: int, position: str) -> Tensor:
        slot = self._slot(slot)
        if self.positions[slot] == position:
            word = {"u": "up", "d": "down"}[position]
            raise TensorError(
                f"slot {slot} of {self.name!r} ({self.positions!r}) is already {word}"
            )
        return self.with_positions(self.positions[:slot] + position + self.positions[slot + 1 :])

    def _slot(self, slot: int) -> int:
        if not -self.rank <= slot < self.rank:
            raise TensorError(
                f"slot {slot} of {self.name!r} does not exist; it has {self.rank} slots, counted "
                f"from 0"
            )
        return slot % self.rank

    def _mapped(self, change: Callable[[Element], Element], name: str, symbol: str) -> Tensor:
        components = {index: change(e) for index, e in self._components.items()}
        return Tensor(
            self.chart,
            self.positions,
            components,
            symmetry=self.symmetry,
            name=name,
            symbol_latex=symbol,
        )

    # -- renderings: see tensor_display ---------------------------------------------------------

    @property
    def convention(self) -> str:
        """The convention (signs and index order) that this tensor follows."""
        return tensor_display.convention(self)

    def __str__(self) -> str:
        return tensor_display.to_text(self)

    def __repr__(self) -> str:
        return (
            f"<Tensor {self.name} ({self.positions or 'scalar'}) on {self.chart.metric.name!r}, "
            f"{len(self._components)} independent non-zero components>"
        )

    def to_latex(self) -> str:
        """The non-zero independent components as LaTeX `aligned` environment."""
        return tensor_display.to_latex(self)

    def to_dict(self) -> dict[str, Any]:
        """Name, positions, coordinates, non-zero independent components and convention."""
        return tensor_display.to_dict(self)

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return tensor_display.to_json(self)

    def _repr_latex_(self) -> str:
        return f"$$\\displaystyle {self.to_latex()}$$"

    def _repr_html_(self) -> str:
        return tensor_display.to_html(self)
