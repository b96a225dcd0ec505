"""Where natural gradients point: R24 and R44."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import ndm
from benchmarks.learning.descent import adam, natural
from benchmarks.learning.problems import digits, model, table
from ndm.kfac import KroneckerFactors

TITLE = "Directions"
SEEDS, STEPS = range(3), 6
DELTA = 1e-3  # damping
LENGTH = 1e-2  # of a step, in the metric G
DRAWS = (1, 16)


def at(net: ndm.NDM, x: Tensor, y: Tensor) -> dict[str, float]:
    """Directions at one place: cosines, and what the loss loses per unit of G-length."""
    G = ndm.GeneralisedFisher(net, x, damping=DELTA)
    loss = nn.functional.cross_entropy(net(x), y)
    slopes = torch.autograd.grad(loss, G.parameters)
    gradient = torch.cat([s.flatten() for s in slopes])
    matrix = G.dense()
    exact = torch.linalg.solve(matrix, gradient)
    ways = {"natural": exact, "plain": gradient}
    for draws in DRAWS:
        torch.manual_seed(0)
        ways[f"kfac {draws}"] = KroneckerFactors(net, x, draws=draws).solve(gradient, DELTA)
    found = {}
    for name, way in ways.items():
        if name != "natural":
            found[f"cosine {name}"] = float(torch.cosine_similarity(exact, way, 0))
            inner = torch.dot(exact, matrix @ way) / (_size(exact, matrix) * _size(way, matrix))
            found[f"G-cosine {name}"] = float(inner)
        found[f"decrease {name}"] = _decrease(net, G, way, matrix, x, y)
    return found


def _size(way: Tensor, matrix: Tensor) -> Tensor:
    return torch.dot(way, matrix @ way).sqrt()


def _decrease(
    net: ndm.NDM, G: ndm.GeneralisedFisher, way: Tensor, matrix: Tensor, x: Tensor, y: Tensor
) -> float:
    """(loss - loss after a step of G-length LENGTH) / LENGTH."""
    parts = G.split(way * (LENGTH / _size(way, matrix)))
    with torch.no_grad():
        before = nn.functional.cross_entropy(net(x), y)
        for p, part in zip(G.parameters, parts, strict=True):
            p.sub_(part)
        after = nn.functional.cross_entropy(net(x), y)
        for p, part in zip(G.parameters, parts, strict=True):
            p.add_(part)
    return float(before - after) / LENGTH


def measure() -> dict[str, Any]:
    """On the paths of both optimisers."""
    x, y = digits()
    paths: dict[str, list[list[dict[str, float]]]] = {}
    # Adam takes four times as many steps, and is looked at after every fourth
    for name, make, every in (("natural", natural(), 1), ("Adam", adam(0.1), 4)):
        paths[name] = []
        for seed in SEEDS:
            net = model(8, "full", seed=seed).double()
            optimiser = make(net)

            def closure(net: ndm.NDM = net, o: torch.optim.Optimizer = optimiser) -> Tensor:
                o.zero_grad()
                loss = nn.functional.cross_entropy(net(x), y)
                loss.backward()
                return loss

            path = []
            for _ in range(STEPS):
                path.append(at(net, x, y))
                for _ in range(every):
                    optimiser.step(closure)
            paths[name].append(path)
            print(f"directions on the path of {name}, seed {seed}", flush=True)
    return {"paths": paths}


def section(data: dict[str, Any]) -> str:
    """The section of the page."""
    both: list[list[str]] = []
    kfac: list[list[str]] = []
    for name, seeds in data["paths"].items():
        for k in range(STEPS):
            here = {key: np.median([path[k][key] for path in seeds]) for key in seeds[0][0]}
            number = str(k if name == "natural" else 4 * k)
            falls = [f"{here[f'decrease {way}']:.3g}" for way in ("natural", "plain")]
            ratio = f"{here['decrease natural'] / here['decrease plain']:.1f}"
            both.append([name, number, f"{here['cosine plain']:.3f}", *falls, ratio])
            cells = [f"{here[f'{c} kfac {d}']:.2f}" for d in DRAWS for c in ("cosine", "G-cosine")]
            falls = [f"{here[f'decrease kfac {d}'] / here['decrease natural']:.2f}" for d in DRAWS]
            kfac.append([name, number, *cells, *falls])
    heads = (
        "path of | after steps | cosine of natural and plain | decrease, natural | plain | ratio",
        "path of | after steps | cosine, 1 | in G, 1 | cosine, 16 | in G, 16 | fall, 1 | fall, 16",
    )
    return f"""On the problem above, at the places that two optimisers pass; G = learned metric +
Fisher, damping {DELTA:g}, dense solution. "Decrease" is the fall of the loss in a step of G-length
{LENGTH:g}, over that length; medians of {len(SEEDS)} seeds.

{table(heads[0], both)}

K-FAC against the exact natural step: cosine of the two as vectors and in the metric G, and the
share of the exact step's decrease that it has, with 1 and 16 random cotangents for each point.

{table(heads[1], kfac)}

This is K-FAC by itself; the optimiser combines it with the last step."""
