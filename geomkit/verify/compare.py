"""One identity at one sample point: are its two sides different, equal, or not to be had?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from geomkit.domain import Point
from geomkit.errors import DomainError, EvaluationError
from geomkit.evaluate import Balls, UndecidedError

from .balls import largest, show, smallest
from .critical import Fold, Switch

__all__ = ["NUMERIC_DIGITS", "Identity", "Mismatch", "Sample", "Sampler", "compare"]

# How often the precision is doubled while balls are too wide.
DOUBLINGS = 3
# Equal means: the difference is below this, relative to the larger side. (Where both sides enclose
# zero the scale is 1: boxes and coefficients of claim files are of that order.)
NUMERIC_DIGITS = 60
TOLERANCE = Fraction(1, 10**NUMERIC_DIGITS)
# Marks a finding that more bits cannot change.
FINAL = "final"

Ball = Any  # flint.arb, or an interval where python-flint is missing


class Sample(Protocol):
    """A rational point (and a choice of concrete functions) at which both sides have a value."""

    def view(self, bits: int) -> Any:
        """The point as seen with a working precision: what the sides of an identity take."""

    def describe(self) -> dict[str, Any]:
        """The point, the parameters and the functions, as strings."""

    @property
    def point(self) -> Mapping[Any, Any]:
        """Values of all symbols, as rationals."""


class Sampler(Protocol):
    """Where samples come from."""

    def draw(self, count: int) -> Sequence[Sample]:
        """The first `count` samples, or fewer if there are no more."""

    def others(self) -> Sequence[Sample]:
        """Samples with other concrete functions than the listed ones."""

    def corners(self) -> Sequence[Sample]:
        """Samples close to the edges of the domain."""

    def folds(self, arguments: Sequence[Switch]) -> Sequence[Fold]:
        """Where expressions change their sign."""

    def at(self, point: Point) -> Sample | None:
        """The sample at a point of the domain, if it is regular."""


@dataclass(frozen=True)
class Identity:
    """One scalar equation: claimed = true.

    Attributes:
        name: what is claimed, e.g. "Ric_tt".
        residual: claimed - true in the exact field.
        claimed: the claimed side at a view of a sample.
        true: the true side, derived without the field.
        complex_claimed: the claimed side as a complex number, for where it is not real.
        everywhere: whether the claimed side must be real at all regular points.
    """

    name: str
    residual: Callable[[], Any]
    claimed: Callable[[Any], Ball]
    true: Callable[[Any], Ball]
    complex_claimed: Callable[[Any], Any] | None = None
    everywhere: bool = True


@dataclass(frozen=True)
class Mismatch:
    """An identity that is wrong at a sample: the counterexample."""

    identity: Identity
    sample: Sample
    claimed: Any
    true: Any

    def to_json(self, *, component: bool = False) -> dict[str, Any]:
        """Point, parameters, functions, claimed and true value as strings."""
        named = {"component": self.identity.name} if component else {}
        for digits in (20, 60, 200):  # as many as it takes to see the difference
            values = {"claimed": show(self.claimed, digits), "true": show(self.true, digits)}
            if values["claimed"] != values["true"]:
                return {**self.sample.describe(), **named, **values}
        values["difference"] = show(self.claimed - self.true)
        return {**self.sample.describe(), **named, **values}


def compare(identity: Identity, sample: Sample, bits: int) -> tuple[str, Any, Any]:
    """Compare the two sides at one sample, with more bits while the balls are too wide.

    Args:
        identity: the equation.
        sample: where.
        bits: working precision to begin with.

    Returns:
        ("different", claimed, true) if the difference excludes zero, ("equal", ...) if it is below
        the tolerance, ("hidden", reason, None) where the claimed side is not real, ("singular",
        reason, None) where the true side has no value, and ("wide", claimed, true) otherwise.
    """
    finding: tuple[str, Any, Any] = ("wide", None, None)
    for doubling in range(DOUBLINGS + 1):
        precision = bits << doubling
        with Balls(precision).working():
            finding = _compare_once(identity, sample.view(precision), precision)
            if finding[0] in ("equal", "different") or finding[2] is FINAL:
                break
    return finding


def _compare_once(identity: Identity, view: Any, bits: int) -> tuple[str, Any, Any]:
    """What `compare` finds with one precision; FINAL stands last if more bits cannot help."""
    values = []
    for side, name in ((identity.true, "singular"), (identity.claimed, "hidden")):
        try:
            values.append(side(view))
        except UndecidedError as error:
            return name, f"{error}", None
        except (DomainError, EvaluationError, ZeroDivisionError) as error:
            return name, str(error) or type(error).__name__, FINAL
    true, claimed = values
    verdict = _difference(claimed, true, Balls(bits).number(TOLERANCE))
    return verdict or "wide", claimed, true


def _difference(claimed: Ball, true: Ball, tolerance: Ball) -> str:
    """One of "different", "equal", and "" if the balls are too wide to say."""
    difference = claimed - true
    if not difference.is_finite():
        return ""
    if not difference.contains(0):
        return "different"
    bound = tolerance
    if not (claimed.contains(0) and true.contains(0)):
        bound = tolerance * max(smallest(claimed), smallest(true))
    return "equal" if largest(difference) <= bound else ""
