"""Curvature from jets in torch: `python -m benchmarks.families`; `make bench` runs it too.

python -m benchmarks.families                 every family and dimension; writes the section
python -m benchmarks.families --only full     one family; writes nothing

R and its gradient at a batch of random jets, one thread. Compared with geomkit are the textbook
formula in `torch.einsum` on the full jet of the metric (Christoffel symbols, their derivatives, the
Ricci tensor, its trace; for the conformal and diagonal family the jet is built first, as somebody
without their formulas would), and the family's own formula in plain torch, which is the path that
other devices and `torch.compile` take.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.kernels.environments import ROOT, THREADS

# Before anything loads numpy, numba or torch: one thread.
os.environ.update(THREADS, GEOMKIT_NUM_THREADS="1")

import torch
from torch import Tensor

from benchmarks.families_section import replace_section
from benchmarks.kernels.timing import Here, in_turns
from geomkit.families import conformal, diagonal, full
from geomkit.families.torch import full as plain_full
from geomkit.families.torch import simple

Function = Callable[..., Tensor]
DIMENSIONS = (2, 3, 4, 8, 16, 32, 64)
# Numbers in the largest array of the textbook's formula, (N, n, n, n, n): 256 MB of float64.
LARGEST = 2**25


def textbook(g: Tensor, dg: Tensor, ddg: Tensor) -> Tensor:
    """R from the definition: Gamma, its derivatives, Ricci, the trace."""
    h = torch.linalg.inv(g)
    down = (dg.transpose(-1, -2) + dg - dg.movedim(-1, -3)) / 2
    slope = (ddg.transpose(-2, -3) + ddg - torch.einsum("...jkml->...mjkl", ddg)) / 2
    symbols = torch.einsum("...im,...mjk->...ijk", h, down)
    bend = -torch.einsum("...ia,...abl,...bm->...iml", h, dg, h)
    derivative = torch.einsum("...im,...mjkl->...ijkl", h, slope)
    derivative = derivative + torch.einsum("...iml,...mjk->...ijkl", bend, down)
    ricci = torch.einsum("...ijli->...jl", derivative) - torch.einsum("...iijl->...jl", derivative)
    ricci = ricci + torch.einsum("...iim,...mjl->...jl", symbols, symbols)
    ricci = ricci - torch.einsum("...ilm,...mij->...jl", symbols, symbols)
    return (h * ricci).sum((-1, -2))


def _conformal_textbook(phi: Tensor, dphi: Tensor, laplacian: Tensor) -> Tensor:
    n = dphi.shape[-1]
    one = torch.eye(n, dtype=phi.dtype)
    scale = torch.exp(2 * phi)
    # any Hessian of that trace will do
    hessian = (laplacian / n)[..., None, None] * one
    second = 2 * hessian + 4 * dphi[..., :, None] * dphi[..., None, :]
    g = scale[..., None, None] * one
    dg = g[..., None] * 2 * dphi[..., None, None, :]
    return textbook(g, dg, g[..., None, None] * second[..., None, None, :, :])


def _diagonal_textbook(h: Tensor, dh: Tensor, ddh: Tensor) -> Tensor:
    one = torch.eye(h.shape[-1], dtype=h.dtype)
    value = torch.exp(h)
    second = ddh[..., None] * one + dh[..., :, None] * dh[..., None, :]
    g = value[..., None] * one
    dg = (value[..., None] * dh)[..., :, None, :] * one[:, :, None]
    ddg = (value[..., None, None] * second)[..., :, None, :, :] * one[:, :, None, None]
    return textbook(g, dg, ddg)


@dataclass(frozen=True)
class Family:
    """What is timed of a family.

    Attributes:
        name: heading of its rows.
        own: geomkit.
        plain: its formula in plain torch.
        textbook: the definition; None where there is none.
        shapes: exponents of n in the sizes of the arguments.
    """

    name: str
    own: Function
    plain: Function
    textbook: Function | None
    shapes: tuple[int, ...]


def _plain_diagonal(h: Tensor, dh: Tensor, ddh: Tensor) -> Tensor:
    return simple.diagonal(h, dh, ddh, log=True, signs=(1,) * h.shape[-1])


FAMILIES = (
    Family("conformal", conformal.scalar, simple.conformal, _conformal_textbook, (0, 1, 0)),
    Family("diagonal", diagonal.scalar, _plain_diagonal, _diagonal_textbook, (1, 2, 2)),
    Family("full", full.scalar, plain_full.scalar, textbook, (2, 3, 4)),
    Family(
        "full, contracted ddg",
        lambda g, dg, s: full.scalar(g, dg, contracted=s),
        plain_full.scalar_contracted,
        None,
        (2, 3, 0),
    ),
)


def batch(family: Family, n: int, *, whole: bool = False) -> int:
    """How many points fit: 256, or fewer where the largest array would not stay in memory."""
    rank = 4 if whole else max(family.shapes)
    fitting: int = LARGEST // n**rank
    return max(1, min(256, fitting))


def jets(family: Family, n: int, count: int) -> list[Tensor]:
    """Random arguments, symmetric where they have to be, the metric near the identity."""
    random = torch.Generator().manual_seed(0)
    found = []
    for rank in family.shapes:
        x = torch.randn(count, *(n,) * rank, generator=random, dtype=torch.float64)
        if "full" in family.name and rank:
            x = x + x.transpose(1, 2)
            x = x + x.transpose(3, 4) if rank == 4 else x
            x = x / (8 * n) + torch.eye(n, dtype=x.dtype) if rank == 2 else x
        found.append(x)
    return found


def _backward(function: Function, given: Sequence[Tensor]) -> Callable[[], object]:
    leaves = [x.clone().requires_grad_() for x in given]
    return lambda: torch.autograd.grad(function(*leaves).sum(), leaves)


@dataclass(frozen=True)
class Cell:
    """One measurement: microseconds a point, and how many times faster geomkit is.

    Attributes:
        own: of geomkit.
        other: of the other program.
    """

    own: float
    other: float

    def __str__(self) -> str:
        ratio = self.other / self.own
        return f"{ratio:.3g}x" if ratio < 999.5 else f"{ratio:.0f}x"


def measure(family: Family, n: int) -> list[str]:
    """The cells of one row: values first, then values and gradients."""
    count = batch(family, n)
    cells = [f"{family.name}", f"{n}", f"{count}"]
    for wrap in (lambda f, x: lambda: f(*x), _backward):
        others: list[str] = []
        own = float("inf")
        for other, whole in ((family.textbook, True), (family.plain, False)):
            points = batch(family, n, whole=whole)
            # a smaller batch would say nothing of the family
            if other is None or (points < count and points < 32):
                others.append("")
                continue
            given = jets(family, n, points)
            torch.testing.assert_close(family.own(*given), other(*given), rtol=1e-8, atol=1e-8)
            pair = in_turns(Here(wrap(family.own, given)), Here(wrap(other, given)))
            own = min(own, 1e6 * pair.own / points)
            others.append(str(Cell(pair.own, pair.other)))
        cells += [f"{own:.3g}", *others]
    print(" | ".join(cells), flush=True)
    return cells


def section(rows: list[list[str]], loads: list[float]) -> str:
    """The section as Markdown."""
    machine = f"load {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} cores"
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numba", "numpy"))
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"""## Families

