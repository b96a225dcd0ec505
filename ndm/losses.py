"""What a model is trained on: a task, and the simplicity of its geometry.

Equation 3 of the paper, total = task + lambda geo, with what it leaves open settled here:

- `curvature_penalty` is E[R^2] (equation 4) or, by default, E[asinh(R)^2], which is the same for
  small R and does not drown everything else where R is large.
- R(c g) = R/c: E[R^2] can be made small by inflating g. With `normalise` R is multiplied by
  vol^(2/n), the volume element's geometric mean, which undoes that: the penalty is then the same
  for g and c g.
- `volume_penalty` is Var(sqrt det g) (equation 5), or the variance of its logarithm, which neither
  overflows nor underflows; "auto" takes the latter for n > 8.
- A constant metric has no curvature at all, and nothing in the task says otherwise as long as the
  metric has no part in it. `consistency_loss` and `fisher_match_loss` give it one, as do the heads
  that use it; `metric_variation` watches whether it forgets the data.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ndm.errors import ModelError
from ndm.field import log_ratio_squared, symmetric
from ndm.geometry import PulledBack
from ndm.model import NDM

__all__ = [
    "LossTerms",
    "consistency_loss",
    "curvature_penalty",
    "fisher_match_loss",
    "geo_loss",
    "grad_decomposition",
    "metric_variation",
    "output_fisher",
    "volume_penalty",
]

_LOG_VOLUME_FROM = 8  # the largest dimension in which "auto" takes the volume itself


def curvature_penalty(
    scalar_curvature: Tensor,
    kind: str = "asinh",
    *,
    log_volume: Tensor | None = None,
    dimension: int | None = None,
) -> Tensor:
    """Mean over points of R^2 or asinh(R)^2.

    Args:
        scalar_curvature: R, (..., N), the points last.
        kind: "square" for E[R^2] (equation 4 of the paper), "asinh" for E[asinh(R)^2].
        log_volume: log sqrt(det g), (..., M), of these points or more, to normalise: R takes a
            factor exp(2/n mean(log_volume)), the mean over the points of each layer, and so does
            not change when a layer's g is multiplied by a number.
        dimension: n, needed to normalise.

    Returns:
        A number.

    Raises:
        ModelError: an unknown kind, or a volume without the dimension.

    Example:
        >>> R = torch.tensor([0.0, 2.0])
        >>> curvature_penalty(R, "square").item()
        2.0
    """
    if kind not in ("asinh", "square"):
        raise ModelError(f"kind = {kind!r} was given; choose 'asinh' or 'square'")
    if dimension == 1:
        warnings.warn(
            "a line has no curvature: the penalty is 0 for n = 1; set its weight to 0",
            stacklevel=2,
        )
        return scalar_curvature.sum() * 0
    if log_volume is not None:
        if dimension is None:
            raise ModelError("normalising curvature by volume needs dimension=n")
        size = torch.exp(2 / dimension * log_volume.mean(-1, keepdim=True))
        scalar_curvature = scalar_curvature * size
    values = scalar_curvature if kind == "square" else torch.asinh(scalar_curvature)
    return values.square().mean()


def volume_penalty(log_volume: Tensor, kind: str = "auto", dimension: int | None = None) -> Tensor:
    """Variance over points of the volume element, or of its logarithm.

    The variance is that of the points given (divided by their number, not one less); of several
    layers, the mean of theirs.

    Args:
        log_volume: log sqrt(det g), (..., N), the points last.
        kind: "variance" for Var(sqrt det g) (equation 5 of the paper), "log_variance" for
            Var(log sqrt det g), "auto" for the first up to n = 8 and the second beyond.
        dimension: n, needed by "auto".

    Returns:
        A number.

    Raises:
        ModelError: an unknown kind, or "auto" without the dimension.

    Example:
        >>> volume_penalty(torch.zeros(5), "variance").item()
        0.0
    """
    if kind == "auto":
        if dimension is None:
            raise ModelError("kind='auto' chooses by dimension: give dimension=n, or a kind")
        kind = "variance" if dimension <= _LOG_VOLUME_FROM else "log_variance"
    if kind not in ("variance", "log_variance"):
        raise ModelError(f"kind = {kind!r} was given; choose 'variance', 'log_variance' or 'auto'")
    values = log_volume.exp() if kind == "variance" else log_volume
    return values.var(-1, correction=0).mean()


def geo_loss(
    curvatures: Tensor | Sequence[Tensor],
    volumes: Tensor | Sequence[Tensor],
    *,
    curvature_weight: float = 1.0,
    volume_weight: float = 1.0,
) -> Tensor:
    """L_geo as in listing 1 of the paper: mean(R^2) + Var(vol), added up over layers.

    Args:
        curvatures: R of each layer, (N,) each; or one tensor (L, N).
        volumes: sqrt(det g) of each layer, likewise.
        curvature_weight: of the first term.
        volume_weight: of the second.

    Returns:
        A number.

    Raises:
        ModelError: no layers, lists of different lengths, or numbers in place of layers.

    Example:
        >>> R, vol = torch.tensor([1.0, -1.0]), torch.tensor([2.0, 2.0])
        >>> geo_loss([R, R], [vol, vol]).item()
        2.0
    """
    if len(curvatures) != len(volumes) or not len(volumes):
        raise ModelError(
            f"{len(curvatures)} curvatures and {len(volumes)} volumes were given; both need one "
            "tensor for each layer"
        )
    if any(part.ndim == 0 for part in (*curvatures, *volumes)):
        raise ModelError("one number was given for a layer; wrap what belongs to one layer: [R]")
    total = [
        curvature_weight * R.square().mean() + volume_weight * vol.var(correction=0)
        for R, vol in zip(curvatures, volumes, strict=True)
    ]
    return torch.stack(total).sum()


def consistency_loss(model: NDM, x: Tensor) -> Tensor:
    """How far metrics of successive layers are from being one: mean of log^2 of their ratio.

    For layers i and i + 1, sum over the eigenvalues of log^2 of g_i^-1 (J^T g_(i+1) J), the square
    of an affine-invariant distance; 0 for one manifold, whatever its coordinates.

    Args:
        model: with independent metrics (for a pulled-back one it is 0 up to rounding).
        x: (N, n), points, as inputs of the model.

    Returns:
        A number.

    Raises:
        ModelError: there is no metric, or only one layer.
    """
    if len(model.layers) < 2:
        raise ModelError("consistency compares two layers; this model has one")
    trace, rows = model.trace(x), []
    for i, layer in enumerate(model.layers[:-1]):
        carried = PulledBack(model.field(i + 1), layer.coordinate_map)
        rows.append(log_ratio_squared(model.field(i)(trace[i]), carried(trace[i])))
    return torch.stack(rows).mean()


def output_fisher(model: NDM, y: Tensor, likelihood: str = "categorical") -> Tensor:
    """Fisher information of the outputs, pulled back to coordinates in the last chart.

    J^T F J with J the derivative of the head's outputs; F = diag(p) - p p^T for logits of a
    categorical distribution, F = 1 for means of normal distributions of variance 1.

    Args:
        model: with a head.
        y: (N, n), coordinates in the last chart.
        likelihood: "categorical" or "normal".

    Returns:
        (N, n, n), positive semidefinite.

    Raises:
        ModelError: there is no head, or an unknown likelihood.
    """
    if model.head is None:
        raise ModelError("the output's Fisher information needs a head")
    if likelihood not in ("categorical", "normal"):
        raise ModelError(f"likelihood {likelihood!r} was given; choose 'categorical' or 'normal'")
    jacobian = torch.func.vmap(torch.func.jacrev(model.read))(y)
    half = jacobian
    if likelihood == "categorical":
        p = torch.softmax(model.read(y), -1)
        half = p[..., :, None] * (jacobian - p[..., None, :] @ jacobian)
    return symmetric(jacobian.mT @ half)


def fisher_match_loss(
    model: NDM, x: Tensor, *, likelihood: str = "categorical", floor: float = 1e-2
) -> Tensor:
    """How far the metric is from the output's Fisher information: mean of log^2 of their ratio.

    Both are compared in the last chart, the Fisher information with `floor` times the identity
    added, since it has the rank of the outputs at most. Only the metric is taught: the Fisher
    information is a target that does not move.

    Args:
        model: with a head and a metric.
        x: (N, n), points, as inputs of the model.
        likelihood: see `output_fisher`.
        floor: see above.

    Returns:
        A number.
    """
    y = model.trace(x)[-1].detach()
    target = output_fisher(model, y, likelihood).detach()
    target = target + floor * torch.eye(y.shape[-1], dtype=y.dtype, device=y.device)
    return log_ratio_squared(target, model.field(-1)(y)).mean()


def metric_variation(g: Tensor) -> Tensor:
    """How much a metric varies over points: root mean square of g - mean(g), against |mean(g)|.

    A metric that has forgotten the data has variation 0.

    Args:
        g: (N, n, n).

    Returns:
        A number.

    Example:
        >>> metric_variation(torch.eye(2).expand(4, 2, 2)).item()
        0.0
    """
    mean = g.mean(0)
    spread = (g - mean).square().sum((-1, -2)).mean().sqrt()
    return spread / torch.linalg.matrix_norm(mean)


@dataclass(frozen=True)
class LossTerms:
    """The terms of a loss, kept apart.

    geo = w_curvature curvature + w_volume volume, and
    total = task + lambda geo + w_consistency consistency + w_fisher fisher.

    Attributes:
        task: L_task.
        curvature: see `curvature_penalty`; None if it is not computed.
        volume: see `volume_penalty`; or None.
        consistency: see `consistency_loss`; or None.
        fisher: see `fisher_match_loss`; or None.
        weights: by the names above; 1 where nothing is said.

    Example:
        >>> one = torch.tensor(1.0)
        >>> terms = LossTerms(task=one, curvature=2 * one, volume=3 * one)
        >>> terms.geo.item(), terms.total(0.1).item()
        (5.0, 1.5)
    """

    task: Tensor
    curvature: Tensor | None = None
    volume: Tensor | None = None
    consistency: Tensor | None = None
    fisher: Tensor | None = None
    weights: Mapping[str, float] = field(default_factory=dict)

    def _weighted(self, names: Sequence[str]) -> Tensor:
        total = torch.zeros_like(self.task)
        for name in names:
            value = getattr(self, name)
            if value is not None:
                total = total + self.weights.get(name, 1.0) * value
        return total

    @property
    def geo(self) -> Tensor:
        """L_geo, a number; 0 if nothing of it is computed."""
        return self._weighted(("curvature", "volume"))

    def total(self, lam: float | Tensor = 1.0) -> Tensor:
        """The loss; with lambda = 0 and no other terms it is the task's very tensor.

        Args:
            lam: lambda.

        Returns:
            A number.
        """
        total = self.task
        if lam != 0:
            total = total + lam * self.geo
        if self.consistency is not None or self.fisher is not None:
            total = total + self._weighted(("consistency", "fisher"))
        return total

    def items(self) -> dict[str, Tensor]:
        """The terms that were computed, by name."""
        names = ("task", "curvature", "volume", "consistency", "fisher")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def not_finite(self) -> tuple[str, ...]:
        """Names of the terms that are not finite."""
        return tuple(n for n, value in self.items().items() if not bool(value.isfinite().all()))


def grad_decomposition(
    model: nn.Module, terms: LossTerms, lam: float = 1.0
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The two parts of the gradient: the task's signal, and the force that shapes the geometry.

    Args:
        model: whose parameters.
        terms: of a loss whose graph is still there.
        lam: lambda.

    Returns:
        Gradients by name of parameter: of the task, and of everything else; together they are the
        gradient of `terms.total(lam)`. A parameter that a part does not reach has zeros there.
    """
    named = dict(model.named_parameters())
    rest = terms._weighted(("consistency", "fisher"))
    if lam != 0:
        rest = rest + lam * terms.geo

    def slopes(loss: Tensor) -> dict[str, Tensor]:
        if not loss.requires_grad:
            return {name: torch.zeros_like(p) for name, p in named.items()}
        found = torch.autograd.grad(
            loss, list(named.values()), retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return dict(zip(named, found, strict=True))

    return slopes(terms.task), slopes(rest)
