"""The parts of a certificate: places, functions, conditioning, identities."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit.catalog import Catalog
from geomkit.certificate import certify, judge
from geomkit.certificate.compare import Pair, condition, enclosed
from geomkit.certificate.identities import _Law, _proved, claims, identities
from geomkit.certificate.model import FAILED, OPEN, PROVED, Identity
from geomkit.certificate.places import Place, Places
from geomkit.certificate.reference import Reference
from geomkit.certificate.trace import delicate, trace
from geomkit.lower import lower, read_requests
from geomkit.program import Builder
from tests.strategies import Spec, metrics

HOLE = gk.catalog["schwarzschild"]
CURVED = ["christoffel", "riemann_down", "ricci", "scalar", "kretschmann"]


def places_of(metric: gk.Metric, quantities: Any, dtype: str = "float64", seed: int = 0) -> Places:
    return Places(metric, lower(metric, quantities), dtype, seed, {})


# Places -------------------------------------------------------------------------------------


@given(st.integers(0, 1000))
def test_places_lie_in_the_domain(seed: int) -> None:
    places = places_of(HOLE, "metric", seed=seed)
    every = [*islice(places.random(), 5), *places.adversarial(["M", "r", "theta"])]
    assert len(every) > 30
    for place in every:
        m, r, theta = (Fraction(place.values[name]) for name in ("M", "r", "theta"))
        assert Fraction(1, 2) < m < 2
        assert 5 * m / 2 < r < 10 * m
        assert Fraction(2, 5) < theta < Fraction(13, 5)


def test_the_same_seed_draws_the_same_places() -> None:
    def drawn(seed: int) -> list[Place]:
        return list(islice(places_of(HOLE, "metric", seed=seed).random(), 8))

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_places_are_numbers_of_the_type() -> None:
    places = places_of(gk.catalog["flrw"], "ricci", dtype="float32")
    for place in [*islice(places.random(), 3), *islice(places.adversarial(["t", "r"]), 20)]:
        for one in places.program.inputs:
            value = place.values[one.name]
            assert float(np.float32(value)) == value


def test_edges_are_approached() -> None:
    found = [p.values for p in places_of(HOLE, "metric").adversarial(["r"])]
    near = [v["r"] / (2.5 * v["M"]) - 1 for v in found]
    # the nearest is 1e-12 of a box of width 7.5 M
    assert 0 < min(near) < 1e-11


def test_changes_of_sign_are_found() -> None:
    metric = gk.catalog["schwarzschild"]
    places = places_of(metric, "gap = 1/(r - 4*M + theta)")
    values = [p.values for p in places.adversarial(["r"]) if "change of sign" in p.note]
    assert min(abs(v["r"] - 4 * v["M"] + v["theta"]) for v in values) < 1e-14


def test_whole_numbers_are_tried() -> None:
    plane = gk.Metric(coordinates=["x", "y"], matrix=[["1", "0"], ["0", "1+x**2"]])
    found = [p.values for p in places_of(plane, "ricci").adversarial(["x", "y"])]
    assert any(v["x"] == 0 and v["y"] == 0 for v in found)
    assert any(v["x"] == 1 for v in found)


# Functions ----------------------------------------------------------------------------------


def test_the_polynomial_has_the_jets_that_the_kernel_is_given() -> None:
    metric = gk.Metric.from_line_element(
        "(1 + f(x, y)**2)*dx**2 + dy**2*g(x)",
        coordinates=["x", "y"],
        functions=["f(x, y)", "g(x)"],
    )
    places = places_of(metric, "ricci")
    [place] = islice(places.random(), 1)
    exact = {
        name: sympy.Rational(*value.as_integer_ratio()) for name, value in place.values.items()
    }
    point = {symbol: exact[name] for name, symbol in places.symbols.items()}
    point |= places.functions.point(exact)
    x, y = metric.coordinates
    applied = {"f": sympy.Function("f")(x, y), "g": sympy.Function("g")(x)}
    jets = [one for one in places.program.inputs if one.jet is not None]
    assert len(jets) >= 6
    for one in jets:
        assert one.jet is not None
        derivative = places.functions.concrete(applied[one.jet.function])
        for symbol, order in zip(one.jet.arguments, one.jet.orders, strict=True):
            derivative = derivative.diff(metric.symbols[symbol], order)
        assert derivative.xreplace(point) == exact[one.name]


# Conditioning -------------------------------------------------------------------------------


def test_conditioning_is_the_change_by_one_unit_in_the_last_place() -> None:
    metric = gk.Metric.from_line_element(
        "dx**2 + dy**2", coordinates=["x", "y"], domain={"x": ["1", "2"], "y": ["1", "2"]}
    )
    places = places_of(metric, "f = x**3*y")
    reference = Reference(places.program, read_requests(metric, "f = x**3*y"), places)
    place = Place("random", "random", {"x": 1.25, "y": 1.5})
    site = enclosed(reference, place)
    assert site is not None
    pair = Pair(0, (), place, 0.0, 0.0, 1.0, 1.0, 1.0)
    condition(reference, site, [pair], reference.used(), "float64")
    expected = 2.0**-52 * (3 * 1.25**2 * 1.5 + 1.25**3)
    assert pair.conditioning == pytest.approx(expected, rel=1e-9)


def test_only_inputs_that_occur_are_moved() -> None:
    places = places_of(HOLE, "geodesic")
    reference = Reference(places.program, read_requests(HOLE, "geodesic"), places)
    assert reference.used() == ("r", "theta", "v_t", "v_r", "v_theta", "v_phi", "M")


def test_bits_are_raised_until_the_value_is_settled() -> None:
    # 1 - cos(1e-30) = 5e-61 needs 270 bits for 20 digits
    metric = gk.Metric.from_line_element("dx**2 + dy**2", coordinates=["x", "y"])
    tiny = "f = 1 - cos(x/10**30)"
    places = places_of(metric, tiny)
    reference = Reference(places.program, read_requests(metric, tiny), places)
    site = enclosed(reference, Place("random", "random", {"x": 1.0, "y": 0.0}))
    assert site is not None
    assert site.bits > 160
    assert float(site.at.entry(0, ()).mid()) == pytest.approx(5e-61, rel=1e-12)


# Trace --------------------------------------------------------------------------------------


def test_trace_computes_every_node() -> None:
    b = Builder("f")
    x = b.input("x", "coordinate", "points", 0)
    root = b.call("sqrt", b.sub(b.mul(x, x), b.number(Fraction(1, 4))))
    b.scalar("f", b.div(b.neg(b.constant("pi")), root)).scalar("g", b.call("airyai", x))
    program = b.finish()
    values = trace(program, {"x": np.array([1.0, 0.0])})
    assert values[program.results[0]][0] == pytest.approx(-np.pi / np.sqrt(0.75), rel=1e-15)
    assert np.isnan(values[program.results[0]][1]), "a root that is not real"
    assert np.isnan(values[program.results[1]]).all(), "what NumPy does not know"
    kinds = {program.nodes[k].op for k in delicate(program)}
    assert kinds == {"call", "sub", "neg"}


# Identities ---------------------------------------------------------------------------------


def test_a_law_that_does_not_hold_fails() -> None:
    tensors = gk.curvature(HOLE)
    wrong = _Law("R_0101 = 0", "curvature", lambda c: [c.pairs.element(0, 1, 0, 1)])
    assert _proved(wrong, tensors).status == FAILED
    right = _Law("R = 0", "curvature", lambda c: [c.element("scalar")])
    assert _proved(right, tensors).status == PROVED


def test_a_budget_that_is_used_up_is_said() -> None:
    statuses = {identity.status for identity in identities(gk.catalog["kerr"], CURVED, 1e-6)}
    assert statuses == {OPEN}


def test_only_what_matters_is_proved() -> None:
    def names(*quantities: str) -> set[str]:
        return {identity.name for identity in identities(HOLE, quantities, 10.0)}

    assert names("metric") == {"g^im g_mj = delta^i_j"}
    assert "nabla g = 0" in names("geodesic")
    assert not any("Bianchi" in name for name in names("geodesic"))
    assert any("second Bianchi" in name for name in names("ricci"))
    assert any("Weyl" in name for name in names("weyl"))
    assert not any("Weyl" in name for name in names("ricci"))


def test_a_failed_identity_refuses_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = gk.compile(HOLE, "metric", backend="interpret")
    rows = (Identity("1 = 0", FAILED, "it is not"),)
    monkeypatch.setattr(judge, "identities", lambda *_: rows)
    certificate = certify(kernel, points=2)
    assert not certificate.ok
    assert "1 = 0" in certificate.verdict


def test_a_wrong_claim_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = gk.catalog.path("sphere2").read_text()
    path = tmp_path / "sphere2.toml"
    path.write_text(text + '\n[[claims]]\nkind = "scalar_curvature"\nvalue = "3/a**2"\n')
    metric = gk.catalog["sphere2"]
    assert {row.status for row in claims(metric, 30.0)} == {PROVED}
    monkeypatch.setattr(Catalog, "path", lambda _self, _name: path)
    assert FAILED in {row.status for row in claims(metric, 30.0)}


def test_a_metric_of_ones_own_has_no_claims() -> None:
    assert claims(HOLE.rename({}, name="mine"), 10.0) == ()
    other = HOLE.conformal("1 + M", name="schwarzschild")
    assert claims(other, 10.0) == ()


# Random metrics -----------------------------------------------------------------------------


@pytest.mark.slow
@given(metrics())
def test_random_metrics_are_certified(spec: Spec) -> None:
    metric = spec.build()
    certificate = certify(gk.compile(metric, CURVED, backend="interpret"), points=3)
    assert certificate.ok, f"{certificate}"
