"""From a metric to its curvature, and from the curvature to a certified kernel.

python examples/demo_kerr.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from textwrap import fill

import numpy as np
from demo_step import EXAMPLES, heading, near, run

import geomkit as gk
from geomkit.derived import derive
from geomkit.terminal import emit
from geomkit.writing import write_whole

SHOWN = ["kretschmann", "volume_element", "signature"]
COMPILED = ["riemann_down", "ricci", "scalar", "kretschmann"]


def derive_kerr(folder: Path) -> bool:
    """Derive the curvature of Kerr, time it, and print some of it.

    Args:
        folder: nothing is written there.

    Returns:
        Whether Ricci vanishes, as it must.
    """
    del folder
    heading("From the metric of Kerr to its curvature")
    kerr = gk.load(EXAMPLES / "kerr.toml")
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
        value = result.signature or result.entries[0].short
        emit(f"   {result.meaning}:\n     {value}")
    return bool(vacuum)


def certify_kerr(folder: Path) -> bool:
    """Compile the tensors of Kerr, time the kernel, and certify it.

    Args:
        folder: gets the whole certificate.

    Returns:
        Whether the kernel passes.
    """
    heading("From the tensors to a certified kernel")
    started = time.perf_counter()
    kernel = gk.compile(gk.load(EXAMPLES / "kerr.toml"), COMPILED)
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
    names = "; ".join(identity.name for identity in certificate.identities)
    for text in (certificate.verdict, f"the identities: {names}"):
        emit(fill(text, 100, initial_indent="   ", subsequent_indent="   "))
    write_whole(folder / "certificate.txt", str(certificate), mode=0o644)
    emit(f"   the whole certificate: {near(folder / 'certificate.txt')}")
    return bool(certificate.ok)


if __name__ == "__main__":
    sys.exit(run(derive_kerr, certify_kerr))
