"""Curvature of families of metrics from the jets of their parameter functions.

A metric that is known only by its values and derivatives at points (a metric network's, say) has
its curvature computed by formulas of its family, which cost far less than the general one:

| module | metric | R needs | cost of R |
|---|---|---|---|
| `full` | any g_ij | g, dg, ddg or its contraction | O(n^4) |
| `diagonal` | g_ii | h, dh, unmixed second derivatives | O(n^2) |
| `conformal` | e^(2 phi) delta | phi, its gradient, its Laplacian | O(n) |
| `low_rank` | diag(d) + U U^T | jets of d and U | O(n^3 r) |
| `product` | g_1 + g_2 + ... | R of each factor | O(1) |
| `warped` | g_B + w^2 g_F | R of both, w, its Laplacian and gradient | O(1) |

NumPy arrays run on numba kernels, torch tensors on the same kernels behind autograd or on plain
torch. Neither library is imported before it is needed.
"""

from __future__ import annotations

from geomkit.families import conformal, diagonal, full, low_rank, product, warped
from geomkit.families.certifying import (
    FamilyCertificate,
    PathResult,
    certificate,
    certify,
    require,
)
from geomkit.families.full import scalar_curvature_from_jet

__all__ = [
    "FamilyCertificate",
    "PathResult",
    "certificate",
    "certify",
    "conformal",
    "diagonal",
    "full",
    "low_rank",
    "product",
    "require",
    "scalar_curvature_from_jet",
    "warped",
]
