"""The numeric part: errors of a kernel at random and adversarial places, and what explains them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from geomkit.errors import CertificateError
from geomkit.program import Output, Slot

from .compare import Pair, Site, compare, condition, enclosed, wrong_entries
from .model import Accuracy, Worst
from .places import Place
from .reference import Reference
from .rule import FACTOR, SHARE, threshold
from .run import broken_copies, unlike_alone, ways

__all__ = ["Measurement", "measure", "threshold"]

# A share of 99 % cannot be told from a hundred pairs: where a few too many are beyond the
# threshold, more places are drawn, until so many pairs have been compared, or at so many places.
ENOUGH, MOST = 2000, 512
_QUANTILES = (50, 90, 99, 99.9)
_SAMPLES = 3  # random places at which the conditioning of every component is looked at
_SHOWN = 5


@dataclass(frozen=True)
class Measurement:
    """What was measured.

    Attributes:
        accuracy: of each quantity, and of all together.
        counts: of places.
        calls: the ways in which the kernel was called.
        problems: what speaks against the kernel, beyond what the accuracy shows.
    """

    accuracy: tuple[Accuracy, ...]
    counts: Mapping[str, int]
    calls: tuple[str, ...]
    problems: tuple[str, ...]


def measure(kernel: Any, reference: Reference, points: int, dtype: str) -> Measurement:
    """Compare a kernel with enclosures of its quantities.

    Args:
        kernel: the kernel.
        reference: encloses what it should give.
        points: number of random places; there are at most as many adversarial ones.
        dtype: number type.

    Returns:
        The errors.

    Raises:
        CertificateError: no regular place was found.
    """
    used, limit = reference.used(), threshold(dtype)
    sites, refused = _sites(reference, used, points)
    problems: dict[str, None] = {}
    calls = _compared(kernel, reference, sites, dtype, problems)
    while _undecided(sites, limit):
        wanted = sum(site.place.kind == "random" for site in sites)
        more, none = _take(reference, islice(reference.places.random(), 4 * wanted), wanted)
        if not more:
            break
        _compared(kernel, reference, more, dtype, problems)
        sites, refused = sites + more, refused + none
    if getattr(kernel, "backend", "") == "numba":
        problems |= dict.fromkeys(unlike_alone(kernel, [site.place for site in sites], dtype))
    _explain(reference, sites, used, dtype, limit)
    accuracy = _accuracies(reference, sites, limit, float(np.finfo(np.dtype(dtype)).eps))
    counts = {
        "random": sum(site.place.kind == "random" for site in sites),
        "adversarial": sum(site.place.kind != "random" for site in sites),
        "refused": refused,
    }
    return Measurement(accuracy, counts, calls, tuple(problems))


def _compared(
    kernel: Any,
    reference: Reference,
    sites: Sequence[Site],
    dtype: str,
    problems: dict[str, None],
) -> tuple[str, ...]:
    """Call a kernel at sites in every way, add the pairs to them; return the ways."""
    problems |= dict.fromkeys(_wrong_entries(reference, sites))
    called = ways(kernel, [site.place for site in sites], dtype)
    for arrays in called.values():
        for number, (wanted, full) in enumerate(zip(reference.wanted, arrays, strict=True)):
            problems |= dict.fromkeys(broken_copies(wanted.output, full)[:_SHOWN])
            if full.shape[1:] == wanted.output.shape:
                for site, one in zip(sites, full, strict=True):
                    compare(site, number, wanted.output, one)
    return tuple(called)


def _undecided(sites: Sequence[Site], limit: float) -> bool:
    """Whether more pairs than 1 % are beyond the threshold, but not more than chance may bring."""
    drawn = [site for site in sites if site.place.kind == "random"]
    judged = [p.relative for s in drawn for p in s.pairs if not math.isnan(p.relative)]
    allowed = (1 - SHARE) * len(judged)
    beyond = sum(relative > limit for relative in judged)
    plausible = allowed < beyond <= 1 + allowed + 3 * math.sqrt(allowed)
    return plausible and len(judged) < ENOUGH and len(drawn) < MOST


def _wrong_entries(reference: Reference, sites: Sequence[Site]) -> Iterator[str]:
    """Yield what the program says wrongly of zeros and copies, a few of each output."""
    for number, wanted in enumerate(reference.wanted):
        found: dict[str, None] = {}
        for site in sites:
            found |= dict.fromkeys(wrong_entries(site, number, wanted.output))
            if len(found) >= _SHOWN:
                break
        yield from islice(found, _SHOWN)


def _sites(reference: Reference, used: Sequence[str], points: int) -> tuple[list[Site], int]:
    attempts = 4 * points + 40
    sites, refused = _take(reference, islice(reference.places.random(), attempts), points)
    if not sites:
        raise CertificateError(
            f"none of {attempts} random places of the domain is regular; check the domain, and the "
            "values of arguments="
        )
    hard, more = _take(reference, islice(reference.places.adversarial(used), 2 * points), points)
    return sites + hard, refused + more


def _take(reference: Reference, places: Iterator[Place], wanted: int) -> tuple[list[Site], int]:
    sites: list[Site] = []
    refused = 0
    for place in places:
        site = enclosed(reference, place)
        if site is None:
            refused += 1
            continue
        sites.append(site)
        if len(sites) == wanted:
            break
    return sites, refused


def _explain(
    reference: Reference, sites: Sequence[Site], used: Sequence[str], dtype: str, limit: float
) -> None:
    """Compute the conditioning where it matters, and at some random places for the summary."""
    worst = {id(pair) for pair in _worst_of_each(sites)}
    for number, site in enumerate(sites):
        chosen = [
            pair
            for pair in site.pairs
            if number < _SAMPLES or _beyond(pair, limit) or id(pair) in worst
        ]
        chosen = [pair for pair in chosen if math.isfinite(pair.error)]
        if chosen:
            condition(reference, site, chosen, used, dtype)


def _worst_of_each(sites: Sequence[Site]) -> Iterator[Pair]:
    """Yield the pair with the largest relative error at a random place of each quantity."""
    found: dict[int, Pair] = {}
    for site in sites:
        for pair in site.pairs if site.place.kind == "random" else ():
            known = found.get(pair.output)
            if known is None or not pair.relative <= known.relative:
                found[pair.output] = pair
    yield from found.values()


def _beyond(pair: Pair, limit: float) -> bool:
    """Whether an error needs an explanation; where the exact value is zero, every error does."""
    return pair.error > 0 if math.isnan(pair.relative) else pair.relative > limit


# Summaries ----------------------------------------------------------------------------------


def _accuracies(
    reference: Reference, sites: Sequence[Site], limit: float, epsilon: float
) -> tuple[Accuracy, ...]:
    groups: list[list[Pair]] = [[] for _ in reference.wanted]
    for site in sites:
        for pair in site.pairs:
            groups[pair.output].append(pair)
    outputs = [wanted.output for wanted in reference.wanted]
    rows = [
        _accuracy([output], pairs, outputs, limit, epsilon)
        for output, pairs in zip(outputs, groups, strict=True)
    ]
    together = _accuracy(outputs, [p for pairs in groups for p in pairs], outputs, limit, epsilon)
    # what is out of range is not told by quantity: it is rare
    outside = sum(site.out_of_range for site in sites)
    return (*rows, replace(together, quantity="all", out_of_range=outside))


def _accuracy(
    group: Sequence[Output],
    pairs: Sequence[Pair],
    outputs: Sequence[Output],
    limit: float,
    epsilon: float,
) -> Accuracy:
    drawn = [pair for pair in pairs if pair.place.kind == "random"]
    hard = [pair for pair in pairs if pair.place.kind != "random"]
    beyond = [pair for pair in pairs if _beyond(pair, limit)]
    finite = [pair for pair in pairs if math.isfinite(pair.error)]
    explained = [pair for pair in beyond if pair.ratio <= FACTOR]
    judged = [pair for pair in drawn if not math.isnan(pair.relative)]
    kept = sum(pair.relative <= limit for pair in judged)
    return Accuracy(
        quantity=group[0].name,
        components=sum(len(output.components) for output in group),
        zeros=sum(len(output.zeros) for output in group),
        random_pairs=len(drawn),
        adversarial_pairs=len(hard),
        within=kept / len(judged) if judged else 1.0,
        relative=_quantiles(pair.relative for pair in drawn),
        ulp=_quantiles(pair.ulp for pair in drawn),
        adversarial_relative=_quantiles(pair.relative for pair in hard),
        beyond=len(beyond),
        largest_ratio=max((pair.ratio for pair in beyond), default=0.0),
        unexplained=len(beyond) - len(explained),
        at_zeros=sum(math.isnan(pair.relative) for pair in beyond),
        not_finite=len(pairs) - len(finite),
        out_of_range=0,
        sensitivity=_sensitivity(drawn, epsilon),
        worst=tuple(_worst(pair, outputs) for pair in _extremes(drawn, beyond)),
    )


def _quantiles(values: Iterable[float]) -> dict[str, float]:
    found = np.array([x for x in values if not math.isnan(x)])
    if not len(found):
        return {}
    # "higher" names a value that occurred: no averaging hides a large one
    rows = np.quantile(found, [q / 100 for q in _QUANTILES], method="higher")
    return {
        **{f"{q:g}": float(x) for q, x in zip(_QUANTILES, rows, strict=True)},
        "max": float(found.max()),
    }


def _sensitivity(pairs: Sequence[Pair], epsilon: float) -> dict[str, float]:
    found = [
        pair.conditioning / abs(pair.exact) / epsilon
        for pair in pairs
        if pair.conditioning is not None and pair.exact
    ]
    if not found:
        return {}
    return {"median": float(np.median(found)), "max": max(found)}


def _extremes(drawn: Sequence[Pair], beyond: Sequence[Pair]) -> list[Pair]:
    """The largest relative error at a random place, and the error that is explained worst."""
    chosen = []
    finite = [pair for pair in drawn if not math.isnan(pair.relative) and pair.relative > 0]
    if finite:
        chosen.append(max(finite, key=lambda pair: pair.relative))
    if beyond:
        chosen.append(max(beyond, key=lambda pair: pair.ratio))
    return chosen


def _worst(pair: Pair, outputs: Sequence[Output]) -> Worst:
    return Worst(
        component=str(Slot(outputs[pair.output].name, pair.index)),
        place=pair.place.note,
        values=dict(pair.place.values),
        value=pair.value,
        exact=pair.exact,
        relative=math.inf if math.isnan(pair.relative) else pair.relative,
        ulp=math.inf if math.isnan(pair.ulp) else pair.ulp,
        ratio=pair.ratio,
    )
