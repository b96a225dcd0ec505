"""How a verdict is made: identities claimed = true, tested in two ways that share no code.

- Balls: at a few rational points both sides are enclosed by Arb balls. A difference that excludes
  zero refutes the claim, rigorously, and this wins over everything else.
- Field: the difference is converted into one differential field. Normal form zero proves it.
- Digits: what is left is compared at `NUMERIC_POINTS` points or more with `NUMERIC_DIGITS` digits,
  unless the fallback is switched off. Such a verdict says "numeric".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geomkit.errors import BudgetError, DomainError, EvaluationError, FieldError
from geomkit.evaluate import Balls
from geomkit.field.ball import Evaluation

from .balls import is_ball
from .compare import NUMERIC_DIGITS, Identity, Mismatch, Sample, Sampler, compare
from .report import Verdict
from .view import REGULAR_BITS

__all__ = ["NO_TRUTH", "NUMERIC_POINTS", "Identity", "Mismatch", "Outcome", "decide"]

# Points at which the balls are tried before anything else. Their signs are spread, see `sampling`.
BALL_POINTS = 3
# 520 bits are 156 digits: differences far below the 60 digits of the format are still seen.
NUMERIC_POINTS, NUMERIC_BITS = 8, 520
# A normal form that is not zero says how large the difference is. Up to so many bits are used to
# see it with balls as well.
MOST_BITS = 60_000
# So many points are tried in search of one where the claimed side is real.
DEFINED_POINTS = 24

# Reasons for not knowing what holds instead of a refuted claim. They do not touch the verdict.
NO_TRUTH = (FieldError, BudgetError)

Ball = Any  # flint.arb, or an interval where python-flint is missing


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
    not_real: Mismatch | None = None


def decide(
    sampler: Sampler,
    identities: Sequence[Identity],
    *,
    fallback: bool,
    critical: Sequence[Sample] = (),
) -> Outcome:
    """Decide whether all identities hold.

    Args:
        sampler: gives the points.
        identities: the equations.
        fallback: whether numeric verdicts are allowed.
        critical: samples on both sides of folds; there a claim may fail only.

    Returns:
        `fails` with one mismatch for each identity that is wrong at the first samples, or `holds`,
        or `undecided` with the reason.
    """
    looks = {id(identity): _Look() for identity in identities}
    samples = sampler.draw(BALL_POINTS)
    _look(looks, identities, samples, REGULAR_BITS)
    for identity in identities:
        if looks[id(identity)].skipped == len(samples):
            more = sampler.draw(DEFINED_POINTS)[len(samples) :]
            _look(looks, [identity], more, REGULAR_BITS, enough=BALL_POINTS)
    wrong = _wrong(looks, identities) or _wrong_at(critical, identities, REGULAR_BITS)
    if wrong:
        return _refuted(wrong)
    open_ = _prove(identities, looks)
    if not open_:
        return Outcome(Verdict.HOLDS, "exact", _how(identities, looks))
    return _decide_rest(sampler, open_, fallback=fallback)


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
    """Mismatches, and the identities whose claimed side is not real where it should be."""
    wrong = []
    for identity in identities:
        look = looks[id(identity)]
        if look.mismatch is not None:
            wrong.append(look.mismatch)
        elif look.not_real is not None and (identity.everywhere or look.seen == 0):
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


@dataclass(frozen=True)
class _Open:
    """An identity that is not proved: its difference, or why there is none."""

    identity: Identity
    reason: str
    difference: Any = None


def _prove(identities: Sequence[Identity], looks: Mapping[int, _Look]) -> list[_Open]:
    """The identities that are not proved by the normal form."""
    open_ = []
    for identity in identities:
        look = looks[id(identity)]
        try:
            difference = identity.residual()
        except FieldError as error:
            open_.append(_Open(identity, f"{identity.name}: {error}"))
            continue
        if not difference.is_zero:
            reason = "the normal form of the difference is not zero"
            open_.append(_Open(identity, f"{identity.name}: {reason}", difference))
        elif look.seen == 0:
            open_.append(_Open(identity, f"{identity.name}: {_unseen(look)}"))
    return open_


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


def _decide_rest(sampler: Sampler, open_: Sequence[_Open], *, fallback: bool) -> Outcome:
    """More points, other functions, more digits: for what neither pillar could settle."""
    identities = [item.identity for item in open_]
    looks = {id(identity): _Look() for identity in identities}
    _look(looks, identities, sampler.draw(DEFINED_POINTS), NUMERIC_BITS, enough=NUMERIC_POINTS)
    wrong = (
        _wrong(looks, identities)
        or _wrong_at(sampler.others(), identities, NUMERIC_BITS)
        or _wrong_at(sampler.corners(), identities, NUMERIC_BITS)
    )
    if wrong:
        return _refuted(wrong)
    for item in open_:
        if item.difference is not None:
            small = _small_difference(sampler, item)
            if small is not None:
                return small
    return _numeric(looks, open_, fallback=fallback)


def _wrong_at(
    samples: Sequence[Sample], identities: Sequence[Identity], bits: int
) -> list[Mismatch]:
    """Mismatches at further samples: other functions than the listed ones, edges, folds."""
    looks = {id(identity): _Look() for identity in identities}
    _look(looks, identities, samples, bits)
    return _wrong(looks, identities)


def _small_difference(sampler: Sampler, item: _Open) -> Outcome | None:
    """See a tiny difference with balls, with as many bits as the normal form says it takes."""
    for sample in sampler.draw(BALL_POINTS):
        try:
            evaluation = Evaluation(item.difference.field, sample.point, NUMERIC_BITS)
            with evaluation.working():
                size = evaluation.element(item.difference)
                bits = 0 if size.contains(0) else NUMERIC_BITS + max(0, -_exponent(size))
        except (DomainError, EvaluationError):
            continue
        if not bits:
            continue
        if bits > MOST_BITS:
            detail = f"{item.reason}, but its value is below 2^-{MOST_BITS}"
            return Outcome(Verdict.UNDECIDED, detail=detail)
        finding, claimed, true = compare(item.identity, sample, bits)
        if finding == "different":
            return _refuted([Mismatch(item.identity, sample, claimed, true)])
        if finding == "equal":
            detail = (
                f"{item.reason}, but balls with {bits} bits see no difference; please report it"
            )
            return Outcome(Verdict.UNDECIDED, detail=detail)
    return None


def _exponent(ball: Ball) -> int:
    """About the binary logarithm of a ball that excludes zero."""
    size, exponent = abs(ball), 0
    while size < 1:
        size, exponent = size * 2**64, exponent - 64
    return exponent


def _numeric(looks: Mapping[int, _Look], open_: Sequence[_Open], *, fallback: bool) -> Outcome:
    """The verdict by digits alone."""
    reason = open_[0].reason
    if not fallback:
        return Outcome(Verdict.UNDECIDED, detail=f"{reason}; the numeric fallback is off")
    for item in open_:
        look = looks[id(item.identity)]
        if look.equal < NUMERIC_POINTS:
            why = look.trouble or _unseen(look)
            detail = (
                f"{item.reason}; only {look.equal} of {NUMERIC_POINTS} points could be compared"
            )
            return Outcome(Verdict.UNDECIDED, detail=f"{detail}: {why}")
    detail = f"equal at {NUMERIC_POINTS} random points to {NUMERIC_DIGITS} digits; not exact"
    return Outcome(Verdict.HOLDS, "numeric", f"{detail}: {reason}")


def _where(sample: Sample) -> str:
    described = sample.describe()
    values = {**described.get("parameters", {}), **described.get("point", {})}
    return ", ".join(f"{name} = {value}" for name, value in values.items())
