"""Laws that every geometry obeys, as assertions that tell which component broke them.

A tensor is given as a function of its indices, `t(i, j)`; components are anything with `+`, `-`,
`*` and an exact `is_zero`: elements of a differential field, SymPy numbers, polynomials. Only
loops over all indices here: a law that trusted the symmetric storage of a tensor would prove
nothing. `tests/test_laws.py` shows that each law fails on a tensor with one wrong component.

Index order as everywhere: Gamma(i, j, k) = Gamma^i_jk, R_ijkl all down, the index of a covariant
derivative last.
"""

# ruff: noqa: E741  (i j k l are the indices of every textbook)
from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

Components = Callable[..., Any]  # indices -> component
Derivative = Callable[[Any, int], Any]  # (component, k) -> partial derivative d_k of it


def assert_zero(value: Any, law: str, index: tuple[int, ...] = ()) -> None:
    """The value is exactly zero: `is_zero` is True, neither False nor None."""
    if value.is_zero is not True:
        place = f" at index {index}" if index else ""
        raise AssertionError(f"{law} is violated{place}: the difference is {_shown(value)}")


def assert_equal(found: Any, expected: Any, what: str, index: tuple[int, ...] = ()) -> None:
    """Two values of one field are exactly equal."""
    assert_zero(found - expected, f"equality of {what}", index)


def assert_all_zero(tensor: Components, rank: int, n: int, law: str) -> None:
    """Every component is exactly zero."""
    for index in _indices(rank, n):
        assert_zero(tensor(*index), law, index)


# -- metric and connection ------------------------------------------------------------------------
def assert_inverse(metric: Components, inverse: Components, n: int) -> None:
    """g^im g_mj = delta^i_j."""
    for i, j in _indices(2, n):
        product_ij = _sum(inverse(i, m) * metric(m, j) for m in range(n))
        assert_zero(product_ij - int(i == j), "g^im g_mj = delta^i_j", (i, j))


def assert_torsion_free(gamma: Components, n: int) -> None:
    """Gamma^i_jk = Gamma^i_kj."""
    for i, j, k in _indices(3, n):
        assert_zero(gamma(i, j, k) - gamma(i, k, j), "zero torsion", (i, j, k))


def assert_metric_compatible(
    metric: Components, gamma: Components, derivative: Derivative, n: int
) -> None:
    """d_k g_ij = Gamma^m_ki g_mj + Gamma^m_kj g_im."""
    for i, j, k in _indices(3, n):
        connection = _sum(
            gamma(m, k, i) * metric(m, j) + gamma(m, k, j) * metric(i, m) for m in range(n)
        )
        left = derivative(metric(i, j), k)
        assert_zero(left - connection, "nabla g = 0", (i, j, k))


# -- Riemann --------------------------------------------------------------------------------------
def assert_riemann_of_connection(
    riemann_up: Components, gamma: Components, derivative: Derivative, n: int
) -> None:
    """R^i_jkl = d_k G^i_lj - d_l G^i_kj + G^i_km G^m_lj - G^i_lm G^m_kj, the definition."""
    for i, j, k, l in _indices(4, n):
        terms = [derivative(gamma(i, l, j), k), -derivative(gamma(i, k, j), l)]
        for m in range(n):
            terms += [gamma(i, k, m) * gamma(m, l, j), -(gamma(i, l, m) * gamma(m, k, j))]
        law = "R^i_jkl = d_k G^i_lj - d_l G^i_kj + G^i_km G^m_lj - G^i_lm G^m_kj"
        assert_zero(riemann_up(i, j, k, l) - _sum(terms), law, (i, j, k, l))


def assert_lowered(down: Components, up: Components, metric: Components, rank: int, n: int) -> None:
    """T_i... = g_im T^m...."""
    for i, *rest in _indices(rank, n):
        lowered = _sum(metric(i, m) * up(m, *rest) for m in range(n))
        assert_zero(down(i, *rest) - lowered, "T_i... = g_im T^m...", (i, *rest))


def assert_riemann_symmetries(riemann: Components, n: int) -> None:
    """R_ijkl = -R_jikl = -R_ijlk = R_klij."""
    for i, j, k, l in _indices(4, n):
        here = riemann(i, j, k, l)
        assert_zero(here + riemann(j, i, k, l), "R_ijkl = -R_jikl", (i, j, k, l))
        assert_zero(here + riemann(i, j, l, k), "R_ijkl = -R_ijlk", (i, j, k, l))
        assert_zero(here - riemann(k, l, i, j), "R_ijkl = R_klij", (i, j, k, l))


def assert_first_bianchi(riemann: Components, n: int) -> None:
    """R_ijkl + R_iklj + R_iljk = 0."""
    for i, j, k, l in _indices(4, n):
        cycle = riemann(i, j, k, l) + riemann(i, k, l, j) + riemann(i, l, j, k)
        assert_zero(cycle, "first Bianchi identity", (i, j, k, l))


def assert_second_bianchi(nabla_riemann: Components, n: int) -> None:
    """nabla_m R_ijkl + nabla_k R_ijlm + nabla_l R_ijmk = 0."""
    for i, j, k, l, m in _indices(5, n):
        cycle = nabla_riemann(i, j, k, l, m) + nabla_riemann(i, j, l, m, k)
        cycle = cycle + nabla_riemann(i, j, m, k, l)
        assert_zero(cycle, "second Bianchi identity", (i, j, k, l, m))


