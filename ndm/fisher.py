"""The matrix of the natural gradient: learned metrics and the output's Fisher information.

G = sum_i w_i E[J_i^T g_i J_i] + w_F E[J_out^T F J_out] + delta 1

with J_i = d x_i / d theta, the derivative of the coordinates in chart i by the parameters, J_out
that of the outputs, g_i the metric in chart i and F the Fisher information of the outputs. w_i = 0
gives the exact Fisher matrix (requirement R23); w_F = 0 and g = 1 gives Gauss and Newton's.

The matrix is never formed: J^T u is recorded once, as a function of u; J v is its derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache

import torch
from torch import Tensor

from ndm.errors import ModelError
from ndm.field import factored, symmetric
from ndm.model import NDM

__all__ = ["GeneralisedFisher", "fisher_product", "fisher_root"]

LIKELIHOODS = ("categorical", "normal")


def fisher_product(outputs: Tensor, v: Tensor, likelihood: str) -> Tensor:
    """F v for the Fisher information F of a likelihood by its outputs.

    Args:
        outputs: (N, C): logits, or means of normal distributions of variance 1.
        v: (N, C).
        likelihood: "categorical": F = diag(p) - p p^T; "normal": F = 1.

    Returns:
        (N, C).

    Raises:
        ModelError: an unknown likelihood.

    Example:
        >>> fisher_product(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), "categorical")
        tensor([[ 0.2500, -0.2500]])
    """
    if likelihood == "normal":
        return v
    if likelihood != "categorical":
        raise ModelError(f"likelihood {likelihood!r} was given; choose one of {LIKELIHOODS}")
    p = torch.softmax(outputs, -1)
    return p * (v - (p * v).sum(-1, keepdim=True))


def fisher_root(outputs: Tensor, xi: Tensor, likelihood: str) -> Tensor:
    """S xi with S S^T = F: for normal xi, cotangents whose covariance is F.

    Args:
        outputs: (N, C).
        xi: (N, C).
        likelihood: see `fisher_product`.

    Returns:
        (N, C).
    """
    if likelihood == "normal":
        return xi
    p = torch.softmax(outputs, -1)
    root = p.sqrt()
    return root * xi - p * (root * xi).sum(-1, keepdim=True)


class GeneralisedFisher:
    """G of a model at a batch of points, by its products with vectors.

    The parameters are those that coordinates or outputs depend on. A metric net is not among them
    unless the head reads the metric: it enters through g.

    Args:
        model: with a head, or w_fisher = 0.
        x: (N, n), the batch, or what `pad` takes; leading axes are points too.
        w_metric: w_i for charts 1 to L; one number stands for itself over L. 0 without a metric.
        w_fisher: w_F.
        likelihood: of the outputs; see `fisher_product`.
        damping: delta.

    Raises:
        ModelError: weights that do not fit the model.

    Example:
        >>> from ndm.charts import coordinate_map
        >>> from ndm.heads import LinearHead
        >>> _ = torch.manual_seed(0)
        >>> model = NDM([coordinate_map("affine", 2)], LinearHead(2, 3)).double()
        >>> x = torch.randn(5, 2, dtype=torch.float64)
        >>> G = GeneralisedFisher(model, x, damping=0.1)
        >>> matrix = G.dense()
        >>> bool(torch.allclose(G(torch.ones(len(matrix)).double()), matrix.sum(-1)))
        True
    """

    def __init__(
        self,
        model: NDM,
        x: Tensor,
        *,
        w_metric: float | Sequence[float] | None = None,
        w_fisher: float = 1.0,
        likelihood: str = "categorical",
        damping: float = 0.0,
    ) -> None:
        self.damping, self.likelihood = damping, likelihood
        count = len(model.layers)
        if w_metric is None:
            w_metric = 1.0 if model.has_metric else 0.0
        weights = [w_metric / count] * count if isinstance(w_metric, float | int) else [*w_metric]
        _check(model, weights, w_fisher, likelihood)
        x = x.reshape(-1, x.shape[-1])
        with torch.enable_grad():
            trace = model.trace(x)
            outputs = model.read(trace[-1]) if w_fisher else trace[-1]
        self.blocks: list[tuple[Tensor, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]]
        self.blocks = []
        chosen = {i: weight for i, weight in enumerate(weights, start=1) if weight}
        metrics = _metrics(model, trace, chosen)
        for i, weight in chosen.items():
            self.blocks.append((trace[i], *_by_metric(metrics[i], weight)))
        if w_fisher:
            self.blocks.append((outputs, *self._by_fisher(outputs.detach(), w_fisher)))
        self.number = len(x)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self._record()

    def _by_fisher(
        self, outputs: Tensor, weight: float
    ) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
        if self.likelihood == "categorical":
            p = torch.softmax(outputs, -1)  # once, not in every product
            weighted = weight * p

        def product(v: Tensor) -> Tensor:
            if self.likelihood == "categorical":
                return weighted * (v - (p * v).sum(-1, keepdim=True))
            return weight * v

        def root(xi: Tensor) -> Tensor:
            return weight**0.5 * fisher_root(outputs, xi, self.likelihood)

        return product, root

    def _record(self) -> None:
        """Record J^T u as a function of u."""
        values = [value for value, _, _ in self.blocks]
        self._u = [torch.zeros_like(value, requires_grad=True) for value in values]
        pulled = torch.autograd.grad(
            values, self.parameters, self._u, create_graph=True, allow_unused=True
        )
        pairs = zip(self.parameters, pulled, strict=True)
        self.parameters = [p for p, slope in pairs if slope is not None]
        self._pulled = [slope for slope in pulled if slope is not None]
        self._values = values

    @property
    def size(self) -> int:
        """How many parameters."""
        return sum(p.numel() for p in self.parameters)

    def split(self, v: Tensor) -> list[Tensor]:
        """A vector (p,) in the shapes of the parameters."""
        parts = v.split([p.numel() for p in self.parameters])
        return [part.view_as(p) for part, p in zip(parts, self.parameters, strict=True)]

    def forward_product(self, v: Tensor) -> list[Tensor]:
        """J v, one tensor for each block."""
        pushed = torch.autograd.grad(
            self._pulled, self._u, self.split(v), retain_graph=True, allow_unused=True
        )
        return [
            torch.zeros_like(u) if one is None else one
            for one, u in zip(pushed, self._u, strict=True)
        ]

    def backward_product(
        self, cotangents: Sequence[Tensor], others: Sequence[Tensor] = ()
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """J^T u, and the derivatives by tensors on the way.

        Args:
            cotangents: u, one tensor for each block.
            others: tensors inside of the model that the blocks depend on.

        Returns:
            A vector (p,), and one tensor for each of the others.
        """
        found = torch.autograd.grad(
            self._values, [*self.parameters, *others], list(cotangents), retain_graph=True
        )
        count = len(self.parameters)
        return torch.cat([one.reshape(-1) for one in found[:count]]), found[count:]

    def __call__(self, v: Tensor) -> Tensor:
        """G v.

        Args:
            v: (p,), in the order of `parameters`.

        Returns:
            (p,).
        """
        pushed = self.forward_product(v)
        weighted = [
            product(one.detach()) / self.number
            for (_, product, _), one in zip(self.blocks, pushed, strict=True)
        ]
        return self.backward_product(weighted)[0].detach() + self.damping * v

    def sample(self, generator: torch.Generator | None = None) -> list[Tensor]:
        """Random cotangents of all blocks, with E[u u^T] = w_i g_i (or w_F F) at each point."""
        found = []
        for value, _, root in self.blocks:
            xi = torch.randn(
                value.shape, dtype=value.dtype, device=value.device, generator=generator
            )
            found.append(root(xi))
        return found

    def dense(self) -> Tensor:
        """The matrix (p, p), for tests and small models."""
        first = self.parameters[0]
        unit = torch.eye(self.size, dtype=first.dtype, device=first.device)
        return torch.stack([self(row) for row in unit], -1)


@torch.no_grad()
def _metrics(model: NDM, trace: Sequence[Tensor], charts: Collection[int]) -> dict[int, Tensor]:
    """The metric in some charts; one that is tied is computed once, and carried back from there."""
    given = model.metric_chart if model.tie == "pullback" else -1
    found: dict[int, Tensor] = {}
    if charts and given > 0:
        found[given] = model.field(given)(trace[given])
        for i in range(given - 1, min(charts) - 1, -1):
            _, _, jacobian = model.layers[i].coordinate_map.with_jacobian(trace[i])
            found[i] = symmetric(jacobian.mT @ found[i + 1] @ jacobian)
    return found | {i: model.field(i)(trace[i]) for i in charts if i not in found}


def _by_metric(
    g: Tensor, weight: float
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    weighted = weight * g

    @cache  # only samples need it
    def factor() -> Tensor:
        return factored(weighted)

    def product(v: Tensor) -> Tensor:
        return (weighted @ v[..., None])[..., 0]

    def root(xi: Tensor) -> Tensor:
        return (factor() @ xi[..., None])[..., 0]

    return product, root


def _check(model: NDM, weights: Sequence[float], w_fisher: float, likelihood: str) -> None:
    if len(weights) != len(model.layers) or min(weights) < 0 or w_fisher < 0:
        raise ModelError(
            f"weights {list(weights)} and {w_fisher} were given; needed are numbers >= 0, one for "
            f"each of the {len(model.layers)} charts after the first, and one for the outputs"
        )
    if any(weights) and not model.has_metric:
        raise ModelError("w_metric needs a model with a metric; give it one, or w_metric=0")
    if w_fisher and model.head is None:
        raise ModelError("w_fisher needs a model with a head; give it one, or w_fisher=0")
    if not (w_fisher or any(weights)):
        raise ModelError("all weights are 0: there is nothing to precondition with")
    if likelihood not in LIKELIHOODS:
        raise ModelError(f"likelihood {likelihood!r} was given; choose one of {LIKELIHOODS}")
