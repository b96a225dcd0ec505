"""ActNorm with several processes: all take the moments of the whole first batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ndm.charts import ActNorm
from tests.ndm.chart_samples import points


@pytest.mark.slow
def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.ndm.actnorm_process"]
    running = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "rendezvous")], stdout=subprocess.PIPE, text=True
        )
        for rank in (0, 1)
    ]
    printed = [process.communicate(timeout=200)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    first, second = ([float(number) for number in text.split()] for text in printed)
    assert first == second
    alone = ActNorm(2).double()
    alone(3 * points((30, 2)) + 5)
    expected = torch.cat((alone.log_scale, alone.shift)).tolist()
    # another order of summation
    assert first == pytest.approx(expected, rel=1e-13, abs=1e-13)
