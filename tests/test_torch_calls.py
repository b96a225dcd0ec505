"""The torch backend: what it refuses, devices, tracing, kernels of metrics, generated modules."""

from __future__ import annotations

import linecache
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import functional_call, hessian, vmap
from torch.fx.experimental.proxy_tensor import make_fx

import geomkit as gk
from geomkit.backends.torch import TorchCode, build
from geomkit.errors import EvaluationError
from geomkit.program import Builder, Program
from tests.torch_oracle import NAMES, everything

# Torch itself uses what it deprecated, when forward mode and the tracer are first used.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

DOUBLE = torch.float64


def square(*, fast: bool = True) -> TorchCode:
    """sin(a x)**2, and a number."""
    b = Builder("square")
    x, a = b.input("x", "coordinate", "points", 0), b.input("a", "parameter")
    sine = b.call("sin", b.mul(a, x))
    program = b.scalar("f", b.mul(sine, sine)).scalar("g", b.number(3)).finish()
    return build(program, fast=fast)


@pytest.fixture(scope="module")
def code() -> TorchCode:
    return square()


X = torch.linspace(0.1, 1, 5, dtype=DOUBLE).unsqueeze(-1)


def exact(x: torch.Tensor, a: float) -> torch.Tensor:
    t = x[..., 0]
    return torch.stack([torch.sin(a * t) ** 2, torch.full_like(t, 3)], -1)


# Refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vectors", "scalars", "message"),
    [
        ([X.int()], [1.0], r"points has dtype torch.int32; .* points.double\(\)"),
        ([X.half()], [1.0], "points has dtype torch.float16; .* cancels too much"),
        ([X.bfloat16()], [1.0], "points has dtype torch.bfloat16"),
        ([X + 1j], [1.0], "points has dtype torch.complex128"),
        ([X.numpy()], [1.0], "points is a ndarray; .* takes tensors"),
        ([X.tolist()], [1.0], "points is a list"),
        ([X.to_sparse()], [1.0], r"points is sparse_coo; .* points.to_dense\(\)"),
        ([X], [torch.ones(5, dtype=DOUBLE).to_sparse()], "a is sparse_coo"),
        (
            [torch.nested.nested_tensor([X, X[:2]], layout=torch.jagged)],
            [1.0],
            "points is a nested tensor",
        ),
        ([X[:, :0]], [1.0], "its last axis must have length 1, for x"),
        ([torch.tensor(1.0)], [1.0], r"points has shape \(\)"),
        ([X], [torch.tensor(2)], "a has dtype torch.int64"),
        ([X], ["2"], "a is '2'; give a number or a tensor"),
        ([X], [None], "a is None"),
        ([X], [2j], "a is 2j"),
        ([X], [], "1 arrays and 0 scalars were given; square takes points and a"),
        ([X, X], [1.0], "2 arrays and 1 scalars were given"),
        ([X], [torch.ones(4, dtype=DOUBLE)], r"\(5,\), \(4,\) do not broadcast"),
        ([X], [torch.ones(5, device="meta")], "several devices, cpu, meta"),
    ],
)
@pytest.mark.parametrize("fast", [False, True])
def test_what_is_no_argument(vectors: Any, scalars: Any, message: str, fast: bool) -> None:
    with pytest.raises(EvaluationError, match=message):
        square(fast=fast).packed(vectors, scalars)


def test_there_is_no_out(code: TorchCode) -> None:
    with pytest.raises(EvaluationError, match="no out="):
        code.packed([X], [1.0], X)


@pytest.mark.parametrize("number", [2, np.float32(2), np.int64(2), True])
def test_numbers_of_any_kind(code: TorchCode, number: Any) -> None:
    torch.testing.assert_close(code.packed([X], [number]), exact(X, float(number)))


def test_dtypes_are_promoted_by_arrays_only() -> None:
    """A parameter without dimensions does not change the precision of the points."""
    code = square(fast=False)
    small = X.float()
    assert code.packed([small], [torch.tensor(2.0, dtype=DOUBLE)]).dtype == torch.float32
    assert code.packed([X], [torch.tensor(2.0)]).dtype == DOUBLE
    assert code.packed([small], [torch.ones(5, dtype=DOUBLE)]).dtype == DOUBLE
    assert code.packed([X], [torch.ones(5)]).dtype == DOUBLE


