"""Certificates that somebody else wrote, or changed; and every way in which a kernel is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import geomkit as gk
from geomkit.backends.numba import source as writing
from geomkit.certificate import Certificate, certify, check, store
from geomkit.certificate.compare import Pair, Site
from geomkit.certificate.measure import ENOUGH, _undecided
from geomkit.certificate.places import Place
from geomkit.errors import CertificateError
from geomkit.kernel import Kernel


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return gk.compile(gk.catalog["sphere2"], ["metric", "scalar"])


@pytest.fixture(scope="module")
def certificate(kernel: Kernel) -> Certificate:
    return certify(kernel, points=4)


# Changed by hand -----------------------------------------------------------------------------


def put(*path: Any) -> Callable[[Any], None]:
    """Set an entry; the last two of the path are the key and the value."""
    *way, key, value = path

    def change(content: Any) -> None:
        for step in way:
            content = content[step]
        content[key] = value

    return change


CHANGES = [
    put("identities", 0, "status", "FAILED"),
    put("accuracy", -1, "unexplained", 99),
    put("accuracy", 0, "unexplained", 99),
    put("accuracy", -1, "not_finite", 5),
    put("accuracy", -1, "within", 0.5),
    put("accuracy", -1, "beyond", 1),
    put("accuracy", -1, "relative", "max", 1e-20),
    put("accuracy", 0, "random_pairs", 1000),
    put("accuracy", -1, "largest_ratio", 49.0),
    put("problems", ["bad"]),
    put("ok", False),
    put("ok", "true"),
    put("verdict", "certified: very good"),
    put("max_relative_error", 0.0),
    put("threshold", 1.0),
    put("identities", []),
    put("more", "text"),
]
WRONG = [
    put("hashes", {}),
    put("hashes", 5),
    put("hashes", "metric", 5),
    put("accuracy", []),
    put("accuracy", [5]),
    put("accuracy", -1, "within", "a lot"),
    put("accuracy", -1, "beyond", True),
    put("accuracy", -1, "worst", {}),
    put("identities", "none"),
    put("threshold", "x"),
    put("threshold", 10**400),
    put("dtype", "float16"),
    put("counts", {"random": "many"}),
    put("counts", {}),
    put("problems", "none"),
    put("calls", None),
    put("geomkit certificate", 1),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_certificate_that_contradicts_itself_is_refused(
    certificate: Certificate, change: Callable[[Any], None]
) -> None:
    content = json.loads(certificate.to_json())
    change(content)
    with pytest.raises(CertificateError, match="changed by hand"):
        Certificate.from_json(json.dumps(content))


@pytest.mark.parametrize("change", WRONG)
def test_what_is_no_certificate_is_refused(
    certificate: Certificate, change: Callable[[Any], None]
) -> None:
    content = json.loads(certificate.to_json())
    change(content)
    with pytest.raises(CertificateError, match="no certificate of"):
        Certificate.from_json(json.dumps(content))


@pytest.mark.parametrize("text", ["", "5", "[]", "null", "{}", '{"ok": true}', "[" * 100_000])
def test_what_is_no_json_of_a_certificate_is_refused(text: str) -> None:
    with pytest.raises(CertificateError, match="no certificate of geomkit"):
        Certificate.from_json(text)


def test_a_record_in_hand_is_judged_by_its_content(
    kernel: Kernel, certificate: Certificate
) -> None:
    identity = replace(certificate.identities[0], status="FAILED", detail="by hand")
    forged = replace(certificate, identities=(identity,))
    assert not forged.ok
    assert forged.verdict.startswith("NOT CERTIFIED: g^im g_mj")
    with pytest.raises(CertificateError, match="did not pass: g"):
        check(kernel, certificate=forged)


@pytest.mark.parametrize("thing", ["x", None, 5, gk.catalog["sphere2"]])
def test_only_kernels_are_certified(thing: Any) -> None:
    with pytest.raises(CertificateError, match="is no kernel"):
        certify(thing)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arguments": [1, 2]}, "give values by name"),
        ({"arguments": {"a": "x"}}, "a = 'x' is not a finite number"),
        ({"arguments": {"a": [1, 2]}}, "is not a finite number"),
        ({"arguments": {"a": 1e300}, "dtype": "float32"}, "is not a finite number"),
        ({"seed": "x"}, "seed is 'x'; give a whole number"),
        ({"budget": "x"}, "budget is 'x'; give a number of seconds"),
        ({"budget": float("nan")}, "give a number of seconds"),
        ({"points": 2.5}, "points is 2.5; give a positive number"),
    ],
)
def test_arguments_of_no_use_are_refused(
    kernel: Kernel, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(CertificateError, match=message):
        certify(kernel, **arguments)


def test_what_should_be_zero_is_said() -> None:
    plane = gk.Metric(["r", "phi"], [["1", "0"], ["0", "r**2"]], domain={"r": ["1/10", "5"]})
    rough = certify(gk.compile(plane, "scalar", staged=True), points=8)
    assert "scalar is 0 (random), the kernel gives" in rough.verdict
    assert "should be 0" in str(rough)
    fine = certify(gk.compile(plane, "scalar", backend="interpret"), points=2)
    assert fine.ok
    assert "every component vanishes" in str(fine)


def test_outputs_have_the_names_of_what_was_asked_for(kernel: Kernel) -> None:
    output = replace(kernel.program.outputs[1], name="gauss")
    program = replace(kernel.program, outputs=(kernel.program.outputs[0], output))
    renamed = Kernel(kernel.metric, kernel.quantities, program, "interpret")
    with pytest.raises(CertificateError, match="compute metric, scalar, but its program has"):
        certify(renamed)


# Every source that is used --------------------------------------------------------------------


def test_a_kernel_is_called_in_every_way(certificate: Certificate) -> None:
    assert certificate.calls == (
        "parameters as numbers",
        "parameters as arrays",
        "one point at a time",
    )
    # 2 + 1 components at 4 places
    assert certificate.accuracy[-1].random_pairs == 3 * 4 * 3
    assert "parameters as arrays" in str(certificate)


class Broken:
    """A kernel that is wrong in one way of being called."""

    def __init__(self, kernel: Kernel, way: str) -> None:
        self.kernel, self.way = kernel, way
        self.code = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kernel, name)

    def __call__(self, points: Any, **arguments: Any) -> Any:
        results = self.kernel(points, **arguments)
        wrong = self.way == "each" and np.ndim(arguments["a"])
        return [part * (1 + 1e-12) if wrong else part for part in results]

    def point(self, inputs: Any, out: Any) -> None:
        self.kernel.code.point(inputs, out)
        if self.way == "point":
            out[-1] += 1e-12


@pytest.mark.parametrize("way", ["each", "point"])
def test_a_source_of_its_own_that_is_wrong_is_noticed(kernel: Kernel, way: str) -> None:
    assert certify(Broken(kernel, "none"), points=4).ok
    assert not certify(Broken(kernel, way), points=4).ok


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_change_of_any_source_is_noticed(
    kernel: Kernel, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = certify(kernel, points=4, dtype=dtype)
    assert found.matches(kernel)
    monkeypatch.setattr(writing, "_SAFE", writing._SAFE + "\n")
    assert found.differences(kernel) == ("variants of the source",)


# How many places ------------------------------------------------------------------------------


def site(kind: str, errors: list[float]) -> Site:
    place, nothing = Place(kind, "", {}), cast(Any, None)
    pairs = [Pair(0, (), place, 1.0, 1.0, e, e, e) for e in errors]
    return Site(place, 160, nothing, pairs)


@pytest.mark.parametrize(
    ("good", "bad", "undecided"),
    [
        (100, 0, False),
        (99, 1, False),
        (4, 1, True),  # one of five: may be chance
        (98, 2, True),
        (90, 10, False),  # ten of a hundred are no chance
        (0, 20, False),
        (1960, 40, False),  # 2 % of two thousand are enough to tell
    ],
)
def test_more_places_are_drawn_where_it_may_be_chance(good: int, bad: int, undecided: bool) -> None:
    drawn = site("random", [1e-16] * good + [1e-13] * bad)
    hard = site("adversarial", [1.0] * 30)
    assert _undecided([drawn, hard], 1e-14) is undecided
    assert ENOUGH == 2000


# Where it is kept -----------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_to_loses_no_certificate(
    certificate: Certificate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Gone:
        path = tmp_path / "gone" / "kernel.py"

    assert store(certificate, Gone()) is None
    assert "cannot be written" in caplog.text
    assert "No such file or directory" in caplog.text


def test_a_kernel_without_file_keeps_its_certificate(tmp_path: Path) -> None:
    kernel = gk.compile(gk.catalog["sphere2"], "scalar", backend="interpret")
    assert kernel.certificate is None
    certificate = certify(kernel, points=2)
    assert Certificate.from_json(json.dumps(kernel.certificate)) == certificate
    loaded = Kernel.load(kernel.save(tmp_path / "sphere.json"))
    assert check(loaded, certificate=certificate) is certificate
