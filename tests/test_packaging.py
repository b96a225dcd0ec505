"""The distribution: version, lazy imports, and what has to be in the package."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

import geomkit as gk
import ndm

ROOT = Path(__file__).resolve().parent.parent


def python(code: str) -> str:
    """Run code in a fresh interpreter; return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_light() -> None:
    heavy = python(
        "import sys, geomkit\n"
        "heavy = ('torch', 'numba', 'matplotlib', 'sympy', 'numpy', 'flint')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    assert heavy == "[]"


def test_deriving_does_not_load_the_machinery_of_verify() -> None:
    loaded = python(
        "import sys, geomkit.cli.derive\n"
        "print([m for m in sys.modules if m.startswith(('geomkit.verify', 'rich', 'scipy'))])"
    )
    assert loaded == "[]"


def test_versions_agree() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert gk.__version__ == ndm.__version__ == version("geomkit-ndm")
    assert f"version: {gk.__version__}\n" in citation


@pytest.mark.parametrize("name", sorted(set(gk.__all__) - {"__version__"}))
def test_public_names_resolve_to_what_they_should(name: str) -> None:
    # Modules of functions are public as such; every other name is never the module beneath it.
    modules = {"calculus", "conventions", "errors", "exterior", "submanifold"}
    modules |= {"certificate", "differentiate", "families", "geodesic", "plot"}
    assert isinstance(getattr(gk, name), ModuleType) == (name in modules)


def test_public_names_are_sorted_and_documented() -> None:
    names = gk.__all__
    assert list(names) == sorted(names)
    assert all(getattr(gk, name).__doc__ for name in names)


@pytest.mark.parametrize("module", ["curvature", "verify", "catalog"])
def test_a_submodule_never_hides_the_public_name(module: str) -> None:
    # Whoever imports `geomkit.curvature` first makes Python set that module on the package.
    shown = python(
        f"import geomkit, importlib\nimportlib.import_module('geomkit.{module}')\n"
        f"print(type(geomkit.{module}).__name__)"
    )
    assert shown != "module"


def test_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'curvatur'"):
        getattr(gk, "curvatur")  # noqa: B009  (a wrong name on purpose)


def test_package_data_is_there() -> None:
    assert files("geomkit").joinpath("py.typed").is_file()
    assert files("ndm").joinpath("py.typed").is_file()
    assert files("geomkit.report").joinpath("template.html").is_file()
    assert files("geomkit.catalog").joinpath("kerr.toml").is_file()


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    wanted = [*project["dependencies"]]
    for extra in ("ndm", "plot", "notebooks", "docs", "dev"):
        wanted += [one for one in extras[extra] if not one.startswith("geomkit-ndm[")]
    for requirement in wanted:
        name = requirement.split(";")[0].split(">")[0].split("[")[0].strip().lower()
        assert name in pinned, f"{requirement} has no exact version in constraints.txt"
    assert "torch==2.13.0" in lines
