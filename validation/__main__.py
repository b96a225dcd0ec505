"""`python -m validation`: check the claims, write the page and the figures.

python -m validation --quick             what has to hold, and a first look at the questions
python -m validation --full              the questions as well, in hours; can be cut off and resumed
python -m validation --only R46 --full   one claim (or several: --only R46 --only R51)
python -m validation --list              ids and statements
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from validation.claim import Claim
from validation.page import write_pages
from validation.record import Record
from validation.registry import claims
from validation.runner import run_claims

app = typer.Typer(add_completion=False, rich_markup_mode=None)
_MARKS = {"holds": "green", "confirmed": "green", "fails": "red", "refuted": "yellow"}


@app.command()
def main(
    quick: Annotated[bool, typer.Option("--quick/--full", help="A quick look, or all.")] = True,
    only: Annotated[list[str] | None, typer.Option(help="Ids of claims; may be repeated.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the results.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what was kept.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
    listing: Annotated[bool, typer.Option("--list", help="Show the claims.")] = False,
) -> None:
    """Check the claims of this project; exit with 1 if one that has to hold does not."""
    chosen = _chosen(only)
    if listing:
        for claim in chosen:
            typer.echo(f"{claim.id:28} {claim.statement}")
        return
    folder = output or Path("build/validation") / ("quick" if quick else "full")
    console = Console(highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("claims", total=len(chosen))

        def tell(record: Record, kept: bool) -> None:
            word = str(record.finding.outcome) if record.finding else "BROKEN"
            text = record.finding.summary if record.finding else record.error.splitlines()[-1]
            shown = f"[{_MARKS.get(word, 'bold')}]{word:12}[/] {record.id}: "
            console.print(shown, end="")
            console.print(text + (" (kept)" if kept else ""), markup=False)
            progress.advance(task)

        records = run_claims(chosen, folder, quick=quick, fresh=fresh, jobs=jobs, tell=tell)
    page = write_pages(chosen, records, folder, quick=quick)
    console.print(f"written: {page} and {page.with_suffix('.json')}", markup=False)
    pairs = zip(chosen, records, strict=True)
    wrong = [claim.id for claim, record in pairs if not acceptable(claim, record)]
    if wrong:
        console.print(f"not as it should be: {', '.join(wrong)}", markup=False)
        raise typer.Exit(1)


def acceptable(claim: Claim, record: Record) -> bool:
    """Whether a record is no reason for a non-zero exit: it holds, or it answers a question."""
    if record.finding is None:
        return False
    return claim.question or record.finding.outcome == "holds"


def _chosen(only: list[str] | None) -> list[Claim]:
    known = {claim.id: claim for claim in claims()}
    unknown = [name for name in only or () if name not in known]
    if unknown:
        raise typer.BadParameter(
            f"no claim is called {', '.join(unknown)}; --list shows them", param_hint="--only"
        )
    return [known[name] for name in only] if only else list(known.values())


if __name__ == "__main__":
    app()
