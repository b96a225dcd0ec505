"""What a claim is given when it is run: how much to do, and where results outlive a kill."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geomkit.writing import write_whole
from validation.claim import Picture

__all__ = ["Study", "picture"]


@dataclass(frozen=True)
class Study:
    """How much to do.

    Attributes:
        folder: where results of seeds are kept; of this claim alone.
        seeds: which to run.
        quick: whether this is a quick look.
    """

    folder: Path
    seeds: tuple[int, ...]
    quick: bool

    def each(
        self, measure: Callable[[int], Mapping[str, Any]], seeds: Sequence[int] | None = None
    ) -> list[dict[str, Any]]:
        """Run a measurement for every seed; what was finished before is read, not run.

        Args:
            measure: seed -> figures, as JSON can hold them.
            seeds: which; those of the study by default.

        Returns:
            Figures, one mapping a seed, with "seed" and "cpu" (seconds of this process) added.
        """
        return [self._one(measure, seed) for seed in (self.seeds if seeds is None else seeds)]

    def _one(self, measure: Callable[[int], Mapping[str, Any]], seed: int) -> dict[str, Any]:
        path = self.folder / f"seed-{seed}.json"
        if path.is_file():
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return kept
        begun = time.process_time()
        figures = {"seed": seed, **measure(seed), "cpu": time.process_time() - begun}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(figures))
        return figures


def picture(figure: Any, title: str) -> Picture:
    """A matplotlib figure as a picture of a finding; the figure is closed.

    Args:
        figure: the figure.
        title: what is seen.

    Returns:
        The picture.
    """
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight")
    plt.close(figure)
    return Picture(title, base64.b64encode(buffer.getvalue()).decode())
