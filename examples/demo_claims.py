"""Claims, proved or refuted, and the report: `geomkit verify examples/ --html FILE` does the same.

python examples/demo_claims.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from demo_kerr import SHOWN
from demo_step import EXAMPLES, heading, near, run

import geomkit as gk
from geomkit.cli.verify import progress_bar, verdict_lines
from geomkit.derived import derive
from geomkit.report import render
from geomkit.terminal import emit
from geomkit.writing import write_whole

# The files that quote what is printed, and wrong.
MISTAKES = {"mistake_in_print.toml", "freund.toml"}


def verify_claims(folder: Path) -> bool:
    """Verify the claim files of the examples, print the verdicts and write the report.

    Args:
        folder: gets the report.

    Returns:
        Whether the mistakes were refuted, and all else proved.
    """
    heading("Claims, proved or refuted (geomkit verify examples/)")
    with progress_bar() as step:
        report = gk.verify([near(path) for path in sorted(EXAMPLES.glob("*.toml"))], progress=step)
    for file in report.files:
        emit("\n".join(f"   {line}" for line in verdict_lines(file)))
    emit("   " + str(report).splitlines()[-1])
    kerr, flrw = (gk.load(EXAMPLES / f"{name}.toml") for name in ("kerr", "flrw"))
    shown = [
        (kerr, derive(kerr, ["metric", "christoffel", "ricci", "riemann_down", *SHOWN])),
        (flrw, derive(flrw, ["ricci", "einstein", "scalar", "is_conformally_flat"])),
    ]
    page = render(report.to_json(), shown, title="geomkit: the demonstration")
    write_whole(folder / "report.html", page, mode=0o644)
    emit(f"   report: {near(folder / 'report.html')} (open it in a browser; it needs no network)")
    return all(
        file.status == ("fails" if Path(file.file).name in MISTAKES else "holds")
        for file in report.files
    )


if __name__ == "__main__":
    sys.exit(run(verify_claims))
