"""What the checks of one file share: the metric, its sample points, its curvature and its field."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from geomkit.chart import Chart
from geomkit.curvature import Curvature
from geomkit.errors import FieldError, FileError, GeomkitError
from geomkit.expressions import parse_latex, to_text
from geomkit.field import Budget, Element, Field

from .compare import Identity, Sampler
from .critical import Switch, roots, switches
from .decide import Outcome, decide
from .report import Verdict
from .sampling import MetricSampler
from .signs import keeps_sign

if TYPE_CHECKING:
    from geomkit.files import Claim
    from geomkit.metric import Metric

    from .worker import Options

__all__ = ["Context"]


class Context:
    """A metric under examination.

    Args:
        metric: the metric.
        options: how to check.
        file: name of the file, for messages.
    """

    def __init__(self, metric: Metric, options: Options, file: str = "") -> None:
        self.metric = metric
        self.options = options
        self.file = file
        self.n: int = metric.n
        self.coordinates: tuple[sympy.Symbol, ...] = metric.coordinates
        self.budget = Budget(options.budget)
        self.sampler = MetricSampler(metric, options.seed)
        self.kept: dict[Any, Any] = {}
        self.constant: dict[str, Any] = {}
        self.watched: tuple[sympy.Expr, ...] = ()
        self.announce: Callable[[Outcome], None] | None = None
        self._current: Curvature | None = None

    def restart_budget(self) -> None:
        """Give the next claim its full time; all elements share this one budget object."""
        self.budget.started = time.monotonic()

    @cached_property
    def _plain(self) -> Curvature:
        return Curvature(Chart.of(self.metric, budget=self.budget))

    @property
    def curvature(self) -> Curvature:
        """The curvature of the metric, in a field that holds the expressions of the claim too."""
        if self._current is None:
            self._current = self._plain
        return self._current

    def accommodate(self, expressions: Sequence[sympy.Expr]) -> None:
        """Choose a field that holds further expressions, for the claim at hand.

        The field of the metric alone gives the simplest answers, and serves nearly all claims. An
        expression that fits no field is left to the conversion, which says so.

        Args:
            expressions: what the claim brings along.
        """
        self.kept.clear()
        self.watched = tuple(expressions)
        self._current = None
        try:
            self._current = self._plain
            if self._assumes(expressions) or not self._plain.chart.holds(expressions):
                chart = Chart.of(self.metric, expressions=expressions, budget=self.budget)
                self._current = Curvature(chart)
        except FieldError:
            return

    def _assumes(self, expressions: Sequence[sympy.Expr]) -> bool:
        """Whether the field would take a sign for granted that the domain leaves open.

        A root is taken to be real, which makes its radicand positive for good. What a claim makes
        the field believe must not help the next claim.

        Args:
            expressions: what a claim brings along.

        Returns:
            True unless all radicands and arguments of logarithms keep their sign.
        """
        radicands = {radicand for e in expressions for radicand in roots(e)}
        radicands |= {log.args[0] for e in expressions for log in e.atoms(sympy.log)}
        domain = self.metric.domain
        return any(not r.has(AppliedUndef) and not keeps_sign(r, domain) for r in radicands)

    @property
    def field(self) -> Field:
        """The differential field that the curvature lives in."""
        return self.curvature.chart.field

    def element(self, expression: sympy.Expr) -> Element:
        """An expression in the metric's symbols as a field element.

        Args:
            expression: a resolved expression.

        Returns:
            Its normal form.
        """
        return self.field(expression)

    # Deciding ---------------------------------------------------------------------------------

    def decide(
        self,
        identities: Sequence[Identity],
        sampler: Sampler | None = None,
        *,
        final: bool = True,
        switching: Sequence[Switch] | None = None,
    ) -> Outcome:
        """Decide whether all identities hold, and announce it if not.

        Args:
            identities: the equations.
            sampler: where the points come from; by default regular points of the metric.
            final: whether `fails` here means that the claim fails.
            switching: where they change sign both sides are looked at; by default what the metric
                and the claim contain.

        Returns:
            The outcome.
        """
        points: Sampler = sampler or self.sampler
        if switching is None:
            switching = switches([*self.metric.matrix, *self.watched])
        folds = points.folds(switching) if switching else []
        samples = [points.at(point) for fold in folds for point in fold.samples]
        critical = [sample for sample in samples if sample is not None]
        fallback = self.options.fallback
        outcome = decide(points, identities, fallback=fallback, critical=critical)
        if final and outcome.verdict is Verdict.FAILS and self.announce is not None:
            # what holds instead may take long: the verdict should not be lost over it
            sample = outcome.mismatches[0].to_json(component=len(identities) > 1)
            self.announce(replace(outcome, counterexample=sample))
        return outcome

    # Reading claims ---------------------------------------------------------------------------

    def error(self, claim: Claim, message: str, *, key: str = "", remedy: str = "") -> FileError:
        """An error that names the claim at fault.

        Args:
            claim: the claim.
            message: what was wrong.
            key: key of the claim at fault.
            remedy: what to do.

        Returns:
            The error, to be raised.
        """
        where = f"claims[{claim.index}] ({claim.kind})" + (f".{key}" if key else "")
        return FileError(message, file=self.file, key=where, remedy=remedy)

    def expression(
        self,
        claim: Claim,
        given: Any,
        key: str,
        extra: Mapping[str, sympy.Symbol] | None = None,
        *,
        infinite: bool = False,
    ) -> sympy.Expr:
        """An entry of a claim as an expression in the metric's symbols.

        Args:
            claim: the claim.
            given: text or exact number.
            key: where it stands in the claim.
            extra: further names that may be used: a curve parameter, the second point ...
            infinite: whether oo is allowed.

        Returns:
            The expression, definitions and derived parameters put in.

        Raises:
            FileError: it cannot be read.
        """
        if given is None:
            raise self.error(claim, "is missing", key=key, remedy=f'write {key} = "..."')
        names = {**self.metric.names, **(extra or {})}
        try:
            # texts under `latex` are LaTeX even without a backslash
            read = parse_latex(given, names) if key == "latex" else given
            expression = self.metric.resolve(read, where=key, extra=extra)
        except GeomkitError as error:
            raise self.error(claim, str(error).removeprefix(f"{key}: "), key=key) from error
        if expression.has(sympy.Derivative):
            expression = expression.doit()
        bad = (sympy.zoo, sympy.nan, *(() if infinite else (sympy.oo, -sympy.oo)))
        if expression.has(*bad):
            message = f"{given!r} is not a finite expression: it evaluates to {expression}"
            raise self.error(claim, message, key=key, remedy="correct the expression")
        return expression

    def value(self, claim: Claim) -> sympy.Expr:
        """The value of a claim, given as `value` or as `latex`.

        Args:
            claim: the claim.

        Returns:
            The expression.
        """
        key = "latex" if "latex" in claim.keys else "value"
        if key not in claim.keys:
            raise self.error(claim, "no value is given", key=key, remedy='write value = "..."')
        return self.expression(claim, claim.keys[key], key)

    def vector(self, claim: Claim, given: Any, key: str) -> tuple[sympy.Expr, ...]:
        """A list of n expressions.

        Args:
            claim: the claim.
            given: the list.
            key: where it stands in the claim.

        Returns:
            The expressions.

        Raises:
            FileError: it has not n entries.
        """
        if not isinstance(given, (list, tuple)) or len(given) != self.n:
            names = ", ".join(map(str, self.coordinates))
            found = f"{len(given)} entries" if isinstance(given, (list, tuple)) else repr(given)
            remedy = f"give a list of {self.n} expressions, one for each of {names}"
            raise self.error(claim, f"found {found}", key=key, remedy=remedy)
        return tuple(self.expression(claim, e, f"{key}[{i}]") for i, e in enumerate(given))

    # Writing answers --------------------------------------------------------------------------

    def text(self, element: Element | sympy.Expr, limit: int = 3000) -> str | None:
        """An expression as text, or None if it is too long to help anybody.

        Args:
            element: a field element or an expression.
            limit: number of terms beyond which nothing is converted.

        Returns:
            The text in SymPy syntax.
        """
        if isinstance(element, Element):
            if element.term_count > limit:
                return None
            own = element.field is self.field
            element = element.to_sympy(self._definitions() if own else None)
        return to_text(element)

    def _definitions(self) -> dict[sympy.Symbol, Element] | None:
        """The abbreviations of the metric as elements: answers are shown with them."""
        key = "definitions"
        if key not in self.kept:
            found = {}
            for definition in self.metric.definitions:
                try:
                    found[definition.symbol] = self.field(definition.value)
                except FieldError:
                    continue
            self.kept[key] = found
        return self.kept[key] or None

    def depends_on_point(self, expression: sympy.Expr) -> bool:
        """Whether coordinates or unspecified functions occur in an expression."""
        symbols = expression.free_symbols & set(self.coordinates)
        return bool(symbols) or expression.has(AppliedUndef)
