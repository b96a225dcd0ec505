"""What is written about the rows that a run missed: which, by how much, and where the time goes.

Every figure comes from the run; the sentences here hold whatever it gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import fill

from benchmarks.kernels.rows import LIMIT, Result, Row, measure

__all__ = ["Costs", "measure_costs", "missed_text"]

FEW, MANY = 64, 1024
# Why a row is hard; shown only where it was missed.
WHY = {
    "heyoka.py cfunc, by hand, fast_math": """heyoka.py compiles to vector instructions through LLVM
as geomkit does, with a vector library for sine and cosine. Here it is given the formulas that a
person has factored for the C, and may ignore rounding, so there is little left to save but the
call; geomkit factors by itself and keeps two divisions, because one division by Sigma * Delta would
make every component infinite or NaN on the horizon. With the tensors that geomkit derived (the row
before), heyoka.py finds fewer common factors.""",
    "JAX jit, curvature by jacfwd": """Forward mode over forward mode of a 4 x 4 metric, all points
in one compiled loop, is the best that JAX does: XLA turns derivatives into a program of its own,
much as geomkit does. `jax.jacobian`, which is reverse mode and what most people write, is the row
before.""",
    "torch forward + backward, numba against eager": """torch's own bookkeeping of a graph with one
node, its call of our function and the sum and its gradient take most of the time; the kernels
themselves take less.""",
}


@dataclass(frozen=True)
class Costs:
    """Where the time of both programs of a row goes.

    Attributes:
        first: microseconds of a call with one block of 64 points, geomkit's and the other's.
        further: nanoseconds for each further point.
    """

    first: tuple[float, float]
    further: tuple[float, float]


def measure_costs(results: Sequence[Result]) -> dict[Row, Costs]:
    """Time calls of one block and of 16, for every row that was missed.

    Args:
        results: the rows.

    Returns:
        Costs by row; without those that cannot be timed so.
    """
    found = {}
    for one in results:
        if not (one.missed and one.other):
            continue
        small, large = (measure(replace(one.row, counts=(n, n))) for n in (FEW, MANY))
        if small.other and large.other:
            pairs = ((small.own, large.own), (small.other, large.other))
            calls = [(FEW * a, MANY * b) for a, b in pairs]
            own, other = ((a / 1e3, (b - a) / (MANY - FEW)) for a, b in calls)
            found[one.row] = Costs((own[0], other[0]), (own[1], other[1]))
    return found


def missed_text(
    results: Sequence[Result], costs: dict[Row, Costs], others: Sequence[str] = ()
) -> list[str]:
    """Write which rows of the design were missed, and a paragraph on each.

    Args:
        results: the rows.
        costs: what `measure_costs` gave.
        others: what else was missed: accuracy, compiling.

    Returns:
        Lines of Markdown.
    """
    asked = dict.fromkeys(one.row.group for one in results if one.row.group)
    missed = dict.fromkeys(one.row.group for one in results if one.missed)
    names = [*missed, *others]
    total = len(asked) + 2
    text = f"The design asks for {total} things: {', '.join(asked)}, accuracy, compiling. "
    text += "Several ways of one peer are one thing. "
    text += f"Missed in this run: {', '.join(names)}." if names else "Nothing was missed."
    lines = ["", _wrapped(text)]
    limit = next((one.other for one in results if one.row is LIMIT), None)
    for one in results:
        if one.missed:
            lines += ["", _paragraph(one, costs.get(one.row), limit)]
    return lines


def _paragraph(one: Result, costs: Costs | None, limit: float | None) -> str:
    row = one.row
    name = row.name if row.counts[0] == 1000 else f"{row.name}, {row.counts[0]} points"
    if one.other is None or row.least is None:
        return _wrapped(f"- **{name}** could not be timed: {one.note}.", "  ")
    wanted = one.other / row.least
    text = f"- **{name}.** {row.least:g}x would be {wanted:.3g} ns a point; geomkit takes "
    text += f"{one.own:.3g} ns"
    if limit and row.alike and row is not LIMIT:
        text += f", the C by hand {limit:.3g} ns"
        text += ", which does not reach that either" if limit > wanted else ""
    text += "."
    if costs:
        (a, b), (c, d) = costs.first, costs.further
        text += (
            f" A call with one block of 64 points takes {a:.3g} us, {b:.3g} us of the other; each "
            f"further point {c:.3g} ns, {d:,.0f} ns of the other."
        )
    why = " ".join(WHY.get(row.name, "").split())
    return _wrapped(f"{text} {why}".rstrip(), "  ")


def _wrapped(text: str, indent: str = "") -> str:
    return fill(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