# Devices and tracers -----------------------------------------------------------------------------


def test_nothing_lands_on_another_device() -> None:
    """On the device "meta" there are shapes only; an operation with the CPU would fail."""
    code = build(everything(), cache=False)
    x, v = torch.empty(4, 2, device="meta"), torch.empty(1, 2, device="meta", requires_grad=True)
    h = torch.empty(3, 1, device="meta")
    packed = code.packed([x, v], [1.0, torch.tensor(2.0, device="meta"), h])
    full = [code.unpack(packed, k) for k in range(len(code.program.outputs))]
    assert {t.device.type for t in [packed, *full]} == {"meta"}
    assert packed.shape == (3, 4, len(code.program.slots))
    (gradient,) = torch.autograd.grad(packed.sum(), v)
    assert gradient.shape == v.shape


@pytest.mark.parametrize("trace", [make_fx, torch.jit.trace])
def test_tracers_see_the_generated_code(code: TorchCode, trace: Callable[..., Any]) -> None:
    """A kernel would be recorded as the numbers that it gave at the example."""

    def call(x: torch.Tensor) -> torch.Tensor:
        return code.unpack(code.packed([x], [2.0]), 0)

    with warnings.catch_warnings():
        # torch.jit.trace says that checks of shapes and loops over columns are not recorded
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        traced = trace(call)(X) if trace is make_fx else trace(call, X)
    other = X + 0.3
    torch.testing.assert_close(traced(other), exact(other, 2.0)[:, 0])


def test_export_with_any_number_of_points(code: TorchCode) -> None:
    class Module(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
            return code.packed([x], [a])

    a = torch.tensor(2.0, dtype=DOUBLE)
    sizes = {"x": {0: torch.export.Dim("points")}, "a": None}
    exported = torch.export.export(Module(), (X, a), dynamic_shapes=sizes)
    for count in (1, 5, 17):
        points = torch.rand(count, 1, dtype=DOUBLE)
        torch.testing.assert_close(exported.module()(points, a), exact(points, 2.0))


def test_parameters_of_a_module_are_learned(code: TorchCode) -> None:
    class Module(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.a = torch.nn.Parameter(torch.tensor(2.0, dtype=DOUBLE))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return code.packed([x], [self.a])[..., 0]

    module = Module()
    module(X).sum().backward()
    t = X[:, 0]
    assert module.a.grad is not None
    torch.testing.assert_close(module.a.grad, (2 * torch.sin(2 * t) * torch.cos(2 * t) * t).sum())
    batch = {"a": torch.tensor([2.0, 3.0], dtype=DOUBLE)}
    ensemble = vmap(lambda p: functional_call(module, p, X))(batch)
    torch.testing.assert_close(ensemble[1], exact(X, 3.0)[:, 0])


# Generated modules -------------------------------------------------------------------------------


def test_tracebacks_show_the_generated_source() -> None:
    code = square(fast=False)
    try:
        code.eager([torch.ones(1, 1)], ["two"])
    except TypeError as error:
        text = "".join(traceback.format_exception(error))
    assert "torch_square" in text
    assert "torch.sin(a*x)" in text


def test_the_source_is_kept_where_people_find_it() -> None:
    program = square().program
    code = build(program)
    assert code.path is not None
    assert code.path.read_text() == code.source
    assert "f" in linecache.getline(str(code.path), 1) or code.source.startswith('"""square')
    # what runs is what was generated: a changed file changes nothing
    code.path.write_text("raise SystemExit")
    again = build(program)
    torch.testing.assert_close(again.packed([X], [2.0]), exact(X, 2.0))
    assert again.path is not None
    assert again.path.read_text() == again.source


def test_threads_may_generate_the_same_code_at_once() -> None:
    b = Builder("many")
    x = b.input("x", "coordinate", "points", 0)
    program = b.scalar("f", b.mul(x, b.call("erf", x))).finish()
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: build(program, cache=False, fast=False), range(16)))
    assert all(torch.equal(code.packed([X], []), codes[0].packed([X], [])) for code in codes)


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> Any:
        raise OSError("disk full")

    monkeypatch.setattr("geomkit.cache.read", lambda *_: None)
    monkeypatch.setattr("geomkit.cache.store", full)
    code = build(square().program, fast=False)
    assert code.path is None
    assert "not kept on disk: disk full" in caplog.text
    torch.testing.assert_close(code.packed([X], [2.0]), exact(X, 2.0))


