"""The command line: `geomkit derive | show | verify | compile | certify | geodesic | ...`.

A command parses, calls one verb of the library, and prints. Modules are imported inside the
commands, so that each costs only what it uses: deriving a scalar loads neither rich nor the
machinery of `verify`.
"""

from __future__ import annotations

from collections.abc import Callable

from geomkit.terminal import run_program

__all__ = ["main"]


def main() -> None:
    """Run the command line and end the process with its exit status."""
    run_program("geomkit", _load)


def _load() -> Callable[..., object]:
    from geomkit.cli.app import app

    return app