def assert_ricci_is_trace(ricci: Components, riemann_up: Components, n: int) -> None:
    """Ric_jl = R^i_jil."""
    for j, l in _indices(2, n):
        trace = _sum(riemann_up(i, j, i, l) for i in range(n))
        assert_zero(ricci(j, l) - trace, "Ric_jl = R^i_jil", (j, l))


def assert_trace(scalar: Any, tensor: Components, inverse: Components, n: int) -> None:
    """S = g^ij T_ij."""
    trace = _sum(inverse(i, j) * tensor(i, j) for i, j in _indices(2, n))
    assert_zero(scalar - trace, "S = g^ij T_ij")


def assert_constant_curvature(
    riemann: Components, metric: Components, curvature: Any, n: int
) -> None:
    """R_ijkl = K (g_ik g_jl - g_il g_jk)."""
    for i, j, k, l in _indices(4, n):
        square = metric(i, k) * metric(j, l) - metric(i, l) * metric(j, k)
        law = "R_ijkl = K (g_ik g_jl - g_il g_jk)"
        assert_zero(riemann(i, j, k, l) - square * curvature, law, (i, j, k, l))


# -- parts of Riemann -----------------------------------------------------------------------------
def assert_trace_free(tensor: Components, inverse: Components, n: int) -> None:
    """g^ij T_ij = 0 of a symmetric tensor of rank two."""
    trace = _sum(inverse(i, j) * tensor(i, j) for i, j in _indices(2, n))
    assert_zero(trace, "g^ij T_ij = 0")


def assert_weyl_trace_free(weyl: Components, inverse: Components, n: int) -> None:
    """g^ik W_ijkl = 0."""
    for j, l in _indices(2, n):
        trace = _sum(inverse(i, k) * weyl(i, j, k, l) for i, k in _indices(2, n))
        assert_zero(trace, "g^ik W_ijkl = 0", (j, l))


def assert_weyl_decomposition(
    riemann: Components, weyl: Components, schouten: Components, metric: Components, n: int
) -> None:
    """R_ijkl = W_ijkl + P_ik g_jl + P_jl g_ik - P_il g_jk - P_jk g_il."""
    for i, j, k, l in _indices(4, n):
        trace_part = schouten(i, k) * metric(j, l) + schouten(j, l) * metric(i, k)
        trace_part = trace_part - schouten(i, l) * metric(j, k) - schouten(j, k) * metric(i, l)
        rest = riemann(i, j, k, l) - weyl(i, j, k, l) - trace_part
        assert_zero(rest, "R = W + P o g (Kulkarni-Nomizu)", (i, j, k, l))


def assert_cotton_symmetries(cotton: Components, inverse: Components, n: int) -> None:
    """C_ijk = -C_jik, C_ijk + C_jki + C_kij = 0, g^jk C_ijk = 0."""
    for i, j, k in _indices(3, n):
        assert_zero(cotton(i, j, k) + cotton(j, i, k), "C_ijk = -C_jik", (i, j, k))
        cycle = cotton(i, j, k) + cotton(j, k, i) + cotton(k, i, j)
        assert_zero(cycle, "C_ijk + C_jki + C_kij = 0", (i, j, k))
    for i in range(n):
        trace = _sum(inverse(j, k) * cotton(i, j, k) for j, k in _indices(2, n))
        assert_zero(trace, "g^jk C_ijk = 0", (i,))


def assert_cotton_is_divergence_of_weyl(
    nabla_weyl: Components, cotton: Components, inverse: Components, n: int
) -> None:
    """nabla^l W_ijkl = -(n - 3) C_ijk, by the contracted second Bianchi identity."""
    for i, j, k in _indices(3, n):
        divergence = _sum(inverse(l, m) * nabla_weyl(i, j, k, l, m) for l, m in _indices(2, n))
        difference = divergence + cotton(i, j, k) * (n - 3)
        assert_zero(difference, "nabla^l W_ijkl = -(n - 3) C_ijk", (i, j, k))


def assert_einstein_divergence_free(
    nabla_einstein: Components, inverse: Components, n: int
) -> None:
    """nabla^i G_ij = 0."""
    for j in range(n):
        divergence = _sum(inverse(i, k) * nabla_einstein(i, j, k) for i, k in _indices(2, n))
        assert_zero(divergence, "nabla^i G_ij = 0", (j,))


def assert_ricci_identity(
    second: Components, vector: Components, riemann_up: Components, n: int
) -> None:
    """N_ilk - N_ikl = R^i_jkl V^j, where N_ilk = nabla_k nabla_l V^i (derivatives last)."""
    for i, k, l in _indices(3, n):
        curvature = _sum(riemann_up(i, j, k, l) * vector(j) for j in range(n))
        commutator = second(i, l, k) - second(i, k, l)
        assert_zero(commutator - curvature, "[nabla_k, nabla_l] V = R V", (i, k, l))


def _indices(rank: int, n: int) -> product[tuple[int, ...]]:
    return product(range(n), repeat=rank)


def _sum(terms: Any) -> Any:
    """Sum without a start value, which would have to lie in the field."""
    first, *rest = terms
    for term in rest:
        first = first + term
    return first


def _shown(value: Any) -> str:
    """The component, or what can be said of it where printing it would take minutes."""
    if getattr(value, "term_count", 0) > 200:
        return f"an element of {value.term_count} terms"
    text = str(value.to_sympy() if hasattr(value, "to_sympy") else value)
    return text if len(text) <= 300 else f"{text[:300]} ... ({len(text)} characters)"
