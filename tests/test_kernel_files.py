"""Kernels as files: what is kept, and everything that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geomkit as gk
from geomkit.errors import CertificateError, FileError

POINTS = np.array([[1.0, 0.0], [2.0, 0.5]])
DOMAIN = {"theta": ["1/2", "5/2"]}
LINE = "a**2*dtheta**2 + a**2*sin(theta)**2*dphi**2"


def sphere(line: str = LINE) -> gk.Metric:
    return gk.Metric.from_line_element(
        line, coordinates=["theta", "phi"], parameters=["a"], domain=DOMAIN, name="kept sphere"
    )


@pytest.fixture(scope="module")
def kernel() -> gk.Kernel:
    found = gk.compile(sphere(), ["scalar", "ricci"], name="kept_sphere")
    assert gk.certify(found, points=8).ok
    return found


@pytest.fixture
def path(kernel: gk.Kernel, tmp_path: Path) -> Path:
    return kernel.save(tmp_path / "sphere.kernel.json")


def test_a_certified_kernel_can_be_saved_and_loaded(kernel: gk.Kernel, path: Path) -> None:
    loaded = gk.Kernel.load(path)
    assert loaded.source == kernel.source
    np.testing.assert_array_equal(loaded(POINTS, a=1.5).ricci, kernel(POINTS, a=1.5).ricci)
    assert [p.name for p in path.parent.iterdir()] == [path.name], "no temporary files are left"


def test_a_loaded_kernel_has_its_certificate_on_another_machine(
    kernel: gk.Kernel, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOMKIT_CACHE_DIR", str(tmp_path / "elsewhere"))
    loaded = gk.Kernel.load(path)
    assert loaded.certificate == kernel.certificate
    assert gk.certificate.check(loaded).ok
    again = gk.Kernel.load(loaded.save(tmp_path / "again.json"))
    assert again.hash == kernel.hash


def test_a_kernel_that_is_not_on_disk_is_saved_with_the_certificate_given(tmp_path: Path) -> None:
    loose = gk.compile(sphere(), "scalar", backend="interpret")
    bare = loose.save(tmp_path / "bare.json")
    with pytest.raises(CertificateError, match="holds no certificate"):
        gk.Kernel.load(bare)
    certificate = gk.certify(gk.compile(sphere(), "scalar", backend="interpret"), points=8)
    full = loose.save(tmp_path / "full.json", certificate=certificate)
    assert gk.Kernel.load(full).certificate == json.loads(certificate.to_json())


CHANGES: dict[str, Any] = {
    "source": lambda c: c.update(source=c["source"] + "#"),
    "program": lambda c: c["program"].update(name="other"),
    # the certified program would be told to be that of another metric
    "metric": lambda c: c.update(metric=sphere(LINE.replace("sin", "sinh")).to_dict()),
    "quantities": lambda c: c.update(quantities=["weyl", "einstein"]),
    "backend": lambda c: c.update(backend="interpret"),
    "no certificate": lambda c: c.update(certificate=None),
    "did not pass": lambda c: c["certificate"].update(ok=False),
    "did not pass: certified": lambda c: c["certificate"].update(problems=["bad"]),
}


@pytest.mark.parametrize("part", CHANGES)
def test_a_changed_file_is_refused(part: str, path: Path) -> None:
    content = json.loads(path.read_text("utf-8"))
    CHANGES[part](content)
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(CertificateError, match=part):
        gk.Kernel.load(path)


STRANGE: dict[str, Any] = {
    "a backend that is a list": lambda c: c.update(backend=["x"]),
    "an unknown backend": lambda c: c.update(backend="fortran", certificate=None),
    "no quantities": lambda c: c.update(quantities=3),
    "no program": lambda c: c.update(program=[]),
    "a number of a gigabyte": lambda c: c["program"]["nodes"].append(["number", [], "1e999999999"]),
    "more digits than Python reads": lambda c: c["program"]["nodes"].append(
        ["number", [], "7" * 5000]
    ),
    "a tensor of 74 GiB": lambda c: c["program"]["outputs"][0].update(shape=[100000, 100000]),
}


@pytest.mark.parametrize("part", STRANGE)
def test_strange_files_are_refused_at_once(part: str, path: Path) -> None:
    content = json.loads(path.read_text("utf-8"))
    STRANGE[part](content)
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(FileError, match="holds no kernel"):
        gk.Kernel.load(path, certified=False)


@pytest.mark.parametrize("text", ['{"a": 1}', "[" * 100_000, "", "\x00", '{"geomkit kernel": 2}'])
def test_other_files_are_no_kernels(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(FileError, match="no such file"):
        gk.Kernel.load(path)
    path.write_text(text, "utf-8")
    with pytest.raises(FileError, match="holds no kernel"):
        gk.Kernel.load(path)


def test_what_cannot_be_written_is_said(kernel: gk.Kernel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        kernel.save(tmp_path / "file" / "kernel.json")
