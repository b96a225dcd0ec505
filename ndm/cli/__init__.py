"""The command line: `ndm train | eval | report | fit-motion`.

A command parses, calls one verb of the library, and prints. Modules are imported inside the
commands, so that `ndm --help` loads neither torch nor Lightning.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import TextIO

from geomkit.cli.terminal import abandon_stdout, open_streams, printable
from geomkit.errors import GeomkitError

__all__ = ["main"]

BAD_INPUT = 2
INTERNAL = 70
INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process with its exit status."""
    open_streams()
    warnings.showwarning = _warn
    try:
        from ndm.cli.app import app

        app(prog_name="ndm")
    except GeomkitError as error:
        _leave(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)
    except BrokenPipeError:
        abandon_stdout()
        sys.exit(0)
    except MemoryError:
        _leave("out of memory; take smaller data, batches or widths", BAD_INPUT)
    except OSError as error:
        _leave(f"{error.filename or 'system'}: {error.strerror or error}", BAD_INPUT)
    except Exception as error:  # noqa: BLE001  (a bug of ours: say so, without a page of traceback)
        hint = "please report it; NDM_DEBUG=1 shows the traceback"
        _leave(f"internal error, {type(error).__name__}: {error}; {hint}", INTERNAL)


def _complain(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"ndm: {printable(' '.join(text.split()))}\n")
    sys.stderr.flush()


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning as a user wants it; those for programmers are not shown."""
    del filename, lineno, file, line
    if not issubclass(category, DeprecationWarning | PendingDeprecationWarning | FutureWarning):
        _complain(f"warning: {message}")


def _leave(message: str, status: int) -> None:
    """Say on stderr what went wrong and end, without a traceback unless one is asked for."""
    _complain(f"error: {message}")
    if os.environ.get("NDM_DEBUG"):
        raise  # the exception that the caller is handling
    sys.exit(status)
