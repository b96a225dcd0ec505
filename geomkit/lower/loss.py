"""How many digits a sum loses: the sizes of its terms at some points of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from geomkit.errors import DomainError
from geomkit.field.ball import Evaluation

if TYPE_CHECKING:
    from geomkit.field import Field

__all__ = ["Loss"]

Array = Any
Exponents = tuple[int, ...]
POINTS = 6
BITS = 64


class Loss:
    """Values and sizes of polynomials at points of the domain, in floats.

    Only products are formed, so that the numbers are the same on every machine.

    Args:
        field: the field whose generators the polynomials are in.
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        self._columns: dict[str, Array] = {}

    @cached_property
    def _evaluations(self) -> list[Evaluation]:
        """Evaluations at the points where every generator so far has a value."""
        field, found = self.field, []
        samples: list[Any] = (
            [{}] if field.domain is None else field.domain.sample(4 * POINTS, seed=1)
        )
        for point in samples:
            evaluation = Evaluation(field, point, BITS)
            try:
                with evaluation.working():
                    for name in field.ring.names:
                        evaluation.generator(name)
            except DomainError:
                continue
            found.append(evaluation)
            if len(found) == POINTS:
                break
        return found

    def _column(self, name: str) -> Array:
        """The values of a generator at the points; 1 where it has none."""
        import numpy as np

        if name not in self._columns:
            values = []
            for evaluation in self._evaluations:
                try:
                    with evaluation.working():
                        values.append(float(evaluation.generator(name).mid()))
                except DomainError:
                    values.append(1.0)
            self._columns[name] = np.array(values)
        return self._columns[name]

    def of(self, terms: Mapping[Exponents, Fraction]) -> tuple[Array, Array]:
        """Return the value of a polynomial and the sum of the magnitudes of its terms.

        Args:
            terms: its terms, by exponents of the generators.

        Returns:
            Two arrays, one entry for each point.
        """
        import numpy as np

        exponents = np.array(list(terms), dtype=np.int64).reshape(len(terms), -1)
        total = np.array([[float(c)] for c in terms.values()])
        for i, name in enumerate(self.field.ring.names):
            column = exponents[:, i]
            top = int(column.max(initial=0))
            if top:
                powers = [np.ones(len(self._evaluations))]
                for _ in range(top):
                    powers.append(powers[-1] * self._column(name))
                total = total * np.array(powers)[column]
        return total.sum(axis=0), np.abs(total).sum(axis=0)
