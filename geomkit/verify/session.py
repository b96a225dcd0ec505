"""One claim file under examination: read it, prepare every claim, decide them one by one."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from geomkit.errors import BudgetError, GeomkitError
from geomkit.files import Claim, load_claims
from geomkit.metric import Metric

from .check import Check
from .context import Context
from .curves import geodesic_check
from .decide import Outcome
from .distance import distance_check
from .fisher import fisher_check
from .jumps import curvature_across_folds
from .operators import embedding_check, laplacian_check, sectional_check
from .properties import constant_check, einstein_check, property_check
from .report import ClaimResult, Verdict
from .scalars import SCALARS, scalar_check
from .signature import signature_check
from .symmetries import killing_check
from .tensors import tensor_check
from .worker import Options

__all__ = ["CHECKS", "Session"]

# Every kind of claim, and what prepares it.
CHECKS: Mapping[str, Callable[[Context, Claim], Check]] = {
    **dict.fromkeys(SCALARS, scalar_check),
    **dict.fromkeys(
        ("christoffel", "riemann_up", "riemann_down", "ricci", "einstein"), tensor_check
    ),
    **dict.fromkeys(("ricci_mixed", "einstein_mixed"), tensor_check),
    **dict.fromkeys(("flat", "ricci_flat", "conformally_flat"), property_check),
    **dict.fromkeys(("killing", "conformal_killing"), killing_check),
    "constant_sectional_curvature": constant_check,
    "einstein_constant": einstein_check,
    "sectional_curvature": sectional_check,
    "signature": signature_check,
    "geodesic": geodesic_check,
    "distance": distance_check,
    "laplacian": laplacian_check,
    "embedding": embedding_check,
    "fisher": fisher_check,
}
# Kinds that say nothing of curvature: a ridge of the metric does not matter to them.
NOT_CURVATURE = {
    *("volume_element", "signature", "christoffel", "killing", "conformal_killing", "laplacian"),
    *("geodesic", "distance", "embedding", "fisher"),
}


@dataclass(frozen=True)
class Session:
    """A file whose claims have all been read.

    Attributes:
        context: the metric and what the checks share.
        prepared: the claims, ready to be decided.
    """

    context: Context
    prepared: tuple[tuple[Claim, Check], ...]

    @classmethod
    def open(cls, source: str | os.PathLike[str] | Mapping[str, Any], options: Options) -> Session:
        """Read a claim file.

        Args:
            source: its path or content.
            options: how to check.

        Returns:
            The session.

        Raises:
            GeomkitError: the file cannot be used: the file, the metric or a claim is at fault.
        """
        with warnings.catch_warnings():
            # an unused coordinate and the like is no reason to clutter the terminal here
            warnings.simplefilter("ignore")
            file = load_claims(source)
        context = Context(file.metric, options, file.path)
        context.sampler.draw(1)  # a domain without a regular point makes the file useless
        prepared = tuple((claim, _prepared(context, claim)) for claim in file.claims)
        return cls(context, prepared)

    @property
    def metric(self) -> Metric:
        """The metric."""
        return self.context.metric

    def head(self, position: int) -> dict[str, Any]:
        """What is known of a claim before it is decided.

        Args:
            position: its number among the claims.

        Returns:
            index, kind, source and label.
        """
        claim, check = self.prepared[position]
        own = {"index": claim.index, "kind": claim.kind, "source": claim.source}
        return {**own, "label": check.label}

    def check(
        self, position: int, announce: Callable[[ClaimResult], None] | None = None
    ) -> ClaimResult:
        """Decide a claim.

        Args:
            position: its number among the claims.
            announce: called with a refutation as soon as it is found, before it is explained.

        Returns:
            The answer; never an exception, whatever the claim.
        """
        started = time.monotonic()

        def result(outcome: Outcome) -> ClaimResult:
            return ClaimResult(
                **self.head(position),
                verdict=outcome.verdict,
                proof=outcome.proof,
                detail=outcome.detail,
                counterexample=outcome.counterexample,
                instead=outcome.instead,
                seconds=time.monotonic() - started,
            )

        self.context.announce = announce and (lambda outcome: announce(result(outcome)))
        return result(self._decide(self.prepared[position][1]))

    def _decide(self, check: Check) -> Outcome:
        self.context.restart_budget()
        try:
            self.context.accommodate(check.expressions)
            outcome = check.run()
            return outcome if check.finish is None else check.finish(outcome)
        except BudgetError as error:
            return Outcome(Verdict.UNDECIDED, detail=f"BudgetError: {error}")
        except GeomkitError as error:
            return Outcome(Verdict.UNDECIDED, detail=f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001  (one claim must not stop the others)
            text = f"internal error, please report it: {type(error).__name__}: {error}"
            return Outcome(Verdict.UNDECIDED, detail=text)


def _prepared(context: Context, claim: Claim) -> Check:
    """A claim, ready to be decided; what is said of curvature is looked at across folds too."""
    check = CHECKS[claim.kind](context, claim)
    if claim.kind in NOT_CURVATURE or check.finish is not None:
        return check
    return replace(check, finish=partial(curvature_across_folds, context))
