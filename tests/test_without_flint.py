"""Where python-flint is missing everything stays correct, only slower."""

from __future__ import annotations

import subprocess
import sys

# A module entry of None makes `import flint` raise ImportError; find_spec is what geomkit asks.
SCRIPT = """
import importlib.util, sys
sys.modules["flint"] = None
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "flint" else found(name, *rest)
import geomkit as gk
kerr = gk.curvature(gk.catalog["kerr"])
decision = kerr.is_ricci_flat()
assert (decision.value, decision.proof) == (True, "exact"), decision
assert not kerr.is_flat() and kerr.is_flat().proof == "exact"
from geomkit.field.polynomial import SympyRing
assert isinstance(kerr.chart.field.ring, SympyRing)
report = gk.verify(gk.catalog.path("schwarzschild"), fallback=False)
assert all(str(c.verdict) == "holds" and c.proof == "exact" for c in report.claims), str(report)
wrong = {"metric": {"coordinates": ["x", "y"], "line_element": "(dx**2 + dy**2)/y**2",
         "domain": {"y": ["1/2", "2"]}}, "claims": [{"kind": "gauss_curvature", "value": "1"}]}
claim = gk.verify(wrong).claims[0]
assert (str(claim.verdict), claim.proof) == ("fails", "exact"), claim
assert claim.instead["value"] == "-1"
print("done")
"""


def test_kerr_and_claims_without_python_flint() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.stdout.strip() == "done", run.stderr[-2000:]
