"""The table of index orders, against the definitions that its programs and books give."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy as sp

import geomkit as gk
from geomkit.conventions import INDEX_ORDERS, IndexOrder

Array = Any
COORDINATES = ["x", "y", "z"]
# No symmetry, so that no two orders of indices agree
MATRIX = [["1 + y**2", "x/5", "0"], ["x/5", "2 + x*y", "z/7"], ["0", "z/7", "1 + x**2"]]
PLACE = (sp.Rational(1, 2), sp.Rational(1, 3), sp.Rational(2, 5))


@cache
def ours() -> Any:
    """Tensors of geomkit at the place."""
    metric = gk.Metric(coordinates=COORDINATES, matrix=MATRIX)
    quantities = ["metric", "riemann", "riemann_down", "ricci"]
    return gk.compile(metric, quantities, backend="interpret")(np.array(PLACE, dtype=float))


@cache
def connection() -> tuple[Array, Array]:
    """Gamma^i_jk and d_l Gamma^i_jk (derivative last) at the place, by the definition."""
    symbols = sp.symbols(COORDINATES)
    g = sp.Matrix([[sp.sympify(entry) for entry in row] for row in MATRIX])
    once = sp.derive_by_array(g, symbols)  # [k, i, j]
    jets = (sp.Array(g), once, sp.derive_by_array(once, symbols))
    at = dict(zip(symbols, PLACE, strict=True))
    metric, dg, ddg = (np.array(jet.subs(at).tolist(), dtype=float) for jet in jets)
    dg, ddg = dg.transpose(1, 2, 0), ddg.transpose(2, 3, 0, 1)  # derivatives come last
    inverse = np.linalg.inv(metric)
    lower = (dg.transpose(0, 2, 1) + dg - dg.transpose(2, 0, 1)) / 2  # [m, j, k]
    dlower = (ddg.transpose(0, 2, 1, 3) + ddg - ddg.transpose(2, 0, 1, 3)) / 2
    dinverse = -np.einsum("ia,abl,bm->iml", inverse, dg, inverse)
    gamma = np.einsum("im,mjk->ijk", inverse, lower)
    dgamma = np.einsum("iml,mjk->ijkl", dinverse, lower)
    dgamma += np.einsum("im,mjkl->ijkl", inverse, dlower)
    return gamma, dgamma


def of_vectors(gamma: Array, dgamma: Array) -> Array:
    """<dx^i, R(d_k, d_l) d_j> with R(X, Y) = [nabla_X, nabla_Y] - nabla_[X, Y], as [i, j, k, l]."""
    # nabla_k (nabla_l d_j) = (d_k Gamma^i_lj + Gamma^i_km Gamma^m_lj) d_i
    twice = np.einsum("iljk->ijkl", dgamma) + np.einsum("ikm,mlj->ijkl", gamma, gamma)
    return twice - twice.swapaxes(2, 3)


def of_covectors(gamma: Array, dgamma: Array) -> Array:
    """([nabla_a, nabla_b] w)_c with w = dx^d, as [a, b, c, d]."""
    once = -np.einsum("dbc->bcd", gamma)  # nabla_b w_c
    twice = (
        -np.einsum("dbca->abcd", dgamma)
        - np.einsum("mab,mcd->abcd", gamma, once)
        - np.einsum("mac,bmd->abcd", gamma, once)
    )
    return twice - twice.swapaxes(0, 1)


def weinberg(gamma: Array, dgamma: Array) -> Array:
    """Equation (6.1.5): R^i_jkl = d_l Gamma^i_jk - d_k Gamma^i_jl + ..., as [i, j, k, l]."""
    half = dgamma + np.einsum("mjk,ilm->ijkl", gamma, gamma)
    return half - half.swapaxes(2, 3)


# of each source: its Riemann array in its own order of indices, and its own contraction to Ricci
DEFINITIONS: dict[str, tuple[Callable[[Array, Array], Array], str]] = {
    "geomkit": (of_vectors, "ijil->jl"),
    "MTW (1973)": (of_vectors, "ijil->jl"),  # (8.44), (8.47)
    "SymPy, `diffgeom`": (of_vectors, "ijil->jl"),
    "SageMath": (of_vectors, "ijil->jl"),  # R(omega, w, u, v) = <omega, R(u, v) w>
    # R_ijk^l = dx^l(R(X_j, X_k) X_i), Ric_ij = R_ikj^k
    "geomstats": (lambda *c: of_vectors(*c).transpose(1, 2, 3, 0), "ikjk->ij"),
    "Wald (1984)": (of_covectors, "abcb->ac"),  # (3.2.3), (3.2.25)
    # R(d_i, d_j) d_k = R_ijk^l d_l, R_ij = R_kij^k: chapter 7
    "Lee (2018)": (lambda *c: of_vectors(*c).transpose(2, 3, 1, 0), "kijk->ij"),
    "Weinberg (1972)": (weinberg, "ijil->jl"),  # (6.1.5), (6.2.4)
}


def test_every_row_has_a_definition() -> None:
    assert [row.source for row in INDEX_ORDERS if row.source not in DEFINITIONS] == []


def read(entry: str) -> tuple[int, str]:
    """Sign and indices of `array[j, k, l, i]`, -R^i_jkl and the like."""
    found = re.fullmatch(r"(-?)(?:`[^\[]*\[([^\]]*)\]`|(?:R|Γ)([_^\w]*))", entry)
    assert found is not None, entry
    return -1 if found[1] else 1, re.sub(r"[^ijkl]", "", found[2] or found[3])


def test_entries_are_read() -> None:
    assert read("`riemann_tensor(p)[j, k, l, i]`") == (1, "jkli")
    assert read("-R^i_jkl") == (-1, "ijkl")
    assert read("R_lkj^i") == (1, "lkji")


@pytest.mark.parametrize("row", INDEX_ORDERS, ids=lambda row: row.source)
def test_row_follows_from_the_definition(row: IndexOrder) -> None:
    define, contraction = DEFINITIONS[row.source]
    theirs = define(*connection())
    sign, indices = read(row.riemann)
    # float64, numbers of size 1
    assert np.allclose(ours().riemann, sign * np.einsum(f"{indices}->ijkl", theirs), atol=1e-13)
    sign, _ = read(row.ricci)
    assert np.allclose(ours().ricci, sign * np.einsum(contraction, theirs), atol=1e-13)
    assert read(row.christoffel) == (1, "ijk")


def test_an_order_that_is_wrong_would_be_seen() -> None:
    theirs = of_covectors(*connection())
    right = np.einsum("lkji->ijkl", theirs)
    for indices in ("klji", "ijkl", "jikl", "lkij", "jkli"):
        assert not np.allclose(right, np.einsum(f"{indices}->ijkl", theirs), atol=1e-3)


def test_what_the_notes_say_of_lowered_tensors() -> None:
    for source, sign in (("Wald (1984)", 1), ("Lee (2018)", -1)):
        theirs = DEFINITIONS[source][0](*connection())
        lowered = np.einsum("abcm,md->abcd", theirs, ours().metric)
        assert np.allclose(sign * lowered, ours().riemann_down, atol=1e-13)
