"""`geomkit compile`, `geomkit certify`, and the later stages of `geomkit show`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from geomkit.cli.output import check_outputs, write_text
from geomkit.cli.target import claim_path, find_metric
from geomkit.terminal import complain, emit, printable

if TYPE_CHECKING:
    from geomkit.kernel import Kernel

__all__ = ["run_certify", "run_compile", "stage_text"]

# What is compiled when nothing is said: what people compare first.
DEFAULT = ["metric", "christoffel", "riemann_down", "ricci", "scalar"]


def run_compile(
    target: str,
    quantities: list[str],
    backend: str,
    *,
    output: Path | None,
    budget: float | None,
    staged: bool,
) -> None:
    """Compile, say what came out, and where its source is.

    Args:
        target: file or catalogue name.
        quantities: what to compute; none for the usual tensors.
        backend: numba, torch or interpret.
        output: where to copy the source to, or None.
        budget: seconds for the exact derivation, or None.
        staged: compute step by step, without exact derivation.
    """
    check_outputs({"--output": output}, [Path(claim_path(target))])
    started = time.perf_counter()
    kernel = _compiled(target, quantities, backend, budget, staged or None)
    seconds = time.perf_counter() - started
    emit(printable_lines(str(kernel)))
    emit(f"  derived, lowered and compiled in {seconds:.2f} s")
    if output is not None:
        write_text(output, kernel.source)
        emit(f"  copied  {output}")


def run_certify(
    target: str,
    quantities: list[str],
    backend: str,
    *,
    points: int,
    seed: int,
    json: Path | None,
    budget: float | None,
    staged: bool,
) -> int:
    """Compile, certify and print the certificate.

    Args:
        target: file or catalogue name.
        quantities: what to compute; none for the usual tensors.
        backend: numba, torch or interpret.
        points: how many random points.
        seed: which random points.
        json: where to write the certificate as JSON, or None.
        budget: seconds for the exact derivation, or None.
        staged: compute step by step, without exact derivation.

    Returns:
        The exit status: 0 when the kernel passes, 1 when not.
    """
    from geomkit.certificate import certify

    check_outputs({"--json": json}, [Path(claim_path(target))])
    kernel = _compiled(target, quantities, backend, budget, staged or None)
    certificate = certify(kernel, points=points, seed=seed)
    emit(printable_lines(str(certificate)))
    if json is not None:
        write_text(json, certificate.to_json() + "\n")
    return 0 if certificate.ok else 1


def stage_text(target: str, quantities: list[str], stage: str, budget: float | None) -> str:
    """Write how quantities look at a stage behind the tensors.

    Args:
        target: file or catalogue name.
        quantities: what to compute.
        stage: "program", or a backend, for its source.
        budget: seconds for the exact derivation, or None.

    Returns:
        The text.
    """
    backend = "interpret" if stage == "program" else stage
    kernel = _compiled(target, quantities, backend, budget, None)
    return str(kernel.program) if stage == "program" else kernel.source.rstrip("\n")


def printable_lines(text: str) -> str:
    """Escape control characters line by line.

    Args:
        text: text with names from a file in it.

    Returns:
        The same, safe to print.
    """
    return "\n".join(map(printable, text.split("\n")))


def _compiled(
    target: str, quantities: list[str], backend: str, budget: float | None, staged: bool | None
) -> Kernel:
    from geomkit.kernel import compile

    metric = find_metric(target)
    names = quantities or [q for q in DEFAULT if metric.n > 1 or q != "riemann_down"]
    kernel = compile(metric, names, backend, budget=budget, staged=staged)
    if kernel.program.staged and not staged:
        complain(
            "not derived exactly (over the budget, too long, or outside of the exact field): "
            "this kernel computes step by step, and vanishing components come out as rounding"
        )
    return kernel
