"""Signs and index order, written once; docstrings and results refer to this file.

All follow Misner, Thorne and Wheeler (MTW): the sphere has positive curvature, the contravariant
index of the Riemann tensor comes first, and Ricci is the contraction of the first with the third
index. `CONVENTIONS` gives the definition of each quantity as one line of text, `REFERENCES` where
it is taken from, `INDEX_ORDERS` how the arrays of other programs and books compare.

References:
    C. W. Misner, K. S. Thorne, J. A. Wheeler, Gravitation, Freeman 1973.
    J. M. Lee, Introduction to Riemannian Manifolds, 2nd edition, Springer 2018.
    H. Stephani et al., Exact Solutions of Einstein's Field Equations, 2nd edition, CUP 2003.
    R. M. Wald, General Relativity, University of Chicago Press 1984.
    S. Weinberg, Gravitation and Cosmology, Wiley 1972.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CONVENTIONS", "INDEX_ORDERS", "REFERENCES", "IndexOrder", "index_order_table", "text"]

CONVENTIONS: Mapping[str, str] = {
    # the metric
    "metric": "g_ij, ds^2 = g_ij dx^i dx^j; relativity: signature (-,+,+,+)",
    "inverse_metric": "g^ij g_jk = delta^i_k",
    "determinant": "det g = det(g_ij)",
    "volume_element": "sqrt|det g|, positive on the domain",
    "signature": "(number of positive, number of negative directions)",
    # connection
    "christoffel": "Gamma^i_jk = (1/2) g^im (d_j g_mk + d_k g_mj - d_m g_jk)",
    "christoffel_down": "Gamma_ijk = g_im Gamma^m_jk = (1/2) (d_j g_ik + d_k g_ij - d_i g_jk)",
    "covariant_derivative": "(nabla T)_..k = nabla_k T_..: the index of the derivative comes last",
    # curvature
    "riemann": "R^i_jkl = d_k Gamma^i_lj - d_l Gamma^i_kj + Gamma^i_km Gamma^m_lj "
    "- Gamma^i_lm Gamma^m_kj",
    "riemann_down": "R_ijkl = g_im R^m_jkl; sphere of radius 1: R_ijkl = g_ik g_jl - g_il g_jk",
    "ricci": "Ric_jl = R^i_jil; positive on the sphere",
    "ricci_mixed": "Ric^i_j = g^ik Ric_kj",
    "scalar": "R = g^ij Ric_ij; the unit n-sphere has R = n (n - 1)",
    "gauss": "K = R_1212 / det g = R/2, n = 2 only",
    "sectional": "K(u,v) = R_ijkl u^i v^j u^k v^l / (g(u,u) g(v,v) - g(u,v)^2)",
    "einstein": "G_ij = Ric_ij - R g_ij / 2",
    "einstein_mixed": "G^i_j = g^ik G_kj",
    "tracefree_ricci": "S_ij = Ric_ij - R g_ij / n",
    "schouten": "P_ij = (Ric_ij - R g_ij / (2 (n - 1))) / (n - 2), n >= 3",
    "weyl": "C_ijkl = R_ijkl - (g_ik P_jl + g_jl P_ik - g_il P_jk - g_jk P_il), n >= 3",
    "cotton": "C_ijk = nabla_i P_jk - nabla_j P_ik, n >= 3",
    # invariants
    "kretschmann": "R_ijkl R^ijkl",
    "ricci_squared": "Ric_ij Ric^ij",
    "weyl_squared": "C_ijkl C^ijkl, n >= 3",
    "euler_density": "R_ijkl R^ijkl - 4 Ric_ij Ric^ij + R^2, n = 4",
    "chern_pontryagin": "(1/2) eps^abef R_ab^cd R_efcd, eps_0123 = +sqrt|det g|, n = 4",
    # properties
    "constant_curvature": "R_ijkl = K (g_ik g_jl - g_il g_jk) with a constant K",
    "einstein_constant": "Ric = L g with a constant L",
    "conformally_flat": "n <= 2: always; n = 3: Cotton = 0; n >= 4: Weyl = 0",
    "locally_symmetric": "nabla_m R_ijkl = 0",
    # exterior calculus
    "wedge": "(dx^dy)_01 = 1: (alpha^beta)_ij = alpha_i beta_j - alpha_j beta_i for one-forms",
    "exterior_derivative": "(d alpha)_ij = d_i alpha_j - d_j alpha_i for a one-form",
    "hodge_star": "alpha ^ *beta = <alpha, beta> vol, vol_01.. = +sqrt|det g|",
    "codifferential": "formal adjoint of d: int <d alpha, beta> = int <alpha, codifferential beta>",
    # operators
    "laplacian": "Laplace-Beltrami: div grad f = d_i (sqrt|g| g^ij d_j f) / sqrt|g|",
    "dalembert": "the same operator on a Lorentzian metric: g^ij nabla_i nabla_j f",
    "hessian": "(nabla nabla f)_ij = d_i d_j f - Gamma^k_ij d_k f",
    "divergence": "div X = nabla_i X^i",
    "lie_bracket": "[X, Y]^i = X^j d_j Y^i - Y^j d_j X^i",
    "killing": "(L_X g)_ij = nabla_i X_j + nabla_j X_i = 0",
    "conformal_killing": "L_X g = (2/n) (div X) g",
    # along curves
    "geodesic": "x''^i + Gamma^i_jk x'^j x'^k = 0",
    "transport": "w'^i + Gamma^i_jk x'^j w^k = 0",
    "jacobi": "J''^i + d_m Gamma^i_jk J^m x'^j x'^k + 2 Gamma^i_jk x'^j J'^k = 0",
    "energy": "g_ij x'^i x'^j / 2",
    "momentum": "p_i = g_ij x'^j",
    # metrics known by their jets
    "jet": "dg[i, j, k] = d_k g_ij, ddg[i, j, k, l] = d_k d_l g_ij: derivatives come last",
    # submanifolds
    "second_fundamental_form": "II(X, Y) = <nabla_X Y, N>",
    "shape_operator": "S = -nabla N, <S X, Y> = II(X, Y)",
    "gauss_equation": "surfaces in R^3: K = det S",
}
"""Definition of each quantity, one line of text, by the name of the quantity."""

REFERENCES: Mapping[str, str] = {
    "christoffel": "MTW (8.24); Lee chapter 5",
    "riemann": "MTW (8.44)",
    "ricci": "MTW (8.47); Lee chapter 7",
    "scalar": "MTW (8.48)",
    "einstein": "MTW (8.49)",
    "schouten": "Lee chapter 7",
    "weyl": "Lee chapter 7; Stephani et al. chapter 3",
    "cotton": "Lee chapter 7, up to the order of the indices",
    "sectional": "Lee chapter 8",
    "gauss_equation": "Lee chapter 8",
}
"""Where the definitions are found."""


@dataclass(frozen=True)
class IndexOrder:
    """How a program or book orders and signs its curvature, against ours.

    Attributes:
        source: the program or book.
        christoffel: its symbol or array entry that equals our Gamma^i_jk.
        riemann: its symbol or array entry that equals our R^i_jkl.
        ricci: its symbol or array entry that equals our Ric_jl.
        note: what to watch.
    """

    source: str
    christoffel: str
    riemann: str
    ricci: str
    note: str = ""


INDEX_ORDERS: tuple[IndexOrder, ...] = (
    IndexOrder("geomkit", "`christoffel[i, j, k]`", "`riemann[i, j, k, l]`", "`ricci[j, l]`"),
    IndexOrder("MTW (1973)", "Γ^i_jk", "R^i_jkl", "R_jl", "the source of our signs"),
    IndexOrder(
        "SymPy, `diffgeom`",
        "`metric_to_Christoffel_2nd(g)[i, j, k]`",
        "`metric_to_Riemann_components(g)[i, j, k, l]`",
        "`metric_to_Ricci_components(g)[j, l]`",
        "components come unsimplified",
    ),
    IndexOrder(
        "geomstats",
        "`christoffels(p)[i, j, k]`",
        "`riemann_tensor(p)[j, k, l, i]`",
        "`ricci_tensor(p)[j, l]`",
        "the contravariant index comes last in Riemann, first in Γ",
    ),
    IndexOrder(
        "SageMath",
        "`connection().coef()[i, j, k]`",
        "`riemann()[i, j, k, l]`",
        "`ricci()[j, l]`",
        "indices begin at `start_index`; that of a covariant derivative comes last, as here",
    ),
    IndexOrder(
        "Wald (1984)",
        "Γ^i_jk",
        "R_lkj^i",
        "R_jl",
        "(3.2.3): [∇_a, ∇_b] ω_c = R_abc^d ω_d; lowered, his R_abcd is ours",
    ),
    IndexOrder(
        "Lee (2018)",
        "Γ^i_jk",
        "R_klj^i",
        "R_jl",
        "R(∂_i, ∂_j) ∂_k = R_ijk^l ∂_l; lowered in the last place, his R_ijkl is minus ours",
    ),
    IndexOrder(
        "Weinberg (1972)",
        "Γ^i_jk",
        "-R^i_jkl",
        "-R_jl",
        "opposite sign of Riemann, Ricci and scalar: the sphere has R < 0",
    ),
)
"""Index order and signs of others, against ours."""


def text(name: str) -> str:
    """The convention of a quantity, as one line.

    Args:
        name: the quantity, `riemann` for instance.

    Returns:
        Its definition, or "" when nothing needs saying.

    Example:
        >>> text("ricci")
        'Ric_jl = R^i_jil; positive on the sphere'
        >>> text("my tensor")
        ''
    """
    return CONVENTIONS.get(name, "")


def index_order_table() -> str:
    """`INDEX_ORDERS` as a table for the terminal or a document.

    Returns:
        Lines of a Markdown table.

    Example:
        >>> print(index_order_table().splitlines()[0])
        | source | Γ^i_jk | R^i_jkl | Ric_jl | note |
    """
    lines = ["| source | Γ^i_jk | R^i_jkl | Ric_jl | note |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.source} | {row.christoffel} | {row.riemann} | {row.ricci} | {row.note} |"
        for row in INDEX_ORDERS
    ]
    return "\n".join(lines)
