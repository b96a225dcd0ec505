"""The command line: `ndm train | eval | report | fit-motion`.

A command parses, calls one verb of the library, and prints. Modules are imported inside the
commands, so that `ndm --help` loads neither torch nor Lightning.
"""

from __future__ import annotations

from collections.abc import Callable

from geomkit.terminal import run_program

__all__ = ["main"]


def main() -> None:
    """Run the command line and end the process with its exit status."""
    run_program("ndm", _load)


def _load() -> Callable[..., object]:
    from ndm.cli.app import app

    return app
