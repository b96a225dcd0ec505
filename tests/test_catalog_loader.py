"""The catalogue: found, read once, on demand."""

from __future__ import annotations

import subprocess
import sys

import pytest

import geomkit
from geomkit.catalog import catalog
from geomkit.errors import MetricError


def test_names_are_sorted_and_each_has_a_file() -> None:
    names = catalog.names()
    assert names == sorted(names)
    assert len(names) == len(catalog) >= 60
    assert list(catalog) == names
    assert all(catalog.path(name).name == f"{name}.toml" for name in names)


def test_metrics_are_read_once() -> None:
    assert catalog["sphere2"] is catalog["sphere2"]
    assert catalog.claims("sphere2").metric == catalog["sphere2"]
    assert len(catalog.claims("sphere2").claims) >= 3


def test_names_in_files_are_those_of_the_catalogue() -> None:
    assert catalog["sphere2"].name == "sphere2"
    assert catalog["sphere2"].reference


def test_unknown_names() -> None:
    assert "sphere_2" not in catalog
    with pytest.raises(
        MetricError, match=r"no metric 'sphere_2'; did you mean 'sphere2'.*names\(\)"
    ):
        catalog["sphere_2"]


def test_public_name() -> None:
    assert geomkit.catalog is catalog
    assert repr(geomkit.catalog).startswith("<Catalog of ")


def test_import_is_lazy() -> None:
    code = (
        "import sys, geomkit; "
        "assert not {'sympy', 'numpy', 'torch', 'numba', 'mpmath', 'flint'} & set(sys.modules); "
        "assert geomkit.__all__ == sorted(geomkit.__all__) == dir(geomkit); "
        "geomkit.catalog.names(); geomkit.Metric; "
        "assert not {'torch', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
