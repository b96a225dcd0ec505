"""Random maps for Hypothesis: changes of coordinates, and surfaces in Euclidean space.

Text, as in `tests.strategies`, and with the same promise: what is drawn is a diffeomorphism onto
its image, or an immersion, by construction.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.strategies import COORDINATES, Draw, polynomials, smooth

NEW_COORDINATES = ("p", "q", "r", "s")


# -- coordinate changes ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Change:
    """Old coordinates as functions of new ones: injective on all of R^n, Jacobian never zero."""

    coordinates: tuple[str, ...]
    map: tuple[str, ...]


_MONOTONE = ["{p}", "2*{p}", "-{p}", "exp({p})", "sinh({p})", "{p} + {p}**3", "2*{p} + sin({p})"]


@st.composite
def triangular_changes(draw: Draw, n: int, *, separate: bool = False) -> Change:
    """x_i = monotone(p_i) + polynomial(p_(i+1), ...): the Jacobian is triangular.

    `separate` leaves the polynomials out: each old coordinate depends on one new one.
    """
    new = NEW_COORDINATES[:n]
    maps = []
    for i, name in enumerate(new):
        text = str(draw(st.sampled_from(_MONOTONE))).format(p=name)
        if not separate and new[i + 1 :] and draw(st.booleans()):
            text += f" + {draw(polynomials(new[i + 1 :]))}"
        maps.append(text)
    return Change(new, tuple(draw(st.permutations(maps))))


@st.composite
def linear_changes(draw: Draw, n: int) -> Change:
    """x = U L p with unit triangular integer factors: determinant 1."""
    new = NEW_COORDINATES[:n]
    above = [draw(st.integers(-2, 2)) for _ in range(n)]
    below = [draw(st.integers(-1, 1)) for _ in range(n)]
    middle = [f"({p} + {below[i]}*{new[i - 1]})" if i else p for i, p in enumerate(new)]
    last = n - 1
    maps = [f"{m} + {above[i]}*{middle[last]}" if i < last else m for i, m in enumerate(middle)]
    return Change(new, tuple(maps))


def coordinate_changes(n: int) -> st.SearchStrategy[Change]:
    """Linear, triangular polynomial, exponential and trigonometric changes of n coordinates.

    From n = 3 on the latter are separate: the curvature of a diagonal metric in coordinates that
    are all mixed by cubic polynomials has half a million terms.
    """
    return st.one_of(triangular_changes(n, separate=n >= 3), linear_changes(n))


# -- surfaces and hypersurfaces -------------------------------------------------------------------
@dataclass(frozen=True)
class Immersion:
    """Components of a map into R^(n+1) that is an immersion everywhere."""

    coordinates: tuple[str, ...]
    map: tuple[str, ...]
    functions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Dimension of the submanifold."""
        return len(self.coordinates)


@st.composite
def monge_patches(draw: Draw, n: int = 2) -> Immersion:
    """(x, y, h(x, y)), sheared by a polynomial so that it is not always a graph over a plane."""
    names = COORDINATES[:n]
    height = draw(smooth(names))
    first = names[0]
    if draw(st.booleans()):
        first += f" + {draw(polynomials(names[1:]))}"
    return Immersion(names, (first, *names[1:], height))


@st.composite
def surfaces_of_revolution(draw: Draw) -> Immersion:
    """(rho(x) cos y, rho(x) sin y, zeta(x) + c y) with rho > 0 and zeta' > 0: helicoidal for c."""
    radius = draw(st.sampled_from(["2 + cos(x)", "cosh(x)", "exp(x)", "1 + x**2", "f(x)"]))
    height = draw(st.sampled_from(["x", "sinh(x)", "x + x**3", "2*x + sin(x)"]))
    pitch = draw(st.sampled_from(["", " + y", " + 2*y"])) if radius != "f(x)" else ""
    functions = {"f(x)": ["2 + x/4", "exp(x/3)"]} if radius == "f(x)" else {}
    return Immersion(
        ("x", "y"), (f"({radius})*cos(y)", f"({radius})*sin(y)", height + pitch), functions
    )


def surfaces() -> st.SearchStrategy[Immersion]:
    """Random immersed surfaces of R^3."""
    general = st.just(Immersion(("x", "y"), ("x", "y", "h(x, y)"), {"h(x, y)": ["x*y", "x**2"]}))
    return st.one_of(monge_patches(), surfaces_of_revolution(), general)
