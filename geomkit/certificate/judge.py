"""`certify`: everything that is checked of a kernel, in one record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geomkit.errors import CertificateError
from geomkit.metric import Metric

from .identities import claims, identities
from .identity import hashes, versions
from .measure import Measurement, measure
from .model import Certificate, Identity
from .places import Places
from .reference import Reference
from .rule import objections, threshold
from .storage import store

__all__ = ["certify"]

_TYPES = ("float64", "float32")
_NEEDED = ("metric", "quantities", "program", "backend", "source", "path")


def certify(
    kernel: Any,
    *,
    points: int = 64,
    seed: int = 0,
    arguments: Mapping[str, float] | None = None,
    dtype: str = "float64",
    budget: float = 3.0,
) -> Certificate:
    """Prove what can be proved of a kernel, and measure how accurate it is.

    The identities that its exact tensors have to satisfy are proved in their field. The kernel is
    then run at random places of the domain, and at adversarial ones (ends of the boxes, corners,
    changes of sign, zeros), and compared with rigorous enclosures of the tensors that come from the
    jets of the metric alone. It passes when 99 % of all components at random places have a relative
    error of at most 1e-14, every larger error anywhere is at most 50 times the change of the
    component when the inputs move by one unit of their last place, no entry is wrongly said to
    vanish, nothing finite becomes NaN, and no identity fails.

    Args:
        kernel: the kernel.
        points: number of random places; there are at most as many adversarial ones. More random
            ones are drawn where so few components are beyond the threshold, and so few compared,
            that it may be chance.
        seed: seed of the places.
        arguments: values of parameters (or other inputs) that are to be kept fixed, by name.
        dtype: "float64" or "float32", with the threshold scaled by the machine epsilon.
        budget: seconds for the proofs; as long again for the catalogue's claims.

    Returns:
        The certificate, which is also stored beside the kernel's source; look at `ok`.

    Raises:
        CertificateError: the kernel cannot be judged: it is none, another argument is of no use, or
            the domain has no regular place.

    Example:
        >>> import geomkit as gk
        >>> kernel = gk.compile(gk.catalog["sphere2"], ["scalar", "ricci"], backend="interpret")
        >>> certificate = certify(kernel, points=4)
        >>> certificate.ok, certificate.max_relative_error < 1e-14
        (True, True)
        >>> certificate.identities[0].name, certificate.identities[0].status
        ('g^im g_mj = delta^i_j', 'proved')
    """
    _checked(points, seed, arguments, dtype, budget)
    from geomkit.lower import read_requests

    if not all(hasattr(kernel, name) for name in _NEEDED):
        raise CertificateError(
            f"{str(kernel)[:60]!r} is no kernel; give what geomkit.compile or Kernel.load returns"
        )
    requests = read_requests(kernel.metric, kernel.quantities)
    fixed = dict(arguments or {})
    places = Places(kernel.metric, kernel.program, dtype, seed, fixed)
    measured = measure(kernel, Reference(kernel.program, requests, places), points, dtype)
    exact: tuple[Identity, ...] = ()
    if not kernel.program.staged:
        names = [request.quantity for request in requests]
        exact = (*identities(kernel.metric, names, budget), *claims(kernel.metric, budget))
    certificate = _judged(kernel, exact, measured, dtype=dtype, seed=seed, fixed=fixed)
    store(certificate, kernel)
    return certificate


def _judged(
    kernel: Any,
    exact: tuple[Identity, ...],
    measured: Measurement,
    *,
    dtype: str,
    seed: int,
    fixed: Mapping[str, float],
) -> Certificate:
    """The record of what was proved and measured, with all that speaks against the kernel."""
    limit = threshold(dtype)
    against = objections(exact, measured.accuracy, limit)
    return Certificate(
        name=kernel.metric.name,
        metric=_readable(kernel.metric),
        quantities=tuple(map(str, kernel.quantities)),
        backend=kernel.backend,
        dtype=dtype,
        staged=kernel.program.staged,
        hashes=hashes(kernel, dtype),
        versions=versions(kernel.backend),
        seed=seed,
        domain=(*map(str, kernel.metric.domain.boxes), *(f"{k} = {v}" for k, v in fixed.items())),
        counts=measured.counts,
        calls=measured.calls,
        threshold=limit,
        identities=exact,
        accuracy=measured.accuracy,
        problems=(*against, *measured.problems),
        notes=tuple(_notes(kernel)),
    )


def _checked(points: Any, seed: Any, arguments: Any, dtype: Any, budget: Any) -> None:
    """Refuse what `certify` cannot use."""
    if dtype not in _TYPES:
        raise CertificateError(f"dtype is {dtype!r}; give one of {', '.join(_TYPES)}")
    for name, value, least in (("points", points, 1), ("seed", seed, None)):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or (least is not None and value < least):
            kind = "positive number of random places" if name == "points" else "whole number"
            raise CertificateError(f"{name} is {value!r}; give a {kind}")
    if not isinstance(budget, int | float) or isinstance(budget, bool) or budget != budget:
        raise CertificateError(f"budget is {budget!r}; give a number of seconds")
    if arguments is not None and not isinstance(arguments, Mapping):
        raise CertificateError(
            f"arguments is {arguments!r}; give values by name, such as {{'M': 1.0}}"
        )


def _readable(metric: Metric) -> str:
    text = str(metric)
    return text if len(text) <= 2000 else f"{text[:2000]} ..."


def _notes(kernel: Any) -> list[str]:
    notes = []
    if kernel.program.staged:
        notes.append(
            "staged: computed step by step from the metric; near coordinate singularities it "
            "cancels, and its zeros are rounding errors"
        )
    return notes
