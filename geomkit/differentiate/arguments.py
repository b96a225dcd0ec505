"""What both modes need: a program put into a builder, and names for the new inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geomkit.errors import LoweringError
from geomkit.program import Builder, Program

__all__ = ["chosen", "new_inputs", "transcribe"]


def chosen(program: Program, wrt: str | Iterable[str] | None) -> tuple[int, ...]:
    """Return the numbers of the inputs that a program is differentiated by.

    Args:
        program: the program.
        wrt: names of inputs; None for all.

    Returns:
        Numbers of inputs, in the order of `wrt`.

    Raises:
        LoweringError: a name is unknown or occurs twice.
    """
    names = [one.name for one in program.inputs]
    if wrt is None:
        return tuple(range(len(names)))
    wanted = [wrt] if isinstance(wrt, str) else list(wrt)
    unknown = [name for name in wanted if name not in names]
    if unknown or len(set(wanted)) != len(wanted):
        what = f"{unknown[0]!r} is no input" if unknown else f"{wanted} names an input twice"
        raise LoweringError(
            f"cannot differentiate program {program.name!r}: {what}; it has {', '.join(names)}"
        )
    return tuple(names.index(name) for name in wanted)


def transcribe(builder: Builder, program: Program) -> list[int]:
    """Put a program into a builder, without its outputs.

    Args:
        builder: the builder; its inputs come first.
        program: the program.

    Returns:
        For each node of the program its number in the builder.
    """
    leaves = [
        builder.input(one.name, one.kind, one.source, one.position, one.jet)
        for one in program.inputs
    ]
    new: list[int] = []
    for node in program.nodes:
        args = [new[a] for a in node.args]
        match node.op:
            case "input":
                new.append(leaves[int(str(node.value))])
            case "number":
                assert not isinstance(node.value, str | None)
                new.append(builder.number(node.value))
            case "constant":
                new.append(builder.constant(str(node.value)))
            case "call":
                new.append(builder.call(str(node.value), *args))
            case _:
                new.append(getattr(builder, node.op)(*args))
    return new


def new_inputs(builder: Builder, program: Program, source: str, names: Sequence[str]) -> list[int]:
    """Declare the inputs source_name of a new array argument.

    Args:
        builder: the builder.
        program: the program that is differentiated.
        source: what the argument is called: "tangent", or "tangent_2" (3, ...) if the program is a
            derivative itself and has inputs of that name.
        names: of the entries of the argument.

    Returns:
        The nodes of the inputs.
    """
    taken = {one.name for one in program.inputs} | {one.source for one in program.inputs}
    count, wanted = 1, source
    while wanted in taken or any(f"{wanted}_{name}" in taken for name in names):
        count += 1
        wanted = f"{source}_{count}"
    return [builder.input(f"{wanted}_{n}", "vector", wanted, k) for k, n in enumerate(names)]
