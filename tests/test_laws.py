"""Every law passes on a true example and FAILS when any one component of it is wrong.

The examples are rational numbers or polynomials, written down here; geomkit plays no part. A law
that could not fail would be worth nothing, and would hide behind every test that calls it.
"""

# ruff: noqa: E741  (i j k l are the indices of every textbook)
from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sympy import Matrix, Poly, Rational, symbols

from tests import laws

x, y = symbols("x y")
n = 3
Table = dict[tuple[int, ...], Any]

# A full rational metric and algebraic tensors over it.
MATRIX = Matrix([[2, 1, -1], [1, 3, 1], [-1, 1, 4]])
METRIC: Table = {(i, j): MATRIX[i, j] for i, j in product(range(n), repeat=2)}
INVERSE: Table = {(i, j): MATRIX.inv()[i, j] for i, j in product(range(n), repeat=2)}


def polynomial(expression: Any) -> Poly:
    return Poly(expression, x, y)


def kulkarni_nomizu(p: Table, g: Table) -> Table:
    """(P o g)_ijkl, an algebraic curvature tensor for symmetric P."""
    return {
        (i, j, k, l): p[i, k] * g[j, l] + p[j, l] * g[i, k] - p[i, l] * g[j, k] - p[j, k] * g[i, l]
        for i, j, k, l in product(range(n), repeat=4)
    }


SCHOUTEN: Table = {(i, j): Rational(i + j + 1, 2 + i * j) for i, j in product(range(n), repeat=2)}
CURVATURE = kulkarni_nomizu(SCHOUTEN, METRIC)  # n = 3: no Weyl tensor
CONSTANT: Table = {
    index: r * Rational(5, 2) for index, r in kulkarni_nomizu(METRIC, METRIC).items()
}
RAISED: Table = {
    (i, *rest): sum(INVERSE[i, m] * CURVATURE[m, *rest] for m in range(n))
    for i, *rest in product(range(n), repeat=4)
}
RICCI: Table = {
    (j, l): sum(RAISED[i, j, i, l] for i in range(n)) for j, l in product(range(n), repeat=2)
}
SCALAR = sum(INVERSE[index] * RICCI[index] for index in INVERSE)
TRACE_FREE: Table = {index: r - SCALAR * METRIC[index] / n for index, r in RICCI.items()}
ZERO_4: Table = {index: Rational(0) for index in product(range(n), repeat=4)}
ZERO_5: Table = {index: Rational(0) for index in product(range(n), repeat=5)}
ZERO_3: Table = {index: Rational(0) for index in product(range(n), repeat=3)}


def symmetrised(rank: int) -> Table:
    """An arbitrary table that is symmetric in its last two indices."""
    return {
        index: Rational(index[0] + 2 * (index[-1] + index[-2]) + 1)
        for index in product(range(n), repeat=rank)
    }


# A Weyl tensor needs n >= 4: W_0101 = W_2323 = 2, W_0202 = ... = -1 over the unit metric.
UNIT: Table = {(i, j): Rational(i == j) for i, j in product(range(4), repeat=2)}


def weyl_example() -> Table:
    table = {index: Rational(0) for index in product(range(4), repeat=4)}
    for pair, value in {
        (0, 1): 2,
        (2, 3): 2,
        (0, 2): -1,
        (1, 3): -1,
        (0, 3): -1,
        (1, 2): -1,
    }.items():
        i, j = pair
        for index, sign in {
            (i, j, i, j): 1,
            (j, i, i, j): -1,
            (i, j, j, i): -1,
            (j, i, j, i): 1,
        }.items():
            table[index] = Rational(value * sign)
    return table


# A connection of polynomials and its curvature, by hand.
GAMMA: Table = {index: polynomial(0) for index in product(range(2), repeat=3)}
GAMMA[0, 1, 1] = polynomial(x)
RIEMANN_OF_GAMMA: Table = {index: polynomial(0) for index in product(range(2), repeat=4)}
RIEMANN_OF_GAMMA[0, 1, 0, 1], RIEMANN_OF_GAMMA[0, 1, 1, 0] = polynomial(1), polynomial(-1)
# The plane in the chart (x, y) -> (x, y + x^3): flat, full, polynomial.
SHEARED: Table = {
    (0, 0): polynomial(1 + 9 * x**4),
    (0, 1): polynomial(3 * x**2),
    (1, 0): polynomial(3 * x**2),
    (1, 1): polynomial(1),
}
SHEARED_GAMMA: Table = {index: polynomial(0) for index in product(range(2), repeat=3)}
SHEARED_GAMMA[1, 0, 0] = polynomial(6 * x)


def derivative(value: Poly, k: int) -> Poly:
    return value.diff((x, y)[k])


# Over the unit metric C_ijk = A_i S_jk - A_j S_ik, S trace-free, S A = 0: skew, cyclic, no trace.
COVECTOR = (Rational(0), Rational(0), Rational(7), Rational(0))
SHEAR: Table = {index: Rational(0) for index in product(range(4), repeat=2)}
SHEAR[0, 1] = SHEAR[1, 0] = Rational(4)
COTTON: Table = {
    (i, j, k): COVECTOR[i] * SHEAR[j, k] - COVECTOR[j] * SHEAR[i, k]
    for i, j, k in product(range(4), repeat=3)
}
# N_ijklm = -C_ijk v_l v_m with v.v = 1 has the divergence -C_ijk that n = 4 asks for.
UNIT_VECTOR = [Rational(1, 2)] * 4
NABLA_WEYL: Table = {
    index: -COTTON[index[:3]] * UNIT_VECTOR[index[3]] * UNIT_VECTOR[index[4]]
    for index in product(range(4), repeat=5)
}
# N_ijk = T_ik v_j with T trace-free is free of divergence.
NABLA_EINSTEIN: Table = {
    (i, j, k): TRACE_FREE[i, k] * (j + 1) for i, j, k in product(range(n), repeat=3)
}
VECTOR: Table = {(i,): Rational(2 * i + 1) for i in range(n)}
SECOND: Table = {  # nabla_k nabla_l V^i with skew part R^i_jkl V^j / 2
    (i, l, k): sum(RAISED[i, j, k, l] * VECTOR[j,] for j in range(n)) / 2 + (k + l)
    for i, l, k in product(range(n), repeat=3)
}

