"""`geomkit geodesic`: a geodesic of a metric, its conserved quantities, a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geomkit.cli.output import check_outputs, write_text
from geomkit.cli.target import claim_path, find_metric
from geomkit.errors import DomainError, EvaluationError, FileError, ParseError
from geomkit.terminal import complain, emit, printable

if TYPE_CHECKING:
    from geomkit.geodesic import Geodesics, Trajectory
    from geomkit.metric import Metric

__all__ = ["KINDS", "run"]

# What the velocity is made into, before it is used.
KINDS = ("as-given", "unit", "null", "timelike")


def run(
    target: str,
    start: str,
    velocity: str,
    *,
    length: str = "1",
    kind: str = "as-given",
    parameters: list[str] | None = None,
    events: list[str] | None = None,
    within_domain: bool = False,
    samples: int = 201,
    plot: Path | None = None,
    csv: Path | None = None,
    json: bool = False,
) -> int:
    """Integrate a geodesic and say what came out.

    Args:
        target: file or catalogue name.
        start: coordinates of the point, "0, 10, pi/2, 0" or "r=10, theta=pi/2": exact expressions
            in the parameters; what is not named is 0.
        velocity: components of dx/ds, likewise.
        length: range of the affine parameter.
        kind: "as-given"; "unit" scales the velocity to |g(v, v)| = 1; "null" and "timelike" solve
            for its time component (light; proper time as parameter).
        parameters: "M=1" ...; a parameter that is not given is 1, or in the middle of its box.
        events: expressions at whose zeros the curve stops, "r - 3*M" or "name: r - 3*M".
        within_domain: whether it stops at the boundary of the metric's domain.
        samples: number of equidistant samples.
        plot: picture to write: .png, .pdf, .svg; .html turns in a browser.
        csv: table of the samples to write.
        json: print JSON instead of text.

    Returns:
        The exit status: 1 when the integration stopped for another reason than asked for, or an
        invariant was not conserved; otherwise 0.
    """
    from geomkit.geodesic import Geodesics

    check_outputs({"--plot": plot, "--csv": csv}, [Path(claim_path(target))])
    _check_suffix(plot)
    metric = _concrete(find_metric(target))
    values = _parameters(metric, parameters or [])
    geodesics = Geodesics(metric, parameters=values)
    point = _components(metric, start, values, "--from")
    v = _velocity(geodesics, point, _components(metric, velocity, values, "--velocity"), kind)
    span = _number(metric, length, values, "--length")
    found = geodesics.geodesic(
        point,
        v,
        span,
        events=[_event(text) for text in events or []],
        samples=samples,
        within_domain=within_domain,
    )
    emit(found.to_json() if json else _text(found, values))
    if csv is not None:
        write_text(csv, found.to_csv())
    if plot is not None:
        _draw(geodesics, found, plot)
    return _verdict(found)


def _verdict(found: Trajectory) -> int:
    """Complain of what went wrong; return the exit status."""
    early = found.ending.value in ("singular", "steps")
    if early:
        complain(f"the curve ends early: {found.message}")
    if not found.conserved:
        lost = ", ".join(name for name, one in found.invariants.items() if not one.ok)
        complain(f"not conserved: {lost}; the end of the curve is not accurate")
    return int(early or not found.conserved)


def _text(found: Trajectory, values: dict[str, float]) -> str:
    lines = str(found).splitlines()
    if values:
        shown = ", ".join(f"{name} = {value:g}" for name, value in values.items())
        lines.insert(1, f"  with  {shown}")
    return "\n".join(map(printable, lines))


# Reading ----------------------------------------------------------------------------------------


def _parameters(metric: Metric, given: list[str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise ParseError(f"--parameter {text!r}: write NAME=VALUE, M=1 for instance")
        if name.strip() in values:
            raise ParseError(f"--parameter {name.strip()} was given twice")
        values[name.strip()] = _number(metric, value, values, f"--parameter {name.strip()}")
    for one in metric.parameters:
        name = one.symbol.name
        if one.value is None and name not in values:
            values[name] = _usual(metric, one.symbol, values)
    return values


def _concrete(metric: Metric) -> Metric:
    """The metric with the first examples in place of its unspecified functions."""
    if not metric.functions:
        return metric
    content = metric.to_dict()
    matrix = metric.concrete(metric.matrix)
    content["matrix"] = [[str(entry) for entry in matrix.row(i)] for i in range(metric.n)]
    for key in ("functions", "definitions", "line_element", "embedding"):
        content.pop(key, None)
    calls = [f"{f.name}({', '.join(map(str, f.arguments))})" for f in metric.functions]
    shown = ", ".join(f"{call} = {metric.concrete(metric.resolve(call))}" for call in calls)
    complain(f"with the examples of the metric's file for its functions: {shown}")
    return type(metric).from_dict(content)


def _usual(metric: Metric, symbol: Any, values: dict[str, float]) -> float:
    """1, or the middle of the box of a parameter if 1 is not in it."""
    box = next(box for box in metric.domain.boxes if box.symbol == symbol)
    low, high = (_number(metric, str(end), values, str(symbol)) for end in (box.lower, box.upper))
    inside = low < 1 < high or (box.integer and low <= 1 <= high)
    middle = round((low + high) / 2) if box.integer else (low + high) / 2
    return 1.0 if inside else float(middle)


def _components(metric: Metric, text: str, values: dict[str, float], where: str) -> list[float]:
    parts = _split(text)
    named = [part.partition("=") for part in parts]
    if all(separator for _, separator, _ in named):
        row, seen = [0.0] * metric.n, set()
        for name, _, value in named:
            plain = name.strip().removeprefix("v_")
            if plain in seen:
                raise ParseError(f"{where} {text!r}: {plain} was given twice")
            seen.add(plain)
            row[metric.index(plain)] = _number(metric, value, values, f"{where}, {plain}")
        return row
    if len(parts) != metric.n or any(separator for _, separator, _ in named):
        names = ", ".join(str(x) for x in metric.coordinates)
        raise ParseError(
            f"{where} {text!r}: give {metric.n} numbers, for {names}, or name=value for each"
        )
    return [_number(metric, part, values, where) for part in parts]


def _split(text: str) -> list[str]:
    """Split at the commas outside of parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _number(metric: Metric, text: str, values: dict[str, float], where: str) -> float:
    """The value of an expression in the parameters."""
    import numpy as np

    from geomkit.geodesic.expressions import Scalar

    known = {name: value for name, value in values.items() if name in metric.symbols}
    scalar = Scalar(metric, text.strip(), known, where)
    free = scalar.expression.free_symbols - {metric.symbols[name] for name in known}
    if free:
        names = ", ".join(sorted(map(str, free)))
        raise ParseError(f"{where}: {text.strip()} uses {names}; only parameters have values here")
    try:
        number = float(scalar(np.zeros(metric.n)))
    except EvaluationError as error:
        raise ParseError(f"{where}: {text.strip()}: {error}") from None
    except DomainError:
        number = math.nan
    if not math.isfinite(number):
        raise ParseError(f"{where}: {text.strip()} is no finite real number")
    return number


