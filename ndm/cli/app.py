"""The commands and their options; what they do is in the modules beside this one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ndm.cli import text

__all__ = ["app"]

app = typer.Typer(
    name="ndm",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Neural differential manifolds: charts with a learned Riemannian metric.",
    epilog="Try:  ndm train examples/moons.yaml",
)

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
OneSeed = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Which seed; by default the first.")
]


class Family(StrEnum):
    """Families of metrics."""

    FULL = "full"
    DIAGONAL = "diagonal"
    CONFORMAL = "conformal"
    LOWRANK = "lowrank"


class Prior(StrEnum):
    """What is believed of the curvature."""

    NONE = "none"
    CONSTANT = "constant"
    FLAT = "flat"


class Which(StrEnum):
    """Which checkpoint."""

    BEST = "best"
    LAST = "last"


def _show_version(wanted: bool) -> None:
    if wanted:
        from geomkit import __version__

        typer.echo(f"ndm {__version__}")
        raise typer.Exit


@app.callback()
def _several(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    del version


@app.command(help=text.TRAIN, short_help=text.TRAIN.splitlines()[0])
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Wins over the file; repeat it."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", metavar="N", help="Train with this seed; repeat it."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder; by default runs/NAME."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what is in the folder.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train a model for each seed of a configuration."""
    from ndm.cli.train import run

    try:
        run(config, overrides or [], seed or [], output=output, resume=resume, quiet=quiet)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was trained is kept, and --resume goes on") from None


@app.command(name="eval", help=text.EVAL, short_help=text.EVAL.splitlines()[0])
def eval_(
    run: RunFolder,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Other data: .npz or .csv.")
    ] = None,
    seed: OneSeed = None,
    which: Annotated[
        Which, typer.Option("--which", case_sensitive=False, help="Which checkpoint.")
    ] = Which.BEST,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Figures of a trained model."""
    from ndm.cli.evaluate import run as evaluate

    evaluate(run, data, seed, which.value, as_json=json)


@app.command(help=text.REPORT, short_help=text.REPORT.splitlines()[0])
def report(
    run: RunFolder,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="By default RUN/report.html."),
    ] = None,
    seed: OneSeed = None,
) -> None:
    """Write what a run gave as one HTML file."""
    from ndm.report import write_report

    typer.echo(f"written to {write_report(run, output, seed=seed)}")


@app.command(name="fit-motion", help=text.FIT_MOTION, short_help=text.FIT_MOTION.splitlines()[0])
def fit_motion(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Motion: .npz or .csv.")],
    potential: Annotated[
        bool, typer.Option("--potential", help="Forces act; without, motion is free.")
    ] = False,
    family: Annotated[
        Family, typer.Option("--family", case_sensitive=False, help="Of the metric.")
    ] = Family.FULL,
    prior: Annotated[
        Prior, typer.Option("--prior", case_sensitive=False, help="For the curvature.")
    ] = Prior.NONE,
    starts: Annotated[
        int, typer.Option("--starts", metavar="N", min=1, help="At most so many.")
    ] = 4,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0.1, help="CPU time of each stage.")
    ] = 120.0,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of the first start.")
    ] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where to write the fit.")
    ] = None,
) -> None:
    """Fit a metric, and a potential if asked, to motion in a file."""
    from ndm.dynamics.command import run

    found = run(
        path,
        potential=potential,
        family=family.value,
        prior=prior.value,
        starts=starts,
        seconds=seconds,
        seed=seed,
        output=output,
        tell=typer.echo,
    )
    typer.echo(str(found))
