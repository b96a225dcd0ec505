"""A budget of seconds and terms, so that a derivation ends with a clear error and never hangs.

A call into FLINT cannot be interrupted, so its cost is estimated before it is made: a product of
polynomials with p and q terms takes about p q elementary steps.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from geomkit.errors import BudgetError

__all__ = ["Budget"]

# FLINT multiplies sparse polynomials at 1e7 to 4e7 term products a second on one core; sorting,
# reducing and dividing what comes out costs about as much again.
PRODUCTS_PER_SECOND = 5e6
# A polynomial beyond this many terms (some hundred megabytes) helps nobody.
MAX_TERMS = 2_000_000


@dataclass
class Budget:
    """Seconds (None: no limit on time) and terms that a derivation may take.

    Args:
        seconds: wall-clock seconds from the making of this object; None means no limit.
        max_terms: number of terms that one polynomial may reach.
    """

    seconds: float | None = None
    max_terms: int = MAX_TERMS
    started: float = field(default_factory=time.monotonic)

    def remaining(self) -> float:
        """Return the seconds left (infinite without a limit)."""
        if self.seconds is None:
            return float("inf")
        return self.seconds - (time.monotonic() - self.started)

    def check(self) -> None:
        """Raise when the time is over.

        Raises:
            BudgetError: the seconds are used up.
        """
        if self.seconds is not None and self.remaining() < 0:
            raise BudgetError(
                f"the derivation reached its budget of {self.seconds:g} s",
                "give a larger budget=, or ask for fewer or simpler quantities",
            )

    def allow(self, products: float) -> None:
        """Raise when an operation of so many term products will not fit.

        Args:
            products: estimated number of term products of the operation about to be made.

        Raises:
            BudgetError: the estimate exceeds what is left.
        """
        if products < 20_000:
            return
        self.check()
        if products > 100 * self.max_terms or products > self.remaining() * PRODUCTS_PER_SECOND:
            left = "" if self.seconds is None else f" ({self.seconds:g} s)"
            raise BudgetError(
                f"the next step needs about {products:.2g} term products, more than the "
                f"budget{left} allows",
                "give a larger budget=, put in concrete functions, or use algebraic coordinates",
            )

    def hold(self, terms: int) -> None:
        """Raise when a polynomial has become too large to be of use.

        Args:
            terms: its number of terms.

        Raises:
            BudgetError: there are more than `max_terms`.
        """
        if terms > self.max_terms:
            raise BudgetError(
                f"an intermediate result reached {terms} terms (limit {self.max_terms})",
                "put in concrete functions, choose simpler coordinates, or ask for one component",
            )
