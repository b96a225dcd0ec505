"""Kernel: a program in machine code, called with arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomkit.errors import EvaluationError, GeomkitError
from geomkit.program import Program, Slot

from .arguments import DOUBLE, Call, Signature
from .files import load_kernel, read_certificate, save_kernel
from .finite import warn_of_what_is_not_finite
from .tensors import read_tensors
from .values import values_type

if TYPE_CHECKING:
    from geomkit.metric import Metric

__all__ = ["BACKENDS", "Kernel", "compile"]

# Backend -> the module whose `build` makes code of a program, and the extra that brings what it
# needs.
BACKENDS = {
    "numba": "geomkit.backends.numba",
    "torch": "geomkit.backends.torch",
    "interpret": "geomkit.interpret",
}


NO_OUT = "a torch kernel has no out=: tensors remember how they were made"


class Kernel:
    """A compiled program: call it with points, get tensors.

    Made by `compile`.

    Args:
        metric: the metric it computes for.
        quantities: what it computes, as canonical texts (see `geomkit.lower.read_requests`).
        program: the program.
        backend: "numba", "torch" or "interpret".
        cache: whether code is kept on disk.

    Attributes:
        slots: what each packed component is.

    Example:
        >>> import geomkit as gk
        >>> import numpy as np
        >>> sphere = gk.Metric.from_line_element(
        ...     "a**2*dtheta**2 + a**2*sin(theta)**2*dphi**2",
        ...     coordinates=["theta", "phi"], parameters=["a"], domain={"theta": ["1/2", "5/2"]})
        >>> kernel = gk.compile(sphere, ["scalar", "ricci"], backend="interpret")
        >>> out = kernel(np.array([[1.0, 0.0], [2.0, 0.0]]), a=2.0)
        >>> out.scalar
        array([0.5, 0.5])
        >>> out.ricci.shape
        (2, 2, 2)
        >>> [str(slot) for slot in kernel.slots]
        ['scalar', 'ricci[0, 0]', 'ricci[1, 1]']
    """

    def __init__(
        self,
        metric: Metric,
        quantities: Sequence[str],
        program: Program,
        backend: str = "numba",
        *,
        cache: bool = True,
    ) -> None:
        self.metric = metric
        self.quantities = tuple(quantities)
        self.program = program
        self.backend = backend
        self.cache = cache
        self.slots: tuple[Slot, ...] = program.slots
        self.code: Any = _build(program, backend, cache)
        derived = {p.symbol.name: str(p.value) for p in metric.parameters if p.value is not None}
        self.signature = Signature(program, derived)
        self._names = self.signature.names
        self._quick = getattr(self.code, "quick", _refuse)
        self._values = values_type(tuple(output.name for output in program.outputs))
        self.loaded_certificate: Any = None

    # What it is -------------------------------------------------------------------------------

    @property
    def source(self) -> str:
        """The generated source; for the interpreter, the program as mathematics."""
        return str(self.code.source) or str(self.program)

    @property
    def path(self) -> Path | None:
        """The file of the source, None when it is not kept on disk."""
        path: Path | None = self.code.path
        return path

    @property
    def certificate(self) -> Any:
        """The certificate that it was loaded with, or that lies beside its source, as in JSON.

        None if there is none. `geomkit.certificate.check` tells whether it is valid.
        """
        return self.loaded_certificate or read_certificate(self)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of metric, program, backend and source together: the identity of the kernel."""
        parts = (self.metric.to_json(), self.program.hash, self.backend, self.source)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def __repr__(self) -> str:
        names = ", ".join(output.name for output in self.program.outputs)
        return f"<Kernel {names} of {self.metric.name!r}: {self.backend}({self.signature})>"

    def __str__(self) -> str:
        p = self.program
        lines = [
            f"kernel of {self.metric.name!r}, backend {self.backend}: {', '.join(self.quantities)}",
            f"  call    kernel({self.signature})",
            f"  size    {len(self.slots)} components of {p.flops} operations",
            f"  program {p.hash[:16]}" + ("  (staged: not derived exactly)" if p.staged else ""),
        ]
        if self.path:
            lines.append(f"  source  {self.path}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        content = self.metric, self.quantities, self.program.to_dict(), self.backend, self.cache
        return (_rebuild, content)

    # Calls ------------------------------------------------------------------------------------

    def __call__(self, points: Any = None, /, *, out: Any = None, **arguments: Any) -> Any:
        """Compute the full tensors.

        Args:
            points: array (..., n) of coordinates, float64 or float32; a tensor for "torch".
            out: arrays to write into, one for each quantity (a single one may stand alone);
                not for "torch".
            **arguments: parameters by name, numbers or arrays that broadcast with the leading
                dimensions; `velocity=` and the like, arrays (..., n); jets of unspecified functions
                by name (`a=`, `a_t=`), or a callable `a(*arguments, orders)`.

        Returns:
            A named tuple with one array (..., *tensor shape) for each quantity.

        Raises:
            EvaluationError: an argument is missing, unknown or of the wrong shape or type.

        Warns:
            GeomkitWarning: a value is not finite though the arguments are: the point lies outside
                of the domain, or on a singularity of the coordinates.
        """
        if self.backend == "torch":
            return self._tensors(points, out, arguments)
        call = self.signature.read(points, arguments)
        packed = self.code.packed(call.vectors, call.scalars)
        targets = self._targets(out, call)
        results = [
            self._full(packed, number, call, targets[number] if targets else None)
            for number in range(len(self.program.outputs))
        ]
        self._warn(call, packed, results)
        return self._values(*results)

    def packed(self, points: Any = None, /, out: Any = None, **arguments: Any) -> Any:
        """Compute only the independent components that are not exactly zero: the fastest call.

        Args:
            points: as for a call.
            out: an earlier result for as many points, to write into.
            **arguments: as for a call.

        Returns:
            The backend's own layout, component k being `slots[k]`: numba (blocks, C, 64) with the
            points in blocks of 64, the last one padded; torch (..., C); interpret (N, C).

        Raises:
            EvaluationError: an argument is missing, unknown or of the wrong shape or type.
        """
        if out is not None and type(points) is np.ndarray and len(arguments) == len(self._names):
            # The usual call: the kernel may take five microseconds for a thousand points, so it
            # checks shapes itself (and numba types, but not the order of bytes). What it does not
            # take is done, or refused, below.
            try:
                plain = points.dtype is DOUBLE and out.dtype is DOUBLE
                if plain and not self._quick(
                    points, *[arguments[n] for n in self._names], out, 0, -1
                ):
                    return out
            except Exception:  # noqa: BLE001  what is wrong with it is said below
                pass
        if self.backend == "torch":
            if out is not None:
                raise EvaluationError(NO_OUT)
            return self.code.packed(*read_tensors(self.signature, points, arguments))
        call = self.signature.read(points, arguments)
        return self.code.packed(call.vectors, call.scalars, out)

    def components(self, points: Any = None, /, **arguments: Any) -> NDArray[Any]:
        """Compute the independent components as one array (..., C), in the order of `slots`.

        Args:
            points: as for a call.
            **arguments: as for a call.

        Returns:
            The array (or tensor).

        Raises:
            EvaluationError: as for a call.
        """
        if self.backend == "torch":
            result: NDArray[Any] = self.packed(points, **arguments)
            return result
        call = self.signature.read(points, arguments)
        packed = self.code.packed(call.vectors, call.scalars)
        size = len(self.slots)
        rows = np.moveaxis(packed, 1, -1) if packed.ndim == 3 else packed
        return np.reshape(rows.reshape(-1, size)[: call.count], (*call.shape, size))

    # Files ------------------------------------------------------------------------------------

    def save(self, path: str | Path, *, certificate: Any = None) -> Path:
        """Write program, source and certificate to one file, for `load`.

        Args:
            path: the file, `kerr.kernel.json` for instance.
            certificate: what `certify` returned; None: `self.certificate`. A kernel that is not
                kept on disk has none of its own.

        Returns:
            The path.

        Raises:
            FileError: the file cannot be written.
        """
        return save_kernel(self, path, certificate)

    @classmethod
    def load(cls, path: str | Path, *, certified: bool = True) -> Kernel:
        """Read a kernel from a file, if it is the one that was certified.

        Args:
            path: what `save` wrote.
            certified: whether a passing certificate is needed.

        Returns:
            The kernel, its code generated anew from the program. Where there is no certificate
            beside its source yet, that of the file is put there.

        Raises:
            FileError: there is no such file, or it holds no kernel.
            CertificateError: there is no passing certificate, or it is for something else.
        """
        return load_kernel(cls, path, certified=certified)

    def _tensors(self, points: Any, out: Any, arguments: Mapping[str, Any]) -> Any:
        if out is not None:
            raise EvaluationError(NO_OUT)
        vectors, scalars = read_tensors(self.signature, points, arguments)
        packed = self.code.packed(vectors, scalars)
        numbers = range(len(self.program.outputs))
        return self._values(*(self.code.unpack(packed, number) for number in numbers))

    def _full(
        self, packed: NDArray[Any], number: int, call: Call, target: NDArray[Any] | None
    ) -> NDArray[Any]:
        """The full tensor of one output, in `target` if there is one."""
        shape = self.program.outputs[number].shape
        if target is None:
            full = self.code.unpack(packed, number, call.count)
            return np.reshape(full, (*call.shape, *shape))
        if self.backend == "numba" and target.dtype == packed.dtype and target.flags.c_contiguous:
            self.code.unpack(packed, number, call.count, target.reshape(call.count, *shape))
        else:
            full = self.code.unpack(packed, number, call.count)
            np.copyto(target, full.reshape(target.shape))
        return target

    def _targets(self, out: Any, call: Call) -> list[NDArray[Any]] | None:
        if out is None:
            return None
        outputs = self.program.outputs
        given = list(out) if isinstance(out, list | tuple) else [out]
        shapes = [(*call.shape, *output.shape) for output in outputs]
        fits = len(given) == len(shapes) and all(
            isinstance(a, np.ndarray) and a.shape == s and a.flags.writeable
            for a, s in zip(given, shapes, strict=True)
        )
        if not fits or any(not np.can_cast(call.vectors[0].dtype, a.dtype) for a in given):
            names = ", ".join(f"{o.name} {s}" for o, s in zip(outputs, shapes, strict=True))
            raise EvaluationError(
                f"out= does not fit: {[getattr(a, 'shape', type(a).__name__) for a in given]}; "
                f"give writeable {call.vectors[0].dtype} arrays for {names}"
            )
        return given

    def _warn(self, call: Call, packed: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        # one sum over the little that was computed: any NaN or infinity in it survives
        with np.errstate(all="ignore"):
            if np.isfinite(np.sum(packed)):
                return
        warn_of_what_is_not_finite(self.metric, call, results)


def compile(
    metric: Metric,
    quantities: Any,
    backend: str = "numba",
    *,
    budget: float | None = None,
    staged: bool | None = None,
    name: str | None = None,
    cache: bool = True,
) -> Kernel:
    """Compile quantities of a metric into a kernel.

    Args:
        metric: the metric.
        quantities: a name or several of `geomkit.quantities`, `"laplacian(EXPR)"`,
            `"gradient(EXPR)"`, `"hessian(EXPR)"`, `"geodesic"`, `"transport"`, `"jacobi"`,
            `"energy"`, `"momentum"`; `"NAME = EXPR"` or a mapping {name: expression} for
            expressions of your own. All of them share one kernel.
        backend: "numba", "torch" or "interpret" (slow, correctly rounded; the oracle of the
            others).
        budget: seconds that the exact derivation may take; beyond, the kernel is staged.
        staged: True computes step by step from g, dg, ddg, without exact derivation; False
            refuses to fall back on that; None falls back when the derivation is not possible.
        name: name of program and file; by default made of the metric's.
        cache: whether code is kept on disk for the next process.

    Returns:
        The kernel.

    Raises:
        GeomkitError: the backend is unknown, or the package it needs is missing.
        LoweringError: a quantity cannot be computed by this backend.
        MetricError: a quantity is not defined for this metric.
        ParseError: an expression cannot be read.
        FieldError: the metric has functions that cannot be derived exactly (see `geomkit.field`).
        BudgetError: `staged` is False and the budget is spent.

    Example:
        >>> import geomkit as gk
        >>> kernel = gk.compile(gk.catalog["schwarzschild"], "kretschmann", backend="interpret")
        >>> kernel([0.0, 2.0, 1.0, 0.0], M=1.0).kretschmann
        array(0.75)
    """
    from geomkit.lower import lower, read_requests
    from geomkit.metric import Metric

    if not isinstance(metric, Metric):
        raise GeomkitError(
            f"compile was given a {type(metric).__name__}; it needs a Metric: gk.load(file), "
            "gk.catalog[name] or gk.Metric(...)"
        )
    _require_known(backend)
    requests = read_requests(metric, quantities)
    program = lower(metric, requests, name=name, budget=budget, staged=staged)
    return Kernel(metric, [str(one) for one in requests], program, backend, cache=cache)


def _require_known(backend: str) -> None:
    if backend not in BACKENDS:
        raise GeomkitError(f"unknown backend {backend!r}; there are {', '.join(BACKENDS)}")


def _refuse(*arguments: Any) -> int:
    """The quick call of a backend that has none."""
    return -1


def _build(program: Program, backend: str, cache: bool) -> Any:
    _require_known(backend)
    build = import_module(BACKENDS[backend]).build
    return build(program) if backend == "interpret" else build(program, cache=cache)


def _rebuild(
    metric: Metric, quantities: Sequence[str], program: Any, backend: str, cache: bool
) -> Kernel:
    return Kernel(metric, quantities, Program.from_dict(program), backend, cache=cache)
