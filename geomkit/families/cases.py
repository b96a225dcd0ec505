"""Random jets of every family, with their exact curvature: what certificates are made on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from geomkit.errors import MetricError

from . import conformal, diagonal, full, low_rank, product, reference, warped
from .arrays import Formula

__all__ = ["CASES", "DEFINITION", "Case", "Draw", "case"]

Arrays = tuple[np.ndarray[Any, Any], ...]
# Up to this dimension R is computed from its definition, in n^5 operations on long numbers.
DEFINITION = 8


@dataclass(frozen=True)
class Draw:
    """How a random jet is to be.

    Attributes:
        random: where it comes from.
        n: dimension.
        condition: of the metric, about.
        lorentzian: whether one direction is negative (where the family has that).
    """

    random: np.random.Generator
    n: int
    condition: float = 1.0
    lorentzian: bool = False

    def normal(self, *shape: int) -> np.ndarray[Any, Any]:
        """Normal numbers."""
        return np.asarray(self.random.normal(size=shape))

    def second(self, *shape: int) -> np.ndarray[Any, Any]:
        """Second derivatives: symmetric in the last two axes."""
        raw = self.normal(*shape, self.n, self.n)
        return np.asarray(raw + raw.swapaxes(-1, -2))

    def spread(self) -> np.ndarray[Any, Any]:
        """Eigenvalues from 1 down to 1/condition."""
        values = self.condition ** -np.linspace(0, 1, self.n) * (1 + self.random.random(self.n))
        if self.lorentzian:
            values[0] *= -1
        return values

    def jet(self) -> Arrays:
        """A jet of a full metric."""
        turn = np.linalg.qr(self.normal(self.n, self.n))[0]
        g = (turn * self.spread()) @ turn.T
        dg = self.normal(self.n, self.n, self.n)
        ddg = self.second(self.n, self.n)
        return (g + g.T) / 2, dg + dg.swapaxes(0, 1), ddg + ddg.swapaxes(0, 1)

    def part(self, n: int) -> Draw:
        """The same, of another dimension."""
        return Draw(self.random, n, self.condition, self.lorentzian)


@dataclass(frozen=True)
class Case:
    """A family, for certificates.

    Attributes:
        draw: arguments of `scalar` at one point.
        exact: R of such arguments in numbers of high precision.
        scalar: the public function, batched.
        vjp: its gradient on NumPy arrays, if there is one: `vjp(*arrays, cotangent)`.
        jet: the jet of the whole metric, if there is none.
        formula: what plain torch is compared with, if it is written down by itself.
        large: beyond `DEFINITION`: draws arguments and gives R, and the generator of a scaling of
            the metric, along which the derivative of R is -R. None: `exact` has another way.
        largest: the largest dimension.
    """

    draw: Callable[[Draw], Arrays]
    exact: Callable[..., Any]
    scalar: Callable[..., Any]
    vjp: Callable[..., Any] | None = None
    jet: Callable[..., tuple[Any, ...]] | None = None
    formula: Callable[[int], Formula] | None = None
    large: Callable[[Draw], tuple[Arrays, Any, Arrays]] | None = None
    largest: int = DEFINITION


def case(family: str) -> Case:
    """Look a family up.

    Args:
        family: its name.

    Returns:
        The case.

    Raises:
        MetricError: there is no such family.
    """
    if family not in CASES:
        raise MetricError(f"there is no family {family!r}; there are {', '.join(CASES)}")
    return CASES[family]


def _exp() -> Any:
    from mpmath import exp

    return exp


def _full_scalar(g: Any, dg: Any, ddg: Any) -> Any:
    return full.scalar(g, dg, ddg, check=False)


def _contracted(draw: Draw) -> Arrays:
    g, dg, _ = draw.jet()
    return g, dg, np.asarray(draw.normal())


def _exact_contracted(g: Any, dg: Any, contracted: Any) -> Any:
    if len(g) == 1:
        return 0 * contracted  # a line has no curvature: its contraction is 0, whatever is given
    # R is linear in second derivatives, and this is their part
    return reference.scalar(g, dg, np.zeros((len(g),) * 4, dtype=object)) + contracted


def _mixed(draw: Draw, second: bool) -> tuple[Arrays, Any]:
    """A product of small metrics in turned coordinates: R is the sum of theirs."""
    n = draw.n
    jet = [np.zeros((n,) * rank) for rank in (2, 3, 4)]
    total: Any = 0
    for start in range(0, n, 3):
        size = min(3, n - start)
        block = draw.part(size).jet()
        if not second:
            block = (*block[:2], np.zeros((size,) * 4))
        for rank, (target, source) in enumerate(zip(jet, block, strict=True), 2):
            target[(slice(start, start + size),) * rank] = source
        total += reference.scalar(*(reference.long(x) for x in block))
    turn = np.linalg.qr(draw.normal(n, n))[0]
    turned = []
    for array in jet[: 3 if second else 2]:
        for _ in range(array.ndim):
            # each product takes the first axis and appends the new one: a full turn
            array = np.tensordot(array, turn, (0, 0))
        turned.append(array)
    return tuple(turned), total


def _large_full(draw: Draw) -> tuple[Arrays, Any, Arrays]:
    jet, total = _mixed(draw, second=True)
    return jet, total, jet


def _large_contracted(draw: Draw) -> tuple[Arrays, Any, Arrays]:
    (g, dg), total = _mixed(draw, second=False)
    second = np.asarray(draw.normal())
    return (g, dg, second), total + float(second), (g, dg, -second)


def _large_low_rank(draw: Draw) -> tuple[Arrays, Any, Arrays]:
    arrays = _low_rank(draw)
    total = float(_full_scalar(*low_rank.jet(*arrays)))
    halves = (1, 1, 1, 0.5, 0.5, 0.5)
    return arrays, total, tuple(a * c for a, c in zip(arrays, halves, strict=True))


def _conformal(draw: Draw) -> Arrays:
    phi = np.log(draw.condition) / 4 * draw.random.uniform(-1, 1) + draw.normal()
    return np.asarray(phi), draw.normal(draw.n), np.asarray(draw.normal())


def _exact_conformal(phi: Any, dphi: Any, laplacian: Any) -> Any:
    n = len(dphi)
    if n > DEFINITION:
        weight = np.array([_exp()(-2 * phi)] * n, dtype=object)
        slope = np.array([2 * dphi] * n, dtype=object)
        second = np.zeros((n, n), dtype=object)
        second[:, 0] = 2 * laplacian
        return reference.diagonal_scalar(weight, slope, second)
    # any Hessian of that trace: mixed derivatives must not matter
    hessian = np.multiply.outer(dphi, 3 - dphi) + np.multiply.outer(3 - dphi, dphi)
    hessian[0, 0] += laplacian - np.trace(hessian)
    return reference.scalar(*reference.conformal_jet(phi, dphi, hessian, _exp()))


def _diagonal(draw: Draw) -> Arrays:
    h = np.log(np.abs(draw.spread()))
    return h, draw.normal(draw.n, draw.n), draw.normal(draw.n, draw.n)


def _diagonal_metric(draw: Draw) -> Arrays:
    return draw.spread(), draw.normal(draw.n, draw.n), draw.normal(draw.n, draw.n)


def _exact_diagonal(exp: bool, h: Any, dh: Any, ddh: Any) -> Any:
    n = len(h)
    if n > DEFINITION and exp:
        weight = np.array([_exp()(-x) for x in h], dtype=object)
        return reference.diagonal_scalar(weight, dh, ddh)
    if n > DEFINITION:
        slope = dh / h[:, None]
        return reference.diagonal_scalar(1 / h, slope, ddh / h[:, None] - slope**2)
    hessian = np.zeros((n, n, n), dtype=object)
    for i in range(n):
        # mixed derivatives must not matter
        hessian[i] = np.multiply.outer(dh[i], 2 + dh[i]) + np.multiply.outer(2 + dh[i], dh[i])
        hessian[i, range(n), range(n)] = ddh[i]
    return reference.scalar(*reference.diagonal_jet(h, dh, hessian, _exp() if exp else None))


def _low_rank(draw: Draw) -> Arrays:
    n, r = draw.n, max(1, draw.n // 3)
    d = np.abs(draw.spread())
    u, du = draw.normal(n, r), draw.normal(n, r, n)
    return d, draw.normal(n, n), draw.second(n), u, du, draw.second(n, r)


def _product(draw: Draw) -> Arrays:
    first = max(1, draw.n // 2)
    return (*draw.part(first).jet(), *draw.part(max(1, draw.n - first)).jet())


def _product_scalar(*jets: Any) -> Any:
    first, second = jets[:3], jets[3:]
    return product.scalar(_full_scalar(*first), _full_scalar(*second))


def _warped(draw: Draw) -> Arrays:
    base = max(1, draw.n // 2)
    jets = _product(draw)
    w = np.asarray(0.5 + draw.random.random())
    return (*jets, w, draw.normal(base), draw.part(base).second())


def _product_jet(*parts: Any) -> tuple[Any, ...]:
    return reference.product_jet(parts[:3], parts[3:])


def _warped_jet(*parts: Any) -> tuple[Any, ...]:
    return reference.warped_jet(parts[:3], parts[3:6], *parts[6:])


def _exact_of(jet: Callable[..., tuple[Any, ...]]) -> Callable[..., Any]:
    return lambda *arrays: reference.scalar(*jet(*arrays))


def _warped_scalar(*parts: Any) -> Any:
    base, fibre, (w, dw, ddw) = parts[:3], parts[3:6], parts[6:]
    _, laplacian, slope = warped.operators(base[0], base[1], dw, ddw)
    curvatures = _full_scalar(*base), _full_scalar(*fibre)
    dimension = fibre[0].shape[-1]
    return warped.scalar(*curvatures, w, laplacian, slope, dimension, check=False)


CASES: Mapping[str, Case] = {
    "full": Case(
        draw=Draw.jet,
        exact=reference.scalar,
        scalar=_full_scalar,
        vjp=lambda *a: full.scalar_vjp(*a[:-1], cotangent=a[-1]),
        formula=lambda _n: full.FORMULA,
        large=_large_full,
        largest=64,
    ),
    "full_contracted": Case(
        draw=_contracted,
        exact=_exact_contracted,
        scalar=lambda g, dg, s: full.scalar(g, dg, contracted=s, check=False),
        vjp=lambda g, dg, s, c: full.scalar_vjp(g, dg, contracted=s, cotangent=c),
        formula=lambda _n: full.FORMULA_CONTRACTED,
        large=_large_contracted,
        largest=64,
    ),
    "diagonal": Case(
        draw=_diagonal,
        exact=lambda *a: _exact_diagonal(True, *a),
        scalar=lambda *a: diagonal.scalar(*a, check=False),
        vjp=lambda *a: diagonal.scalar_vjp(*a[:-1], cotangent=a[-1]),
        formula=lambda n: diagonal.formula(True, (1,) * n),
        largest=64,
    ),
    "diagonal_metric": Case(
        draw=_diagonal_metric,
        exact=lambda *a: _exact_diagonal(False, *a),
        scalar=lambda *a: diagonal.scalar(*a, parameter="metric", check=False),
        vjp=lambda *a: diagonal.scalar_vjp(*a[:-1], parameter="metric", cotangent=a[-1]),
        formula=lambda n: diagonal.formula(False, (1,) * n),
        largest=64,
    ),
    "conformal": Case(
        draw=_conformal,
        exact=_exact_conformal,
        scalar=lambda *a: conformal.scalar(*a, check=False),
        vjp=lambda *a: conformal.scalar_vjp(*a[:-1], cotangent=a[-1]),
        formula=lambda _n: conformal.FORMULA,
        largest=64,
    ),
    "low_rank": Case(
        draw=_low_rank,
        exact=_exact_of(reference.low_rank_jet),
        scalar=lambda *a: low_rank.scalar(*a, check=False),
        jet=low_rank.jet,
        large=_large_low_rank,
        largest=64,
    ),
    "product": Case(
        draw=_product,
        exact=_exact_of(_product_jet),
        scalar=_product_scalar,
        jet=_product_jet,
    ),
    "warped": Case(
        draw=_warped, exact=_exact_of(_warped_jet), scalar=_warped_scalar, jet=_warped_jet
    ),
}
