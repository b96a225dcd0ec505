"""Approximate symmetries of a trained metric, beside those that it had before it was trained.

A metric net that saw no datum is nearly flat, and so has nearly all n (n + 1)/2 Killing fields. A
count is worth what it says beyond that: the gap in the spectrum after the k-th eigenvalue is
compared with the same gap of untrained metrics in the same charts.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ndm.analysis.controls import field_of, untrained
from ndm.analysis.precision import paired
from ndm.dynamics.bases import function_basis
from ndm.dynamics.killing import KillingLevel, KillingSpectrum, killing_spectrum
from ndm.errors import DataError
from ndm.field import MetricField

__all__ = ["KillingReport", "killing_report"]

# Bases with more unknowns are left out unless they are asked for: a singular value decomposition
# of this size takes seconds, and there is one for each control.
MOST_UNKNOWNS = 400


@dataclass(frozen=True)
class KillingReport:
    """Approximate Killing fields of a model, with their control.

    Attributes:
        spectrum: of the model, for each degree; `spectrum.control` is that of the true metric, if
            it was given.
        untrained: the same of freshly initialised metrics in the same charts.
        p_untrained: (1 + how many of these have a gap as large at the same place) / (1 + their
            number); 1 if there is no gap.
        level: of the verdict.
    """

    spectrum: KillingSpectrum
    untrained: tuple[KillingSpectrum, ...]
    p_untrained: float
    level: float

    @property
    def dimension(self) -> int:
        """How many approximate Killing fields there are, at the highest degree."""
        return self.spectrum.dimension

    @property
    def gap(self) -> float:
        """Ratio of the eigenvalues after and before it."""
        return self.spectrum.gap

    @property
    def supported(self) -> bool:
        """Whether training made the symmetry.

        The two highest degrees have to find the same number of fields, at least one, and the gap
        after them has to be larger than that of nearly all untrained metrics: with fewer than
        1/(1 - level) - 1 of them (19 for 95 %) nothing can pass.
        """
        limit = 1 - self.level + 1e-9  # 1/20 <= 1 - 0.95 in spite of rounding
        return self.dimension > 0 and self.spectrum.settled and self.p_untrained <= limit

    def fields(self, x: Tensor, count: int | None = None) -> Tensor:
        """The fields of the smallest eigenvalues, (..., k, n) at x (..., n), in float64."""
        return self.spectrum.levels[-1].fields(x.double(), count)

    def __str__(self) -> str:
        """Count, gap, control, verdict; then the sweep over degrees."""
        counts = sorted(one.dimension for one in self.untrained)
        verdict = "supported" if self.supported else "not supported beyond the controls"
        if self.dimension == 0:
            verdict = "no approximate symmetry"
        elif not self.spectrum.settled:
            verdict = "not settled: the count depends on the degree"
        return (
            f"{self.dimension} approximate Killing fields, gap {self.gap:.2g}; "
            f"{len(counts)} untrained metrics have {counts[0]} to {counts[-1]} "
            f"(p = {self.p_untrained:.3f}): {verdict}\n{self.spectrum}"
        )


@torch.no_grad()
def killing_report(
    model: nn.Module,
    x: Tensor,
    degrees: Sequence[int] | None = None,
    basis: str | Sequence[str] = "polynomial",
    *,
    periods: Sequence[float] | None = None,
    weights: Tensor | None = None,
    minimum_gap: float = 10.0,
    tolerance: float = 1e-2,
    controls: int = 19,
    seed: int = 0,
    spread: float = 0.1,
    level: float = 0.95,
    truth: MetricField | None = None,
) -> KillingReport:
    """Approximate Killing fields of any trained model: how many, how clearly, and by training?

    The stationary values of mean |L_X g|^2 / mean |X|^2 over points, as
    `ndm.dynamics.killing.killing_spectrum` has them, for the model and for untrained metrics.

    Args:
        model: an NDM (its metric in the coordinates of the data), or a metric field.
        x: (N, n), the points of which means are taken: data, or points of a box.
        degrees: of the bases of vector fields; 1 to 3, or fewer where that is too many unknowns.
        basis: "polynomial" or "fourier", or one of them for each coordinate.
        periods: of Fourier coordinates; 2 pi by default.
        weights: (N,), of the points; all alike by default, which is right for data.
        minimum_gap: a smaller ratio of eigenvalues is no gap.
        tolerance: an eigenvalue counts as small below this part of the first that must not be.
        controls: untrained metrics; 19 at least for a verdict at 95 %.
        seed: of them.
        spread: of them, see `MetricNet`.
        level: of the verdict.
        truth: the true metric in the same coordinates, if it is known.

    Returns:
        Spectra, control and verdict.

    Raises:
        DataError: too few points, or no controls.
        ModelError: nothing in the model can be initialised afresh, or points that do not fit it.

    Example:
        >>> from ndm.metric_net import MetricNet
        >>> _ = torch.manual_seed(0)
        >>> field, x = MetricNet(2), torch.randn(100, 2)
        >>> killing_report(field, x, degrees=(1, 2)).supported      # it was never trained
        False
    """
    if controls < 1 or not 0 < level < 1:
        raise DataError(
            f"controls = {controls}, level = {level}: give 1 or more, and 0 < level < 1"
        )
    wide = copy.deepcopy(model).double()
    (x,) = paired(field_of(wide), x)
    chosen = _degrees(x, basis, periods) if degrees is None else tuple(degrees)
    weights = torch.ones_like(x[:, 0]) if weights is None else weights

    def spectrum(one: nn.Module, control: MetricField | None = None) -> KillingSpectrum:
        return killing_spectrum(
            field_of(one), x, chosen, basis, periods=periods, weights=weights,
            minimum_gap=minimum_gap, tolerance=tolerance, control=control,
        )  # fmt: skip

    found = spectrum(wide, truth)
    fresh = tuple(spectrum(untrained(wide, seed + k, spread=spread)) for k in range(controls))
    return KillingReport(found, fresh, _p_value(found, fresh), level)


def _degrees(
    x: Tensor, basis: str | Sequence[str], periods: Sequence[float] | None
) -> tuple[int, ...]:
    n = x.shape[1]
    sizes = {d: n * len(function_basis(x, d, basis, periods)) for d in (1, 2, 3)}
    return tuple(d for d, size in sizes.items() if d == 1 or size <= MOST_UNKNOWNS)


def _p_value(found: KillingSpectrum, fresh: Sequence[KillingSpectrum]) -> float:
    if found.dimension == 0:
        return 1.0
    gaps = [_gap_after(one.levels[-1], found.dimension) for one in fresh]
    return (1 + sum(gap >= found.gap for gap in gaps)) / (1 + len(gaps))


def _gap_after(level: KillingLevel, count: int) -> float:
    """Ratio of the eigenvalues after and before a place; below 1e-24 of them is rounding alone."""
    before, after = level.eigenvalues[count - 1 : count + 1].tolist()
    return float(after / max(before, 1e-24 * float(level.eigenvalues[count:].max()), 1e-300))
