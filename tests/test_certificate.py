"""Certificates: what passes, what is said of it, and where it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geomkit as gk
from geomkit.certificate import Certificate, certify, check, path_of, read, store
from geomkit.certificate.rule import threshold
from geomkit.errors import CertificateError
from geomkit.kernel import Kernel
from geomkit.lower import lower

# The domain reaches down to the horizon at r = 2 M, where 1 - 2 M/r has no digits left.
HORIZON = gk.Metric.from_line_element(
    "-(1-2*M/r)*dt**2 + dr**2/(1-2*M/r) + r**2*dtheta**2 + r**2*sin(theta)**2*dphi**2",
    coordinates=["t", "r", "theta", "phi"],
    parameters=["M"],
    domain={"r": ["2*M", "9*M"], "theta": ["0", "3"]},
    name="down to the horizon",
)
QUANTITIES = ("metric", "inverse_metric", "christoffel", "riemann_down", "ricci", "kretschmann")
PLANE = gk.Metric.from_line_element(
    "dr**2 + r**2*dphi**2", coordinates=["r", "phi"], domain={"r": ["0", "2"]}, name="plane"
)


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return gk.compile(HORIZON, list(QUANTITIES), backend="numba")


@pytest.fixture(scope="module")
def certificate(kernel: Kernel) -> Certificate:
    return certify(kernel)


def interpreted(metric: gk.Metric, quantities: Any, **options: Any) -> Kernel:
    return gk.compile(metric, quantities, backend="interpret", **options)


# What is found ------------------------------------------------------------------------------


def test_a_good_kernel_passes(certificate: Certificate) -> None:
    assert certificate.ok
    assert certificate.problems == ()
    assert certificate.verdict.startswith("certified")
    assert 0 < certificate.max_relative_error < threshold("float64")
    assert [a.quantity for a in certificate.accuracy] == [*QUANTITIES, "all"]


def test_the_identities_are_proved(certificate: Certificate) -> None:
    assert {identity.status for identity in certificate.identities} == {"proved"}
    names = " ".join(identity.name for identity in certificate.identities)
    for law in ("g^im g_mj", "nabla g", "tr Ric", "Ric = tr", "R_jikl", "first Bianchi", "div G"):
        assert law in names
    assert "second Bianchi" in names


def test_numbers_of_components(certificate: Certificate) -> None:
    table = {row.quantity: (row.components, row.zeros) for row in certificate.accuracy}
    # Schwarzschild: 9 of 40 Christoffel symbols and 6 of 21 curvatures do not vanish
    assert table["christoffel"] == (9, 31)
    assert table["riemann_down"] == (6, 15)
    assert table["ricci"] == (0, 10)
    assert table["all"][0] == sum(row[0] for name, row in table.items() if name != "all")


def test_quantiles_are_in_order(certificate: Certificate) -> None:
    for row in certificate.accuracy:
        for table in (row.relative, row.ulp, row.adversarial_relative):
            values = list(table.values())
            assert values == sorted(values)


def test_the_same_seed_gives_the_same_certificate(kernel: Kernel, certificate: Certificate) -> None:
    assert certify(kernel).hash == certificate.hash
    other = certify(kernel, points=4, seed=5)
    assert other.hash != certificate.hash
    assert other.counts["random"] == 4
    certify(kernel)  # what lies on disk is the fixture's again


def test_a_person_can_read_it(certificate: Certificate) -> None:
    text = str(certificate)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) < 60, "one screen"
    for part in ("certified", "Exact part", "Numeric part", "worst", "M in", "sha256", "numba"):
        assert part in text


def test_it_says_what_it_was_made_with(certificate: Certificate) -> None:
    assert set(certificate.versions) >= {"geomkit", "numba", "llvmlite", "numpy", "sympy"}
    assert certificate.versions["geomkit"] == gk.__version__
    assert any("r in [2*M, 9*M]" in box for box in certificate.domain)
    assert certificate.backend == "numba"
    assert certificate.dtype == "float64"


# Beside the kernel --------------------------------------------------------------------------


def test_json_and_back(certificate: Certificate) -> None:
    again = Certificate.from_json(certificate.to_json())
    assert again == certificate
    assert again.hash == certificate.hash
    assert json.loads(certificate.to_json())["ok"] is True


def test_it_lies_beside_the_kernel(kernel: Kernel, certificate: Certificate) -> None:
    path = path_of(kernel)
    assert path is not None
    assert kernel.path is not None
    assert path.parent == kernel.path.parent
    assert path.name.endswith(".certificate.json")
    assert read(kernel) == certificate
    assert check(kernel) == certificate
    assert not list(path.parent.glob(f".{path.name}*")), "no temporary file is left"


def test_a_kernel_without_certificate_is_refused() -> None:
    with pytest.raises(CertificateError, match="has no certificate"):
        check(interpreted(PLANE, "metric"))


def test_an_interpreted_kernel_keeps_its_certificate_in_hand() -> None:
    kernel = interpreted(PLANE, "christoffel")
    certificate = certify(kernel, points=4)
    assert certificate.ok
    assert path_of(kernel) is None
    assert check(kernel, certificate=certificate) is certificate


@pytest.fixture
def tampered_file(kernel: Kernel, certificate: Certificate) -> Iterator[Path]:
    assert kernel.path is not None
    assert certificate.ok
    before = kernel.path.read_text()
    yield kernel.path
    kernel.path.write_text(before)


def test_an_edited_source_is_refused(kernel: Kernel, tampered_file: Path) -> None:
    check(kernel)
    tampered_file.write_text(tampered_file.read_text() + "\n# harmless?\n")
    with pytest.raises(CertificateError, match="file of the source changed"):
        check(kernel)


def test_a_deleted_source_is_refused(kernel: Kernel, tampered_file: Path) -> None:
    tampered_file.unlink()
    with pytest.raises(CertificateError, match="file of the source changed"):
        check(kernel)


def test_another_program_is_refused(certificate: Certificate) -> None:
    kernel = interpreted(HORIZON, "christoffel")
    assert not certificate.matches(kernel)
    with pytest.raises(CertificateError, match="quantities, program, backend, source"):
        check(kernel, certificate=certificate)


def test_another_metric_is_refused() -> None:
    certificate = certify(interpreted(PLANE, "scalar"), points=2)
    wider = gk.Metric.from_line_element(
        "dr**2 + r**2*dphi**2", coordinates=["r", "phi"], domain={"r": ["0", "3"]}, name="plane"
    )
    other = interpreted(wider, "scalar")
    assert certificate.differences(other) == ("metric",)


def test_a_certificate_for_another_number_type_is_refused(kernel: Kernel) -> None:
    with pytest.raises(CertificateError, match="no certificate for float32"):
        check(kernel, dtype="float32")
    with pytest.raises(CertificateError, match="not for float32"):
        check(kernel, certificate=read(kernel), dtype="float32")


def test_a_verdict_changed_by_hand_is_refused(kernel: Kernel, certificate: Certificate) -> None:
    path = path_of(kernel)
    assert path is not None
    content = json.loads(certificate.to_json())
    content["problems"] = ["a wrong zero"]
    path.write_text(json.dumps(content))
    with pytest.raises(CertificateError, match="changed by hand"):
        check(kernel)
    path.write_text("{}")
    with pytest.raises(CertificateError, match="no certificate of geomkit"):
        check(kernel)
    path.write_text("half a fi")
    with pytest.raises(CertificateError, match="no certificate of geomkit"):
        check(kernel)
    store(certificate, kernel)
    check(kernel)


# Number types and arguments -----------------------------------------------------------------


def test_single_precision_is_honest(kernel: Kernel) -> None:
    certificate = certify(kernel, points=24, dtype="float32")
    together = certificate.accuracy[-1]
    assert certificate.dtype == "float32"
    # a component takes a few roundings of 6e-8, never fewer than none and rarely more than 40
    assert 1e-8 < together.relative["50"] < 2.4e-6
    assert certificate.ok
    assert read(kernel, "float32") == certificate
    assert check(kernel).dtype == "float64", "the two lie side by side"


def test_arguments_are_kept_fixed(kernel: Kernel) -> None:
    certificate = certify(interpreted(HORIZON, "scalar = M + r"), points=3, arguments={"M": 0.75})
    assert {worst.values["M"] for row in certificate.accuracy for worst in row.worst} <= {0.75}
    assert "M = 0.75" in certificate.domain
    with pytest.raises(CertificateError, match="no input 'Q'"):
        certify(kernel, arguments={"Q": 1.0})
    with pytest.raises(CertificateError, match="finite"):
        certify(kernel, arguments={"M": float("nan")})


@pytest.mark.parametrize("points", [0, -1, 2.5, True])
def test_points_have_to_make_sense(points: Any) -> None:
    with pytest.raises(CertificateError, match="points"):
        certify(interpreted(PLANE, "metric"), points=points)


def test_an_unknown_number_type() -> None:
    with pytest.raises(CertificateError, match="float64, float32"):
        certify(interpreted(PLANE, "metric"), dtype="float16")


# Everything that can be asked for -----------------------------------------------------------

BUMPY = gk.Metric.from_line_element(
    "(1+x**2)*dx**2 + 2*x*y*dx*dy/4 + (2+sin(x)*y**2)*dy**2 + dz**2*exp(x*y)",
    coordinates=["x", "y", "z"],
    domain={"x": ["-1", "1"], "y": ["-1", "1"]},
    name="bumpy",
)


@pytest.mark.parametrize(
    "quantities",
    [
        ["laplacian(x*sin(y))", "gradient(x*y*z)", "hessian(x**2*z)"],
        ["geodesic", "transport", "jacobi", "energy", "momentum"],
        ["size = x**2 + y**2", "riemann", "christoffel_down", "volume_element", "determinant"],
        ["weyl", "schouten", "cotton", "einstein", "ricci_mixed", "tracefree_ricci"],
        ["laplacian(f(x, y))", "gradient(f(x, y))"],
    ],
    ids=lambda quantities: quantities[0],
)
def test_every_kind_of_quantity(quantities: list[str]) -> None:
    certificate = certify(interpreted(BUMPY, quantities), points=3)
    # correctly rounded values; what is left is rounding of the result, 1.1e-16
    assert certificate.ok, certificate
    assert certificate.max_relative_error < 1.2e-16
    assert {identity.status for identity in certificate.identities} == {"proved"}


def test_tensors_of_the_user() -> None:
    gauge = gk.calculus.tensor_field(
        BUMPY, "dd", [["0", "x*y", "0"], ["-x*y", "0", "z**2"], ["0", "-z**2", "0"]]
    )
    certificate = certify(interpreted(BUMPY, {"gauge": gauge}), points=3)
    assert certificate.ok, certificate
    assert certificate.accuracy[0].adversarial_pairs > 0


def test_unspecified_functions() -> None:
    expanding = gk.Metric.from_line_element(
        "-dt**2 + a(t)**2*(dx**2 + dy**2*b(x, t))",
        coordinates=["t", "x", "y"],
        functions=["a(t)", "b(x, t)"],
        name="expanding",
    )
    kernel = interpreted(expanding, ["metric", "ricci", "scalar"])
    certificate = certify(kernel, points=4)
    assert certificate.ok, certificate
    # the jets that the kernel takes are those of the polynomial that is enclosed, to the last bit
    assert certificate.max_relative_error < 1.2e-16


def test_surfaces_have_their_own_quantities() -> None:
    certificate = certify(interpreted(PLANE, ["gauss", "scalar", "inverse_metric"]), points=3)
    assert certificate.ok
    assert certificate.accuracy[0].zeros == 1


def test_four_dimensions_have_theirs() -> None:
    names = ["weyl_squared", "euler_density", "chern_pontryagin", "ricci_squared", "einstein_mixed"]
    certificate = certify(interpreted(gk.catalog["taub_nut"], names), points=2)
    assert certificate.ok, certificate


def test_staged_kernels_have_no_exact_part() -> None:
    kernel = interpreted(BUMPY, "ricci", staged=True)
    certificate = certify(kernel, points=3)
    assert certificate.staged
    assert certificate.identities == ()
    assert "staged" in str(certificate)
    assert any("staged" in note for note in certificate.notes)


def test_torch_is_tried_both_ways() -> None:
    kernel = gk.compile(PLANE, ["metric", "christoffel"], backend="torch")
    certificate = certify(kernel, points=4)
    assert certificate.ok, certificate
    # the generated code, and the numba kernels that CPU tensors may go through
    assert certificate.accuracy[0].random_pairs == 2 * 4 * certificate.accuracy[0].components
    assert check(kernel) == certificate


def test_the_program_need_not_be_that_of_the_kernel_class() -> None:
    """Only what the contract says is used of a kernel: a stand-in passes as well."""

    class StandIn:
        metric, quantities, backend, path, source = PLANE, ("metric",), "none", None, "by hand"
        program = lower(PLANE, "metric")

        def __call__(self, points: Any) -> list[Any]:
            result = np.zeros((len(points), 2, 2))
            result[:, 0, 0], result[:, 1, 1] = 1, points[:, 0] ** 2
            return [result]

    assert certify(StandIn(), points=4).ok
