"""Tensor calculus: all its public verbs in one place.

Fields from components (`tensor_input`), derivatives (`derivatives`), symmetries of the metric
(`killing`), geodesics (`geodesic_equations`), changes of coordinates (`transform`). Differential
forms are in `exterior`, hypersurfaces in `submanifold`.
"""

from __future__ import annotations

from geomkit.calculus.derivatives import (
    covariant_derivative,
    dalembert,
    differential,
    divergence,
    gradient,
    hessian,
    laplacian,
    laplacian_element,
    lie_bracket,
    lie_derivative,
)
from geomkit.calculus.geodesic_equations import FirstIntegral, GeodesicEquations, geodesic_equations
from geomkit.calculus.killing import (
    ConformalKilling,
    conformal_killing,
    is_killing,
    killing_equations,
    killing_tensor,
)
from geomkit.calculus.transform import transform
from geomkit.tensor.input import covector_field, tensor_field, vector_field

__all__ = [
    "ConformalKilling",
    "FirstIntegral",
    "GeodesicEquations",
    "conformal_killing",
    "covariant_derivative",
    "covector_field",
    "dalembert",
    "differential",
    "divergence",
    "geodesic_equations",
    "gradient",
    "hessian",
    "is_killing",
    "killing_equations",
    "killing_tensor",
    "laplacian",
    "laplacian_element",
    "lie_bracket",
    "lie_derivative",
    "tensor_field",
    "transform",
    "vector_field",
]
