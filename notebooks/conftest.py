"""Notebooks are run as tests, by nbmake: the quick ones with the fast tests, the others as slow."""

from __future__ import annotations

import pytest

_QUICK = ("01", "02")  # of `make test`; every one is run by `make test-slow`


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long."""
    for item in items:
        if item.path.suffix == ".ipynb" and not item.path.name.startswith(_QUICK):
            item.add_marker(pytest.mark.slow)
