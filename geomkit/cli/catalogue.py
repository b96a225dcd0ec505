"""`geomkit catalog`: the metrics that come with geomkit."""

from __future__ import annotations

from geomkit.cli.target import claim_path
from geomkit.terminal import emit, strong

__all__ = ["run"]


def run(name: str | None) -> None:
    """List the catalogue, or show one metric.

    Args:
        name: a catalogue name, or None for the list.
    """
    if name is not None:
        from geomkit.cli.show import overview

        emit(overview(claim_path(name)))
        return
    import tomllib

    from geomkit.catalog import catalog

    names = list(catalog.names())
    width = max(len(one) for one in names)
    for one in names:
        # Read as TOML alone: building a hundred metrics to list their names would take seconds.
        with open(catalog.path(one), "rb") as stream:
            metric = tomllib.load(stream)["metric"]
        coordinates = metric["coordinates"]
        space = " " * (width - len(one))
        emit(f"{strong(one)}{space}  n={len(coordinates)}  {', '.join(coordinates)}")
    emit(f"{len(names)} metrics; `geomkit catalog NAME` shows one with its reference and claims")