def names(*given: str) -> Program:
    b = Builder("names")
    nodes = [b.input(name, "coordinate", "points", k) for k, name in enumerate(given)]
    return b.scalar(
        "total", b.mul(b.constant("pi"), b.sum(b.call("gamma", n) for n in nodes))
    ).finish()


def test_inputs_may_be_called_like_modules_and_functions() -> None:
    code = build(names("torch", "math", "functions", "components", "torch_"), cache=False)
    packed = code.packed([torch.full((5,), 4.0, dtype=DOUBLE)], [])
    torch.testing.assert_close(packed, torch.full((1,), 30 * torch.pi, dtype=DOUBLE))


def test_programs_of_numbers_alone() -> None:
    b = Builder("constants")
    a = b.input("a", "parameter")
    code = build(b.scalar("f", b.mul(a, b.number(2))).scalar("g", b.number(1)).finish())
    packed = code.packed([], [torch.tensor([1.0, 2.0], requires_grad=True)])
    assert packed.tolist() == [[2, 1], [4, 1]]
    assert code.packed([], [3.0]).tolist() == [6, 1]


def test_without_torch_the_message_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from geomkit.errors import GeomkitError\n"
        "try:\n    import geomkit.backends.torch\n"
        "except GeomkitError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install geomkit-ndm[ndm]" in done.stdout


# Kernels of metrics ------------------------------------------------------------------------------


def test_a_kernel_of_a_metric_and_its_hessian() -> None:
    metric = gk.catalog["sphere2"]
    kernel = gk.compile(metric, ["scalar", "christoffel"], backend="torch")
    (radius,) = (p.symbol.name for p in metric.parameters)
    points = torch.tensor([0.7, 0.2], dtype=DOUBLE)
    a = torch.tensor(2.0, dtype=DOUBLE)
    second = hessian(lambda r: kernel(points, **{radius: r}).scalar)(a)
    # R = 2/a^2, so R'' = 12/a^4
    torch.testing.assert_close(second, torch.tensor(12 / 16, dtype=DOUBLE))
    gamma = kernel(points.expand(3, 2), **{radius: a}).christoffel
    assert gamma.shape == (3, 2, 2, 2)
    # Gamma^theta_phi,phi = -sin(theta) cos(theta)
    expected = -torch.sin(points[0]) * torch.cos(points[0])
    torch.testing.assert_close(gamma[0, 0, 1, 1], expected)


def test_gradients_go_through_the_jets_of_unspecified_functions() -> None:
    """R of ds^2 = -dt^2 + a(t)^2 dx^2 is 2 a''/a; with a = exp(c t) that is 2 c^2."""
    metric = gk.Metric(coordinates=["t", "x"], matrix=[[-1, 0], [0, "a(t)**2"]], functions=["a(t)"])
    kernel = gk.compile(metric, "scalar", backend="torch")
    points = torch.tensor([[0.3, 0.0], [0.5, 0.1]], dtype=DOUBLE)
    c = torch.tensor(0.4, dtype=DOUBLE, requires_grad=True)
    values = kernel(points, a=lambda t, orders: c ** orders[0] * torch.exp(c * t)).scalar
    (slope,) = torch.autograd.grad(values.sum(), c)
    torch.testing.assert_close(values, torch.full((2,), 2 * 0.4**2, dtype=DOUBLE))
    torch.testing.assert_close(slope, torch.tensor(2 * 4 * 0.4, dtype=DOUBLE))


def test_names_of_the_oracle_are_those_of_the_program() -> None:
    assert [one.name for one in everything().inputs] == NAMES