#: law name, its arguments; tables become functions of indices, and each is spoilt in turn.
CASES: list[tuple[str, list[Any]]] = [
    ("assert_inverse", [METRIC, INVERSE, n]),
    ("assert_torsion_free", [symmetrised(3), n]),
    ("assert_metric_compatible", [SHEARED, SHEARED_GAMMA, derivative, 2]),
    ("assert_riemann_of_connection", [RIEMANN_OF_GAMMA, GAMMA, derivative, 2]),
    ("assert_lowered", [CURVATURE, RAISED, METRIC, 4, n]),
    ("assert_riemann_symmetries", [CURVATURE, n]),
    ("assert_first_bianchi", [CURVATURE, n]),
    ("assert_second_bianchi", [ZERO_5, n]),
    ("assert_ricci_is_trace", [RICCI, RAISED, n]),
    ("assert_trace", [SCALAR, RICCI, INVERSE, n]),
    ("assert_constant_curvature", [CONSTANT, METRIC, Rational(5), n]),
    ("assert_trace_free", [TRACE_FREE, INVERSE, n]),
    ("assert_weyl_trace_free", [weyl_example(), UNIT, 4]),
    ("assert_weyl_decomposition", [CURVATURE, ZERO_4, SCHOUTEN, METRIC, n]),
    ("assert_cotton_symmetries", [COTTON, UNIT, 4]),
    ("assert_cotton_is_divergence_of_weyl", [NABLA_WEYL, COTTON, UNIT, 4]),
    ("assert_einstein_divergence_free", [NABLA_EINSTEIN, INVERSE, n]),
    ("assert_ricci_identity", [SECOND, VECTOR, RAISED, n]),
    ("assert_all_zero", [ZERO_3, 3, n, "nothing"]),
]
#: Components that a law does not read, or multiplies by a zero of its example.
UNREAD: dict[tuple[str, int], Callable[[tuple[int, ...]], bool]] = {
    ("assert_torsion_free", 0): lambda index: index[1] == index[2],
    ("assert_ricci_is_trace", 1): lambda index: index[0] != index[2],
    ("assert_weyl_trace_free", 0): lambda index: index[0] != index[2],
    ("assert_cotton_is_divergence_of_weyl", 0): lambda index: index[3] != index[4],
    ("assert_cotton_symmetries", 1): lambda index: SHEAR[index] == 0,
    ("assert_ricci_identity", 0): lambda index: index[1] == index[2],
}


def call(law: str, arguments: list[Any]) -> None:
    """Apply a law to tables (as functions of their indices) and other arguments."""
    getattr(laws, law)(
        *(
            (lambda *index, table=given: table[index]) if isinstance(given, dict) else given
            for given in arguments
        )
    )


@pytest.mark.parametrize(("law", "arguments"), CASES, ids=[case[0] for case in CASES])
def test_law_holds_on_a_true_example(law: str, arguments: list[Any]) -> None:
    call(law, arguments)


def spoilings() -> list[Any]:
    """(law, argument, index) for each component that a law reads."""
    found = []
    for law, arguments in CASES:
        for place, given in enumerate(arguments):
            if isinstance(given, dict):
                unread = UNREAD.get((law, place))
                found += [
                    (law, place, index) for index in given if unread is None or not unread(index)
                ]
    return found


@pytest.mark.parametrize("law", [case[0] for case in CASES])
def test_law_fails_when_one_component_is_wrong(law: str) -> None:
    """Every single component matters: 1/7 (or x y) is added to it and the law must say so."""
    arguments = dict(CASES)[law]
    tried = [(place, index) for name, place, index in spoilings() if name == law]
    assert tried, f"no component of {law} is tried"
    for place, index in tried:
        spoilt = list(arguments)
        right = spoilt[place][index]
        wrong = right + (x * y if isinstance(right, Poly) else Rational(1, 7))
        spoilt[place] = {**spoilt[place], index: wrong}
        with pytest.raises(AssertionError, match="violated"):
            call(law, spoilt)


def test_every_law_is_tried() -> None:
    public = {name for name in vars(laws) if name.startswith("assert_")}
    assert public - {"assert_zero", "assert_equal"} == {case[0] for case in CASES}


def test_undecided_is_not_zero() -> None:
    """SymPy's `is_zero` is None where it does not know: that is not a proof."""
    unknown = symbols("q", real=True) - 1
    assert unknown.is_zero is None
    with pytest.raises(AssertionError, match="violated"):
        laws.assert_zero(unknown, "q = 1")


def test_equality_names_the_difference() -> None:
    with pytest.raises(AssertionError, match=r"equality of R is violated at index \(1, 2\).*5/2"):
        laws.assert_equal(Rational(7, 2), Rational(1), "R", (1, 2))
    laws.assert_equal(Rational(7, 2), Rational(7, 2), "R")


def test_long_differences_are_cut() -> None:
    with pytest.raises(AssertionError, match="characters"):
        laws.assert_zero(polynomial(sum(x**i for i in range(200))), "shortness")
