"""The certificate of a kernel: a finished record, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from geomkit.errors import CertificateError

from .identity import file_source, hashes, text_hash
from .reading import made, sums_differ
from .rule import FAILED, NUMERIC, OPEN, PROVED, objections, threshold

__all__ = ["FAILED", "NUMERIC", "OPEN", "PROVED", "Accuracy", "Certificate", "Identity", "Worst"]

FORMAT = 2


@dataclass(frozen=True)
class Identity:
    """An identity of the exact tensors.

    Attributes:
        name: what is said.
        status: "proved"; "numeric" (60 digits at random points); "not done within budget";
            "FAILED".
        detail: more, for a reader.
    """

    name: str
    status: str
    detail: str = ""


@dataclass(frozen=True)
class Worst:
    """A component at a place, in numbers.

    Attributes:
        component: which one.
        place: what is special about the place.
        values: all inputs there.
        value: what the kernel gives.
        exact: what it is, rounded.
        relative: the relative error; infinite where the exact value is zero.
        ulp: the error in units of the last place.
        ratio: the error in units of the conditioning.
    """

    component: str
    place: str
    values: Mapping[str, float]
    value: float
    exact: float
    relative: float
    ulp: float
    ratio: float


@dataclass(frozen=True)
class Accuracy:
    """How accurate a quantity is.

    Attributes:
        quantity: its name; "all" for all together.
        components: number of independent components that are computed.
        zeros: number of those that vanish exactly; their enclosures contain 0 at every place.
        random_pairs: (component, random place) pairs compared.
        adversarial_pairs: those at adversarial places.
        within: share of the random pairs whose relative error is within the threshold.
        relative: largest relative error ("max") and quantiles ("50" ... "99.9") of random pairs.
        ulp: the same in units of the last place.
        adversarial_relative: largest relative error and quantiles at adversarial places.
        beyond: number of pairs (both kinds) beyond the threshold.
        largest_ratio: the largest error among those, in units of the component's conditioning.
        unexplained: how many of those are beyond 50 such units.
        at_zeros: pairs whose exact value is zero while the kernel's is not; they are counted among
            `beyond` as well, and judged by the conditioning alone.
        not_finite: pairs where the kernel gives NaN or infinity and the exact value is finite.
        out_of_range: pairs whose exact value is beyond the range of the number type.
        sensitivity: relative change of a component when its inputs move by one unit of the last
            place, divided by the machine epsilon: median and maximum over some random pairs.
        worst: the largest relative error at random places, and the largest ratio.
    """

    quantity: str
    components: int
    zeros: int
    random_pairs: int
    adversarial_pairs: int
    within: float
    relative: Mapping[str, float]
    ulp: Mapping[str, float]
    adversarial_relative: Mapping[str, float]
    beyond: int
    largest_ratio: float
    unexplained: int
    at_zeros: int
    not_finite: int
    out_of_range: int
    sensitivity: Mapping[str, float]
    worst: tuple[Worst, ...]


@dataclass(frozen=True)
class Certificate:
    """What is known of a kernel: identities proved, errors measured, and the verdict.

    Attributes:
        name: name of the metric.
        metric: the metric as text.
        quantities: what the kernel computes.
        backend: "numba", "torch", "interpret".
        dtype: the number type it was tried with.
        staged: whether the program was made without exact derivation.
        hashes: SHA-256 of "metric", "program", "source", and of the other sources of the same
            program where the backend has some ("variants").
        versions: of the libraries that took part.
        seed: seed of the places.
        domain: the boxes that places were drawn from, and values that were kept fixed.
        counts: of places: "random", "adversarial", "refused" (singular there).
        calls: the ways in which it was called; each of them is compared at every place.
        threshold: the relative error that 99 % of the random pairs have to keep.
        identities: the exact part.
        accuracy: the numeric part for each quantity; the last one is for all together.
        problems: what speaks against the kernel; empty when it passes.
        notes: what a reader should know.
    """

    name: str
    metric: str
    quantities: tuple[str, ...]
    backend: str
    dtype: str
    staged: bool
    hashes: Mapping[str, str]
    versions: Mapping[str, str]
    seed: int
    domain: tuple[str, ...]
    counts: Mapping[str, int]
    calls: tuple[str, ...]
    threshold: float
    identities: tuple[Identity, ...]
    accuracy: tuple[Accuracy, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the kernel passes: no problem is listed, and none follows from the record."""
        return not self.objections

    @property
    def objections(self) -> tuple[str, ...]:
        """The problems, and what else in the record speaks against the kernel."""
        found = objections(self.identities, self.accuracy, self.threshold)
        return (*self.problems, *(text for text in found if text not in self.problems))

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        if not self.ok:
            return f"NOT CERTIFIED: {self.objections[0]}"
        return (
            f"certified: {self._proved()}, relative error at most {self.max_relative_error:.2g} at "
            f"random places, {self._explained()}"
        )

    def _proved(self) -> str:
        if self.staged:
            return "staged, nothing proved"
        proved = sum(identity.status == PROVED for identity in self.identities)
        return f"{proved} of {len(self.identities)} identities proved"

    def _explained(self) -> str:
        beyond = self.accuracy[-1].beyond
        if not beyond:
            return f"no error beyond {self.threshold:.2g} anywhere"
        return (
            f"{beyond} errors beyond {self.threshold:.2g}, each explained by the conditioning of "
            "its component"
        )

    @property
    def max_relative_error(self) -> float:
        """The largest relative error at random places."""
        return self.accuracy[-1].relative.get("max", 0.0)

    @property
    def hash(self) -> str:
        """SHA-256 of the content."""
        return text_hash(json.dumps(self.to_dict(), sort_keys=True))

    def matches(self, kernel: Any) -> bool:
        """Tell whether this is the certificate of a kernel, as it is now.

        Args:
            kernel: the kernel; its metric, quantities, program, source and the file of the source
                are compared.

        Returns:
            True if nothing has changed.
        """
        return not self.differences(kernel)

    def differences(self, kernel: Any) -> tuple[str, ...]:
        """Say what of a kernel is not what was certified.

        Args:
            kernel: the kernel.

        Returns:
            "metric", "quantities", "program", "backend", "source", "file of the source" or
            "variants of the source".
        """
        written, now = file_source(kernel), hashes(kernel, self.dtype)
        same = {
            "metric": self.hashes["metric"] == now["metric"],
            "quantities": self.quantities == tuple(map(str, kernel.quantities)),
            "program": self.hashes["program"] == now["program"],
            "backend": self.backend == kernel.backend,
            "source": self.hashes["source"] == now["source"],
            "file of the source": written is None or self.hashes["source"] == text_hash(written),
            "variants of the source": self.hashes.get("variants") == now.get("variants"),
        }
        return tuple(name for name, equal in same.items() if not equal)

    def to_dict(self) -> dict[str, Any]:
        """Return mappings, lists, texts and numbers that JSON can hold."""
        content = _plain(asdict(self))
        return {
            "geomkit certificate": FORMAT,
            "ok": self.ok,
            "verdict": self.verdict,
            "max_relative_error": _plain(self.max_relative_error),
            **content,
        }

    def to_json(self) -> str:
        """Return the certificate as JSON."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """Read what `to_json` wrote.

        Args:
            text: the JSON.

        Returns:
            The certificate.

        Raises:
            CertificateError: it is no certificate, or its verdict is not that of its content.
        """
        try:
            content = json.loads(text)
            known = content["geomkit certificate"] == FORMAT
            found: Certificate = made(cls, content)
            rows, digests, counts = found.accuracy, found.hashes, found.counts
            whole = len(rows) > 1 and {"metric", "program", "source"} <= set(digests)
            whole = whole and {"random", "adversarial", "refused"} <= set(counts)
            same = whole and found.to_dict() == content
            same = same and found.threshold == threshold(found.dtype)
        except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise CertificateError(
                f"this is no certificate of geomkit ({error!r}); certify the kernel anew"
            ) from None
        if not known or not whole:
            raise CertificateError(
                "this is no certificate of this version of geomkit; certify the kernel anew"
            )
        if not same or sums_differ(rows) or not (found.identities or found.staged):
            raise CertificateError(
                "the verdict of this certificate is not that of its content: it was changed by "
                "hand; certify the kernel anew"
            )
        return found

    def __str__(self) -> str:
        from .text import readable

        return readable(self)


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become texts."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(x) for x in value]
    return value
