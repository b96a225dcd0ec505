"""Claims in processes side by side; what is finished is kept, whatever happens to the rest."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from validation.claim import Claim
from validation.record import Record, claim_folder, fingerprint, read, write
from validation.registry import claims
from validation.study import Study

__all__ = ["run_claim", "run_claims"]

# Each process has one thread: claims run side by side, and CPU times mean something.
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_claims(
    chosen: Sequence[Claim],
    folder: Path,
    *,
    quick: bool,
    fresh: bool = False,
    jobs: int = 1,
    tell: Callable[[Record, bool], None] = lambda record, kept: None,
) -> list[Record]:
    """Run claims, or read what an earlier run of them found.

    Args:
        chosen: which.
        folder: where results are kept.
        quick: a quick look instead of the full run.
        fresh: run everything, whatever was kept.
        jobs: processes side by side.
        tell: is called with each record as it comes, and whether it was kept from before.

    Returns:
        Records in the order of the claims.
    """
    records: dict[str, Record] = {}
    waiting: list[Claim] = []
    for claim in chosen:
        mark = fingerprint(claim, _seeds(claim, quick), quick)
        kept = None if fresh else read(folder, claim, mark)
        if kept is None:
            waiting.append(claim)
        else:
            records[claim.id] = kept
            tell(kept, True)
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    context = multiprocessing.get_context("spawn")  # torch and numba do not survive a fork
    with ProcessPoolExecutor(max(1, jobs), mp_context=context) as pool:
        tasks = [pool.submit(_in_process, c.id, folder, quick, fresh) for c in waiting]
        try:
            for task in as_completed(tasks):
                record = task.result()
                records[record.id] = record
                tell(record, False)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [records[claim.id] for claim in chosen]


def _in_process(name: str, folder: Path, quick: bool, fresh: bool) -> Record:
    claim = next(c for c in claims() if c.id == name)
    return run_claim(claim, folder, quick=quick, fresh=fresh)


def run_claim(claim: Claim, folder: Path, *, quick: bool, fresh: bool = False) -> Record:
    """Run one claim and keep what it found; an exception becomes the record's error.

    Args:
        claim: which.
        folder: where results are kept.
        quick: a quick look.
        fresh: forget the seeds of earlier runs.

    Returns:
        The record.
    """
    seeds = _seeds(claim, quick)
    mark, place = fingerprint(claim, seeds, quick), claim_folder(folder, claim)
    seen = place / "fingerprint"
    if fresh or not seen.is_file() or seen.read_text(encoding="utf-8") != mark:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        seen.write_text(mark, encoding="utf-8")
    wall, cpu = time.perf_counter(), time.process_time() - _spent(place)
    finding, error = None, ""
    try:
        finding = claim.run(Study(place, seeds, quick))
    except Exception:  # noqa: BLE001  (one broken claim does not stop the others, and is shown)
        error = traceback.format_exc(limit=-6)
    ran = tuple(seed for seed in seeds if (place / f"seed-{seed}.json").is_file())
    record = Record(
        claim.id,
        mark,
        finding,
        error,
        ran or (() if error else seeds),
        time.perf_counter() - wall,
        time.process_time() - cpu,
        datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        _commit(),
    )
    write(folder, claim, record)
    return record


def _spent(place: Path) -> float:
    """CPU time of the seeds that earlier runs left."""
    kept = (json.loads(path.read_text(encoding="utf-8")) for path in place.glob("seed-*.json"))
    return float(sum(row["cpu"] for row in kept))


def _seeds(claim: Claim, quick: bool) -> tuple[int, ...]:
    return claim.quick_seeds if quick and claim.seeds else claim.seeds


def _commit() -> str:
    """The commit that is run, "+" appended where tracked files were changed; empty outside git."""
    here = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=here, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        return git("rev-parse", "--short=10", "HEAD") + ("+" if git("diff", "--name-only") else "")
    except OSError:
        return ""
