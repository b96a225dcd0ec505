"""Wrong kernels are refused: a certificate that cannot fail proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import geomkit as gk
from geomkit.certificate import Certificate, certify, check
from geomkit.certificate.rule import FACTOR
from geomkit.errors import CertificateError
from geomkit.kernel import Kernel
from geomkit.lower import lower, read_requests
from geomkit.program import Node, Output, Program

SPHERE = gk.Metric.from_line_element(
    "a**2*dtheta**2 + a**2*sin(theta)**2*dphi**2",
    coordinates=["theta", "phi"],
    parameters=["a"],
    domain={"theta": ["0", "3"]},
    name="sphere down to the pole",
)
SHEAR = gk.Metric.from_line_element(
    "(1+x**2)*dx**2 + x*y*dx*dy/2 + (2+y**2)*dy**2",
    coordinates=["x", "y"],
    domain={"x": ["1/4", "1"], "y": ["1/4", "1"]},
    name="shear",
)
QUANTITIES = ("metric", "christoffel", "riemann_down", "ricci", "scalar")


def kernel_of(metric: gk.Metric, program: Program, quantities: Any = QUANTITIES) -> Kernel:
    requests = [str(request) for request in read_requests(metric, quantities)]
    return Kernel(metric, requests, program, "interpret")


def judged(program: Program) -> Certificate:
    return certify(kernel_of(SHEAR, program), points=6)


@pytest.fixture(scope="module")
def program() -> Program:
    return lower(SHEAR, QUANTITIES)


def test_the_untampered_program_passes(program: Program) -> None:
    assert judged(program).ok


# Tampering ----------------------------------------------------------------------------------


def with_node(program: Program, number: int, node: Node) -> Program:
    nodes = list(program.nodes)
    nodes[number] = node
    return replace(program, nodes=tuple(nodes))


def with_output(program: Program, name: str, change: Callable[[Output], Output]) -> Program:
    outputs = tuple(change(o) if o.name == name else o for o in program.outputs)
    return replace(program, outputs=outputs)


def positions(program: Program, *ops: str) -> list[int]:
    found = [k for k, node in enumerate(program.nodes) if node.op in ops]
    assert found, f"the program has no {ops}"
    return found


def sign_flipped(program: Program) -> list[Program]:
    """Each sum made a difference, and the other way round."""
    swap = {"add": "sub", "sub": "add"}
    return [
        with_node(program, k, replace(program.nodes[k], op=swap[program.nodes[k].op]))
        for k in positions(program, "add", "sub")
    ]


def constant_changed(program: Program) -> list[Program]:
    """Each number changed by one part in 10^10."""
    changed = []
    for k in positions(program, "number"):
        value = program.nodes[k].value
        assert isinstance(value, Fraction)
        changed.append(with_node(program, k, Node("number", (), value * (1 + Fraction(1, 10**10)))))
    return changed


def shared_wrongly(program: Program) -> list[Program]:
    """Each product takes its neighbour for one of its factors, as a broken sharing would."""
    changed = []
    for k in positions(program, "mul"):
        node = program.nodes[k]
        other = node.args[1] - 1
        if other >= 0 and other not in node.args:
            changed.append(with_node(program, k, replace(node, args=(node.args[0], other))))
    return changed


def declared_zero(program: Program) -> list[Program]:
    """Each component of the curvature dropped and said to vanish."""

    def change(output: Output) -> Output:
        index = output.components[0][0]
        kept = output.components[1:]
        copies = tuple((e, slot - 1, sign) for e, slot, sign in output.copies if slot)
        return replace(output, components=kept, zeros=(*output.zeros, index), copies=copies)

    return [with_output(program, name, change) for name in ("riemann_down", "christoffel")]


def copied_wrongly(program: Program) -> list[Program]:
    """An antisymmetric entry copied with the wrong sign; a symmetric one left out."""

    def positive(output: Output) -> Output:
        return replace(output, copies=tuple((e, slot, 1) for e, slot, _ in output.copies))

    def shorter(output: Output) -> Output:
        return replace(output, copies=tuple(c for c in output.copies if c[0] != (1, 0)))

    return [
        with_output(program, "riemann_down", positive),
        with_output(program, "metric", shorter),
    ]


def exchanged(program: Program) -> list[Program]:
    """Two components exchanged."""

    def change(output: Output) -> Output:
        (i, a), (j, b), *rest = output.components
        return replace(output, components=((i, b), (j, a), *rest))

    return [with_output(program, name, change) for name in ("metric", "christoffel", "ricci")]


@pytest.mark.parametrize(
    "tamper",
    [
        sign_flipped,
        constant_changed,
        shared_wrongly,
        declared_zero,
        copied_wrongly,
        exchanged,
    ],
)
def test_a_tampered_program_is_refused(
    program: Program, tamper: Callable[[Program], list[Program]]
) -> None:
    variants = tamper(program)
    assert variants
    for changed in variants[:6]:
        certificate = judged(changed)
        assert not certificate.ok, f"{tamper.__name__} went unnoticed:\n{changed}"
        assert certificate.verdict.startswith("NOT CERTIFIED")
        with pytest.raises(CertificateError, match="did not pass"):
            check(kernel_of(SHEAR, changed), certificate=certificate)


def test_the_reason_is_named(program: Program) -> None:
    zero = judged(declared_zero(program)[0])
    assert any("said to be 0" in problem for problem in zero.problems)
    constant = judged(constant_changed(program)[0])
    assert any("not explained by conditioning" in problem for problem in constant.problems)


def test_jets_given_in_the_wrong_order_are_refused() -> None:
    expanding = gk.Metric.from_line_element(
        "-dt**2 + a(t)**2*dx**2", coordinates=["t", "x"], functions=["a(t)"], name="expanding"
    )
    good = lower(expanding, "scalar")
    jets = [one for one in good.inputs if one.jet and sum(one.jet.orders)]
    first, second = (one for one in good.inputs if one.jet and one.jet.orders in {(0,), (2,)})
    swapped = {first.name: second.jet, second.name: first.jet}
    inputs = tuple(replace(one, jet=swapped.get(one.name, one.jet)) for one in good.inputs)
    assert jets
    assert certify(kernel_of(expanding, good, "scalar"), points=4).ok
    changed = replace(good, inputs=inputs)
    assert not certify(kernel_of(expanding, changed, "scalar"), points=4).ok


# Kernels that compute something else than their program --------------------------------------


class Wrapped:
    """A kernel whose results are changed on the way out, as a broken backend would."""

    def __init__(self, kernel: Kernel, change: Callable[[dict[str, Any]], None]) -> None:
        self.kernel, self.change = kernel, change
        self.backend = "numba"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kernel, name)

    def __call__(self, points: Any, **arguments: Any) -> list[Any]:
        results = {k: v.copy() for k, v in self.kernel(points, **arguments)._asdict().items()}
        self.change(results)
        return list(results.values())


def one_nan(results: dict[str, Any]) -> None:
    results["scalar"][-1] = np.nan


def one_infinity(results: dict[str, Any]) -> None:
    results["ricci"][-1, 0, 0] = np.inf


def noise_in_a_zero(results: dict[str, Any]) -> None:
    results["riemann_down"][:, 0, 0, 0, 0] = 1e-18


def broken_symmetry(results: dict[str, Any]) -> None:
    results["metric"][:, 1, 0] *= 1 + 1e-15


def fewer_digits(results: dict[str, Any]) -> None:
    results["scalar"] = results["scalar"].astype(np.float32).astype(np.float64)


def one_point_shifted(results: dict[str, Any]) -> None:
    if len(results["ricci"]) > 64:
        results["ricci"][64:] = results["ricci"][63:-1].copy()


def lost_axis(results: dict[str, Any]) -> None:
    results["ricci"] = results["ricci"][:, 0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (one_nan, "NaN or infinity"),
        (one_infinity, "NaN or infinity"),
        (noise_in_a_zero, "not the copy"),
        (broken_symmetry, "not the copy"),
        (fewer_digits, "not explained"),
        (one_point_shifted, "differs when many points"),
        (lost_axis, "has shape"),
    ],
)
def test_a_backend_that_goes_wrong_is_refused(
    program: Program, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    wrapped = Wrapped(kernel_of(SHEAR, program), change)
    certificate = certify(wrapped, points=6)
    assert not certificate.ok
    assert any(reason in problem for problem in certificate.problems), certificate.problems


# Cancellation -------------------------------------------------------------------------------


def numpy_kernel(metric: gk.Metric, quantity: str, compute: Callable[..., Any]) -> Any:
    class ByHand:
        program = lower(metric, quantity)
        quantities = tuple(str(request) for request in read_requests(metric, quantity))
        backend, path, source = "none", None, "by hand"

        def __call__(self, points: Any, **arguments: Any) -> list[Any]:
            return [compute(points, **arguments)]

    kernel = ByHand()
    kernel.metric = metric  # type: ignore[attr-defined]
    return kernel


def test_cancellation_that_could_be_avoided_is_refused() -> None:
    # 1 - cos(theta) = 2 sin(theta/2)^2: well conditioned at 0, where the difference has no digits
    bad = numpy_kernel(SPHERE, "gap = 1 - cos(theta)", lambda p, a: 1 - np.cos(p[:, 0]))
    good = numpy_kernel(SPHERE, "gap = 1 - cos(theta)", lambda p, a: 2 * np.sin(p[:, 0] / 2) ** 2)
    refused, passed = certify(bad, points=24), certify(good, points=24)
    assert passed.ok, passed
    assert not refused.ok
    assert refused.accuracy[-1].unexplained > 0
    assert refused.accuracy[-1].adversarial_relative["max"] > 1e-6


def test_cancellation_that_lies_in_the_question_passes() -> None:
    # cos(theta) - a is as uncertain as its inputs where it is small: no program can do better; the
    # expanded cube loses three times as many digits, which the inputs do not explain
    def expand(p: Any, a: Any) -> Any:
        x = np.cos(p[:, 0])
        return x**3 - 3 * a * x**2 + 3 * a**2 * x - a**3

    apart = "apart = (cos(theta) - a)**3"
    plain = numpy_kernel(SPHERE, apart, lambda p, a: (np.cos(p[:, 0]) - a) ** 3)
    expanded = numpy_kernel(SPHERE, apart, expand)
    passed, refused = certify(plain, points=64), certify(expanded, points=64)
    assert passed.ok, passed
    assert passed.accuracy[-1].beyond > 0
    assert 0 < passed.accuracy[-1].largest_ratio <= FACTOR
    assert not refused.ok


def test_a_staged_kernel_near_a_pole_has_large_errors() -> None:
    staged = gk.compile(SPHERE, ["ricci"], backend="numba", staged=True)
    exact = gk.compile(SPHERE, ["ricci"], backend="numba", staged=False)
    rough, fine = certify(staged, points=24), certify(exact, points=24)
    assert fine.ok, fine
    assert not rough.ok
    # theta = 3e-12 is among the places; the difference of large terms has no digits there
    assert rough.accuracy[-1].adversarial_relative["max"] > 1e-3
    assert fine.accuracy[-1].adversarial_relative["max"] < 1e-15
