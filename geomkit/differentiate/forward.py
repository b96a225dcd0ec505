"""Forward mode: derivatives of nodes of a builder, and the Jacobian times a vector as a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from geomkit.differentiate.arguments import chosen, new_inputs, transcribe
from geomkit.differentiate.rules import partial
from geomkit.program import Builder, Jet, Program

__all__ = ["Forward", "jet_derivatives", "jvp"]

Leaf = Callable[[int, int], int | None]
"""(node of an input, node of the input to differentiate by) -> derivative, None for zero."""


class Forward:
    """Derivatives of the nodes of a builder, each made once.

    Args:
        builder: the builder; derivatives are put there.
        leaf: how an input is differentiated by an input: their nodes -> node, None for zero. By
            default inputs do not depend on each other; see `jet_derivatives`.

    Example:
        >>> b = Builder("f")
        >>> x = b.input("x", "coordinate", "points", 0)
        >>> cube = b.power(x, 3)
        >>> derivative = Forward(b)
        >>> print(b.scalar("second", derivative(derivative(cube, x), x)).finish())
        program f(points = [x])
          w1 = 2*x
          second = w1 + w1 + w1
    """

    def __init__(self, builder: Builder, leaf: Leaf | None = None) -> None:
        self.builder = builder
        self._leaf = leaf or (lambda node, by: builder.number(1) if node == by else None)
        self._memo: dict[tuple[int, int], int | None] = {}
        self._once = False

    def __call__(self, node: int, by: int) -> int:
        """Return the derivative of a node by an input.

        Args:
            node: the node.
            by: node of the input.

        Returns:
            The node of the derivative; the number 0 if there is no dependence.

        Example:
            >>> b = Builder("f")
            >>> x, y = b.input("x", "parameter"), b.input("y", "parameter")
            >>> b.value(Forward(b)(b.add(x, x), x)), b.value(Forward(b)(x, y))
            (Fraction(2, 1), Fraction(0, 1))
        """
        pending = [node]
        while pending:  # no recursion: programs may be deeper than Python's stack
            now = pending[-1]
            missing = [a for a in self.builder.node(now).args if (a, by) not in self._memo]
            if missing:
                pending += missing
                continue
            pending.pop()
            if (now, by) not in self._memo:
                self._memo[now, by] = self._derivative(now, by)
        found = self._memo[node, by]
        return self.builder.number(0) if found is None else found

    def _derivative(self, number: int, by: int) -> int | None:
        b, node = self.builder, self.builder.node(number)
        if not node.args:
            return self._leaf(number, by) if node.op == "input" else None
        moved = [self._memo[a, by] for a in node.args]
        match node.op:
            case "neg":
                return None if moved[0] is None else b.neg(moved[0])
            case "add":
                return _sum(b, *moved)
            case "sub":
                return _sum(b, moved[0], None if moved[1] is None else b.neg(moved[1]))
            case "mul":
                left, right = node.args
                if left == right:
                    return _times(b, moved[0], b.mul(b.number(2), left))
                return _sum(b, _times(b, moved[0], right), _times(b, moved[1], left))
            case "div":
                return self._quotient(number, moved)
        total: int | None = None
        for position, tangent in enumerate(moved):
            derivative = None if tangent is None else partial(b, number, position)
            if tangent is not None and derivative is not None:
                total = _sum(b, total, self._scaled(tangent, *derivative))
        return total

    def _quotient(self, number: int, moved: list[int | None]) -> int | None:
        """d(a/b) = (da - (a/b) db)/b, without another division for 1/b."""
        b = self.builder
        given, below = b.node(number).args
        loss = _times(b, moved[1], number)
        if b.value(given) == 1:
            return None if loss is None else b.neg(b.mul(loss, number))
        above = _sum(b, moved[0], None if loss is None else b.neg(loss))
        return None if above is None else b.div(above, below)

    def _scaled(self, tangent: int, above: int, below: int) -> int:
        b = self.builder
        if self._once:
            return b.div(b.mul(tangent, above), below)
        return b.mul(tangent, b.div(above, below))  # the quotient serves all inputs


def jet_derivatives(builder: Builder) -> Leaf:
    """Return how inputs are differentiated when jets of unspecified functions are among them.

    The derivative of the input a, a function of t, by t is the input a_t, declared when it is first
    needed; that of f_x (arguments x, y) by y is f_x_y.

    Args:
        builder: the builder of the program.

    Returns:
        What `Forward` takes as `leaf`.

    Example:
        >>> b = Builder("f")
        >>> t = b.input("t", "coordinate", "points", 0)
        >>> a = b.input("a", "jet", jet=Jet("a", ("t",), (0,)))
        >>> derivative = Forward(b, jet_derivatives(b))
        >>> print(b.scalar("rate", derivative(b.mul(t, a), t)).finish())
        program f(points = [t], a, a_t)
          rate = a + a_t*t
    """

    def leaf(node: int, by: int) -> int | None:
        if node == by:
            return builder.number(1)
        one, other = (builder.inputs[int(str(builder.node(n).value))] for n in (node, by))
        if one.jet is None or other.name not in one.jet.arguments:
            return None
        place = one.jet.arguments.index(other.name)
        orders = tuple(order + (k == place) for k, order in enumerate(one.jet.orders))
        jet = Jet(one.jet.function, one.jet.arguments, orders)
        suffix = "".join(f"_{x}" * n for x, n in zip(jet.arguments, jet.orders, strict=True))
        return builder.input(jet.function + suffix, "jet", jet=jet)

    return leaf


def jvp(program: Program, wrt: str | Iterable[str] | None = None) -> Program:
    """Return the program of the derivative in a direction: tangent_k = sum_x d(slot k)/dx t_x.

    Jets are inputs like others: they do not depend on their arguments here.

    Args:
        program: the program.
        wrt: names of the inputs to differentiate by; None for all.

    Returns:
        A program with the inputs of the given one, then tangent_x for the differentiated inputs x,
        in order (kind vector, source "tangent"; numbered, "tangent_2_x", where such names are taken
        because the program is a derivative itself: then it is the last of `Program.sources`), and
        one output "tangent" of shape (number of slots,).

    Raises:
        LoweringError: a name is unknown, or a derivative cannot be written as a program.

    Example:
        >>> b = Builder("area")
        >>> r = b.input("r", "coordinate", "points", 0)
        >>> print(jvp(b.scalar("area", b.mul(b.constant("pi"), b.mul(r, r))).finish()))
        program area_jvp(points = [r], tangent = [tangent_r])
          tangent[0] = tangent_r*(2*r)*pi
    """
    inputs = chosen(program, wrt)
    builder = Builder(f"{program.name}_jvp", staged=program.staged)
    new = transcribe(builder, program)
    tangents = new_inputs(builder, program, "tangent", [program.inputs[i].name for i in inputs])
    seeds = {
        builder.input(one.name, one.kind, one.source, one.position, one.jet): tangents[k]
        for k, one in enumerate(program.inputs[i] for i in inputs)
    }
    forward = Forward(builder, lambda node, _: seeds.get(node))
    forward._once = True
    results: dict[Any, int] = {
        (k,): forward(new[node], -1) for k, node in enumerate(program.results)
    }
    return builder.output("tangent", (len(results),), results).finish()


def _sum(builder: Builder, left: int | None, right: int | None) -> int | None:
    if left is None or right is None:
        return right if left is None else left
    return builder.add(left, right)


def _times(builder: Builder, tangent: int | None, factor: int) -> int | None:
    return None if tangent is None else builder.mul(tangent, factor)
