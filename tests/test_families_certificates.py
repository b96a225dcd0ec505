"""Certificates of families: what they measure, that they pass, and that they can fail."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from geomkit import cache, families
from geomkit.errors import CertificateError, MetricError
from geomkit.families import cases, certifying, full, reference, storing

# torch's own forward mode imports what torch has deprecated
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
FAMILIES = tuple(cases.CASES)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [2, 3, 5])
def test_every_family_passes(family: str, n: int) -> None:
    found = families.certify(family, n, points=6 if n < 5 else 3)
    assert found.ok, str(found)
    assert {row.path for row in found.paths} >= {"numba float64", "torch float64"}


@pytest.mark.parametrize("n", [1, 12])
@pytest.mark.parametrize("family", ["full", "full_contracted", "diagonal", "conformal", "low_rank"])
def test_lines_and_larger_dimensions(family: str, n: int) -> None:
    found = families.certify(family, n, points=3)
    assert found.ok, str(found)


@pytest.mark.slow
@pytest.mark.parametrize("n", [4, 6, 8, 16, 32, 64])
@pytest.mark.parametrize("family", FAMILIES)
def test_all_dimensions(family: str, n: int) -> None:
    if n > cases.CASES[family].largest:
        with pytest.raises(MetricError, match="is certified for n"):
            families.certify(family, n)
        return
    points = 6 if n < 32 else 2
    for seed in range(3 if n < 8 else 1):
        found = families.certify(family, n, points=points, seed=seed)
        assert found.ok, str(found)


def test_content() -> None:
    found = families.certificate("conformal", 3)
    assert found is families.certificate("conformal", 3)
    assert families.require("conformal", 3) is found
    content = json.loads(found.to_json())
    assert content["ok"] is True
    assert content["family"] == "conformal"
    assert len(content["source"]) == 64
    assert content["versions"]["numpy"] == np.__version__
    assert "conformal, n = 3: passes" in str(found)
    assert 0 < found.max_relative_error < 1e-14


def test_certificates_are_kept_until_something_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def certify(family: str, n: int, *, points: int = 6) -> Any:
        made.append(family)
        return original(family, n, points=points)

    original = certifying.certify
    monkeypatch.setattr(certifying, "certify", certify)
    key = [storing.source()]
    monkeypatch.setattr(storing, "source", lambda: key[0])
    key[0] = "0" * 64

    def ask() -> Any:
        certifying.certificate.cache_clear()
        return families.certificate("conformal", 4)

    first = ask()
    assert ask() == first
    assert made == ["conformal"]
    assert families.FamilyCertificate.from_json(first.to_json()) == first
    key[0] = "1" * 64
    assert ask() != first
    assert len(made) == 2
    for path in cache.folder().glob("family_conformal_4*.json"):
        path.write_text(path.read_text() + " ")
    ask()
    assert len(made) == 3
    certifying.certificate.cache_clear()


def test_failing_certificates_are_not_kept() -> None:
    found = replace(families.certify("conformal", 2), limit=0.0)
    assert not found.ok
    storing.store(found, "key")
    assert storing.read("conformal", 2, "key") is None
    storing.store(replace(found, limit=1e3), "key")
    assert storing.read("conformal", 2, "key") is not None
    assert storing.read("conformal", 3, "key") is None


def broken(change: Any) -> cases.Case:
    return replace(cases.CASES["full"], **change)


@pytest.mark.parametrize(
    "change",
    [
        {"scalar": lambda g, dg, ddg: full.scalar(g, dg, ddg, check=False) * (1 + 1e-9)},
        {"scalar": lambda g, dg, ddg: -full.scalar(g, dg, ddg, check=False)},
        {"scalar": lambda g, dg, ddg: full.scalar(g, dg, ddg, check=False) * float("nan")},
        {"vjp": lambda *a: [x * 1.001 for x in full.scalar_vjp(*a[:3], cotangent=a[3])]},
        {"exact": lambda g, dg, ddg: reference.scalar(g, dg, 0 * ddg)},
    ],
)
def test_wrong_kernels_are_refused(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "CASES", {"wrong": broken(change)})
    assert not families.certify("wrong", 2).ok
    certifying.certificate.cache_clear()
    with pytest.raises(CertificateError, match="refused"):
        families.require("wrong", 2)
    certifying.certificate.cache_clear()


def test_refusals() -> None:
    with pytest.raises(MetricError, match="there is no family 'fulll'"):
        families.certify("fulll", 2)
    with pytest.raises(MetricError, match="n = 2 to 8"):
        families.certify("warped", 1)
    with pytest.raises(MetricError, match="n = 0 was asked"):
        families.certify("full", 0)
    with pytest.raises(MetricError, match="both are positive integers"):
        families.certify("full", cast(int, "2"))
    with pytest.raises(MetricError, match="both are positive integers"):
        families.certify("full", 2, points=0)


def test_the_reference_itself() -> None:
    # unit sphere and hyperbolic half space, exactly: rational numbers through and through
    from fractions import Fraction

    height = Fraction(3, 7)
    n = 3
    g, dg, ddg = (np.full((n,) * rank, Fraction(0), dtype=object) for rank in (2, 3, 4))
    for i in range(n):
        g[i, i] = 1 / height**2
        dg[i, i, n - 1] = -2 / height**3
        ddg[i, i, n - 1, n - 1] = 6 / height**4
    assert reference.scalar(g, dg, ddg) == -n * (n - 1)
    assert (reference.ricci(g, dg, ddg) == -(n - 1) * g).all()
    assert reference.christoffel(g, dg)[n - 1, 0, 0] == 1 / height
    assert (reference.inverse(g) @ g == np.eye(n, dtype=int)).all()
