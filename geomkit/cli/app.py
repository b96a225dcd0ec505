"""The commands and their options; what they do is in the modules beside this one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from geomkit.cli import options, text
from geomkit.cli.options import Backend, Budget, Format, Quantities, Stage, Staged, Target

__all__ = ["app"]

app = typer.Typer(
    name="geomkit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Exact curvature of metrics, proved.\n\n"
    "A metric is a TOML or JSON file, or a name of the catalogue (see `geomkit catalog`).",
    epilog="Try:  geomkit derive kerr --quantity kretschmann",
)


@app.command(help=text.DERIVE, short_help=text.DERIVE.splitlines()[0])
def derive(
    target: Target,
    quantity: Annotated[
        list[str] | None,
        typer.Option(
            "--quantity",
            "-q",
            metavar="NAME",
            help="What to derive; repeat it, or separate by commas.",
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", case_sensitive=False, help="How to write it.")
    ] = Format.TEXT,
    index: Annotated[
        str | None,
        typer.Option(
            "--index",
            metavar="UD..",
            help="Index positions to bring tensors to: u up, d down, e.g. `ud` for R^i_j.",
        ),
    ] = None,
    budget: Budget = None,
) -> None:
    """Derive curvature quantities of a metric, exactly and in simplified form."""
    from geomkit.cli import supervise
    from geomkit.cli.derive import run

    with supervise.within(budget):
        run(target, quantity or ["christoffel", "ricci", "scalar"], form.value, index, budget)


@app.command(help=text.SHOW, short_help=text.SHOW.splitlines()[0])
def show(
    target: Target,
    quantity: Annotated[
        list[str] | None,
        typer.Option("--quantity", "-q", metavar="NAME", help="A quantity to look at."),
    ] = None,
    stage: Annotated[
        Stage, typer.Option("--stage", case_sensitive=False, help="Which stage of the derivation.")
    ] = Stage.TENSORS,
    budget: Budget = None,
) -> None:
    """Show a metric: line element, parameters, domain, claims; or a stage of a derivation."""
    from geomkit.cli import supervise
    from geomkit.cli.show import run

    # kernels look after their budget themselves: they are made step by step when it is over
    with supervise.within(budget if stage is Stage.TENSORS else None):
        run(target, quantity or [], stage.value, budget)


@app.command(help=text.CATALOG, short_help=text.CATALOG.splitlines()[0])
def catalog(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One metric.")] = None,
) -> None:
    """List the metrics of the catalogue, or show one with its reference and claims."""
    from geomkit.cli.catalogue import run

    run(name)


@app.command(help=text.VERIFY, short_help=text.VERIFY.splitlines()[0])
def verify(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Claim files, or folders of them.")
    ],
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the verdicts as JSON.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a report to read.")
    ] = None,
    budget: Annotated[
        str,
        typer.Option(
            "--budget", metavar="S", help="Seconds for each claim; 0 or none: without limit."
        ),
    ] = "60",
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="Files at the same time.")
    ] = None,
    no_fallback: Annotated[
        bool, typer.Option("--no-fallback", help="Exact field only: never fall back to SymPy.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the summary only.")] = False,
) -> None:
    """Prove or refute the claims of claim files."""
    from geomkit.cli.verify import run

    raise typer.Exit(
        run(
            paths,
            json=json,
            html=html,
            budget=_seconds(budget),
            jobs=jobs,
            fallback=not no_fallback,
            quiet=quiet,
        )
    )


@app.command(name="compile", help=text.COMPILE, short_help=text.COMPILE.splitlines()[0])
def compile_(
    target: Target,
    quantity: Quantities = None,
    backend: Annotated[
        Backend, typer.Option("--backend", "-b", case_sensitive=False, help="What to compile for.")
    ] = Backend.NUMBA,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Copy the source here.")
    ] = None,
    budget: Budget = None,
    staged: Staged = False,
) -> None:
    """Compile quantities of a metric into a kernel, which is kept on disk."""
    from geomkit.cli.kernels import run_compile

    run_compile(target, quantity or [], backend.value, output=output, budget=budget, staged=staged)


@app.command(help=text.CERTIFY, short_help=text.CERTIFY.splitlines()[0])
def certify(
    target: Target,
    quantity: Quantities = None,
    backend: Annotated[
        Backend, typer.Option("--backend", "-b", case_sensitive=False, help="What to compile for.")
    ] = Backend.NUMBA,
    points: Annotated[
        int, typer.Option("--points", metavar="N", min=1, help="How many random points.")
    ] = 64,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Which points.")] = 0,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the certificate as JSON.")
    ] = None,
    budget: Budget = None,
    staged: Staged = False,
) -> None:
    """Prove how accurate a kernel is."""
    from geomkit.cli.kernels import run_certify

    raise typer.Exit(
        run_certify(
            target,
            quantity or [],
            backend.value,
            points=points,
            seed=seed,
            json=json,
            budget=budget,
            staged=staged,
        )
    )


@app.command(help=text.GEODESIC, short_help=text.GEODESIC.splitlines()[0])
def geodesic(
    target: Target,
    start: options.Start,
    velocity: options.Velocity,
    length: options.Length = "1",
    kind: options.KindOf = options.Kind.AS_GIVEN,
    parameter: options.Parameters = None,
    until: options.Until = None,
    within_domain: options.WithinDomain = False,
    samples: options.Samples = 201,
    plot: options.Plot = None,
    csv: options.Csv = None,
    json: options.AsJson = False,
) -> None:
    """Follow a geodesic, and watch what is conserved along it."""
    from geomkit.cli.geodesic import run

    status = run(
        target,
        start,
        velocity,
        length=length,
        kind=kind.value,
        parameters=parameter,
        events=until,
        within_domain=within_domain,
        samples=samples,
        plot=plot,
        csv=csv,
        json=json,
    )
    raise typer.Exit(status)


cache_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text.CACHE)
app.add_typer(cache_app, name="cache")


@cache_app.command()
def info() -> None:
    """Say where kernels are kept, how many, and how much room they take."""
    from geomkit.cli.cache import run_info

    run_info()


@cache_app.command()
def clear() -> None:
    """Remove all kept kernels; they are made anew when needed."""
    from geomkit.cli.cache import run_clear

    run_clear()


def _seconds(text: str) -> float | None:
    """The budget of a claim, None for no limit."""
    if text.strip().lower() == "none":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise typer.BadParameter(
            f"{text!r} is no time; give seconds, 60 for instance, or none for no limit",
            param_hint="--budget",
        )
    return seconds or None


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from geomkit._version import __version__

        typer.echo(f"geomkit {__version__}")
        raise typer.Exit
