"""One of two processes that set an ActNorm together (`python -m tests.ndm.actnorm_process`).

Each sees half of the data, of unequal sizes; both print the parameters that they end with.
"""

from __future__ import annotations

import sys

import torch
from torch import distributed

from ndm.charts import ActNorm
from tests.ndm.chart_samples import points


def main(rank: int, file: str) -> None:
    """Joins the group, sets the map from this half, prints what came out."""
    distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    data = 3 * points((30, 2)) + 5
    chart = ActNorm(2).double()
    chart(data[:10] if rank == 0 else data[10:])
    print(*torch.cat((chart.log_scale, chart.shift)).tolist())  # noqa: T201
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
