"""Flows of the zuko library as coordinate maps.

zuko (https://zuko.readthedocs.io) is a collection of normalising flows. `ZukoMap` takes one
of them, with its networks, as a map between charts. Two things are asked for that densities do not
need: networks without kinks (zuko's default is ReLU), and a statement of how smooth the map is.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import zuko
from torch import Tensor, nn
from torch.distributions import Transform

from ndm.activations import activation as named_activation
from ndm.activations import refuse_kinks
from ndm.charts.base import SMOOTH, CoordinateMap
from ndm.charts.conditioner import checked_hidden
from ndm.errors import ModelError

__all__ = ["ZUKO_FLOWS", "ZukoMap", "zuko_flow"]

# Continuous derivatives of zuko's one-dimensional transformations that are known to us.
_SMOOTHNESS: dict[Any, int] = {
    zuko.transforms.MonotonicAffineTransform: SMOOTH,
    zuko.transforms.AdditiveTransform: SMOOTH,
    zuko.transforms.MonotonicRQSTransform: 1,
    zuko.flows.spline.CircularRQSTransform: 1,
}

# Size of the last layers at the start, as in the couplings of our own.
_START = 0.05


class ZukoMap(CoordinateMap):
    """A zuko flow, lazy transformation or transformation as a map x -> z.

    Args:
        flow: a `zuko.lazy.Flow` (its transformation from data to base is used), a
            `zuko.lazy.LazyTransform`, or a `torch.distributions.Transform` with a fixed value
            (whose tensors then do not follow `.to`; wrap it in
            `zuko.lazy.UnconditionalTransform` to have them follow).
        dimension: n; found by itself for a `Flow`.
        smoothness: number of continuous derivatives; found by itself for couplings and
            autoregressive flows of affine or rational-quadratic pieces.

    Raises:
        ModelError: networks with kinks, something that is no bijection, or an argument that could
            not be found by itself.

    Example:
        >>> import torch, zuko
        >>> from ndm.charts import ZukoMap
        >>> _ = torch.manual_seed(0)
        >>> chart = ZukoMap(zuko.flows.RealNVP(3, activation=torch.nn.Tanh))
        >>> y, log_det = chart(torch.zeros(2, 3))
        >>> chart.dimension, tuple(y.shape), tuple(log_det.shape)
        (3, (2, 3), (2,))
    """

    def __init__(
        self,
        flow: Any,
        dimension: int | None = None,
        smoothness: int | None = None,
    ) -> None:
        lazy = flow.transform if isinstance(flow, zuko.lazy.Flow) else flow
        if not isinstance(lazy, zuko.lazy.LazyTransform | Transform):
            raise ModelError(
                f"ZukoMap was given {type(flow).__name__}, and needs a zuko flow, a lazy "
                "transformation or a transformation"
            )
        if dimension is None:
            dimension = _dimension(flow)
        if smoothness is None:
            smoothness = _smoothness(lazy)
        super().__init__(dimension, smoothness)
        self.transform = lazy
        refuse_kinks(self, f"{type(flow).__name__} (pass it activation=torch.nn.Tanh)")
        _check_transform(self._built())

    def __repr__(self) -> str:
        """Names the parts only: zuko's own text draws random numbers to show itself."""
        smooth = "smooth" if self.smoothness >= SMOOTH else f"C^{self.smoothness}"
        parts = getattr(self.transform, "transforms", (self.transform,))
        names = ", ".join(type(part).__name__ for part in parts)
        return f"ZukoMap({self.dimension}, {smooth}, [{names}])"

    def _built(self) -> Any:
        return self.transform() if isinstance(self.transform, nn.Module) else self.transform

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.numel() == 0:  # zuko reshapes with -1, which says nothing here
            return x.clone(), x.new_zeros(x.shape[:-1])
        y, log_det = self._built().call_and_ladj(x)
        if log_det.ndim == x.ndim:  # a transformation of each coordinate by itself
            log_det = log_det.sum(-1)
        return y, log_det.expand(x.shape[:-1])

    def _inverse(self, y: Tensor) -> Tensor:
        return self._built().inv(y) if y.numel() else y.clone()


