"""Deciding zero, honestly: by the normal form, by Arb balls, or only by numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geomkit.errors import DomainError

from .ball import Evaluation

if TYPE_CHECKING:
    import sympy

    from .fraction import Element

__all__ = ["Decision", "decide_all_zero", "decide_zero", "sample_signs"]

BITS = 256
# 60 digits at 8 points, as a numeric verdict needs; a true zero leaves a ball of about 1e-70.
POINTS = 8
NUMERIC_ZERO = 1e-40


@dataclass(frozen=True)
class Decision:
    """The answer to a yes-no question and how it was found.

    Args:
        value: True, False or, when undecided, None.
        proof: "exact" (normal form or Arb enclosure), "numeric" (points, digits) or "".
        detail: one sentence for a reader.
        constant: the constant involved (Einstein constant, curvature), when there is one.
        point: a point that refutes, when the answer is an exact no.
    """

    value: bool | None
    proof: str
    detail: str = ""
    constant: sympy.Expr | None = None
    point: Mapping[sympy.Symbol, sympy.Rational] | None = None

    def __bool__(self) -> bool:
        """Whether the answer is a proved or numeric yes."""
        return self.value is True

    def __str__(self) -> str:
        answer = {True: "yes", False: "no", None: "undecided"}[self.value]
        proof = f" ({self.proof})" if self.proof else ""
        constant = "" if self.constant is None else f", the constant is {self.constant}"
        return f"{answer}{proof}{constant}" + (f": {self.detail}" if self.detail else "")


def decide_zero(element: Element, *, points: int = POINTS, seed: int = 0) -> Decision:
    """Decide whether an element vanishes on the domain.

    Args:
        element: the element.
        points: number of random points of the domain for a numeric verdict.
        seed: seed of these points.

    Returns:
        yes (exact) for a zero normal form; no (exact) when an Arb ball at a point of the domain
        excludes zero; yes (numeric) when the value is below 1e-40 of its terms at all points;
        otherwise undecided.
    """
    if element.is_zero:
        return Decision(True, "exact", "the normal form is 0")
    small = seen = 0
    for point, evaluation in _evaluations(element, points, seed):
        try:
            value = evaluation.element(element)
        except DomainError:
            continue
        seen += 1
        if not value.contains(0):
            digits = value.str(10, radius=False)
            return Decision(False, "exact", f"the value is {digits} at a point", point=point)
        small += bool(abs(value) < NUMERIC_ZERO)
        if seen == points:
            break
    if seen >= points and small == seen:
        return Decision(True, "numeric", f"below 1e-40 at {seen} random points, 60 digits")
    reason = "cannot be evaluated" if not seen else "the enclosures stay wide"
    return Decision(None, "", f"the normal form is not 0, but {reason}")


def decide_all_zero(elements: Iterator[Element] | list[Element]) -> Decision:
    """Decide whether all elements vanish.

    Args:
        elements: the elements.

    Returns:
        The first no; else the weakest yes; else undecided.
    """
    result = Decision(True, "exact", "every normal form is 0")
    undecided: Decision | None = None
    for element in elements:
        decision = decide_zero(element)
        if decision.value is False:
            return decision
        if decision.value is None:
            undecided = undecided or decision
        elif decision.proof == "numeric":
            result = decision
    return undecided or result


def sample_signs(element: Element, *, points: int = POINTS, seed: int = 0) -> list[int]:
    """Return the certain signs of an element at random points of the domain."""
    signs = []
    for _, evaluation in _evaluations(element, points, seed):
        try:
            value: Any = evaluation.element(element)
        except DomainError:
            continue
        if not value.contains(0):
            signs.append(1 if value > 0 else -1)
        if len(signs) == points:
            break
    return signs


def _evaluations(
    element: Element, points: int, seed: int
) -> Iterator[tuple[Mapping[sympy.Symbol, sympy.Rational], Evaluation]]:
    """Yield points of the domain with evaluations, at a precision of 256 bits."""
    field = element.field
    samples: list[Any] = (
        [{}] if field.domain is None else field.domain.sample(3 * points, seed=seed)
    )
    for point in samples:
        evaluation = Evaluation(field, point, BITS)
        with evaluation.working():
            yield point, evaluation
