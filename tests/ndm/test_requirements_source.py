"""R68: stable factorisations. A lint over the source: what hot paths must not call.

An explicit inverse where a triangular solution does is slower and less accurate. Besides, torch's
`solve`, `det`, `slogdet` and `cholesky_inverse` (2.13) give derivatives that are wrong, silently,
in forward mode under `vmap`, which is how curvature is checked and jets are made.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

INVERSES = {"inv", "inv_ex", "inverse", "pinv", "pinverse", "cholesky_inverse", "tensorinv"}
TRAPS = {"solve", "solve_ex", "det", "slogdet", "logdet", "lstsq"}
MODULES = {"torch", "torch.linalg", "linalg", "np.linalg", "numpy.linalg", "scipy.linalg"}

# File and function -> why it is right there.
ALLOWED = {
    ("geomkit/families/torch/full.py", "inv_ex"): "g may be Lorentzian, which has no Cholesky "
    "factor; tensors are contracted with all of g^ij; a singular point must not fail its batch",
    ("geomkit/families/torch/blocks.py", "inv_ex"): "as above",
    ("geomkit/geodesic/deviation.py", "np.linalg.inv"): "the wanted matrix itself, once a path",
    ("geomkit/geodesic/light.py", "np.linalg.inv"): "the cometric of an indefinite metric, once",
    ("ndm/charts/diagnosis.py", "slogdet"): "a diagnosis; no derivative of it is taken",
    ("ndm/dynamics/lagrangian.py", "inv"): "the mass matrix of any Lagrangian may be indefinite; "
    "its derivatives are right, those of `solve` are not",
    ("ndm/dynamics/residuals.py", "pinv"): "a fixed matrix of powers of time, once a call",
    ("ndm/dynamics/samples.py", "np.linalg.pinv"): "a fixed matrix of powers of time, once a file",
}


def forbidden(source: str) -> set[str]:
    """Names of the forbidden functions that a source calls, or imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "") in MODULES:
            found |= {alias.name for alias in node.names} & (INVERSES | TRAPS)
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, owner = node.func.attr, ast.unparse(node.func.value)
        if owner in {"np.linalg", "numpy.linalg", "scipy.linalg"}:
            # numpy has no derivatives that could be wrong
            found |= {f"np.linalg.{name}"} & {f"np.linalg.{one}" for one in INVERSES}
        elif owner in MODULES:
            found |= {name} & (INVERSES | TRAPS)
        elif not node.args and not node.keywords and name in (INVERSES | TRAPS):
            found.add(f".{name}()")  # a method of a tensor; maps are inverted at points
    return found


def sources() -> list[str]:
    files = [p for part in ("geomkit", "ndm") for p in (ROOT / part).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in files)


def test_no_explicit_inverses_and_no_wrong_derivatives() -> None:
    found = {
        (name, call) for name in sources() for call in forbidden((ROOT / name).read_text("utf-8"))
    }
    new = found - set(ALLOWED)
    assert not new, f"solve with a Cholesky or QR factor (ndm.field.solved), or say why: {new}"
    assert not set(ALLOWED) - found, "what is allowed is no longer there: take it off the list"


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("h = torch.linalg.inv(g)", "inv"),
        ("h = torch.inverse(g)", "inverse"),
        ("h = g.inverse()", ".inverse()"),
        ("v = torch.linalg.solve(g, w)", "solve"),
        ("d = torch.det(g)", "det"),
        ("d = g.logdet()", ".logdet()"),
        ("from torch.linalg import inv, cholesky", "inv"),
        ("h = np.linalg.inv(g)", "np.linalg.inv"),
        ("h = torch.cholesky_inverse(root)", "cholesky_inverse"),
    ],
)
def test_the_lint_finds_what_it_is_for(source: str, call: str) -> None:
    assert forbidden(source) == {call}


@pytest.mark.parametrize(
    "source",
    [
        "x = phi.inverse(y)",
        "v = torch.linalg.solve_triangular(root, w, upper=False)",
        "v = np.linalg.solve(g, w)",
        "v = torch.cholesky_solve(w, root)",
        "h = field.inverse(x)",
    ],
)
def test_the_lint_leaves_the_rest_alone(source: str) -> None:
    assert not forbidden(source)
