"""Torch: programs as eager code on tensors, differentiable as often as wanted.

Device and dtype are those of the input. The code is generated, readable and free of branches, so
that it can be vmapped, differentiated (grad, jacfwd, jacrev, hessian), exported and compiled. On
the CPU, outside of compilers, values and first derivatives come from numba kernels.
"""

from __future__ import annotations

from geomkit.errors import GeomkitError

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise GeomkitError(
        f"the torch backend needs torch, which cannot be imported here ({error}); install it with "
        "pip install geomkit-ndm[ndm], or use backend='numba'"
    ) from error

from geomkit.backends.torch.code import TorchCode, build

__all__ = ["TorchCode", "build"]
