"""Kronecker-factored approximation of the natural gradient's matrix.

For a linear layer s = W a + b (a with 1 appended) the block of G is E[(a a^T) kron (s s^T)], with s
the derivative of the coordinates or outputs, pulled back with random cotangents u of covariance
E[u u^T] = g_i or F (`GeneralisedFisher.sample`): so the learned metric enters. K-FAC replaces it by
A kron B with A = E[a a^T], B = E[s s^T], exact where a and s are independent. Parameters outside of
linear layers get the diagonal of G, estimated by the same cotangents.

References:
    Martens and Grosse, Optimizing neural networks with Kronecker-factored approximate curvature,
    ICML 2015; requirement R44.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ndm.fisher import GeneralisedFisher
from ndm.model import NDM

__all__ = ["KroneckerFactors", "LinearBlock"]


@dataclass(frozen=True)
class LinearBlock:
    """The factors of one linear layer.

    Attributes:
        module: the layer.
        inputs: A = E[a a^T], (in + 1, in + 1) with a bias, otherwise (in, in).
        outputs: B = E[s s^T], (out, out).
    """

    module: nn.Linear
    inputs: Tensor
    outputs: Tensor

    def solve(self, gradient: Tensor, damping: float) -> Tensor:
        """(B + ...)^-1 V (A + ...)^-1 with the damping shared out as Martens and Grosse do.

        Args:
            gradient: V, (out, in) or (out, in + 1), the bias last.
            damping: delta.

        Returns:
            Of the same shape.
        """
        a, b = self.inputs, self.outputs
        traces = (a.diagonal().mean(), b.diagonal().mean())
        usable = all(bool(t > 0) for t in traces)
        ratio = float((traces[0] / traces[1]).sqrt()) if usable else 1.0
        left = _damped(b, damping**0.5 / ratio)
        right = _damped(a, damping**0.5 * ratio)
        half = torch.cholesky_solve(gradient, torch.linalg.cholesky(left))
        return torch.cholesky_solve(half.mT, torch.linalg.cholesky(right)).mT


class KroneckerFactors:
    """An approximate inverse of G, by its products.

    Args:
        model: the model.
        x: (N, n), the batch.
        draws: how many random cotangents for each point.
        generator: of the random numbers.
        options: of `GeneralisedFisher`.

    Attributes:
        matrix: G itself, by its products.
        blocks: one for each linear layer that outputs or coordinates depend on.
        diagonal: (p,), estimate of the diagonal of G.

    Example:
        >>> from ndm.charts import coordinate_map
        >>> from ndm.heads import LinearHead
        >>> _ = torch.manual_seed(0)
        >>> model = NDM([coordinate_map("affine_coupling", 2)], LinearHead(2, 3)).double()
        >>> factors = KroneckerFactors(model, torch.randn(5, 2, dtype=torch.float64))
        >>> v = torch.ones(factors.matrix.size, dtype=torch.float64)
        >>> len(factors.blocks), factors.solve(v, 0.1).shape == v.shape
        (3, True)
    """

    def __init__(
        self,
        model: NDM,
        x: Tensor,
        *,
        draws: int = 1,
        generator: torch.Generator | None = None,
        **options: Any,
    ) -> None:
        with _watching(model) as seen:
            self.matrix = GeneralisedFisher(model, x, **options)
        reached = {id(p) for p in self.matrix.parameters}
        # a layer of which only a part is learned is left to the diagonal
        self._seen = {
            m: pair
            for m, pair in seen.items()
            if all(id(p) in reached for p in (m.weight, m.bias) if p is not None)
        }
        outputs = [output for _, output in self._seen.values()]
        slopes = [torch.zeros_like(output[:1].mT @ output[:1]) for output in outputs]
        self.diagonal = torch.zeros(self.matrix.size, dtype=x.dtype, device=x.device)
        for _ in range(draws):
            cotangents = self.matrix.sample(generator)
            pulled = self.matrix.backward_product(cotangents, outputs)
            for total, s in zip(slopes, pulled[1], strict=True):
                total += s.mT @ s / (len(x) * draws)
            self.diagonal += pulled[0].square() / (len(x) * draws)
        self.blocks = tuple(
            LinearBlock(module, _second_moment(module, a), total)
            for (module, (a, _)), total in zip(self._seen.items(), slopes, strict=True)
        )

    def solve(self, v: Tensor, damping: float) -> Tensor:
        """The approximate (G + damping)^-1 v.

        Args:
            v: (p,), in the order of the matrix' parameters.
            damping: delta.

        Returns:
            (p,).
        """
        keys = [id(p) for p in self.matrix.parameters]
        parts = dict(zip(keys, self.matrix.split(v), strict=True))
        diagonal = dict(zip(keys, self.matrix.split(self.diagonal), strict=True))
        found = {key: part / (diagonal[key] + damping) for key, part in parts.items()}
        for block in self.blocks:
            weight, bias = block.module.weight, block.module.bias
            gradient = parts[id(weight)]
            if bias is None:
                found[id(weight)] = block.solve(gradient, damping)
                continue
            joined = torch.cat([gradient, parts[id(bias)][:, None]], -1)
            solved = block.solve(joined, damping)
            found[id(weight)], found[id(bias)] = solved[:, :-1], solved[:, -1]
        return torch.cat([found[key].reshape(-1) for key in keys])


@contextmanager
def _watching(model: NDM) -> Iterator[dict[nn.Linear, tuple[Tensor, Tensor]]]:
    """Keep what enters and leaves the linear layers in the first pass that is recorded."""
    seen: dict[nn.Linear, tuple[Tensor, Tensor]] = {}

    def keep(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.Linear) and output.requires_grad and output.ndim == 2:
            seen.setdefault(module, (given[0].detach(), output))

    hooks = [m.register_forward_hook(keep) for m in model.modules() if isinstance(m, nn.Linear)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _second_moment(module: nn.Linear, a: Tensor) -> Tensor:
    """E[a a^T], with 1 appended to a where the layer has a bias."""
    if module.bias is not None:
        a = torch.cat([a, torch.ones_like(a[:, :1])], -1)
    return a.mT @ a / len(a)


def _damped(matrix: Tensor, amount: float) -> Tensor:
    return matrix + amount * torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