def _velocity(geodesics: Geodesics, point: list[float], velocity: list[float], kind: str) -> Any:
    if kind == "unit":
        return geodesics.unit(point, velocity)
    if kind == "null":
        return geodesics.light(point, velocity)
    if kind == "timelike":
        return geodesics.clock(point, velocity)
    if kind != "as-given":
        raise ParseError(f"--kind {kind!r}: there are {', '.join(KINDS)}")
    return velocity


def _event(text: str) -> Any:
    from geomkit.geodesic import Event

    name, separator, expression = text.partition(":")
    return Event(expression.strip(), name.strip()) if separator else Event(text.strip())


# Drawing ----------------------------------------------------------------------------------------


def _check_suffix(plot: Path | None) -> None:
    known = (".png", ".pdf", ".svg", ".html")
    if plot is not None and plot.suffix.lower() not in known:
        raise FileError(
            "the picture has no known suffix", file=str(plot), remedy=f"use {', '.join(known)}"
        )
    if plot is not None:  # before the work, not after it
        from geomkit.plot.figures import require

        require("plotly" if plot.suffix.lower() == ".html" else "matplotlib")


def _draw(geodesics: Geodesics, found: Trajectory, path: Path) -> None:
    from geomkit.plot import curves, in_space, orbits, save

    found = found.smooth()
    polar = {"r", "phi"} <= set(found.coordinates)
    spheres = _horizon(geodesics, found) if polar else {}
    if path.suffix.lower() == ".html":
        figure = in_space([found], spheres=spheres, title=found.metric)
    elif polar:
        figure = orbits([found], circles=spheres, title=found.metric)
    else:
        first, second = _two(found)
        figure = curves([found], first, second, equal=False, title=found.metric)
    save(figure, path)


def _two(found: Trajectory) -> tuple[str, str]:
    """The two coordinates that change most."""
    spans = {
        name: float(abs(found.column(name)[-1] - found.column(name)[0]))
        for name in found.coordinates
    }
    moving = sorted(found.coordinates, key=lambda name: -spans[name])[:2]
    names = sorted(moving, key=found.coordinates.index)
    return names[0], names[-1]


def _horizon(geodesics: Geodesics, found: Trajectory) -> dict[str, float]:
    """The largest radius below the start at which g^rr vanishes, if there is one."""
    import numpy as np
    from scipy.optimize import brentq

    from geomkit.geodesic import horizon_event
    from geomkit.geodesic.expressions import Scalar

    metric, start = geodesics.metric, found.points[0]
    k = metric.index("r")
    function = Scalar(metric, horizon_event(metric, margin=0).expression, geodesics.numbers)

    def at(r: float) -> float:
        point = start.copy()
        point[k] = r
        return float(function(point))

    grid = np.linspace(1e-3, 1, 400) * abs(float(start[k]))
    with np.errstate(all="ignore"):
        values = np.array([at(r) for r in grid])
    changes = np.flatnonzero((values[:-1] < 0) & (values[1:] > 0))
    if not len(changes):
        return {}
    last = changes[-1]
    return {"horizon": float(brentq(at, grid[last], grid[last + 1]))}