`scalar_curvature_from_jet` and its likes on torch tensors, float64, CPU time of one thread
({machine}; {packages}).
Microseconds for one point of the batch, calls and checks included; "with gradients" is value and
backward pass. Ratios say how many times faster geomkit is, each pair of programs in turns in one
run: *textbook* is the definition of R in `torch.einsum` on the full jet of the metric, which for
the conformal and diagonal family is built first (left out where it does not fit into memory);
*plain* is the family's own formula in plain torch.

| family | n | batch | R, us | textbook | plain | with gradients, us | textbook | plain |
|---|---|---|---|---|---|---|---|---|
{table}
"""


def main() -> int:
    """Measure, and write the section.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.families", description=__doc__)
    parser.add_argument("--only", choices=[family.name for family in FAMILIES])
    parser.add_argument("--dimensions", type=int, nargs="*", default=DIMENSIONS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows, loads = [], [os.getloadavg()[0]]
    for family in FAMILIES:
        if options.only in (None, family.name):
            for n in options.dimensions:
                rows.append(measure(family, n))
                loads.append(os.getloadavg()[0])
    if options.only is None and tuple(options.dimensions) == DIMENSIONS:
        replace_section(ROOT / "docs" / "benchmarks.md", section(rows, loads))
        print("written to docs/benchmarks.md, section Families")
    return 0


if __name__ == "__main__":
    sys.exit(main())
