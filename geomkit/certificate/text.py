"""A certificate as text: one screen that a person can understand."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from .rule import FACTOR, SHARE

if TYPE_CHECKING:
    from .model import Accuracy, Certificate, Worst

__all__ = ["readable"]

_WIDTH = 100
_MOST_ROWS = 12
_LEGEND = (
    "slots: independent components that are computed; zeros: those that vanish identically.",
    "enclosures: intervals that contain the exact values, computed from the metric alone.",
    "adversarial places: ends and corners of the domain, changes of sign, zeros and ones.",
    "ULP: units in the last place of the number type.",
    "conditioning: how much the exact component changes when each argument moves by one ULP; no "
    "computation can be expected to do better.",
)


def readable(certificate: Certificate) -> str:
    """Write a certificate for people.

    Args:
        certificate: the certificate.

    Returns:
        Lines of at most 100 characters: verdict, identities, errors, worst cases, hashes.
    """
    return "\n".join(_lines(certificate))


def _lines(c: Certificate) -> Iterator[str]:
    yield from _wrapped(f"Certificate of a kernel of {c.name!r}: {', '.join(c.quantities)}", 4)
    for line in c.metric.splitlines():
        yield from _wrapped(f"  {line}", 6)
    yield from _wrapped(f"  {c.verdict}", 4)
    for problem in c.objections[1:]:
        yield from _wrapped(f"  also: {problem}", 4)
    yield ""
    yield from _identities(c)
    yield ""
    yield from _errors(c)
    for note in c.notes:
        yield from _wrapped(f"  note: {note}", 4)
    yield ""
    for line in _LEGEND:
        yield from _wrapped(f"  {line}", 4)
    yield ""
    yield from _wrapped(f"  domain   {'; '.join(c.domain)}", 11)
    yield from _wrapped(f"  versions {', '.join(f'{k} {v}' for k, v in c.versions.items())}", 11)
    yield from _wrapped(f"  sha256   {', '.join(f'{k} {v[:12]}' for k, v in c.hashes.items())}", 11)
    yield f"  made     with backend {c.backend}, {c.dtype}, seed {c.seed}"


def _identities(c: Certificate) -> Iterator[str]:
    if c.staged:
        yield "  Exact part: none; the program is staged, it was not derived exactly"
    elif c.identities:
        yield "  Exact part: what holds of the exact tensors that the program was made from"
    for identity in c.identities:
        detail = f" ({identity.detail})" if identity.detail else ""
        yield from _wrapped(f"    {identity.status:<10} {identity.name}{detail}", 15)


def _errors(c: Certificate) -> Iterator[str]:
    counts = c.counts
    yield from _wrapped(
        f"  Numeric part: the kernel against rigorous enclosures at {counts['random']} random and "
        f"{counts['adversarial']} adversarial places, called with {', '.join(c.calls)}",
        4,
    )
    yield f"    {'relative error at random places':>66}{'adversarial':>13} error over"
    yield (
        f"    {'quantity':<20} slots zeros {'median':>8}{'99 %':>9}{'max':>9}{'max ULP':>9}"
        f"{'max':>12}{'condition':>11}"
    )
    rows = c.accuracy if len(c.accuracy) > 2 else c.accuracy[:1]
    if len(rows) > _MOST_ROWS:
        rows = (*rows[: _MOST_ROWS - 1], rows[-1])
    for row in rows:
        yield _row(row)
    together = c.accuracy[-1]
    yield from _wrapped(f"    {_summary(c)}", 6)
    if together.sensitivity:
        yield from _wrapped(
            f"    condition numbers of components: median {together.sensitivity['median']:.3g}, "
            f"largest {together.sensitivity['max']:.3g}",
            6,
        )
    for worst in together.worst:
        yield from _wrapped(f"    {_worst(worst)}", 6)


def _summary(c: Certificate) -> str:
    together = c.accuracy[-1]
    if not together.components:
        return "Nothing is computed: every component vanishes, as the enclosures do not deny"
    text = (
        f"{100 * together.within:.6g} % of {together.random_pairs} numbers at random "
        f"places have a relative error within {c.threshold:.2g} ({100 * SHARE:g} % are needed); "
    )
    if not together.beyond:
        return f"{text}no number anywhere is beyond it"
    zeros = f" ({together.at_zeros} of them should be 0)" if together.at_zeros else ""
    return (
        f"{text}{together.beyond} numbers in all are beyond it{zeros}, {together.unexplained} of "
        f"them by more than {FACTOR} times their conditioning (none is allowed)"
    )


def _row(row: Accuracy) -> str:
    if not row.components:
        said = "nothing is computed: said to vanish"
        return f"    {row.quantity[:20]:<20} {0:>5} {row.zeros:>5}   {said}"

    def of(table: Mapping[str, float], key: str) -> str:
        return f"{table[key]:.1e}" if key in table else "-"

    ulp = f"{row.ulp['max']:.3g}" if row.ulp else "-"
    ratio = f"{row.largest_ratio:.2g}" if row.beyond else "-"
    return (
        f"    {row.quantity[:20]:<20} {row.components:>5} {row.zeros:>5} "
        f"{of(row.relative, '50'):>8}{of(row.relative, '99'):>9}{of(row.relative, 'max'):>9}"
        f"{ulp:>9}{of(row.adversarial_relative, 'max'):>12}{ratio:>10}"
    )


def _worst(worst: Worst) -> str:
    values = ", ".join(f"{name}={value:.6g}" for name, value in worst.values.items())
    return (
        f"worst: {worst.component} is {worst.exact:.17g}, the kernel gives {worst.value:.17g}: "
        f"relative error {worst.relative:.2g}, {worst.ratio:.2g} times its conditioning; "
        f"{worst.place}: {values}"
    )


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=" " * indent, break_long_words=False, drop_whitespace=True
    )
