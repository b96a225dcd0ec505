"""How a verdict is made: identities claimed = true, tested in two ways that share no code.

    balls    at a few rational points both sides are enclosed by Arb balls. A difference that
             excludes zero refutes the claim, rigorously, and this wins over everything else.
    field    the difference is converted into one differential field. Normal form zero proves it.
    digits   what is left is compared at `NUMERIC_POINTS` points or more with `NUMERIC_DIGITS`
             digits, unless the fallback is switched off. Such a verdict says "numeric".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from geomkit.errors import DomainError, EvaluationError, FieldError
from geomkit.evaluate import Balls, UndecidedError

from .balls import is_ball, largest, show, smallest
from .report import Verdict
from .sampling import REGULAR_BITS

__all__ = ["Identity", "Mismatch", "Outcome", "Sample", "Sampler", "compare", "decide"]

# Points at which the balls are tried before anything else. Their signs are spread, see `sampling`.
BALL_POINTS = 3
# Working precision of that first look, and how often it is doubled while balls are too wide.
FIRST_BITS, DOUBLINGS = REGULAR_BITS, 3
# 260 bits are 78 digits: 60 digits and a reserve for cancellation.
NUMERIC_POINTS, NUMERIC_BITS, NUMERIC_DIGITS = 8, 260, 60
# Equal means: the difference is below this, relative to the larger side. (Where both sides enclose
# zero the scale is 1: boxes and coefficients of claim files are of that order.)
TOLERANCE = Fraction(1, 10**40)
# So many points are tried in search of one where the claimed side is real.
DEFINED_POINTS = 24

# Marks a finding that more bits cannot change.
FINAL = "final"

Ball = Any  # flint.arb, or an interval where python-flint is missing


class Sample(Protocol):
    """A rational point (and a choice of concrete functions) at which both sides have a value."""

    def view(self, bits: int) -> Any:
        """The point as seen with a working precision: what the sides of an identity take."""

    def describe(self) -> dict[str, Any]:
        """The point, the parameters and the functions, as strings."""


class Sampler(Protocol):
    """Where samples come from."""

    def draw(self, count: int) -> Sequence[Sample]:
        """The first `count` samples, or fewer if there are no more."""

    def others(self) -> Sequence[Sample]:
        """Samples with other concrete functions than the listed ones."""


@dataclass(frozen=True)
class Identity:
    """One scalar equation: claimed = true.

    Attributes:
        name: what is claimed, e.g. "Ric_tt".
        residual: claimed - true in the exact field.
        claimed: the claimed side at a view of a sample.
        true: the true side, derived without the field.
        complex_claimed: the claimed side as a complex number, for where it is not real.
    """

    name: str
    residual: Callable[[], Any]
    claimed: Callable[[Any], Ball]
    true: Callable[[Any], Ball]
    complex_claimed: Callable[[Any], Any] | None = None


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
        values = {"claimed": show(self.claimed), "true": show(self.true)}
        return {**self.sample.describe(), **named, **values}


@dataclass(frozen=True)
class Outcome:
    """A verdict with its reasons, before it is dressed up for the report."""

    verdict: Verdict
    proof: str = ""
    detail: str = ""
    mismatches: tuple[Mismatch, ...] = ()
    counterexample: Mapping[str, Any] | None = None
    instead: Mapping[str, Any] | None = None


@dataclass
class _Look:
    """What the balls said about one identity at several samples."""

    seen: int = 0
    equal: int = 0
    hidden: str = ""  # why the claimed side has no real value, at the last sample without one
    trouble: str = ""
    skipped: int = 0
    mismatch: Mismatch | None = None
    not_real: Mismatch | None = field(default=None)


def decide(sampler: Sampler, identities: Sequence[Identity], *, fallback: bool) -> Outcome:
    """Decide whether all identities hold.

    Args:
        sampler: gives the points.
        identities: the equations.
        fallback: whether numeric verdicts are allowed.

    Returns:
        `fails` with one mismatch for each identity that is wrong at the first samples, or `holds`,
        or `undecided` with the reason.
    """
    looks = {id(identity): _Look() for identity in identities}
    samples = sampler.draw(BALL_POINTS)
    _look(looks, identities, samples, FIRST_BITS)
    for identity in identities:
        if looks[id(identity)].skipped == len(samples):
            more = sampler.draw(DEFINED_POINTS)[len(samples) :]
            _look(looks, [identity], more, FIRST_BITS, enough=BALL_POINTS)
    wrong = _wrong(looks, identities)
    if wrong:
        return _refuted(wrong)
    open_, reasons = _prove(identities, looks)
    if not open_:
        return Outcome(Verdict.HOLDS, "exact", _how(identities, looks))
    return _decide_rest(sampler, open_, reasons, fallback=fallback)


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
    """What `compare` finds with one precision; the third entry is FINAL if more bits cannot help."""
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
    """"different", "equal", or "" if the balls are too wide to say."""
    difference = claimed - true
    if not difference.is_finite():
        return ""
    if not difference.contains(0):
        return "different"
    bound = tolerance
    if not (claimed.contains(0) and true.contains(0)):
        bound = tolerance * max(smallest(claimed), smallest(true))
    return "equal" if largest(difference) <= bound else ""


def _look(
    looks: Mapping[int, _Look],
    identities: Iterable[Identity],
    samples: Sequence[Sample],
    bits: int,
    enough: int | None = None,
) -> None:
    for identity in identities:
        look = looks[id(identity)]
        for sample in samples:
            if look.mismatch or (enough is not None and look.seen >= enough):
                break
            _look_once(look, identity, sample, bits)


def _look_once(look: _Look, identity: Identity, sample: Sample, bits: int) -> None:
    finding, claimed, true = compare(identity, sample, bits)
    if finding in ("different", "equal", "wide"):
        look.seen += 1
        look.equal += finding == "equal"
        if finding == "different":
            look.mismatch = Mismatch(identity, sample, claimed, true)
        elif finding == "wide":
            look.trouble = f"at {_where(sample)} the balls stay too wide"
        return
    look.skipped += 1
    if finding == "singular":
        look.trouble = claimed
        return
    look.hidden = claimed
    if look.not_real is None and identity.complex_claimed is not None:
        with Balls(bits).working():
            view = sample.view(bits)
            value = identity.complex_claimed(view)
            if value is not None:
                look.not_real = Mismatch(identity, sample, value, identity.true(view))


def _wrong(looks: Mapping[int, _Look], identities: Sequence[Identity]) -> list[Mismatch]:
    """Mismatches, and the identities whose claimed side is nowhere real."""
    wrong = []
    for identity in identities:
        look = looks[id(identity)]
        if look.mismatch is not None:
            wrong.append(look.mismatch)
        elif look.not_real is not None and look.seen == 0:
            wrong.append(look.not_real)
    return wrong


def _refuted(wrong: Sequence[Mismatch]) -> Outcome:
    first = wrong[0]
    rigorous = any(is_ball(mismatch.claimed) for mismatch in wrong)
    if not is_ball(first.claimed) and rigorous:
        first = next(m for m in wrong if is_ball(m.claimed))
    how = "balls exclude equality" if rigorous else "the claimed value is not real"
    detail = f"{first.identity.name}: {how} at a point of the domain"
    return Outcome(Verdict.FAILS, "exact" if rigorous else "numeric", detail, tuple(wrong))


def _prove(
    identities: Sequence[Identity], looks: Mapping[int, _Look]
) -> tuple[list[Identity], list[str]]:
    """The identities whose difference has not normal form zero, and why."""
    open_, reasons = [], []
    for identity in identities:
        try:
            zero = identity.residual().is_zero
            reason = "the normal form of the difference is not zero"
        except FieldError as error:
            zero, reason = False, f"{error}"
        if zero and looks[id(identity)].seen == 0:
            zero, reason = False, _unseen(looks[id(identity)])
        if not zero:
            open_.append(identity)
            reasons.append(f"{identity.name}: {reason}")
    return open_, reasons


def _unseen(look: _Look) -> str:
    if look.hidden:
        return f"the claimed expression has no real value at any sampled point ({look.hidden})"
    return f"no sampled point could be evaluated ({look.trouble})"


def _how(identities: Sequence[Identity], looks: Mapping[int, _Look]) -> str:
    points = min((looks[id(i)].seen for i in identities), default=0)
    detail = f"normal form of the difference is 0; balls agree at {points} points"
    hidden = [looks[id(i)] for i in identities if looks[id(i)].hidden]
    if hidden:
        detail += f"; where the claimed expression is real, not everywhere ({hidden[0].hidden})"
    return detail


def _decide_rest(
    sampler: Sampler, open_: Sequence[Identity], reasons: Sequence[str], *, fallback: bool
) -> Outcome:
    """More points, other functions, more digits: for what neither pillar could settle."""
    looks = {id(identity): _Look() for identity in open_}
    _look(looks, open_, sampler.draw(DEFINED_POINTS), NUMERIC_BITS, enough=NUMERIC_POINTS)
    wrong = _wrong(looks, open_)
    if not wrong:
        elsewhere = {id(identity): _Look() for identity in open_}
        _look(elsewhere, open_, sampler.others(), NUMERIC_BITS)
        wrong = [look.mismatch for look in elsewhere.values() if look.mismatch is not None]
    if wrong:
        return _refuted(wrong)
    reason = reasons[0]
    if not fallback:
        return Outcome(Verdict.UNDECIDED, detail=f"{reason}; the numeric fallback is off")
    for identity in open_:
        look = looks[id(identity)]
        if look.equal < NUMERIC_POINTS:
            why = look.trouble or _unseen(look)
            detail = f"{reason}; only {look.equal} of {NUMERIC_POINTS} points could be compared"
            return Outcome(Verdict.UNDECIDED, detail=f"{detail}: {why}")
    detail = f"equal at {NUMERIC_POINTS} random points to 40 of {NUMERIC_DIGITS} digits; not exact"
    return Outcome(Verdict.HOLDS, "numeric", f"{detail}: {reason}")


def _where(sample: Sample) -> str:
    described = sample.describe()
    values = {**described.get("parameters", {}), **described.get("point", {})}
    return ", ".join(f"{name} = {value}" for name, value in values.items())
