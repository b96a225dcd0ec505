"""The demonstration behind `make demo`: derive, verify, and write a report.

Everything is done live: the curvature of Kerr is derived from its matrix, the claim files of this
folder are verified, and one of them, a mistake found in print, has to be refuted.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import geomkit as gk
from geomkit.cli.derive import components_text
from geomkit.cli.output import write_text
from geomkit.cli.terminal import complain, emit, strong
from geomkit.cli.verify import progress_bar, verdict_lines
from geomkit.derived import derive
from geomkit.report import render
from geomkit.verify import Report

HERE = Path(__file__).parent
REPORT = HERE.parent / "build" / "demo" / "report.html"
# The file whose claims are wrong on purpose.
MISTAKE = "mistake_in_print.toml"
SHOWN = ["kretschmann", "volume_element", "signature"]


def derive_kerr(kerr: gk.Metric) -> bool:
    """Derive the curvature of Kerr, time it, and print some of it.

    Args:
        kerr: the metric.

    Returns:
        Whether Ricci vanishes, as it must.
    """
    emit(strong("1. From the metric of Kerr to its curvature"))
    started = time.perf_counter()
    tensors = gk.curvature(kerr)
    gammas, riemann = tensors.christoffel.stored(), tensors.riemann_down.stored()
    vacuum = tensors.ricci.is_zero
    invariant = tensors.element("kretschmann")
    seconds = time.perf_counter() - started
    emit(
        f"   {len(gammas)} Christoffel symbols, {len(riemann)} components of Riemann (independent "
        f"ones),\n   Ricci {'= 0 exactly' if vacuum else 'is not 0'}, Kretschmann scalar with "
        f"{invariant.term_count} terms: {1000 * seconds:.0f} ms"
    )
    for result in derive(kerr, SHOWN):
        emit(
            "\n".join(
                [f"   {result.meaning}:", *("   " + line for line in components_text(result))]
            )
        )
    return vacuum


def verify_all() -> Report:
    """Verify the claim files of this folder and print the verdicts.

    Returns:
        The report.
    """
    emit("\n" + strong("2. Claims, proved or refuted (geomkit verify examples/)"))
    with progress_bar() as step:
        report = gk.verify(
            sorted(os.path.relpath(path) for path in HERE.glob("*.toml")), progress=step
        )
    for file in report.files:
        emit("\n".join(f"   {line}" for line in verdict_lines(file)))
    emit("   " + str(report).splitlines()[-1])
    return report


def write_report(report: Report, kerr: gk.Metric) -> None:
    """Write the HTML report of the verdicts and of what was derived.

    Args:
        report: the verdicts.
        kerr: the metric of the first part.
    """
    emit("\n" + strong("3. The report"))
    flrw = gk.load(HERE / "flrw.toml")
    shown = [
        (kerr, derive(kerr, ["metric", "christoffel", "ricci", "riemann_down", *SHOWN])),
        (flrw, derive(flrw, ["ricci", "einstein", "scalar", "is_conformally_flat"])),
    ]
    write_text(REPORT, render(report.to_json(), shown, title="geomkit: the demonstration"))
    emit(f"   written to {os.path.relpath(REPORT)}\n   open it in a browser; it needs no network")


def main() -> int:
    """Run the demonstration.

    Returns:
        0 when everything came out as it must: the mistake refuted, all else proved.
    """
    kerr = gk.load(HERE / "kerr.toml")
    vacuum = derive_kerr(kerr)
    report = verify_all()
    write_report(report, kerr)
    as_planned = vacuum and all(
        file.status == ("fails" if Path(file.file).name == MISTAKE else "holds")
        for file in report.files
    )
    if not as_planned:
        complain("demo: a verdict is not what it must be; see above")
    return 0 if as_planned else 1


if __name__ == "__main__":
    sys.exit(main())
