"""Logarithms, unspecified functions with their jets, and special functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from geomkit.errors import FieldError
from geomkit.evaluate import evaluate

from .fraction import Element
from .generator import Generator
from .powers import Radical
from .recurrences import RECURRENCES, Recurrence

if TYPE_CHECKING:
    from .ball import Evaluation
    from .convert import Converter
    from .tower import Field

__all__ = ["Functions"]


@dataclass
class Jet:
    """An unspecified function of given arguments, with the derivatives adjoined so far."""

    function: Any
    arguments: tuple[Element, ...]
    expressions: tuple[sp.Expr, ...]
    names: dict[tuple[int, ...], str] = field(default_factory=dict)
    _slopes: dict[tuple[int, sp.Symbol], Element] = field(default_factory=dict)

    def slope(self, slot: int, symbol: sp.Symbol) -> Element:
        """Return the derivative of an argument by a symbol."""
        key = (slot, symbol)
        if key not in self._slopes:
            self._slopes[key] = self.arguments[slot].diff(symbol)
        return self._slopes[key]


class Functions:
    """Generators for logarithms, unspecified and special functions."""

    def __init__(self, owner: Field, converter: Converter) -> None:
        self.field = owner
        self._converter = converter
        self._jets: list[Jet] = []
        self._logarithms: list[tuple[Radical, str]] = []
        self._special: list[tuple[Any, tuple[Element, ...], str]] = []

    def _fresh(self) -> str:
        return f"g{len(self.field.generators)}"

    # Logarithms -------------------------------------------------------------------------------

    def log(self, argument: Element) -> Element:
        """Return the logarithm, sum k log|p| over the irreducible factors p^k."""
        result = self.field.zero
        for radical, k in self._converter.powers.logarithms(argument):
            result = result + self.logarithm(radical) * k
        return result

    def logarithm(self, radical: Radical) -> Element:
        """Return log|p|."""
        owner = self.field
        for known, name in self._logarithms:
            if known is radical:
                return owner.generator(name)
        base = self._converter.powers.base(radical)
        closed = self._closed_logarithm(base)
        if closed is not None:
            return closed
        magnitude = self._converter.powers.magnitude(radical)
        name = self._fresh()

        def derive(symbol: sp.Symbol) -> Element:
            return base.diff(symbol) / base

        def value(at: Evaluation) -> Any:
            return at.apply("log", self._converter.powers.size_at(at, radical))

        expr = sp.log(magnitude.to_sympy())
        owner.add_generators([Generator(name, "log", expr, derive, value)])
        self._logarithms.append((radical, name))
        return owner.generator(name)

    def _closed_logarithm(self, base: Element) -> Element | None:
        """Return u for the generator exp(u), and b log|p| for the generator |p|^b."""
        for name, generator in self.field.generators.items():
            if generator.kind in ("exp", "root", "power") and base == self.field.generator(name):
                if generator.kind == "exp":
                    return self._converter.exponentials.argument_of(name)
                radical, exponent = self._converter.powers.origins[name]
                return exponent * self.logarithm(radical)
        return None

    # Unspecified functions --------------------------------------------------------------------

    def applied(self, expr: AppliedUndef) -> Element:
        """Return f(arguments)."""
        jet = self._jet(expr)
        return self._component(jet, (0,) * len(jet.arguments))

    def derivative(self, expr: sp.Derivative) -> Element:
        """Return a derivative of an unspecified function by its own arguments."""
        inner = expr.expr
        if not isinstance(inner, AppliedUndef):
            return self._evaluated(expr)
        slots = list(inner.args)
        if any(slots.count(v) != 1 or not v.is_Symbol for v in expr.variables):
            return self._evaluated(expr)
        if any(a.has(v) for v in expr.variables for a in slots if a != v):
            return self._evaluated(expr)
        jet = self._jet(inner)
        return self._component(jet, tuple(expr.variables.count(a) for a in slots))

    def substitution(self, expr: sp.Subs) -> Element:
        """Return Subs(Derivative(f(xi), xi), xi, u): a derivative by a slot, at u."""
        inner = expr.expr
        if not (isinstance(inner, sp.Derivative) and isinstance(inner.expr, AppliedUndef)):
            return self._evaluated(expr)
        replace = dict(zip(expr.variables, expr.point, strict=True))
        slots = list(inner.expr.args)
        if any(slots.count(v) != 1 for v in inner.variables):
            return self._evaluated(expr)
        applied = inner.expr.func(*[a.xreplace(replace) for a in slots])
        jet = self._jet(applied)
        return self._component(jet, tuple(inner.variables.count(a) for a in slots))

    def _evaluated(self, expr: sp.Expr) -> Element:
        done = expr.doit()
        if done == expr:
            raise FieldError(expr, "a derivative that cannot be carried out")
        return self._converter.convert(done)

    def _jet(self, expr: AppliedUndef) -> Jet:
        arguments = tuple(self._converter.convert(a) for a in expr.args)
        for jet in self._jets:
            if jet.function == expr.func and all(
                a == b for a, b in zip(jet.arguments, arguments, strict=True)
            ):
                return jet
        jet = Jet(expr.func, arguments, tuple(expr.args))
        self._jets.append(jet)
        return jet

    def _component(self, jet: Jet, order: tuple[int, ...]) -> Element:
        if order not in jet.names:
            self._grow(sum(order))
        if order not in jet.names:
            self.field.add_generators([self._jet_generator(jet, order, self._fresh())])
        return self.field.generator(jet.names[order])

    def _grow(self, total: int) -> None:
        """Adjoin all derivatives of one order of all functions in use: one new ring for many."""
        fresh: list[Generator] = []
        for jet in self._jets:
            lower = [order for order in jet.names if sum(order) == total - 1]
            slots = range(len(jet.arguments))
            wanted = {tuple(k + (i == s) for i, k in enumerate(o)) for o in lower for s in slots}
            for order in sorted(wanted - set(jet.names)):
                name = f"g{len(self.field.generators) + len(fresh)}"
                fresh.append(self._jet_generator(jet, order, name))
        if fresh:
            self.field.add_generators(fresh)

    def _jet_generator(self, jet: Jet, order: tuple[int, ...], name: str) -> Generator:
        owner = self.field

        def derive(symbol: sp.Symbol) -> Element:
            result = owner.zero
            for slot in range(len(jet.arguments)):
                inner = jet.slope(slot, symbol)
                if not inner.is_zero:
                    higher = tuple(k + (i == slot) for i, k in enumerate(order))
                    result = result + self._component(jet, higher) * inner
            return result

        def form() -> sp.Expr:
            return _jet_expression(jet, order)

        def value(at: Evaluation) -> Any:
            return at.jet(owner.generators[name].expr, [at.element(a) for a in jet.arguments])

        jet.names[order] = name
        return Generator(name, "jet", form, derive, value)

    # Special functions ------------------------------------------------------------------------

    def special(self, expr: sp.Function) -> Element:
        """Return a special function; its derivative is SymPy's `fdiff`, converted on demand.

        Raises:
            FieldError: SymPy knows no derivative of it.
        """
        arguments = tuple(self._converter.convert(a) for a in expr.args)
        recurrence = RECURRENCES.get(expr.func.__name__)
        for function, known, name in self._special:
            if function != expr.func:
                continue
            if all(a == b for a, b in zip(known, arguments, strict=True)):
                return self.field.generator(name)
            if recurrence is not None:
                shifted = self._shifted(recurrence, known, arguments, expr)
                if shifted is not None:
                    return shifted
        return self._adjoin_special(expr, arguments, recurrence)

    def _shifted(
        self,
        recurrence: Recurrence,
        known: tuple[Element, ...],
        arguments: tuple[Element, ...],
        expr: sp.Function,
    ) -> Element | None:
        """Use a recurrence when one argument differs from a known one by an integer."""
        slot = recurrence.slot
        if any(a != b for i, (a, b) in enumerate(zip(known, arguments, strict=True)) if i != slot):
            return None
        shift = (arguments[slot] - known[slot]).as_rational()
        if shift is None or shift.denominator != 1 or abs(shift) > 64:
            return None
        rewritten = recurrence.reach(expr, int(shift))
        return None if rewritten is None else self._converter.convert(rewritten)

    def _adjoin_special(
        self, expr: sp.Function, arguments: tuple[Element, ...], recurrence: Recurrence | None
    ) -> Element:
        owner, name = self.field, self._fresh()

        def derive(symbol: sp.Symbol) -> Element:
            result = owner.zero
            for slot, argument in enumerate(arguments):
                inner = argument.diff(symbol)
                if not inner.is_zero:
                    result = result + self._slope(expr, slot, recurrence) * inner
            return result

        def value(at: Evaluation) -> Any:
            marks = [sp.Dummy(real=True) for _ in arguments]
            balls = {m: at.element(a) for m, a in zip(marks, arguments, strict=True)}
            return evaluate(expr.func(*marks, evaluate=False), balls, at.arithmetic)

        owner.add_generators([Generator(name, "special", expr, derive, value)])
        self._special.append((expr.func, arguments, name))
        return owner.generator(name)

    def opaque(self, expr: sp.Expr) -> Element:
        """Return an expression of which only the derivatives are known, such as a Piecewise.

        A normal form with such generators may miss relations, so it proves zeros but nothing else.
        """
        owner, name = self.field, self._fresh()

        def derive(symbol: sp.Symbol) -> Element:
            return self._converter.convert(expr.diff(symbol))

        def value(at: Evaluation) -> Any:
            values = {s: at.symbol(s) for s in expr.free_symbols}
            return evaluate(expr, values, at.arithmetic)

        owner.add_generators([Generator(name, "special", expr, derive, value)])
        return owner.generator(name)

    def _slope(self, expr: sp.Function, slot: int, recurrence: Recurrence | None) -> Element:
        if isinstance(expr, sp.atan2):
            y, x = expr.args
            return self._converter.convert((x if slot == 0 else -y) / (x**2 + y**2))
        rule: Callable[[sp.Function, int], sp.Expr | None] | None = (
            recurrence.derivative if recurrence else None
        )
        slope = rule(expr, slot) if rule else None
        if slope is None:
            try:
                slope = expr.fdiff(slot + 1)
            except Exception as error:  # SymPy raises ArgumentIndexError and others
                raise FieldError(expr, "its derivative is not known") from error
        if slope.has(sp.Derivative, sp.Subs):
            raise FieldError(expr, f"its derivative by argument {slot + 1} is not known")
        return self._converter.convert(slope)


def _jet_expression(jet: Jet, order: tuple[int, ...]) -> sp.Expr:
    """Return the SymPy form of a derivative: Derivative(...) or, at composite arguments, Subs."""
    plain = [
        a.is_Symbol and not any(b.has(a) for j, b in enumerate(jet.expressions) if j != i)
        for i, a in enumerate(jet.expressions)
    ]
    if not any(order):
        return jet.function(*jet.expressions)
    slots, variables, points = [], [], []
    for i, (argument, count) in enumerate(zip(jet.expressions, order, strict=True)):
        if count and not plain[i]:
            mark = sp.Symbol(f"xi_{i + 1}", real=True)
            variables.append(mark)
            points.append(argument)
            slots.append(mark)
        else:
            slots.append(argument)
    counts = [(slots[i], count) for i, count in enumerate(order) if count]
    derivative = sp.Derivative(jet.function(*slots), *counts)
    return sp.Subs(derivative, tuple(variables), tuple(points)) if variables else derivative
