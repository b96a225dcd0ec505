"""Coordinate maps that the tests of charts share: far from the identity, seeded."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

import torch
from hypothesis import strategies as st
from torch import Tensor

from ndm.charts import (
    ActNorm,
    Affine,
    AffineCoupling,
    Composition,
    CoordinateMap,
    Inverse,
    LUAffine,
    Monotone,
    Permutation,
    SplineCoupling,
    coordinate_map,
    zuko_flow,
)

# Threads that wait for work on small tensors cost four times what the work costs.
torch.set_num_threads(1)

F64 = torch.float64
F32 = torch.float32


def _reflection(n: int) -> Affine:
    """An affine map that reverses the orientation."""
    matrix = torch.eye(n) + 0.2 * torch.randn(n, n) / n
    matrix[0] *= -1
    return Affine(n, matrix=matrix)


def _stack(n: int) -> Composition:
    return Composition(
        LUAffine(n),
        AffineCoupling(n, hidden=(6,), parity=0),
        Permutation(list(range(n))[::-1]),
        AffineCoupling(n, hidden=(6,), activation="silu", parity=1),
        Monotone(n, boosts=2),
    )


SINGLE: dict[str, Callable[[int], CoordinateMap]] = {
    "coupling": lambda n: AffineCoupling(n, hidden=(6, 5)),
    "coupling_1": lambda n: AffineCoupling(n, hidden=(6,), activation="softplus", parity=1),
    "coupling_linear": lambda n: AffineCoupling(n, hidden=(), parity=1),
    "spline": lambda n: SplineCoupling(n, bins=4, hidden=(6,)),
    "spline_1": lambda n: SplineCoupling(n, bins=3, hidden=(6,), activation="gelu", parity=1),
    "monotone": Monotone,
    "lu": LUAffine,
    "affine": Affine,
    "reflection": _reflection,
    "actnorm": ActNorm,
    "permutation": lambda n: Permutation([*range(1, n), 0]),
}
OTHERS: dict[str, Callable[[int], CoordinateMap]] = {
    "stack": _stack,
    "flow": lambda n: coordinate_map("flow", n, depth=1, hidden=(6,)),
    "inverse": lambda n: Inverse(AffineCoupling(n, hidden=(6,))),
    "inverse_spline": lambda n: Inverse(SplineCoupling(n, bins=3, hidden=(6,))),
}
ZUKO: dict[str, Callable[[int], CoordinateMap]] = {
    "zuko_maf": lambda n: zuko_flow("maf", n, transforms=1, hidden=(6,)),
    "zuko_nsf": lambda n: zuko_flow("nsf", n, transforms=1, hidden=(6,), bins=4),
    "zuko_realnvp": lambda n: zuko_flow("realnvp", n, transforms=2, hidden=(6,)),
    "zuko_nice": lambda n: zuko_flow("nice", n, transforms=2, hidden=(6,)),
}
ALL = {**SINGLE, **OTHERS, **ZUKO}
ALONE = ("spline", "monotone", "lu", "affine", "actnorm", "permutation", "flow", "zuko_maf")
"""Maps that make sense for one coordinate."""


@cache
def sample(name: str, n: int, dtype: torch.dtype = F64, seed: int = 0) -> CoordinateMap:
    """The map of that name with parameters far from their start, not in training mode.

    Tests share it: copy it before changing it.
    """
    with torch.random.fork_rng():
        torch.manual_seed(1000 * n + seed)
        chart = ALL[name](n)
        with torch.no_grad():
            for parameter in chart.parameters():
                parameter.add_(0.3 * torch.randn(parameter.shape, dtype=parameter.dtype))
    made: CoordinateMap = chart.to(dtype).eval()
    return made


def points(shape: tuple[int, ...], dtype: torch.dtype = F64, seed: int = 1) -> Tensor:
    """Standard normal points."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=F64).to(dtype)


def tensors(n: int, dtype: torch.dtype, largest: float) -> st.SearchStrategy[Tensor]:
    """Four points with coordinates up to `largest`: zeros, subnormal and extreme numbers too."""
    width: Literal[32, 64] = 32 if dtype == F32 else 64
    bound = float(torch.tensor(largest, dtype=dtype))
    number = st.floats(-bound, bound, width=width, allow_nan=False)
    row = st.lists(number, min_size=n, max_size=n)
    return st.lists(row, min_size=4, max_size=4).map(lambda rows: torch.tensor(rows, dtype=dtype))


__all__ = [
    "ALL",
    "ALONE",
    "F32",
    "F64",
    "OTHERS",
    "SINGLE",
    "ZUKO",
    "points",
    "sample",
    "tensors",
]
