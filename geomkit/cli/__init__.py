"""The command line: `geomkit derive | show | verify | compile | certify | geodesic | ...`.

A command parses, calls one verb of the library, and prints. Modules are imported inside the
commands, so that each costs only what it uses: deriving a scalar loads neither rich nor the
machinery of `verify`.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TextIO

from geomkit.cli.terminal import abandon_stdout, complain, open_streams
from geomkit.errors import BudgetError, GeomkitError

__all__ = ["main"]

BAD_INPUT = 2
OVER_BUDGET = 3
INTERNAL = 70


def main() -> None:
    """Run the command line and end the process with its exit status."""
    open_streams()
    warnings.showwarning = _warn
    try:
        from geomkit.cli.app import app

        app(prog_name="geomkit")
    except BudgetError as error:
        _leave(f"over budget: {error}", OVER_BUDGET)
    except GeomkitError as error:
        _leave(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        _leave("interrupted", 130)
    except BrokenPipeError:
        abandon_stdout()
        sys.exit(0)
    except (RecursionError, MemoryError) as error:
        _leave(f"the input is too large or too deep ({type(error).__name__})", BAD_INPUT)
    except OSError as error:
        _leave(f"{error.filename or 'system'}: {error.strerror or error}", BAD_INPUT)
    except Exception as error:  # noqa: BLE001  (a bug of ours: say so, without a page of traceback)
        hint = "please report it; GEOMKIT_DEBUG=1 shows the traceback"
        _leave(f"internal error, {type(error).__name__}: {error}; {hint}", INTERNAL)


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning as a user wants it: without the line of our source that gave it."""
    del category, filename, lineno, file, line
    complain(f"warning: {message}")


def _leave(message: str, status: int) -> None:
    """Say on stderr what went wrong and end, without a traceback unless one is asked for."""
    complain(f"error: {message}")
    if os.environ.get("GEOMKIT_DEBUG"):
        raise  # the exception that the caller is handling
    sys.exit(status)
