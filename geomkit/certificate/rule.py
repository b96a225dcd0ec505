"""What a certificate has to show: the rule, and what of a record speaks against a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Accuracy, Identity

__all__ = ["FACTOR", "FAILED", "NUMERIC", "OPEN", "PROVED", "SHARE", "objections", "threshold"]

FACTOR = 50  # errors beyond the threshold may be so many times the conditioning
SHARE = 0.99  # of the random pairs have to keep the threshold
PROVED, OPEN, FAILED, NUMERIC = "proved", "not done within budget", "FAILED", "numeric"


def threshold(dtype: str) -> float:
    """The relative error that 99 % of the random pairs have to keep: 45 units of the last place.

    Args:
        dtype: "float64" or "float32".

    Returns:
        1e-14 for float64, 5.4e-6 for float32.

    Raises:
        KeyError: it is another type.
    """
    return 1e-14 * 2.0 ** {"float64": 0, "float32": 29}[dtype]


def objections(
    identities: Sequence[Identity], accuracy: Sequence[Accuracy], limit: float
) -> Iterator[str]:
    """Yield what identities and errors say against a kernel.

    Args:
        identities: the exact part.
        accuracy: the numeric part; the last one is for all quantities together.
        limit: the relative error that is allowed without explanation.

    Yields:
        A sentence for each objection; nothing for a kernel that passes.
    """
    for identity in identities:
        if identity.status == FAILED:
            yield f"{identity.name}: {identity.detail}"
    together = accuracy[-1]
    if together.not_finite:
        yield f"NaN or infinity for {together.not_finite} values that are finite"
    if together.within < SHARE:
        yield (
            f"only {100 * together.within:.4g} % of the (component, random place) pairs have a "
            f"relative error within {limit:.2g}; {100 * SHARE:g} % are needed"
        )
    if together.unexplained:
        yield _unexplained(together, limit)


def _unexplained(together: Accuracy, limit: float) -> str:
    text = f"{together.unexplained} errors beyond {limit:.2g} are not explained by conditioning"
    if not together.worst:
        return text
    worst = together.worst[-1]
    if worst.exact == 0:
        return f"{text}; {worst.component} is 0 ({worst.place}), the kernel gives {worst.value:.3g}"
    return (
        f"{text}; the largest is {worst.ratio:.3g} times that of {worst.component} "
        f"({worst.place}), allowed are {FACTOR}"
    )
