"""Programs as Python source that numba compiles.

One source holds one function, `kernel`, and the helpers it needs. There are variants, made when
they are first asked for: for float32, for parameters that differ from point to point, for angles
beyond 1e5, and for a single point.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from textwrap import indent, wrap

from geomkit.program import Program, identifier, statements

from . import functions
from .pairs import in_pairs, pays
from .special import SPECIAL
from .spelling import FLOAT32, FLOAT64, require
from .threads import GATE

__all__ = ["LANES", "Variant", "file_name", "source"]

LANES = 64
# Products and sums may be fused (more accurate, and faster); nothing else is rearranged, NaN and
# infinity are what IEEE says.
DECORATOR = '@njit(nogil=True, error_model="numpy", fastmath={"contract"})'
# The helpers, those that others use first, and what they use.
HELPERS = ("two_to", "exp_shifted", "exp", "sinhcosh", "sincos")
_USES = {"exp_shifted": ("two_to",), "exp": ("exp_shifted",), "sinhcosh": ("exp_shifted",)}
# Names that the text uses itself; an input of that name gets an underscore.
RESERVED = frozenset(
    {"behind", "block", "count", "f32", "far", "first", "inputs", "kernel", "lane", "last", "math"}
    | {"here", "start", "njit", "np", "out", "rows", "sincos_near", *HELPERS, *SPECIAL}
    | {"precise_sum", "precise_product", "precise_inverse"}
    | {"flag", "place", "real", "types", *dir(builtins)}
)
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
_ANGLE = re.compile(r"sincos\((.*)\)(?:\[[01]\])?$")


@dataclass(frozen=True)
class Variant:
    """Which of the sources of a program is meant.

    Attributes:
        dtype: "float64" or "float32".
        each: parameters and jets are arrays (N,) instead of numbers.
        safe: angles may be of any size.
        point: a single point, all inputs in one array.
    """

    dtype: str = "float64"
    each: bool = False
    safe: bool = False
    point: bool = False

    def __str__(self) -> str:
        words = [self.dtype] if self.dtype != "float64" else []
        words += [word for word in ("each", "safe", "point") if getattr(self, word)]
        return "_".join(words)

    def quick(self, program: Program) -> bool:
        """Whether the kernel checks its arguments itself, and says -1, when `last` is -1."""
        return len(program.sources) == 1 and not (self.each or self.safe or self.point)


def source(program: Program, variant: Variant = Variant()) -> str:
    """Write a program as Python source with one function `kernel`.

    Args:
        program: the program.
        variant: for which kind of arguments.

    Returns:
        The text of a module that needs numpy and numba only.

    Raises:
        LoweringError: numba has no word for a function; the message says who needs it.
    """
    require(program)
    return _Source(_renamed(program), variant).text()


def file_name(program: Program, variant: Variant) -> str:
    """Return what the files of a program and variant are called, but for the hash."""
    return "_".join(filter(None, (identifier(program.name), str(variant))))


class _Source:
    def __init__(self, program: Program, variant: Variant) -> None:
        self.program, self.variant = program, variant
        self.single = variant.dtype == "float32"
        # pairs of float32 would be no better than what float64 gives when it is rounded
        self.paired = pays(program) and not self.single
        write = in_pairs if self.paired else statements
        self.written = write(program, FLOAT32 if self.single else FLOAT64)
        lines = [str(one) for one in self.written.statements]
        self.used = set(_NAME.findall("\n".join([*lines, *self.written.results])))
        self.scalars = [program.inputs[i].name for i in program.scalars]

    def text(self) -> str:
        parts = ['"""' + self._docstring() + '"""', self._imports(), *self._helpers()]
        parts.append(DECORATOR + "\n" + "\n".join(self._kernel()))
        return "\n\n".join(parts[:2]) + "\n\n\n" + "\n\n\n".join(parts[2:]) + "\n"

    # Head -----------------------------------------------------------------------------------

    def _docstring(self) -> str:
        program = self.program
        names = ", ".join(output.name for output in program.outputs)
        lines = [*wrap(f"{program.name}: {names}", 95), ""]
        for source_name, numbers in program.sources.items():
            inputs = ", ".join(program.inputs[i].name for i in numbers)
            lines.append(f"{source_name}[N, {len(numbers)}]: {inputs}")
        if self.scalars and self.variant.each:
            lines.append(", ".join(f"each_{name}[N]" for name in self.scalars))
        elif self.scalars:
            lines.append(f"{', '.join(self.scalars)}: numbers")
        lines += [
            f"out[blocks, {len(program.slots)}, {LANES}]: component c of point {LANES}*b + lane is "
            "out[b, c, lane]; the last block repeats",
            "the last point. Blocks first to last - 1 are computed. Returns how many angles were "
            "beyond 1e5."
            if self._angles
            else "the last point. Blocks first to last - 1 are computed. Returns 0.",
            *self._last(),
            "",
            f"Made by geomkit; {program.flops} operations a point.",
        ]
        if self.paired:
            lines.append("Numbers are pairs, high + low: special functions nearly cancel.")
        if program.staged:
            lines.append("Staged: computed step by step from the metric, not derived exactly.")
        return "\n".join(lines) + "\n"

    def _last(self) -> list[str]:
        if not self.variant.quick(self.program):
            return []
        return [
            "If last is -1: all blocks, or none and -1 is returned where something does not fit."
        ]

    def _imports(self) -> str:
        body = "\n".join([*(str(s) for s in self.written.statements), *self._helpers()])
        lines = ["import math", ""] if "math." in body else []
        lines += ["import numpy as np"]
        if "scipy_function" in body:
            lines += ["from llvmlite.binding import add_symbol"]
            lines += ["from numba import njit, types"]
            lines += ["from numba.extending import get_cython_function_address"]
        else:
            lines += ["from numba import njit"]
        if self.single:
            lines += ["", "f32 = np.float32"]
        return "\n".join(lines)

    @property
    def _angles(self) -> list[str]:
        """The arguments of sine and cosine."""
        found = (_ANGLE.match(one.text) for one in self.written.statements)
        return [match.group(1) for match in found if match]

    def _helpers(self) -> list[str]:
        """The functions of `functions` that are used, and what those use."""
        found = {name for name in HELPERS if name in self.used}
        for name in reversed(HELPERS):
            if name in found:
                found.update(_USES.get(name, ()))
        texts = [*self._special()]
        texts += [self._helper(name) for name in HELPERS if name in found]
        if self._angles and (self.variant.safe or self.variant.point):
            texts[-1] = texts[-1].replace("def sincos(", "def sincos_near(")
            texts.append(DECORATOR + "\n" + _SAFE)
        return texts

    def _special(self) -> Iterator[str]:
        found = {name for name in SPECIAL if name in self.used}
        for name in reversed(list(SPECIAL)):
            if name in found:
                found.update(SPECIAL[name][0])
        for name, (_, text) in SPECIAL.items():
            if name in found:
                decorated = text.startswith("def ") and name != "scipy_function"
                yield f"{DECORATOR}\n{text}" if decorated else text

    def _helper(self, name: str) -> str:
        chosen = getattr(functions, f"{name}_float32" if self.single else name, None)
        text = inspect.getsource(chosen or getattr(functions, name))
        text = text.replace(f"def {name}_float32(", f"def {name}(")
        text = re.sub(r"\b(\w+): (?:float|Any)\b", r"\1", text)
        text = re.sub(r" -> .*:$", ":", text, flags=re.MULTILINE)
        return f"{DECORATOR}\n{text.rstrip()}"

    # Kernel ---------------------------------------------------------------------------------

    def _kernel(self) -> Iterator[str]:
        if self.variant.point:
            yield "def kernel(inputs, out):"
            yield indent("\n".join(self._point()), "    ")
            return
        scalars = [f"each_{name}" for name in self.scalars] if self.variant.each else self.scalars
        arguments = [*self.program.sources, *scalars, "out", "first", "last"]
        yield f"def kernel({', '.join(arguments)}):"
        body = "\n".join(self._body())
        yield indent(body, "    ")

    def _body(self) -> Iterator[str]:
        rows = list(self._rows())
        constant, lines = self._split()
        kind = "np.float32" if self.single else "np.float64"
        yield f"count = {next(iter(self.program.sources))}.shape[0]"
        if self.variant.quick(self.program):
            yield from self._checks()
        if rows:
            yield f"inputs = np.empty(({len(rows)}, {LANES}), {kind})  # of one block"
        if self._angles:
            yield "far = 0"
        yield from constant
        yield "for block in range(first, last):"
        if rows:
            yield f"    start = {LANES} * block"
            yield f"    here = min({LANES}, count - start)"
            yield "    for lane in range(here):"
            for k, (_, text) in enumerate(rows):
                yield f"        inputs[{k}, lane] = {text}"
            yield f"    for lane in range(here, {LANES}):"
            for k in range(len(rows)):
                yield f"        inputs[{k}, lane] = inputs[{k}, here - 1]"
        yield f"    rows = out[block].reshape({LANES} * {len(self.program.slots)})"
        yield f"    for lane in range({LANES}):"
        for k, (name, _) in enumerate(rows):
            yield f"        {name} = inputs[{k}, lane]"
        yield from (f"        {line}" for line in lines)
        pairs = zip(self.program.slots, self.written.results, strict=True)
        for k, (slot, result) in enumerate(pairs):
            yield f"        rows[{LANES} * {k} + lane] = {result}  # {slot}"
        if not self.program.slots:
            yield "        pass"
        yield "return far" if self._angles else "return 0"

    def _checks(self) -> Iterator[str]:
        """Let the kernel itself see whether a call is the usual one: Python would take longer."""
        ((name, numbers),) = self.program.sources.items()
        size = len(self.program.slots)
        yield "if last < 0:  # all blocks, if everything fits"
        yield f"    last = (count + {LANES - 1}) // {LANES}"
        most = (GATE - 1) // max(1, size)  # more points are computed in threads
        yield f"    if not 0 < count <= {most} or {name}.shape[1] != {len(numbers)}:"
        yield "        return -1"
        yield f"    if out.shape != (last, {size}, {LANES}):"
        yield "        return -1"
        yield f"    behind = np.intp(out.ctypes.data) - np.intp({name}.ctypes.data)"
        yield f"    if -out.nbytes < behind < {name}.nbytes:  # they share memory"
        yield "        return -1"

    def _point(self) -> Iterator[str]:
        for k, one in enumerate(self.program.inputs):
            if one.name in self.used:
                yield f"{one.name} = inputs[{k}]"
        yield from (str(one) for one in self.written.statements)
        pairs = zip(self.program.slots, self.written.results, strict=True)
        for k, (slot, result) in enumerate(pairs):
            yield f"out[{k}] = {result}  # {slot}"
        if not self.program.slots:
            yield "pass"

    def _rows(self) -> Iterator[tuple[str, str]]:
        """The inputs that are loaded point by point, and from where."""
        for name, numbers in self.program.sources.items():
            for i in numbers:
                one = self.program.inputs[i]
                if one.name in self.used:
                    yield one.name, f"{name}[start + lane, {one.position}]"
        if self.variant.each:
            yield from ((n, f"each_{n}[start + lane]") for n in self.scalars if n in self.used)

    def _split(self) -> tuple[list[str], list[str]]:
        """The statements that depend on parameters only, and those that are done point by point."""
        varies = {name for name, _ in self._rows()}
        constant: list[str] = []
        lines: list[str] = []
        for one in self.written.statements:
            outside = varies.isdisjoint(_NAME.findall(one.text))
            target = constant if outside else lines
            target.append(str(one))
            angle = _ANGLE.match(one.text)
            if angle and not self.variant.safe:
                target.append(f"far += abs({angle.group(1)}) > 1e5")
            if not outside:
                varies.update(one.targets)
        return constant, lines


_SAFE = '''def sincos(x):
    """Sine and cosine of any angle."""
    if abs(x) <= 1e5:
        return sincos_near(x)
    return math.sin(x), math.cos(x)'''


def _renamed(program: Program) -> Program:
    """Give inputs names that neither Python nor the text around them needs."""
    taken = set(RESERVED) | {f"each_{one.name}" for one in program.inputs}

    def free(name: str) -> str:
        name = unicodedata.normalize("NFKC", name)
        while name in taken or keyword.iskeyword(name):
            name += "_"
        taken.add(name)
        return name

    sources = {one.source: "" for one in program.inputs if one.kind in ("coordinate", "vector")}
    sources = {name: free(name) for name in sources}
    inputs = [
        replace(one, name=free(one.name), source=sources.get(one.source, one.source))
        for one in program.inputs
    ]
    return replace(program, inputs=tuple(inputs))