def zuko_flow(
    kind: str,
    n: int,
    transforms: int = 2,
    hidden: tuple[int, ...] = (32, 32),
    activation: str = "tanh",
    **options: Any,
) -> ZukoMap:
    """One of zuko's flows with smooth networks, near the identity at the start.

    Args:
        kind: "maf", "nsf", "realnvp" or "nice"; see `ZUKO_FLOWS`.
        n: number of coordinates; at least 2 for "realnvp" and "nice".
        transforms: how many transformations one after the other.
        hidden: widths of hidden layers.
        activation: name of a smooth activation.
        options: passed on to zuko, for example `bins` for "nsf" and `passes=2` (couplings instead
            of autoregression) for "maf" and "nsf".

    Returns:
        The map.

    Raises:
        ModelError: an unknown kind, or arguments that zuko does not take.

    Example:
        >>> import torch
        >>> from ndm.charts import zuko_flow
        >>> _ = torch.manual_seed(0)
        >>> zuko_flow("nsf", 3, transforms=1, hidden=(8,)).smoothness
        1
    """
    if kind not in ZUKO_FLOWS:
        raise ModelError(f"zuko flow {kind!r} is not known: {', '.join(ZUKO_FLOWS)}")
    smooth = named_activation(activation)
    widths = checked_hidden(hidden, f"zuko flow {kind!r}")
    if not widths:
        raise ModelError(
            f"zuko flow {kind!r} needs at least one hidden layer, such as hidden=(32,)"
        )
    try:
        flow = ZUKO_FLOWS[kind](
            features=n,
            transforms=transforms,
            hidden_features=widths,
            activation=partial(_Smooth, smooth.name),
            **options,
        )
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise ModelError(f"zuko cannot make {kind!r} with n={n} and {options}: {error}") from error
    _shrink(flow)
    return ZukoMap(flow)


ZUKO_FLOWS: dict[str, Any] = {
    "maf": zuko.flows.MAF,
    "nice": zuko.flows.NICE,
    "nsf": zuko.flows.NSF,
    "realnvp": zuko.flows.RealNVP,
}


def _shrink(flow: nn.Module) -> None:
    """Makes the last layers of all networks small: zeros there would be the identity."""
    with torch.no_grad():
        for part in flow.modules():
            if isinstance(part, zuko.nn.MLP | zuko.nn.MaskedMLP):
                for parameter in part[-1].parameters():
                    parameter.mul_(_START)
            elif isinstance(part, nn.ParameterList):  # with one coordinate there is no network
                for parameter in part:
                    parameter.mul_(_START)


class _Smooth(nn.Module):
    """One of our activations as the module that zuko's networks are made of."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.function = named_activation(name)

    def extra_repr(self) -> str:
        return self.function.name

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def _dimension(flow: Any) -> int:
    if isinstance(flow, zuko.lazy.Flow):
        shape = flow.base().event_shape
        if len(shape) == 1:
            return int(shape[0])
    raise ModelError(
        f"the number of coordinates of {type(flow).__name__} cannot be found by itself; give "
        "dimension="
    )


def _smoothness(lazy: Any) -> int:
    parts = lazy.modules() if isinstance(lazy, nn.Module) else ()
    kinds = [part.univariate for part in parts if hasattr(part, "univariate")]
    kinds = [kind.func if isinstance(kind, partial) else kind for kind in kinds]
    unknown = [getattr(kind, "__name__", str(kind)) for kind in kinds if kind not in _SMOOTHNESS]
    if unknown or not kinds:
        raise ModelError(
            f"how smooth {type(lazy).__name__} is cannot be found by itself"
            f"{' (' + ', '.join(unknown) + ')' if unknown else ''}; give smoothness=, the number "
            "of its continuous derivatives (ndm.charts.SMOOTH for all of them)"
        )
    return min(_SMOOTHNESS[kind] for kind in kinds)


def _check_transform(built: Any) -> None:
    if not getattr(built, "bijective", False):
        raise ModelError(f"{built} is not bijective, and cannot join two charts")
