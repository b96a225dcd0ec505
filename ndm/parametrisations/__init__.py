"""How the outputs of a network become a metric: one class a family.

| family | g | outputs | R costs (each point, one hidden layer) |
|---|---|---|---|
| `full` | L L^T + eps 1 | n (n + 1) / 2 | O(n^4) |
| `diagonal` | diag(l_i^2 + eps) | n | O(n^2) |
| `conformal` | (l^2 + eps) 1 | 1 | O(n) |
| `lowrank` | diag(l_i^2 + eps) + U U^T | n (1 + r) | O(n^4) |

Numbers that must be positive are l = softplus(f + shift); the shift makes g = 1 where f = 0, so
that a network with small outputs starts with a metric near the Euclidean one. softplus rather than
exp: g grows like f^2 far out, and overflows nowhere.
"""

from __future__ import annotations

from .base import Parametrisation
from .full import Full
from .low_rank import LowRank
from .simple import Conformal, Diagonal

__all__ = ["FAMILIES", "Conformal", "Diagonal", "Full", "LowRank", "Parametrisation"]

FAMILIES: dict[str, type[Parametrisation]] = {
    "full": Full,
    "diagonal": Diagonal,
    "conformal": Conformal,
    "lowrank": LowRank,
}
