"""Options that several commands have, choices, and the many options of `geomkit geodesic`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Target = Annotated[
    str, typer.Argument(metavar="FILE|NAME", help="A metric file, or a catalogue name.")
]
Budget = Annotated[
    float | None,
    typer.Option("--budget", metavar="S", min=0.01, help="Seconds that may be spent."),
]


Quantities = Annotated[
    list[str] | None,
    typer.Option(
        "--quantity",
        "-q",
        metavar="NAME",
        help="What to compute; repeat it, or separate by commas. `NAME = EXPR` too.",
    ),
]
Staged = Annotated[
    bool, typer.Option("--staged", help="Step by step from the metric, not derived exactly.")
]


class Format(StrEnum):
    """How derived quantities are written."""

    TEXT = "text"
    LATEX = "latex"
    JSON = "json"


class Stage(StrEnum):
    """What `show` can look at."""

    TENSORS = "tensors"
    PROGRAM = "program"
    NUMBA = "numba"
    TORCH = "torch"


class Backend(StrEnum):
    """What a kernel is compiled for."""

    NUMBA = "numba"
    TORCH = "torch"
    INTERPRET = "interpret"


class Kind(StrEnum):
    """What the velocity is made into."""

    AS_GIVEN = "as-given"
    UNIT = "unit"
    NULL = "null"
    TIMELIKE = "timelike"


# Of `geomkit geodesic`.
Start = Annotated[
    str, typer.Option("--from", metavar="X,..", help="The point: `0,10,pi/2,0` or `r=10,...`.")
]
Velocity = Annotated[
    str, typer.Option("--velocity", metavar="V,..", help="The velocity there, likewise.")
]
Length = Annotated[
    str, typer.Option("--length", metavar="S", help="Range of the affine parameter.")
]
KindOf = Annotated[
    Kind,
    typer.Option(
        "--kind",
        case_sensitive=False,
        help="unit: scale to |g(v,v)| = 1; null, timelike: solve for the time component.",
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter; repeat it."),
]
Until = Annotated[
    list[str] | None,
    typer.Option("--until", metavar="EXPR", help="Stop where it vanishes, e.g. `r - 3*M`."),
]
WithinDomain = Annotated[
    bool, typer.Option("--within-domain", help="Stop at the edge of the metric's domain.")
]
Samples = Annotated[
    int, typer.Option("--samples", metavar="N", min=2, help="Number of equidistant samples.")
]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Picture: .png .pdf .svg; .html turns."),
]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Table of the samples.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
