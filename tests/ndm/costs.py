"""What a computation costs, counted rather than timed."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Elements(TorchDispatchMode):
    """Counts the elements of all tensors that torch's operations make, and those operations."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        self.operations += 1
        self.count += sum(part.numel() for part in tree_leaves(found) if isinstance(part, Tensor))
        return found
