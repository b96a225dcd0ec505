"""Every function that a backend can print against SymPy's digits, and random programs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernel_contract import BACKENDS, COLUMNS, Backend, Case, cases, program_of, rows
from tests.program_oracle import expressions, value
from tests.program_strategies import smooth_programs

EACH = pytest.mark.parametrize("backend", BACKENDS, ids=lambda one: one.name)
COMPILED = pytest.mark.parametrize("backend", BACKENDS[1:], ids=lambda one: one.name)

# Torch has no kernels of its own for these, so that they could not be differentiated there.
TORCH_LACKS = {
    *("erfi", "zeta", "lambertw", "airyai", "airybi", "airyaiprime", "airybiprime", "expint"),
    *("Ei", "Si", "Ci", "fresnels", "fresnelc", "elliptic_k", "elliptic_e"),
}


def available(backend: Backend) -> list[Case]:
    """The functions that a backend has."""
    lacking = TORCH_LACKS if backend.name == "torch" else set()
    return [case for case in cases() if case.function not in lacking]


@EACH
def test_a_function_that_is_lacking_is_named_with_its_component(backend: Backend) -> None:
    refusals = {case.function: backend.lacks(program_of([case])) for case in cases()}
    lacking = {name: text for name, text in refusals.items() if text}
    assert set(lacking) == (TORCH_LACKS if backend.name == "torch" else set())
    for name, text in lacking.items():
        assert text.startswith(f"the torch backend has no {name}, which {name}"), text


@EACH
def test_every_function_that_can_be_printed(backend: Backend) -> None:
    chosen = available(backend)
    program = program_of(chosen)
    found = backend.values(program, rows())
    for case, expression, column in zip(chosen, expressions(program), found.T, strict=True):
        for row, number in zip(rows(), column, strict=True):
            point = dict(zip(COLUMNS, row, strict=True))
            expected = float(value(expression, point, 40))
            # libraries of special functions are good to about 20 units in the last place, and near
            # a zero of the function (Bessel at 9, Ei at 3/8) to that much of its usual size
            allowed = 20 * 2.0**-53 * max(abs(expected), 1e-3) + 2e-15 * (abs(expected) < 0.1)
            if not abs(number - expected) <= allowed:
                pytest.fail(
                    f"{backend.name}: {case.name} at {point} is {number!r}, not {expected!r}"
                )


@EACH
def test_every_function_passes_nan_on(backend: Backend) -> None:
    chosen = available(backend)
    found = backend.values(program_of(chosen), np.full((2, len(COLUMNS)), np.nan))
    wrong = [
        case.name
        for case, column in zip(chosen, found.T, strict=True)
        if not np.isnan(column).all()
    ]
    assert not wrong


# Random programs ---------------------------------------------------------------------------------


@COMPILED
@settings(max_examples=max(2, settings().max_examples // 6))
@given(st.data())
def test_random_programs_against_the_interpreter(backend: Backend, data: st.DataObject) -> None:
    program = data.draw(smooth_programs(size=12))
    vectors = [np.linspace(-1.7, 1.9, 3 * len(k)).reshape(3, -1) for k in program.sources.values()]
    scalars = [1.3, -0.4][: len(program.scalars)]
    wanted = BACKENDS[0].code(program).packed(vectors, scalars)
    packed = backend.numpy(
        backend.code(program).packed([backend.array(v) for v in vectors], scalars)
    )
    rows_ = np.moveaxis(packed, 1, -1) if packed.ndim == 3 else packed
    found = rows_.reshape(-1, len(program.slots))[:3]
    # conditioning: how much the exact values move when the inputs move by 1e-13
    moved = BACKENDS[0].code(program).packed([v * (1 + 1e-13) for v in vectors], scalars)
    allowed = 1e-13 * (1 + np.abs(wanted)) + 100 * np.abs(moved - wanted)
    assert (np.abs(found - wanted) <= allowed).all(), f"{found} instead of {wanted}"
