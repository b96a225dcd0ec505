"""What motion can say of a metric: how many metrics have the same geodesics in the same time.

Accelerations fix the connection Gamma. Another metric has the same one if it is parallel,

    nabla_k h_ij = d_k h_ij - Gamma^l_ki h_lj - Gamma^l_kj h_il = 0,

a linear problem in h. Its null space has dimension 1 for an irreducible metric (a scale), 1 for
each factor of a product, n (n + 1)/2 for a flat metric (any constant matrix), 0 for a connection
that is no metric's. A force F = -grad V has to come from a potential under h too, which leaves
fewer:

    d_i (h_jk F^k) - d_j (h_ik F^k) = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ndm.dynamics.bases import FunctionBasis, function_basis, largest_gap, rayleigh
from ndm.errors import DataError
from ndm.field import MetricField

__all__ = [
    "IdentifiabilityLevel",
    "IdentifiabilitySpectrum",
    "connection_of",
    "force_of",
    "identifiability_spectrum",
]

PointFunction = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class IdentifiabilityLevel:
    """The spectrum over one basis.

    Attributes:
        degree: of the basis.
        eigenvalues: (p,), ascending: mean |nabla h|^2 / mean |h|^2, in 1/length^2.
        coefficients: (m, n, n, p), of the eigentensors in the frame: S_p = b_m c_m..p.
        basis: the functions b_m.
        dimension: how many eigenvalues stand before the largest gap; 0 if there is no gap.
        gap: ratio of the eigenvalues after and before it; the largest of all if dimension is 0.
        frame: x -> lower triangular E, with h = E S E^T.
    """

    degree: int
    eigenvalues: Tensor
    coefficients: Tensor
    basis: FunctionBasis
    dimension: int
    gap: float
    frame: PointFunction

    def tensors(self, x: Tensor, count: int | None = None) -> Tensor:
        """The eigentensors of the smallest eigenvalues: combinations of them have this connection.

        Args:
            x: (..., n).
            count: how many; the dimension found, by default.

        Returns:
            h_k of shape (..., k, n, n), symmetric, not positive in general.
        """
        count = self.dimension if count is None else count
        frame = self.frame(x)[..., None, :, :]
        inner = torch.einsum("...m,mijk->...kij", self.basis(x)[0], self.coefficients[..., :count])
        return frame @ inner @ frame.mT


@dataclass(frozen=True)
class IdentifiabilitySpectrum:
    """Parallel symmetric tensors for bases of growing degree.

    Attributes:
        levels: one for each degree.
        n: dimension of the space.
        forced: whether a force had to come from a potential too.
    """

    levels: tuple[IdentifiabilityLevel, ...]
    n: int
    forced: bool

    @property
    def dimension(self) -> int:
        """How many constants of the metric the data leave open, at the highest degree."""
        return self.levels[-1].dimension

    @property
    def gap(self) -> float:
        """The gap that it was read from."""
        return self.levels[-1].gap

    @property
    def settled(self) -> bool:
        """Whether the two highest degrees agree on the dimension."""
        return len({level.dimension for level in self.levels[-2:]}) == 1 < len(self.levels)

    @property
    def verdict(self) -> str:
        """What the data can say, in words."""
        most, what = self.n * (self.n + 1) // 2, "metric and potential" if self.forced else "metric"
        if self.dimension == 0:
            return (
                "no metric has this connection within the basis: it is none's, or the basis is "
                "too small"
            )
        if self.dimension == 1:
            return (
                f"the {what} is known up to one scale: pin it; R times the scale, Ricci and "
                "Riemann with one index up are determined"
            )
        if self.dimension == most and not self.forced:
            return (
                "the metric is flat: any constant matrix in flat coordinates moves alike; R = 0 is "
                "determined"
            )
        return (
            f"{self.dimension} constants of the {what} are open, as for a product: Ricci is "
            "determined, the scalar curvature R = sum R_k/c_k is not"
        )

    def __str__(self) -> str:
        rows = ["degree  dimension      gap  smallest eigenvalues"]
        for level in self.levels:
            values = " ".join(f"{v:9.2e}" for v in level.eigenvalues[:6].tolist())
            rows.append(f"{level.degree:6d} {level.dimension:10d} {level.gap:8.2g}  {values}")
        return "\n".join([*rows, self.verdict])


def identifiability_spectrum(
    connection: MetricField | PointFunction,
    points: Tensor,
    degrees: Sequence[int] = (1, 2, 3),
    basis: str | Sequence[str] = "polynomial",
    *,
    force: PointFunction | None = None,
    frame: MetricField | None = None,
    periods: Sequence[float] | None = None,
    minimum_gap: float = 10.0,
    tolerance: float = 1e-2,
) -> IdentifiabilitySpectrum:
    """Symmetric tensors that are parallel under a connection: metrics that move alike.

    Args:
        connection: a metric, whose connection is taken, or x (S, n) -> Gamma^i_jk (S, n, n, n);
            see `connection_of` for that of a model of motion.
        points: (S, n), where it is measured.
        degrees: of the bases, 1 or more each; a count that does not settle says nothing.
        basis: "polynomial" or "fourier", or one of them for each coordinate.
        force: x (..., n) -> F^i (..., n), the acceleration at rest; None for free motion.
        frame: tensors are h = E S E^T, g = E E^T its Cholesky factor and S in the basis, so that g
            itself always is; lengths are g's. By default the metric given, or the identity.
        periods: of Fourier coordinates; 2 pi by default.
        minimum_gap: a smaller ratio of eigenvalues is no gap: the dimension is then 0.
        tolerance: an eigenvalue counts as small below this part of the one after the first
            n (n + 1)/2, which is no parallel tensor's.

    Returns:
        Eigenvalues, tensors and dimension for each degree.

    Raises:
        DataError: points that do not fit, or too few of them; no degrees, or one below 1.

    Example:
        >>> from ndm.geometry import ConstantMetric
        >>> points = torch.rand(40, 2, generator=torch.Generator().manual_seed(0)).double()
        >>> flat = identifiability_spectrum(ConstantMetric(2).double(), points, degrees=(1, 2))
        >>> flat.dimension
        3
        >>> spring = lambda x: -x * torch.tensor([1.0, 2.0]).double()    # two different springs
        >>> identifiability_spectrum(ConstantMetric(2).double(), points, force=spring).dimension
        2
    """
    if not degrees or min(degrees) < 1 or points.ndim != 2:
        raise DataError(
            f"points of shape {tuple(points.shape)} and degrees {tuple(degrees)} were given; "
            "needed are points (S, n), and degrees of 1 or more"
        )
    points, n = points.detach(), points.shape[1]
    gamma: PointFunction = connection
    if isinstance(connection, MetricField):
        frame = connection if frame is None else frame
        gamma = connection.christoffel
    if frame is not None and frame.dimension != n:
        raise DataError(f"a metric of dimension {frame.dimension} was given points of {n}")
    root = _identity if frame is None else frame.cholesky
    with torch.no_grad():
        parts = _Parts(points, gamma(points), root, force)
        levels = []
        for degree in degrees:
            functions = function_basis(points, degree, basis, periods)
            values, coefficients = rayleigh(*parts.rows(functions))
            dimension, gap = largest_gap(values, n * (n + 1) // 2, minimum_gap, tolerance)
            shape = torch.einsum(
                "mqp,qij->mijp", coefficients.reshape(len(functions), len(parts.unit), -1),
                parts.unit,
            )  # fmt: skip
            levels.append(
                IdentifiabilityLevel(degree, values, shape, functions, dimension, gap, root)
            )
    return IdentifiabilitySpectrum(tuple(levels), n, force is not None)


def connection_of(model: nn.Module) -> PointFunction:
    """The connection of a model of motion, from the quadratic part of its accelerations.

    With Q(v) = (a(x, v) + a(x, -v))/2 - a(x, 0), Gamma(u, w) = -(Q(u + w) - Q(u - w))/4, which is
    exact when accelerations are quadratic in the velocity.

    Args:
        model: (x, v) -> a, of shapes (S, n).

    Returns:
        x (S, n) -> Gamma^i_jk (S, n, n, n).

    Example:
        >>> from ndm.dynamics.motion import MetricDynamics
        >>> from ndm.geometry import ExactMetric
        >>> plane = ExactMetric("hyperbolic_plane_half")
        >>> x = torch.tensor([[0.0, 2.0]]).double()
        >>> gamma = connection_of(MetricDynamics(plane))(x)
        >>> bool(torch.allclose(gamma, plane.christoffel(x), atol=1e-12))
        True
    """

    def gamma(x: Tensor) -> Tensor:
        n = x.shape[-1]
        axes = torch.eye(n, dtype=x.dtype, device=x.device).expand(*x.shape[:-1], n, n)

        def quadratic(v: Tensor) -> Tensor:
            y = x[..., None, None, :].expand_as(v)
            even: Tensor = 0.5 * (model(y, v) + model(y, -v)) - model(y, 0 * v)
            return even

        u, w = axes[..., :, None, :], axes[..., None, :, :]
        return -0.25 * (quadratic(u + w) - quadratic(u - w)).movedim(-1, -3)

    return gamma


def force_of(model: nn.Module) -> PointFunction:
    """The acceleration at rest, x (..., n) -> a(x, 0) (..., n), of a model of motion."""

    def force(x: Tensor) -> Tensor:
        result: Tensor = model(x, torch.zeros_like(x))
        return result

    return force


class _Parts:
    """What all degrees share: the connection, the frame and the force at the points."""

    def __init__(
        self, x: Tensor, gamma: Tensor, root: PointFunction, force: PointFunction | None
    ) -> None:
        n = x.shape[1]
        if gamma.shape != (len(x), n, n, n):
            raise DataError(
                f"a connection of shape {tuple(gamma.shape)} was given; {(len(x), n, n, n)}, one "
                "Gamma^i_jk for each point, is needed"
            )
        self.x, self.gamma = x, gamma
        self.frame = root(x)
        self.turn = torch.func.vmap(torch.func.jacfwd(root))(x)  # d_k E_ia, k last
        self.unit = _symmetric_units(n).to(x)
        if force is None:
            self.force = self.slope = None
        else:
            size = (self.frame.mT @ force(x)[..., None]).square().sum((-2, -1)).mean().sqrt()
            size = size.clamp_min(torch.finfo(x.dtype).tiny)
            self.force, self.slope = (
                force(x) / size, torch.func.vmap(torch.func.jacfwd(force))(x) / size,
            )  # fmt: skip

    def rows(self, basis: FunctionBasis) -> tuple[Tensor, Tensor]:
        """Rows for nabla h (and the force) and for h, in the frame; columns (function, unit)."""
        value, gradient = basis(self.x)
        frame, n = self.frame, self.x.shape[1]
        # h = E U E^T for each unit U, and its derivative, k last
        h = torch.einsum("sia,qab,sjb->sqij", frame, self.unit, frame)
        dh = torch.einsum("siak,qab,sjb->sqijk", self.turn, self.unit, frame)
        dh = dh + dh.transpose(2, 3)
        turned = torch.einsum("slki,sqlj->sqijk", self.gamma, h)
        parallel = dh - turned - turned.transpose(2, 3)
        nabla = torch.einsum("sm,sqijk->smqijk", value, parallel)
        nabla = nabla + torch.einsum("smk,sqij->smqijk", gradient, h)
        inverse = torch.linalg.solve_triangular(frame, torch.eye(n).to(frame), upper=False)
        white = torch.einsum("smqijk,sai,sbj,sck->sabcmq", nabla, inverse, inverse, inverse)
        count, columns = len(self.x) ** 0.5, len(basis) * len(self.unit)
        top = [white.reshape(-1, columns) / count]
        if self.force is not None and self.slope is not None:
            # d_i (h_jk F^k) = (d_i h_jk) F^k + h_jk d_i F^k
            slope = torch.einsum("sm,sqjki->smqjki", value, dh)
            slope = slope + torch.einsum("smi,sqjk->smqjki", gradient, h)
            covector = torch.einsum("smqjki,sk->smqij", slope, self.force)
            covector = covector + torch.einsum("sm,sqjk,ski->smqij", value, h, self.slope)
            curl = torch.einsum("smqij,sai,sbj->sabmq", covector - covector.mT, inverse, inverse)
            top.append(curl.reshape(-1, columns) / count)
        bottom = torch.einsum("sm,qij->sijmq", value, self.unit).reshape(-1, columns) / count
        return torch.cat(top), bottom


def _identity(x: Tensor) -> Tensor:
    """The frame of the coordinates; differentiable, with derivative 0."""
    n = x.shape[-1]
    return (
        torch.eye(n, dtype=x.dtype, device=x.device).expand(*x.shape[:-1], n, n)
        + 0 * x[..., :1, None]
    )


def _symmetric_units(n: int) -> Tensor:
    """An orthonormal basis of the symmetric matrices, (n (n + 1)/2, n, n)."""
    rows = []
    for i in range(n):
        for j in range(i + 1):
            unit = torch.zeros(n, n, dtype=torch.float64)
            unit[i, j] = unit[j, i] = 1.0 if i == j else 0.5**0.5
            rows.append(unit)
    return torch.stack(rows)
