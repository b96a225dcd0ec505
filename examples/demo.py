"""The demonstration behind `make demo`: derive, compile, certify, follow light, verify, report.

Everything is done live: the curvature of Kerr is derived from its matrix, compiled and certified, a
beam of light is sent past the hole, the claim files of this folder are verified, and one of them, a
mistake found in print, has to be refuted.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

import geomkit as gk
from geomkit.cli.derive import components_text
from geomkit.cli.output import write_text
from geomkit.cli.verify import progress_bar, verdict_lines
from geomkit.derived import derive
from geomkit.report import render
from geomkit.terminal import complain, emit, strong
from geomkit.verify import Report

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "demo"
REPORT, PICTURE = BUILD / "report.html", BUILD / "light.png"
# The file whose claims are wrong on purpose.
MISTAKE = "mistake_in_print.toml"
SHOWN = ["kretschmann", "volume_element", "signature"]
COMPILED = ["riemann_down", "ricci", "scalar", "kretschmann"]


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


def compile_and_certify(kerr: gk.Metric) -> bool:
    """Compile the tensors of Kerr, time the kernel, and certify it.

    Args:
        kerr: the metric.

    Returns:
        Whether the kernel passes.
    """
    emit("\n" + strong("2. From the tensors to a certified kernel"))
    started = time.perf_counter()
    kernel = gk.compile(kerr, COMPILED)
    seconds = time.perf_counter() - started
    random = np.random.default_rng(0)
    points = random.uniform([0, 3, 0.3, 0], [1, 10, 2.8, 6], (100_000, 4))
    out = kernel.packed(points, M=1.0, a=0.9)
    started = time.perf_counter()
    kernel.packed(points, out=out, M=1.0, a=0.9)
    each = (time.perf_counter() - started) / len(points)
    emit(
        f"   Riemann, Ricci, scalar and Kretschmann: {kernel.program.flops} operations a point, "
        f"compiled in {seconds:.1f} s,\n   {1e9 * each:.0f} ns a point"
    )
    certificate = gk.certify(kernel)
    emit("\n".join(f"   {line}" for line in str(certificate).splitlines()))
    return bool(certificate.ok)


def follow_light(kerr: gk.Metric) -> bool:
    """Send a beam of light past the hole and draw it.

    Args:
        kerr: the metric.

    Returns:
        Whether energy and Killing momenta of every ray were conserved, and the captured rays are
        those that must be.
    """
    from geomkit import plot
    from geomkit.geodesic import Geodesics, light_rays

    emit("\n" + strong("3. Light past a rotating black hole"))
    mass, spin = 1.0, 0.9
    low, high = (critical_impact(mass, spin, side) for side in (-1, 1))
    impact = np.linspace(-9, 9, 73)
    started = time.perf_counter()
    rays = light_rays(Geodesics(kerr, M=mass, a=spin), impact, distance=30.0)
    seconds = time.perf_counter() - started
    captured = impact[[stop == "horizon" for stop in rays.stopped_by]]
    emit(
        f"   {len(impact)} rays in {seconds:.1f} s, energy, p_t and p_phi kept to "
        f"{rays.drift.max():.0e}; captured from\n   b = {captured.min():g} to {captured.max():g}; "
        f"in closed form between {low:.4f} and {high:.4f}"
    )
    meanings = {
        "horizon": f"captured: b from {low:.2f} M to {high:.2f} M".replace("-", "\N{MINUS SIGN}"),
        "escape": "escapes",
    }
    figure = plot.orbits(
        rays,
        circles={
            "horizon": mass + np.sqrt(mass**2 - spin**2),
            "photon orbit with the rotation": photon_orbit(mass, spin, 1),
            "photon orbit against it": photon_orbit(mass, spin, -1),
        },
        extent=12,
        labels=[meanings[stop] for stop in rays.stopped_by],
        title=f"Light in the equatorial plane of Kerr, M = {mass:g}, a = {spin:g} M",
    )
    plot.save(figure, PICTURE)
    emit(f"   drawn in {os.path.relpath(PICTURE)}")
    step = impact[1] - impact[0]
    as_known = low <= captured.min() < low + step and high - step < captured.max() <= high
    return bool(as_known) and rays.conserved


def photon_orbit(mass: float, spin: float, side: int) -> float:
    """Return the radius of the circular orbit of light in the equatorial plane, in closed form.

    r = 2 M (1 + cos(2/3 arccos(-side a/M))), from the paper that `critical_impact` cites.

    Args:
        mass: M.
        spin: a.
        side: 1 with the rotation, -1 against it.

    Returns:
        r.
    """
    return float(2 * mass * (1 + np.cos(2 / 3 * np.arccos(-side * spin / mass))))


def critical_impact(mass: float, spin: float, side: int) -> float:
    """Return the impact parameter of the circular photon orbit, in closed form.

    b = side 6 M cos(arccos(-side a/M)/3) - a (J. M. Bardeen, W. H. Press, S. A. Teukolsky,
    Astrophys. J. 178 (1972) 347).

    Args:
        mass: M.
        spin: a.
        side: 1 with the rotation, -1 against it.

    Returns:
        b, between which and the other one light is captured.
    """
    return float(side * 6 * mass * np.cos(np.arccos(-side * spin / mass) / 3) - spin)


def verify_all() -> Report:
    """Verify the claim files of this folder and print the verdicts.

    Returns:
        The report.
    """
    emit("\n" + strong("4. Claims, proved or refuted (geomkit verify examples/)"))
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
    emit("\n" + strong("5. The report"))
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
    certified = compile_and_certify(kerr)
    bent = follow_light(kerr)
    report = verify_all()
    write_report(report, kerr)
    as_planned = (
        vacuum
        and certified
        and bent
        and all(
            file.status == ("fails" if Path(file.file).name == MISTAKE else "holds")
            for file in report.files
        )
    )
    if not as_planned:
        complain("demo: something is not what it must be; see above")
    return 0 if as_planned else 1


if __name__ == "__main__":
    sys.exit(main())
