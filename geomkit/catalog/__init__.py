"""The catalogue: metrics of the literature, with cited claims that the tests prove.

One TOML file for each metric, in this folder. `catalog["kerr"]` reads it when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

from geomkit.errors import MetricError
from geomkit.files import ClaimFile, load, load_claims
from geomkit.metric import Metric
from geomkit.metric.names import nearest

__all__ = ["Catalog", "catalog"]


class Catalog:
    """The metrics that come with geomkit, by name; read on demand, once.

    Example:
        >>> sphere = catalog["sphere2"]
        >>> sphere.n
        2
        >>> "kerr" in catalog
        True
    """

    def names(self) -> list[str]:
        """Return the names of all metrics, sorted.

        Returns:
            The names.
        """
        return list(_paths())

    def path(self, name: str) -> Path:
        """Return the file of a metric.

        Args:
            name: its name in the catalogue.

        Returns:
            The path of the TOML file.

        Raises:
            MetricError: if there is no such metric.
        """
        paths = _paths()
        if name not in paths:
            listed = ", ".join(paths) if len(paths) <= 20 else f"{len(paths)} names"
            raise MetricError(
                f"the catalogue has no metric {str(name)[:60]!r}{nearest(str(name), paths)}; "
                f"catalog.names() lists the {listed}"
            )
        return paths[name]

    def claims(self, name: str) -> ClaimFile:
        """Return the metric with its claims.

        Args:
            name: its name in the catalogue.

        Returns:
            The content of its file.
        """
        return _claims(self.path(name))

    def __getitem__(self, name: str) -> Metric:
        return _metric(self.path(name))

    def __contains__(self, name: object) -> bool:
        return name in _paths()

    def __iter__(self) -> Iterator[str]:
        return iter(_paths())

    def __len__(self) -> int:
        return len(_paths())

    def __repr__(self) -> str:
        return f"<Catalog of {len(self)} metrics>"


@cache
def _paths() -> dict[str, Path]:
    folder = Path(str(resources.files(__name__)))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


@cache
def _metric(path: Path) -> Metric:
    return load(path)


@cache
def _claims(path: Path) -> ClaimFile:
    return load_claims(path)


catalog = Catalog()
