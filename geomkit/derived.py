"""Derived quantities as finished results that can be shown: in the terminal, in LaTeX, JSON, HTML.

`derive(metric, names)` is what the command line and the reports call; it adds to
`curvature(metric)` only the names, the labels of components, and the metric's own abbreviations.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from geomkit.curvature import curvature
from geomkit.errors import FieldError, GeomkitError
from geomkit.quantities import PROPERTIES, QUANTITIES, Quantity, find_quantities

if TYPE_CHECKING:
    from geomkit.curvature import Curvature
    from geomkit.metric import Metric

__all__ = ["Derived", "Entry", "derive"]


# Terms of an expression that is still shown in full: beyond, printing takes longer than deriving.
LONGEST = 400


@dataclass(frozen=True)
class Entry:
    """One component: the coordinates that it belongs to, and its value, converted when asked for.

    Attributes:
        index: coordinate names, one a slot; empty for a scalar.
        element: the value in the field of the metric.
        definitions: the abbreviations of the metric as elements of its field.
    """

    index: tuple[str, ...]
    element: Any
    definitions: Mapping[Any, Any]

    @cached_property
    def value(self) -> Any:
        """The SymPy expression, in coordinates and parameters alone."""
        return self.element.to_sympy()

    @cached_property
    def short(self) -> Any:
        """The same with the abbreviations of the metric put in."""
        return self.element.to_sympy(self.definitions) if self.definitions else self.value

    @property
    def is_long(self) -> bool:
        """Whether the value is too long to be shown to people in full."""
        return bool(self.element.term_count > LONGEST)


@dataclass(frozen=True)
class Derived:
    """One derived quantity.

    Attributes:
        name: the quantity or property.
        meaning: one line for people.
        symbol: LaTeX of the symbol.
        positions: index positions, empty for scalars and properties.
        entries: independent non-zero components, or the one value of a scalar.
        decision: for properties the decision with its proof, else None.
        signature: for the signature the two numbers, else None.
        total: number of components that are independent by symmetry.
    """

    name: str
    meaning: str
    symbol: str = ""
    positions: str = ""
    entries: tuple[Entry, ...] = ()
    decision: Any = None
    signature: tuple[int, int] | None = None
    total: int = 1

    def label(self, entry: Entry) -> str:
        """Write the symbol of a component in plain text, as `Gamma^r_{t t}`."""
        head = self.symbol.replace("\\", "")
        for position, run in _runs(self.positions, entry.index):
            inner = " ".join(run)
            mark = "^" if position == "u" else "_"
            head += mark + (inner if len(run) == 1 else f"{{{inner}}}")
        return head

    def key(self, entry: Entry) -> str:
        """Write the index of a component as claim files do, as `r|t,t`."""
        up = sum(position == "u" for position in self.positions)
        pieces = [",".join(entry.index[:up]), ",".join(entry.index[up:])]
        return "|".join(piece for piece in pieces if piece)

    def to_json(self) -> dict[str, Any]:
        """Give the result as a dictionary for JSON; expressions as strings in SymPy syntax."""
        if self.decision is not None:
            constant = getattr(self.decision, "constant", None)
            return {
                "value": self.decision.value,
                "proof": self.decision.proof,
                "detail": self.decision.detail,
                "constant": None if constant is None else str(constant),
            }
        if self.positions:
            return {
                "positions": self.positions,
                "components": {self.key(entry): str(entry.value) for entry in self.entries},
            }
        if self.signature is not None:
            return {"value": list(self.signature)}
        return {"value": str(self.entries[0].value)}


def derive(
    metric: Metric, names: Sequence[str], *, index: str | None = None, budget: float | None = None
) -> list[Derived]:
    """Derive quantities of a metric.

    Args:
        metric: the metric.
        names: quantities or properties (see `geomkit.quantities`).
        index: index positions to bring every tensor to, for example "uudd".
        budget: seconds that the derivation may take.

    Returns:
        One result a name, in order.

    Raises:
        GeomkitError: a name is unknown, not defined in this dimension, or does not fit `index`.

    Example:
        >>> import geomkit as gk
        >>> plane = gk.Metric.from_line_element("dr**2 + r**2*dphi**2", coordinates=["r", "phi"])
        >>> gamma = derive(plane, ["christoffel"])[0]
        >>> [(gamma.label(e), str(e.value)) for e in gamma.entries]
        [('Gamma^r_{phi phi}', '-r'), ('Gamma^phi_{r phi}', '1/r')]
    """
    wanted = find_quantities(names)
    tensors = [name for name in wanted if name in QUANTITIES and QUANTITIES[name].is_tensor]
    if index is not None and not tensors:
        raise GeomkitError(
            f"index positions {index!r} need a tensor, and {', '.join(wanted)} is none"
        )
    source = _Source(metric, curvature(metric, budget=budget))
    return [source.property(n) if n in PROPERTIES else source.quantity(n, index) for n in wanted]


def _runs(positions: str, index: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Group neighbouring slots of the same position."""
    pairs = groupby(zip(positions, index, strict=True), key=lambda pair: pair[0])
    return [(position, [name for _, name in run]) for position, run in pairs]


class _Source:
    """A metric, its curvature, and the metric's abbreviations in the normal form of its field."""

    def __init__(self, metric: Metric, tensors: Curvature) -> None:
        self.metric = metric
        self.tensors = tensors
        self.names = [str(coordinate) for coordinate in metric.coordinates]

    @cached_property
    def definitions(self) -> dict[Any, Any]:
        """The abbreviations of the metric as elements; what does not fit its field is left out."""
        found: dict[Any, Any] = {}
        for definition in self.metric.definitions:
            with contextlib.suppress(FieldError):
                found[definition.symbol] = self.tensors.chart.field(definition.value)
        return found

    def property(self, name: str) -> Derived:
        decision = getattr(self.tensors, name)()
        return Derived(name, PROPERTIES[name], decision=decision)

    def quantity(self, name: str, index: str | None) -> Derived:
        quantity: Quantity = QUANTITIES[name]
        head = (name, quantity.meaning, quantity.latex)
        if name == "signature":
            return Derived(*head, signature=self.tensors.signature)
        if not quantity.is_tensor:
            element = self.tensors.element(name)
            return Derived(*head, entries=(Entry((), element, self.definitions),))
        tensor = getattr(self.tensors, name)
        if index is not None:
            tensor = tensor.with_positions(index)
        entries = tuple(
            Entry(tuple(self.names[i] for i in slots), element, self.definitions)
            for slots, element in tensor.stored().items()
        )
        total = tensor.symmetry.count(tensor.chart.n)
        return Derived(*head, tensor.positions, entries, total=total)
