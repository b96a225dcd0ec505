"""The small language between exact tensors and machine code: straight-line programs.

`Builder` makes a `Program`; `statements` writes it in the spelling of a language; the rest of
geomkit lowers tensors to programs, differentiates, interprets and compiles them.
"""

from __future__ import annotations

from geomkit.program.builder import Builder, identifier
from geomkit.program.check import check
from geomkit.program.model import Index, Input, Jet, Node, Output, Program, Slot
from geomkit.program.ops import ARITHMETIC, CONSTANTS, FUNCTIONS
from geomkit.program.text import Spelling, Statement, statements

__all__ = [
    "ARITHMETIC",
    "CONSTANTS",
    "FUNCTIONS",
    "Builder",
    "Index",
    "Input",
    "Jet",
    "Node",
    "Output",
    "Program",
    "Slot",
    "Spelling",
    "Statement",
    "check",
    "identifier",
    "statements",
]
