"""Random metrics and tensor fields for Hypothesis (maps and surfaces: `tests.map_strategies`).

Everything is drawn as text, in the syntax users write, so that a falsifying example can be pasted
into a claim file, and so that the parser is on the tested path. Each strategy guarantees by
construction what its name says (see `Spec`): no example is thrown away.

Metrics are regular on all of R^n (or on the box they declare), whatever the parameters:

- `diagonal`: positive functions on the diagonal, signs as wanted;
- `sheared`: L^T D L with L unit upper triangular and D diagonal, det g = det D; any entries in L;
- `dominant`: diagonal >= 2, row sums of the rest < 1, so that det g is irreducible in general;
- `unspecified`: functions of one or two coordinates that nobody knows, E, F, G(u, v) included;
- `warped`: static, spherically symmetric or expanding, with nu(r), a(t), r^2 and sin(theta)^2;
- `exotic`: functions of functions of all kinds, exp(sin(x + y)), besselj(0, x*y), (2 + x^2)^p.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from geomkit.metric import Metric

#: Four times as many examples as the profile says: random metrics take milliseconds.
MANY = settings(max_examples=4 * settings().max_examples)

Draw = Callable[[st.SearchStrategy[Any]], Any]

COORDINATES = ("x", "y", "z", "w")


@dataclass(frozen=True)
class Spec:
    """A metric as text: what `Metric` takes, and what a falsifying example shows."""

    coordinates: tuple[str, ...]
    matrix: tuple[tuple[str, ...], ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)
    domain: dict[str, list[str]] = field(default_factory=dict)

    def build(self) -> Metric:
        """The metric itself."""
        return Metric(
            coordinates=list(self.coordinates),
            matrix=[list(row) for row in self.matrix],
            parameters=dict(self.parameters),
            functions=dict(self.functions),
            domain=dict(self.domain),
        )


# -- scalar functions as text ---------------------------------------------------------------------
def small_integers() -> st.SearchStrategy[int]:
    """Coefficients: not zero, of at most one digit."""
    return st.sampled_from([1, 2, 3, -1, -2])


@st.composite
def polynomials(draw: Draw, names: tuple[str, ...]) -> str:
    """Sum of at most two monomials of degree at most two."""
    terms = []
    for _ in range(draw(st.integers(1, 2))):
        factors = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))
        terms.append("*".join([str(draw(small_integers())), *factors]))
    return " + ".join(f"({term})" for term in terms)


@st.composite
def smooth(draw: Draw, names: tuple[str, ...]) -> str:
    """Any function that is smooth on all of R^n: polynomials, sin, cos, exp, roots."""
    inner = draw(polynomials(names))
    shape = draw(st.sampled_from(["{}", "sin({})", "cos({})", "exp({})", "sinh({})", "({})**2"]))
    return str(shape).format(inner) if draw(st.booleans()) else inner


#: Positive on R whatever {x} and {a} > 0 are; {p} is a real parameter.
_POSITIVE = {
    "polynomial": ["1 + {x}**2", "{a} + {x}**2", "1 + {x}**2*{y}**2", "(1 + {x}**2 + {y}**2)**2"],
    "exponential": [
        "exp({x})",
        "{a}*exp(2*{x})",
        "exp({x}*{y})",
        "1 + exp({x})",
        "exp(-2*{a}*{x})",
    ],
    "trigonometric": ["2 + sin({x})", "(2 + cos({x}))**2", "1 + {a}*sin({x})**2", "3 + tanh({x})"],
    "hyperbolic": ["cosh({x})**2", "cosh({x} + {y})", "1 + {a}**2*sinh({x})**2"],
    "algebraic": ["sqrt(1 + {x}**2)", "(1 + {x}**2)**(2/3)", "1/(1 + {x}**2 + {y}**2)"],
    "logarithmic": ["1 + log(1 + {x}**2)**2", "log(2 + {x}**2)", "1 + atan({x})**2"],
    "constant": ["1", "{a}", "{a}**2", "2"],
}
_NOT_CONSTANT = tuple(family for family in _POSITIVE if family != "constant")
#: Positive where {x} > 0 only: the chart declares the box.
_POSITIVE_ON_HALF_LINE = ["{x}**2", "1/{x}", "{x}**(2*{p})", "sqrt({x})", "{x}**(4/3)", "{x} + {a}"]


@st.composite
def positive(draw: Draw, names: tuple[str, ...], families: tuple[str, ...] = ()) -> str:
    """A function that is positive on all of R^n for a > 0."""
    family = draw(st.sampled_from(families or tuple(_POSITIVE)))
    template = draw(st.sampled_from(_POSITIVE[family]))
    x, y = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    return str(template.format(x=x, y=y, a="a"))


@st.composite
def bounded(draw: Draw, names: tuple[str, ...]) -> str:
    """A function between -1/4 and 1/4 where all |x| <= 1."""
    template = draw(
        st.sampled_from(
            ["0", "1/4", "{x}/4", "{x}*{y}/4", "sin({x})/4", "cos({x}*{y})/4", "-{x}**2/4"]
        )
    )
    return str(template.format(x=draw(st.sampled_from(names)), y=draw(st.sampled_from(names))))


# -- metrics --------------------------------------------------------------------------------------
PARAMETERS = {"a": {"range": ["1/2", "2"]}, "p": {"range": ["1/2", "2"]}}


def _with_used_parameters(spec: Spec) -> Spec:
    """Declare the parameters that occur: an unused one is reported as a mistake."""
    text = " ".join(entry for row in spec.matrix for entry in row)
    used = {name: box for name, box in PARAMETERS.items() if _mentions(text, name)}
    return Spec(spec.coordinates, spec.matrix, used, spec.functions, spec.domain)


def _mentions(text: str, name: str) -> bool:
    cleaned = "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text)
    return name in cleaned.split()


def _diagonal(entries: list[str]) -> tuple[tuple[str, ...], ...]:
    n = len(entries)
    return tuple(tuple(entries[i] if i == j else "0" for j in range(n)) for i in range(n))


def _weights(
    draw: Draw, names: tuple[str, ...], families: tuple[str, ...] = _NOT_CONSTANT
) -> list[str]:
    """One positive function for each name; not all constant, since `Metric` warns of that."""
    first = draw(positive(names, families))
    weights = [first, *(draw(positive(names, (*families, "constant"))) for _ in names[1:])]
    return list(draw(st.permutations(weights)))


def _signed(draw: Draw, entries: list[str]) -> list[str]:
    """Riemannian or, with a minus on the first entry, Lorentzian."""
    if draw(st.booleans()):
        return [f"-({entries[0]})", *entries[1:]]
    return entries


@st.composite
def diagonal(draw: Draw, dimensions: tuple[int, ...] = (1, 2, 3, 4)) -> Spec:
    """Diagonal metrics, regular on R^n or on a box x > 0 for their first coordinate."""
    n = draw(st.sampled_from(dimensions))
    names = COORDINATES[:n]
    entries = _weights(draw, names)
    domain = {}
    if draw(st.booleans()):
        template = draw(st.sampled_from(_POSITIVE_ON_HALF_LINE))
        entries[-1] = str(template.format(x="x", a="a", p="p"))
        domain = {"x": ["1/4", "2"]}
    return _with_used_parameters(Spec(names, _diagonal(_signed(draw, entries)), domain=domain))


@st.composite
def sheared(draw: Draw, dimensions: tuple[int, ...] = (2, 3, 4), shears: int = 2) -> Spec:
    """g = L^T D L, regular on R^n with det g = det D, with at most `shears` entries in L."""
    n = draw(st.sampled_from(dimensions))
    names = COORDINATES[:n]
    weights = _signed(draw, _weights(draw, names))
    places = [(i, j) for i in range(n) for j in range(i + 1, n)]
    chosen = draw(st.lists(st.sampled_from(places), min_size=1, max_size=shears, unique=True))
    lower = {place: draw(smooth(names)) for place in chosen}
    matrix = tuple(tuple(_sheared_entry(weights, lower, j, k) for k in range(n)) for j in range(n))
    return _with_used_parameters(Spec(names, matrix))


def _sheared_entry(weights: list[str], lower: dict[tuple[int, int], str], j: int, k: int) -> str:
    """sum_i D_i L_ij L_ik as text, L_ii = 1."""
    terms = []
    for i, weight in enumerate(weights):
        left, right = ("1" if i == m else lower.get((i, m)) for m in (j, k))
        if left is not None and right is not None:
            terms.append(f"({weight})*({left})*({right})")
    return " + ".join(terms) or "0"


@st.composite
def dominant(draw: Draw, dimensions: tuple[int, ...] = (2, 3)) -> Spec:
    """Full matrices, diagonally dominant for |x| <= 1; Lorentzian when the first sign is turned.

    With g_00 < 0 and the other block positive definite, det g < 0: regular as well.
    """
    n = draw(st.sampled_from(dimensions))
    names = COORDINATES[:n]
    diagonal_entries = ["2 + {x}**2", "3", "2 + exp({x})", "3 + sin({x})", "2 + {x}**2*{y}**2"]
    x, y = st.sampled_from(names), st.sampled_from(names)
    entries = [
        str(draw(st.sampled_from(diagonal_entries)).format(x=draw(x), y=draw(y))) for _ in names
    ]
    entries = _signed(draw, entries)
    off = {(i, j): draw(bounded(names)) for i in range(n) for j in range(i + 1, n)}
    matrix = tuple(
        tuple(entries[i] if i == j else off[min(i, j), max(i, j)] for j in range(n))
        for i in range(n)
    )
    domain = {name: ["-1", "1"] for name in names}
    return _with_used_parameters(Spec(names, matrix, domain=domain))


_FUNCTIONS = {"f(x)": ["1 + x**2/3", "exp(x/2)"], "h(x, y)": ["2 + x*y/5", "exp(x - y/2)"]}
_UNSPECIFIED = [
    "f(x)**2",
    "exp(2*f(x))",
    "exp(h(x, y))",
    "h(x, y)**2",
    "1 + f(x)**2",
    "exp(f(x))*(1 + y**2)",
]


@st.composite
def unspecified(draw: Draw, dimensions: tuple[int, ...] = (2, 3, 4)) -> Spec:
    """Diagonal or once sheared metrics with unknown f(x) and h(x, y)."""
    n = draw(st.sampled_from(dimensions))
    names = COORDINATES[:n]
    entries = [draw(st.sampled_from(_UNSPECIFIED))]
    entries += [draw(st.sampled_from([*_UNSPECIFIED, "1", "a", "1 + y**2"])) for _ in range(n - 1)]
    entries = _signed(draw, draw(st.permutations(entries)))
    lower = {}
    if n < 4 and draw(st.booleans()):
        lower[0, n - 1] = draw(st.sampled_from(["f(x)", "h(x, y)", "x*y", "diff(f(x), x)"]))
    matrix = tuple(tuple(_sheared_entry(entries, lower, j, k) for k in range(n)) for j in range(n))
    text = " ".join(entry for row in matrix for entry in row)
    used = {name: list(ex) for name, ex in _FUNCTIONS.items() if _mentions(text, name[0])}
    return _with_used_parameters(Spec(names, matrix, functions=used))


@st.composite
def warped(draw: Draw) -> Spec:
    """The four-dimensional ansaetze of relativity, with or without unspecified functions."""
    lapse = draw(st.sampled_from(["-exp(2*n(r))", "-(1 - 2*a/r)", "-f(r)", "-1", "-(1 + r**2)"]))
    radial = draw(st.sampled_from(["exp(2*l(r))", "1/(1 - 2*a/r)", "1/f(r)", "1/(1 + r**2)", "1"]))
    scale = draw(st.sampled_from(["1", "exp(t)", "b(t)**2", "cosh(t)**2", "t**(2*p)"]))
    sphere = draw(
        st.sampled_from(
            [
                ("r**2", "r**2*sin(v)**2"),
                ("r**2 + a**2", "cos(v)**2"),
                ("exp(2*r)", "exp(2*r)"),
                ("sinh(r)**2", "sinh(r)**2*v**2"),
            ]
        )
    )
    entries = [lapse, *(f"({scale})*({part})" for part in (radial, *sphere))]
    candidates = {
        "n(r)": ["1/r", "r/5"],
        "l(r)": ["r/7", "1/r"],
        "f(r)": ["1 + r**2", "2 - 1/r"],
        "b(t)": ["1 + t**2", "exp(t/2)"],
    }
    text = " ".join(entries)
    used = {name: values for name, values in candidates.items() if _mentions(text, name[0])}
    domain = {"t": ["1/2", "2"], "r": ["5", "8"], "v": ["1/2", "1"]}
    spec = Spec(("t", "r", "v", "u"), _diagonal(entries), functions=used, domain=domain)
    return _with_used_parameters(spec)


#: Smooth on R; {e} is any expression. What their derivatives need differs from one to the other.
_NESTING = [
    *("sin({e})", "cos({e})", "exp({e})", "sinh({e})", "cosh({e})", "tanh({e})", "atan({e})"),
    *("asinh({e})", "erf({e})", "sec({e}/9)", "besselj(0, {e})", "besselj(1, {e})"),
    *("log(2 + ({e})**2)", "sqrt(1 + ({e})**2)", "(1 + ({e})**2)**(2/3)", "(2 + ({e})**2)**p"),
    *("LambertW(1 + ({e})**2)", "1/(1 + ({e})**2)", "loggamma(2 + ({e})**2)", "2**({e})"),
    *("exp(-({e})**2)", "tan({e}/9)", "digamma(3 + sin({e}))", "a**({e})", "asin(sin({e})/2)"),
]
_ARGUMENTS = ["{x}", "2*{x}", "{x}/2", "{x} + {y}", "{x} - 2*{y}", "{x}*{y}", "{x}**2", "a*{x}"]


@st.composite
def nested(draw: Draw, names: tuple[str, ...]) -> str:
    """Functions of functions: exp(sin(x + y)), (2 + log(2 + x^2)^2)^p, besselj(0, x y) ..."""
    pick = st.sampled_from(names)
    text = str(draw(st.sampled_from(_ARGUMENTS))).format(x=draw(pick), y=draw(pick))
    for _ in range(draw(st.integers(1, 2))):
        text = str(draw(st.sampled_from(_NESTING))).format(e=text)
    return text


@st.composite
def exotic(draw: Draw, dimensions: tuple[int, ...] = (2, 3)) -> Spec:
    """One nested function or two in a diagonal or once sheared metric, on the box |x| <= 1/2."""
    n = draw(st.sampled_from(dimensions))
    names = COORDINATES[:n]
    inner = draw(nested(names))
    shapes = [f"1 + ({inner})**2", f"exp({inner})", f"2 + tanh({inner})", f"a**2 + ({inner})**2"]
    weights = [draw(st.sampled_from(shapes)), *("1", "1 + x**2", "cosh(y)")[: n - 1]]
    lower = {}
    if draw(st.booleans()):
        lower[0, n - 1] = draw(st.one_of(nested(names), st.just(inner), polynomials(names)))
    matrix = tuple(tuple(_sheared_entry(weights, lower, j, k) for k in range(n)) for j in range(n))
    domain = {name: ["-1/2", "1/2"] for name in names}
    return _with_used_parameters(Spec(names, matrix, domain=domain))


def metrics() -> st.SearchStrategy[Spec]:
    """Any of the families, in dimensions 1 to 4."""
    return st.one_of(diagonal(), sheared(), dominant(), unspecified(), warped(), exotic())


@st.composite
def entire_diagonal(draw: Draw, dimensions: tuple[int, ...] = (2, 3)) -> Spec:
    """Diagonal metrics that are regular on all of R^n: what a coordinate change may be applied to.

    From n = 3 on without denominators such as 1 + x^2 + y^2: a change of coordinates that mixes
    three of them makes a Kretschmann scalar of a quarter of a million terms.
    """
    n = draw(st.sampled_from(dimensions))
    names = COORDINATES[:n]
    families = _NOT_CONSTANT if n < 3 else ("exponential", "trigonometric", "hyperbolic")
    weights = _weights(draw, names, families)
    return _with_used_parameters(Spec(names, _diagonal(_signed(draw, weights))))


def entire_metrics(dimensions: tuple[int, ...] = (2, 3)) -> st.SearchStrategy[Spec]:
    """Diagonal ones, or sheared ones of dimension 2, regular on all of R^n."""
    return st.one_of(entire_diagonal(dimensions), sheared((2,), shears=1))


# -- tensor fields --------------------------------------------------------------------------------
def vector_fields(names: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """Components of a smooth vector field or covector field."""
    return st.lists(smooth(names), min_size=len(names), max_size=len(names))


@st.composite
def symmetric_tensors(draw: Draw, names: tuple[str, ...]) -> list[list[str]]:
    """Components of a smooth symmetric tensor of rank two, not required to be regular."""
    n = len(names)
    upper = {(i, j): draw(smooth(names)) for i in range(n) for j in range(i, n)}
    return [[upper[min(i, j), max(i, j)] for j in range(n)] for i in range(n)]
