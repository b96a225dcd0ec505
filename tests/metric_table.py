"""Metrics of the literature for the comparison with the oracle, as line elements.

Chosen to be hard in different ways: rotation and null coordinates (off-diagonal), five dimensions,
special functions, roots, symbolic powers, unspecified functions of one and several coordinates,
derivatives inside the metric. The text is read by geomkit; the oracle reads the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from geomkit.metric import Metric


@dataclass(frozen=True)
class Entry:
    """A line element and what it needs; `domain` keeps sample points away from singularities."""

    coordinates: str
    line_element: str
    domain: dict[str, list[str]] = field(default_factory=dict)
    parameters: dict[str, list[str]] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)

    def build(self, name: str) -> Metric:
        """The metric."""
        ranges: dict[str, Any] = {p: {"range": box} for p, box in self.parameters.items()}
        return Metric.from_line_element(
            self.line_element,
            coordinates=self.coordinates.split(),
            domain=self.domain,
            parameters=ranges,
            functions=self.functions,
            definitions=self.definitions,
            name=name,
        )


_ANGLE = ["1/2", "5/4"]
_SPHERICAL = {"r": ["5", "8"], "theta": _ANGLE}
_HOLE = {"M": ["1/2", "1"], "a": ["1/4", "1/2"]}

METRICS: dict[str, Entry] = {
    "kerr": Entry(
        "t r theta phi",
        "-(1 - 2*M*r/Sigma)*dt**2 - 4*M*a*r*sin(theta)**2/Sigma*dt*dphi + Sigma/Delta*dr**2"
        " + Sigma*dtheta**2 + (r**2 + a**2 + 2*M*a**2*r*sin(theta)**2/Sigma)*sin(theta)**2*dphi**2",
        _SPHERICAL,
        _HOLE,
        definitions={
            "Sigma": "r**2 + a**2*cos(theta)**2",
            "Delta": "r**2 - 2*M*r + a**2",
        },
    ),
    "kerr-newman-de sitter": Entry(
        "t r theta phi",
        "-D/(Xi**2*S)*(dt - a*sin(theta)**2*dphi)**2 + S/D*dr**2 + S/T*dtheta**2"
        " + T*sin(theta)**2/(Xi**2*S)*(a*dt - (r**2 + a**2)*dphi)**2",
        _SPHERICAL,
        {**_HOLE, "Q": ["1/8", "1/4"], "L": ["1/300", "1/200"]},
        definitions={
            "S": "r**2 + a**2*cos(theta)**2",
            "D": "(r**2 + a**2)*(1 - L*r**2/3) - 2*M*r + Q**2",
            "T": "1 + L*a**2*cos(theta)**2/3",
            "Xi": "1 + L*a**2/3",
        },
    ),
    "btz rotating": Entry(
        "t r phi",
        "-(r**2/l**2 - M)*dt**2 + dr**2/(r**2/l**2 - M + J**2/(4*r**2)) + r**2*dphi**2 - J*dt*dphi",
        {"r": ["4", "6"]},
        {"M": ["1/2", "1"], "J": ["1/4", "1/2"], "l": ["1", "2"]},
    ),
    "goedel": Entry(
        "t x y z",
        "a**2*(-dt**2 + dx**2 - exp(2*x)*dy**2/2 + dz**2 - 2*exp(x)*dt*dy)",
        parameters={"a": ["1/2", "2"]},
    ),
    "painleve-gullstrand": Entry(
        "T r theta phi",
        "-(1 - 2*M/r)*dT**2 + 2*sqrt(2*M/r)*dT*dr + dr**2"
        " + r**2*(dtheta**2 + sin(theta)**2*dphi**2)",
        {"r": ["1/2", "8"], "theta": _ANGLE},
        {"M": ["1/2", "1"]},
    ),
    "eddington-finkelstein, vaidya": Entry(
        "v r theta phi",
        "-(1 - 2*m(v)/r)*dv**2 + 2*dv*dr + r**2*(dtheta**2 + sin(theta)**2*dphi**2)",
        {"r": ["1/2", "8"], "theta": _ANGLE},
        functions={"m(v)": ["1 + v**2/7", "exp(v/3)"]},
    ),
    "fisher gamma": Entry(
        "k s",
        "trigamma(k)*dk**2 + 2*dk*ds/s + k*ds**2/s**2",
        {"k": ["1/2", "3"], "s": ["1/2", "2"]},
    ),
    "fisher beta": Entry(
        "p q",
        "(trigamma(p) - trigamma(p + q))*dp**2 - 2*trigamma(p + q)*dp*dq"
        " + (trigamma(q) - trigamma(p + q))*dq**2",
        {"p": ["1/2", "3"], "q": ["1/2", "2"]},
    ),
    "myers-perry 5d": Entry(
        "t x theta phi psi",
        # x = r^2; two rotations
        "-dt**2 + S*x/(4*P)*dx**2/x + S*dtheta**2 + (x + a**2)*sin(theta)**2*dphi**2"
        " + (x + b**2)*cos(theta)**2*dpsi**2"
        " + m/S*(dt + a*sin(theta)**2*dphi + b*cos(theta)**2*dpsi)**2",
        {"x": ["9", "16"], "theta": _ANGLE},
        {"m": ["1", "2"], "a": ["1/4", "1/2"], "b": ["1/4", "1/2"]},
        definitions={
            "S": "x + a**2*cos(theta)**2 + b**2*sin(theta)**2",
            "P": "(x + a**2)*(x + b**2) - m*x",
        },
    ),
    "friedmann": Entry(
        "t r theta phi",
        "-dt**2 + A(t)**2*(dr**2/(1 - k*r**2) + r**2*(dtheta**2 + sin(theta)**2*dphi**2))",
        {"t": ["1/2", "2"], "r": ["1/2", "3/4"], "theta": _ANGLE},
        {"k": ["-1", "1"]},
        {"A(t)": ["1 + t**2/3", "exp(t/2)"]},
    ),
    "static spherical": Entry(
        "t r theta phi",
        "-exp(2*nu(r))*dt**2 + exp(2*lam(r))*dr**2 + r**2*(dtheta**2 + sin(theta)**2*dphi**2)",
        _SPHERICAL,
        functions={"nu(r)": ["1/r", "r/5"], "lam(r)": ["r**2/70", "sin(r)"]},
    ),
    "brinkmann wave": Entry(
        "u v x y",
        "H(u, x, y)*du**2 + 2*du*dv + dx**2 + dy**2",
        functions={"H(u, x, y)": ["u*x**2*y + sin(x - y)", "exp(u*x)*y"]},
    ),
    "kasner": Entry(
        "t x y z",
        "-dt**2 + t**(2*p1)*dx**2 + t**(2*p2)*dy**2 + t**(2*p3)*dz**2",
        {"t": ["1/2", "2"]},
        {"p1": ["-1/3", "0"], "p2": ["1/4", "2/3"], "p3": ["2/3", "1"]},
    ),
    "kruskal": Entry(
        "U V theta phi",
        "-32*M**3/r*exp(-r/(2*M))*dU*dV + r**2*(dtheta**2 + sin(theta)**2*dphi**2)",
        {"U": ["-1/2", "-1/8"], "V": ["1/8", "1/2"], "theta": _ANGLE},
        {"M": ["1/2", "1"]},
        definitions={"r": "2*M*(1 + LambertW(-U*V/E))"},
    ),
    "alcubierre": Entry(
        "t x y z",
        "-dt**2 + (dx - w*f((x - w*t)**2 + y**2 + z**2)*dt)**2 + dy**2 + dz**2",
        parameters={"w": ["1/2", "2"]},
        functions={"f(x)": ["1/(1 + x**2)", "exp(-x/9)"]},
    ),
    "eguchi-hanson": Entry(
        "r theta phi psi",
        "dr**2/(1 - a**4/r**4) + r**2/4*(1 - a**4/r**4)*(dpsi + cos(theta)*dphi)**2"
        " + r**2/4*(dtheta**2 + sin(theta)**2*dphi**2)",
        {"r": ["3", "5"], "theta": _ANGLE},
        {"a": ["1", "2"]},
    ),
    "fubini-study cp2": Entry(
        "r theta phi psi",
        "dr**2/(1 + r**2)**2 + r**2/(4*(1 + r**2)**2)*(dpsi + cos(theta)*dphi)**2"
        " + r**2/(4*(1 + r**2))*(dtheta**2 + sin(theta)**2*dphi**2)",
        {"r": ["1/2", "2"], "theta": _ANGLE},
    ),
    "nil": Entry("x y z", "dx**2 + dy**2 + (dz - x*dy)**2"),
    "sol": Entry("x y z", "exp(2*z)*dx**2 + exp(-2*z)*dy**2 + dz**2"),
    "berger sphere": Entry(
        "psi theta phi",
        "c**2*(dpsi + cos(theta)*dphi)**2 + dtheta**2 + sin(theta)**2*dphi**2",
        {"theta": _ANGLE},
        {"c": ["1/2", "2"]},
    ),
    "torus": Entry(
        "u v",
        "r**2*du**2 + (R + r*cos(u))**2*dv**2",
        parameters={"r": ["1/2", "1"], "R": ["2", "3"]},
    ),
    "general surface": Entry(
        "u v",
        "E(u, v)*du**2 + 2*F(u, v)*du*dv + G(u, v)*dv**2",
        {"u": ["-1", "1"], "v": ["-1", "1"]},
        functions={"E(u, v)": ["3 + u*v"], "F(u, v)": ["sin(u) - v"], "G(u, v)": ["4 + exp(u*v)"]},
    ),
    "general 3d": Entry(
        "x y z",
        "(1 + f(x, z)**2)*dx**2 + 2*diff(h(x, y), x)*dx*dy + 9*dy**2 + exp(h(x, y))*dz**2",
        {"x": ["-1", "1"], "y": ["-1", "1"], "z": ["-1", "1"]},
        functions={"f(x, z)": ["2 + x*z - z**2/3"], "h(x, y)": ["sin(x)*y/2", "x**2*y/4"]},
    ),
    "roots": Entry(
        "x y z",
        "sqrt(1 + x**2 + y**2)*(dx + y**(1/3)*dz)**2 + (x**2 + y**2)**(3/4)*dy**2 + x**(2*q)*dz**2",
        {"x": ["1", "2"], "y": ["1", "2"], "z": ["1", "2"]},
        {"q": ["1/2", "1"]},
    ),
    "bessel wave": Entry(
        "t r phi z",
        # Einstein-Rosen form with psi = J0(r) cos(t), gamma unspecified
        "exp(2*c(t, r) - 2*besselj(0, r)*cos(t))*(dr**2 - dt**2)"
        " + exp(-2*besselj(0, r)*cos(t))*r**2*dphi**2 + exp(2*besselj(0, r)*cos(t))*dz**2",
        {"r": ["1", "2"]},
        functions={"c(t, r)": ["t*r/4", "r**2/9"]},
    ),
}
