"""Curvature by its definition, on jets of the metric: plain loops, few symmetries.

Tensors are dictionaries from index tuples to jets; a missing index is exactly zero. With a metric
known to order d, Christoffel symbols are known to order d - 1, the Riemann tensor to d - 2, its
covariant derivative to d - 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

from geomkit.enclosure.linear import inverse
from geomkit.evaluate import Jet, Jets

__all__ = ["JetGeometry", "JetTensor"]

JetTensor = dict[tuple[int, ...], Jet]


class JetGeometry:
    """The metric near a point as jets, and what follows from it.

    Args:
        ring: the jets, over balls.
        metric: rows of jets, symmetric.
    """

    def __init__(self, ring: Jets, metric: Sequence[Sequence[Jet]]) -> None:
        self.ring = ring
        self.n = len(metric)
        self.order = ring.order
        self.g: JetTensor = {
            (i, j): jet for i, row in enumerate(metric) for j, jet in enumerate(row) if jet.terms
        }

    @cached_property
    def ginv(self) -> dict[tuple[int, int], Jet]:
        """g^ij, to one order less than the metric: nothing needs more."""
        order = max(self.order - 1, 0)
        rows = [
            {j: self.g[i, j].truncate(order) for j in range(self.n) if (i, j) in self.g}
            for i in range(self.n)
        ]
        return inverse(self.ring, rows, order)

    @cached_property
    def gamma_down(self) -> JetTensor:
        """Gamma_ijk = (d_j g_ik + d_k g_ij - d_i g_jk)/2."""
        half = self.ring.base.number(1) / 2
        dg = {(i, j, k): jet.diff(k) for (i, j), jet in self.g.items() for k in range(self.n)}
        result: JetTensor = {}
        for i, j, k in product(range(self.n), repeat=3):
            if j <= k:
                plus = [dg[index] for index in ((i, k, j), (i, j, k)) if index in dg]
                minus = [-dg[index] for index in ((j, k, i),) if index in dg]
                total = _sum([*plus, *minus])
                if total is not None and not total.is_zero():
                    result[i, j, k] = result[i, k, j] = total * half
        return result

    @cached_property
    def gamma(self) -> JetTensor:
        """Gamma^i_jk = g^im Gamma_mjk."""
        return self.contract_first(self.ginv, self.gamma_down, self.order - 1)

    @cached_property
    def riemann(self) -> JetTensor:
        """R^i_jkl = d_k Gamma^i_lj + Gamma^i_km Gamma^m_lj minus the same with k, l exchanged."""
        n, gamma, order = self.n, self.gamma, self.order - 2
        low = {index: jet.truncate(order) for index, jet in gamma.items()}
        rows: dict[tuple[int, int], list[tuple[int, Jet]]] = {}
        for (i, k, m), jet in low.items():
            rows.setdefault((i, k), []).append((m, jet))
        result: JetTensor = {}
        for i, j, k, h in product(range(n), repeat=4):
            if k >= h:
                continue
            terms = [(1, a, low[m, h, j]) for m, a in rows.get((i, k), ()) if (m, h, j) in low]
            terms += [(-1, a, low[m, k, j]) for m, a in rows.get((i, h), ()) if (m, k, j) in low]
            parts = [self.ring.dot(terms, order)] if terms else []
            if (i, h, j) in gamma:
                parts.append(gamma[i, h, j].diff(k))
            if (i, k, j) in gamma:
                parts.append(-gamma[i, k, j].diff(h))
            total = _sum(parts)
            if total is not None and not total.is_zero():
                result[i, j, k, h] = total
                result[i, j, h, k] = -total
        return result

    @cached_property
    def riemann_down(self) -> JetTensor:
        """R_ijkl = g_im R^m_jkl."""
        return self.contract_first(self.g, self.riemann, self.order - 2)

    @cached_property
    def ricci(self) -> JetTensor:
        """Ric_jl = R^i_jil."""
        result: JetTensor = {}
        for (i, j, k, h), jet in self.riemann.items():
            if i == k:
                result[j, h] = result[j, h] + jet if (j, h) in result else jet
        return result

    @cached_property
    def scalar(self) -> Jet:
        """R = g^ij Ric_ij."""
        ginv: Mapping[Any, Jet] = self.ginv
        terms = [(1, ginv[index], jet) for index, jet in self.ricci.items() if index in ginv]
        return self.ring.dot(terms, self.order - 2)

    @cached_property
    def schouten(self) -> JetTensor:
        """P = (Ric - R g/(2 (n - 1)))/(n - 2), n >= 3."""
        number, n = self.ring.base.number, self.n
        trace = self.scalar * (number(1) / (2 * (n - 1)))
        result: JetTensor = {}
        for index in product(range(n), repeat=2):
            parts = [self.ricci[index]] if index in self.ricci else []
            if index in self.g:
                parts.append(-(self.g[index] * trace))
            total = _sum(parts)
            if total is not None and not total.is_zero():
                result[index] = total * (number(1) / (n - 2))
        return result

    def nabla(self, tensor: JetTensor, order: int) -> JetTensor:
        """Covariant derivative of a tensor with lower indices; the new index comes last.

        Args:
            tensor: components, known to `order` + 1.
            order: degree up to which the result is wanted.

        Returns:
            Components with one more index: d_m T_ij.. - Gamma^s_mi T_sj.. - ...
        """
        rank = len(next(iter(tensor), ()))
        low = {index: jet.truncate(order) for index, jet in tensor.items()}
        connection: dict[tuple[int, int], list[tuple[int, Jet]]] = {}
        for (s, m, i), jet in self.gamma.items():
            connection.setdefault((m, i), []).append((s, jet.truncate(order)))
        result: JetTensor = {}
        for index in product(range(self.n), repeat=rank):
            for m in range(self.n):
                terms = []
                for slot in range(rank):
                    for s, gamma in connection.get((m, index[slot]), ()):
                        other = (*index[:slot], s, *index[slot + 1 :])
                        if other in low:
                            terms.append((-1, gamma, low[other]))
                parts = [self.ring.dot(terms, order)] if terms else []
                if index in tensor:
                    parts.append(tensor[index].diff(m))
                total = _sum(parts)
                if total is not None and not total.is_zero():
                    result[(*index, m)] = total
        return result

    def contract_first(self, matrix: Mapping[Any, Jet], tensor: JetTensor, order: int) -> JetTensor:
        """Sum over m of matrix[i, m] tensor[m, ...]: raise or lower the first index."""
        rows: list[list[tuple[int, Jet]]] = [[] for _ in range(self.n)]
        for (i, m), jet in matrix.items():
            rows[i].append((m, jet))
        rests = sorted({index[1:] for index in tensor})
        result: JetTensor = {}
        for i in range(self.n):
            for rest in rests:
                terms = [(1, a, tensor[m, *rest]) for m, a in rows[i] if (m, *rest) in tensor]
                if terms:
                    total = self.ring.dot(terms, order)
                    if not total.is_zero():
                        result[i, *rest] = total
        return result


def _sum(parts: Sequence[Jet]) -> Jet | None:
    """The sum of jets; None for no jets."""
    if not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
