"""Families: shapes, precision, refusals, threads; nothing silent, nothing modified."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import pytest

from geomkit.errors import DomainError, LoweringError, MetricError
from geomkit.families import arrays, conformal, diagonal, full, low_rank, product, warped
from geomkit.families.programs import scalar_program
from tests.family_jets import random_jet


def jet(n: int, *batch: int) -> tuple[np.ndarray[Any, Any], ...]:
    count = int(np.prod(batch, dtype=int))
    made = random_jet(np.random.default_rng(n), count, n)
    return tuple(x.reshape(batch + x.shape[1:]) for x in made)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_shapes(n: int) -> None:
    g, dg, ddg = jet(n, 2, 3)
    found = full.scalar(g, dg, ddg)
    assert found.shape == (2, 3)
    assert isinstance(full.scalar(g[0, 0], dg[0, 0], ddg[0, 0]), np.float64)
    # one metric against many derivatives, in Fortran order, as integers, as lists
    assert full.scalar(g[0, 0], dg, ddg).shape == (2, 3)
    assert np.array_equal(full.scalar(*(np.asfortranarray(x) for x in (g, dg, ddg))), found)
    unit = np.eye(n, dtype=int)
    assert full.scalar(unit.tolist(), 0 * dg, 0 * ddg).tolist() == [[0.0] * 3] * 2
    assert full.ricci(g, dg, ddg).shape == (2, 3, n, n)
    assert full.christoffel(g, dg).shape == (2, 3, n, n, n)
    for slope, array in zip(full.scalar_vjp(g, dg, ddg, cotangent=1.0), (g, dg, ddg), strict=True):
        assert slope.shape == array.shape
    if n == 1:
        assert not found.any()


def test_empty_batches() -> None:
    for n in (1, 2, 5):
        g, dg, ddg = jet(n, 0)
        assert full.scalar(g, dg, ddg).shape == (0,)
        assert full.ricci(g, dg, ddg).shape == (0, n, n)
        assert [x.shape[0] for x in full.scalar_vjp(g, dg, ddg, cotangent=1.0)] == [0, 0, 0]
    nothing = np.zeros((0, 3))
    assert conformal.scalar(nothing[:, 0], nothing, nothing[:, 0]).shape == (0,)
    assert diagonal.scalar(nothing, np.zeros((0, 3, 3)), np.zeros((0, 3, 3))).shape == (0,)


def test_inputs_stay_as_they_are() -> None:
    for n in (2, 5):
        given = jet(n, 70)
        before = [x.copy() for x in given]
        for array in given:
            array.flags.writeable = False
        full.scalar(*given)
        full.ricci(*given)
        full.scalar_vjp(*given, cotangent=np.ones(70))
        for array, copy in zip(given, before, strict=True):
            assert np.array_equal(array, copy)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_single_precision_is_computed_in_double(n: int) -> None:
    single = [x.astype(np.float32) for x in jet(n, 5)]
    double = full.scalar(*(x.astype(np.float64) for x in single), check=False)
    found = full.scalar(*single)
    assert found.dtype == np.float32
    assert np.array_equal(found, double.astype(np.float32))
    assert full.ricci(*single).dtype == np.float32
    assert {x.dtype.name for x in full.scalar_vjp(*single, cotangent=np.ones(5, "f4"))} == {
        "float32"
    }
    # one array in double makes all of it double
    assert full.scalar(single[0].astype(float), single[1], single[2]).dtype == np.float64


def test_ill_conditioned_metrics_of_any_signature() -> None:
    # diag(1, .., 1e-12) in turned coordinates, all derivatives 0 but one that is known:
    # R is linear in second derivatives with the weights h^il h^jk - h^ij h^kl
    n = 5
    values = np.array([-1, 1e-3, 1e-6, 1e-9, 1e-12])
    g = np.diag(values)
    ddg = np.zeros((n,) * 4)
    ddg[0, 0, 4, 4] = 1.0
    # d_4 d_4 g_00 = 1: R = -h^00 h^44 = 1e12, exactly, however the axes are scaled
    assert full.scalar(g, np.zeros((n,) * 3), ddg) == pytest.approx(1e12, rel=1e-15)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(n, n)))[0]
    turned = turn @ g @ turn.T
    second = np.einsum("ia,jb,kc,ld,abcd->ijkl", turn, turn, turn, turn, ddg)
    found = full.scalar((turned + turned.T) / 2, np.zeros((n,) * 3), second)
    # condition 1e12 leaves 4 digits of 16
    assert found == pytest.approx(1e12, rel=1e-3)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_singular_metrics(n: int) -> None:
    g, dg, ddg = jet(n, 3)
    expected = full.scalar(g, dg, ddg)
    g[1] = 0
    with pytest.raises(DomainError, match=r"at 1 of 3 points, first at index \(1,\)"):
        full.scalar(g, dg, ddg)
    found = full.scalar(g, dg, ddg, check=False)
    assert not np.isfinite(found[1])
    assert np.array_equal(found[[0, 2]], expected[[0, 2]])
    slopes = full.scalar_vjp(g, dg, ddg, cotangent=1.0)
    assert not np.isfinite(slopes[0][1]).all()
    assert all(np.isfinite(x[[0, 2]]).all() for x in slopes)
    g[1], dg[2, 0, 0, 0] = np.eye(n), np.nan
    with pytest.raises(DomainError, match="not finite"):
        full.scalar(g, dg, ddg)
    with pytest.raises(DomainError):
        full.contract(np.zeros((n, n)), ddg[0])


def test_other_families_at_singular_points() -> None:
    zero = np.zeros((2, 2))
    with pytest.raises(DomainError):
        diagonal.scalar(np.array([0.0, 1.0]), zero, zero, parameter="metric")
    with pytest.raises(DomainError):
        conformal.scalar(-400.0, np.ones(2), 1.0)
    with pytest.raises(DomainError):
        warped.scalar(0.0, 1.0, np.array([1.0, 0.0]), 0.0, 0.0, 2)
    found = warped.scalar(0.0, 1.0, np.array([1.0, 0.0]), 0.0, 0.0, 2, check=False)
    assert found[0] == 1.0
    assert not np.isfinite(found[1])
    singular = np.array([1.0, 0.0]), np.zeros((2, 1)) + 1e-300
    with pytest.raises(DomainError, match="inverse metric is not finite"):
        low_rank.inverse_metric(*singular)
    assert not np.isfinite(low_rank.inverse_metric(*singular, check=False)).all()


G, DG, DDG = jet(3, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: full.scalar(G, DG), "give either ddg or contracted"),
        (lambda: full.scalar(G, DG, DDG, contracted=G[:, 0, 0]), "give either"),
        (lambda: full.scalar(G[..., :2], DG, DDG), r"g has shape \(2, 3, 2\)"),
        (lambda: full.scalar(G, DG[..., :2], DDG), "dg has shape .* where g says n = 3"),
        (lambda: full.scalar(1.0, DG, DDG), r"g has shape \(\), which has to end in \(n, n\)"),
        (lambda: full.scalar(np.ones((5, 3, 3)), DG, DDG), "leading shapes .* do not fit"),
        (lambda: full.scalar(np.zeros((0, 0)), np.zeros((0,) * 3), np.zeros((0,) * 4)), "n >= 1"),
        (lambda: full.scalar(G + 0j, DG, DDG), "g has dtype complex128"),
        (lambda: full.scalar(G.astype("f2"), DG, DDG), "float16"),
        (lambda: full.scalar(G.astype(object), DG, DDG), "object"),
        (lambda: full.scalar(G, DG.transpose(0, 3, 1, 2), DDG), "dg is not symmetric in its axes"),
        (lambda: full.scalar(G, DG, DDG.transpose(0, 1, 3, 2, 4)), "ddg is not symmetric"),
        (lambda: full.scalar(np.triu(G), DG, DDG), "g is not symmetric"),
        (lambda: diagonal.scalar(G[:, 0], G, G, parameter="exp"), "parameter is 'exp'"),
        (lambda: diagonal.scalar(G[:, 0], G, G, signs=(1, 2, 1)), "each 1 or -1"),
        (lambda: diagonal.scalar(G[:, 0], G, G, signs=(1, 1)), "3 numbers"),
        (
            lambda: diagonal.scalar(G[:, 0], G, G, signs=(1, 1, 1), parameter="metric"),
            "has its own sign",
        ),
        (lambda: conformal.scalar(0.0, 1.0, 0.0), r"dphi has shape \(\)"),
        (lambda: product.scalar(), "at least one factor"),
        (lambda: product.ricci(np.ones((2, 3))), r"factor 0 has shape \(2, 3\)"),
        (lambda: product.scalar(1j), "no|not of a real float type"),
        (lambda: warped.scalar(0.0, 0.0, 1.0, 0.0, 0.0, 0), "positive integer"),
        (lambda: warped.scalar(0.0, 0.0, 1.0, 0.0, 0.0, cast(int, 1.5)), "positive integer"),
        (
            lambda: low_rank.scalar(G[:, 0], G, None, G, DG, None),
            "give either ddd and ddu, or contracted",
        ),
    ],
)
def test_refusals(call: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        call()


def test_lines_have_no_unrolled_program() -> None:
    with pytest.raises(LoweringError, match="R is 0 on a line"):
        scalar_program(1)


def test_rounding_is_no_asymmetry() -> None:
    g, dg, ddg = jet(3, 2)
    assert np.allclose(full.scalar(g * (1 + 1e-7 * np.triu(g)), dg, ddg), full.scalar(g, dg, ddg))


@pytest.mark.parametrize("n", [2, 6])
def test_threads_change_nothing(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given = jet(n, 301)
    expected = full.scalar(*given), *full.scalar_vjp(*given, cotangent=np.ones(301))
    calls: list[int] = []

    def pool(threads: int) -> ThreadPoolExecutor:
        calls.append(threads)
        return ThreadPoolExecutor(threads)

    monkeypatch.setattr(arrays, "GATE", 1.0)
    monkeypatch.setenv("GEOMKIT_NUM_THREADS", "3")
    monkeypatch.setattr(arrays, "ThreadPoolExecutor", pool)
    found = full.scalar(*given), *full.scalar_vjp(*given, cotangent=np.ones(301))
    assert calls == [3, 3]
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a, b)


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, geomkit.families as f; "
        "assert not {'torch', 'numba', 'sympy'} & set(sys.modules), 'import'; "
        "f.conformal.scalar(0.0, [0.0, 0.0], 1.0); "
        "assert 'torch' not in sys.modules, 'call'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
