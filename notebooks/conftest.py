"""The notebooks are tests, run by nbmake: the quickest with the fast tests, all others as slow.

Their outputs, which GitHub and the pages show, are made by `python notebooks/execute.py`.
"""

from __future__ import annotations

import pytest

_QUICK = ("01", "02")  # of `make test`; `make test-slow` runs the others


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long.

    Args:
        items: all tests of this run, of other folders too.
    """
    for item in items:
        if item.path.suffix == ".ipynb" and not item.path.name.startswith(_QUICK):
            item.add_marker(pytest.mark.slow)
