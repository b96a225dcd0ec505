"""Derivatives of programs, as programs: forward mode (`jvp`) and reverse mode (`vjp`).

What comes out is printed, interpreted and compiled like any other program, and may be
differentiated again. All derivatives of functions stand in one table, `RULES`.

>>> from geomkit.program import Builder
>>> b = Builder("f")
>>> x, y = (b.input(name, "coordinate", "points", k) for k, name in enumerate("xy"))
>>> program = b.scalar("f", b.mul(b.call("sin", x), y)).finish()
>>> print(vjp(program))
program f_vjp(points = [x, y], cotangent = [cotangent_0])
  sin_x = sin(x)
  cos_x = cos(x)
  gradient[0] = cotangent_0*y*cos_x
  gradient[1] = cotangent_0*sin_x
"""

from __future__ import annotations

from geomkit.differentiate.forward import Forward, jet_derivatives, jvp
from geomkit.differentiate.reverse import vjp
from geomkit.differentiate.rules import RULES, partial

__all__ = ["RULES", "Forward", "jet_derivatives", "jvp", "partial", "vjp"]
