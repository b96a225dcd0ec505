"""A budget that holds even while a library call cannot be interrupted.

The derivation watches its own budget (`curvature(metric, budget=...)`). A single call into FLINT or
a long conversion cannot be stopped from inside, so a budgeted command runs in a child process that
is ended when it does not come back in time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from geomkit.errors import BudgetError

__all__ = ["within"]

# Set in the child, which then does the work itself.
_MARK = "GEOMKIT_SUPERVISED"
# Beyond the budget: what starting Python and printing the message of the derivation may take.
_GRACE_FACTOR = 1.8
_GRACE_SECONDS = 0.8


@contextmanager
def within(budget: float | None) -> Iterator[None]:
    """Run the command of this process under a budget.

    Without a budget, or inside the child, the body runs here. Otherwise the same command line runs
    in a child process and the body does not.

    Args:
        budget: seconds, or None for no limit.

    Yields:
        Nothing; the body is the work.

    Raises:
        BudgetError: the child did not come back in time.
        SystemExit: the child came back; this process ends with its exit status.
    """
    if budget is None or os.environ.get(_MARK):
        yield
        return
    command = [sys.executable, "-m", "geomkit", *sys.argv[1:]]
    limit = max(_GRACE_FACTOR * budget, budget + _GRACE_SECONDS)
    try:
        done = subprocess.run(command, env={**os.environ, _MARK: "1"}, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise BudgetError(
            f"not done after {budget:g} s, and inside a step that cannot be interrupted",
            "raise --budget, ask for fewer quantities, or put numbers or concrete functions in",
        ) from None
    raise SystemExit(done.returncode)
