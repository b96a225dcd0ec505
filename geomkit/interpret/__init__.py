"""The interpreter: runs a program with as many digits as wanted, or in balls; slow and obvious.

It is what the compiled backends are compared with. `interpret` gives numbers of an arithmetic of
`geomkit.evaluate`, `build` the interface of a backend with correctly rounded floats.

>>> import mpmath
>>> from geomkit.evaluate import Digits
>>> from geomkit.program import Builder
>>> b = Builder("root")
>>> program = b.scalar("root", b.call("sqrt", b.input("x", "parameter"))).finish()
>>> mpmath.nstr(interpret(program, {"x": 2}, Digits(30))[0], 30)
'1.41421356237309504880168872421'
"""

from __future__ import annotations

from geomkit.interpret.code import InterpretCode, build
from geomkit.interpret.functions import LACKING, apply
from geomkit.interpret.run import attempt, interpret

__all__ = ["LACKING", "InterpretCode", "apply", "attempt", "build", "interpret"]
