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
from geomkit.cli.terminal import emit, strong
from geomkit.cli.verify import progress_bar, verdict_lines, write_text
from geomkit.derived import derive
from geomkit.report import render

HERE = Path(__file__).parent
REPORT = HERE.parent / "build" / "demo" / "report.html"
# The file whose claims are wrong on purpose.
MISTAKE = "mistake_in_print.toml"
SHOWN = ["kretschmann", "volume_element", "signature"]


def main() -> int:
    """Run the demonstration.

    Returns:
        0 when everything came out as it must: the mistake refuted, all else proved.
    """
    kerr = gk.load(HERE / "kerr.toml")
    emit(strong("1. From the metric of Kerr to its curvature"))
    started = time.perf_counter()
    tensors = gk.curvature(kerr)
    counts = {
        name: len(getattr(tensors, name).stored()) for name in ("christoffel", "riemann_down")
    }
    vacuum = tensors.ricci.is_zero
    invariant = tensors.element("kretschmann")
    seconds = time.perf_counter() - started
    emit(
        f"   {counts['christoffel']} Christoffel symbols, {counts['riemann_down']} components of "
        f"Riemann,\n   Ricci {'= 0 exactly' if vacuum else 'is not 0'}, Kretschmann scalar with "
        f"{invariant.term_count} terms: {1000 * seconds:.0f} ms"
    )
    for result in derive(kerr, SHOWN):
        emit(
            "\n".join(
                [f"   {result.meaning}:", *("   " + line for line in components_text(result))]
            )
        )

    emit("\n" + strong("2. Claims, proved or refuted (geomkit verify examples/)"))
    with progress_bar() as step:
        report = gk.verify(
            sorted(os.path.relpath(path) for path in HERE.glob("*.toml")), progress=step
        )
    for file in report.files:
        emit("\n".join(f"   {line}" for line in verdict_lines(file)))
    emit("   " + str(report).splitlines()[-1])

    emit("\n" + strong("3. The report"))
    shown = [(kerr, derive(kerr, ["metric", "christoffel", "ricci", "riemann_down", *SHOWN]))]
    flrw = gk.load(HERE / "flrw.toml")
    shown.append((flrw, derive(flrw, ["ricci", "einstein", "scalar", "is_conformally_flat"])))
    write_text(REPORT, render(report.to_json(), shown, title="geomkit: the demonstration"))
    emit(f"   written to {os.path.relpath(REPORT)}\n   open it in a browser; it needs no network")

    as_planned = vacuum and all(
        file.status == ("fails" if Path(file.file).name == MISTAKE else "holds")
        for file in report.files
    )
    if not as_planned:
        print("demo: a verdict is not what it must be; see above", file=sys.stderr)  # noqa: T201
    return 0 if as_planned else 1


if __name__ == "__main__":
    sys.exit(main())
