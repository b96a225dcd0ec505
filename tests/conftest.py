"""What all tests share: how hard Hypothesis tries, and a kernel cache of their own.

`HYPOTHESIS_PROFILE=fast|ci|thorough`; `fast` is what `make test` uses, `thorough` is `make
test-slow`. Under CI both are derandomised, so that a red run can be repeated.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

# The first example pays for imports and for the tower; a deadline would make that a failure.
_COMMON: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
    "print_blob": True,
}

settings.register_profile("fast", max_examples=12, **_COMMON)
settings.register_profile("ci", max_examples=12, derandomize=True, **_COMMON)
settings.register_profile(
    "thorough", max_examples=150, derandomize=bool(os.environ.get("CI")), **_COMMON
)

_DEFAULT = "ci" if os.environ.get("CI") else "fast"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", _DEFAULT))

# One folder for all workers of a run, so that a kernel is compiled once; never the user's own.
_RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
os.environ["GEOMKIT_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"geomkit-tests-{_RUN}")
