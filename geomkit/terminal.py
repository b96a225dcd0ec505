"""What a command line needs: printing without loss of text, and messages instead of tracebacks.

Colours are for terminals that want them. `run_program` is behind `geomkit` and `ndm`.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from geomkit.errors import BudgetError, GeomkitError

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console

__all__ = [
    "abandon_stdout",
    "colourful",
    "complain",
    "console",
    "emit",
    "open_streams",
    "printable",
    "run_program",
    "strong",
]

# Exit statuses; those of the commands themselves are 0 and 1.
BAD_INPUT, OVER_BUDGET, INTERNAL, INTERRUPTED = 2, 3, 70, 130
# How torch says that there is no memory; it raises no MemoryError.
_NO_MEMORY = ("can't allocate memory", "out of memory")


def colourful(stream: TextIO | None = None) -> bool:
    """Tell whether colours may be used: a terminal, NO_COLOR unset, TERM not dumb.

    Args:
        stream: where the text goes; standard output by default.

    Returns:
        Whether escape sequences may be written.
    """
    stream = stream or sys.stdout
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and stream.isatty()


def printable(text: str) -> str:
    r"""Escape what a terminal would obey instead of showing: control characters, bidi overrides.

    Args:
        text: a text from a file.

    Returns:
        The same in one line, safe to print.

    Example:
        >>> print(printable("a\x1b[31m \u202eb"))
        a\x1b[31m \u202eb
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def open_streams() -> None:
    """Give the program somewhere to print where the caller has closed stdout or stderr (`>&-`)."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the end)
            setattr(sys, name, stream)
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a letter shows an escape
            stream.reconfigure(errors="backslashreplace")


def abandon_stdout() -> None:
    """Let what is still to be printed go nowhere: the reader (`| head`) has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def strong(text: str) -> str:
    """Make text bold where that is possible.

    Args:
        text: the text.

    Returns:
        The text, in escape sequences on a terminal.
    """
    return f"\x1b[1m{text}\x1b[0m" if colourful() else text


def emit(text: str) -> None:
    """Print to standard output.

    Args:
        text: what to print; a newline follows.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # a reader that has left shows here, and not when Python ends


def complain(text: str, program: str = "geomkit") -> None:
    """Print to standard error, with the name of the program in front.

    Args:
        text: what to print.
        program: the name.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # who reads the errors may still be there
        abandon_stdout()
    shown = "\n".join(map(printable, text.split("\n")))
    sys.stderr.write(f"{program}: {shown}\n")
    sys.stderr.flush()


def console(*, stderr: bool = False) -> Console:
    """Make a rich console for tables and progress bars.

    Args:
        stderr: write to standard error.

    Returns:
        The console; without colours, and never cutting text, when it is not a terminal.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    plain = not colourful(stream)
    # A file has no width; 160 columns keep a row of the table on its line.
    width = None if stream.isatty() else 160
    return Console(file=stream, no_color=plain, highlight=False, width=width, emoji=False)


def run_program(name: str, load: Callable[[], Callable[..., object]]) -> None:
    """Run a command line; whatever goes wrong ends in one line on stderr and an exit status.

    Status 2 for what the user can mend, 3 for a budget, 70 for a mistake of ours, 130 for Ctrl-C.
    The environment variable NAME_DEBUG=1 shows tracebacks.

    Args:
        name: of the program, for messages.
        load: imports and returns the typer application; what fails there is treated alike.

    Raises:
        SystemExit: with the status; this is how it ends.
    """
    open_streams()
    warnings.showwarning = _warner(name)
    try:
        load()(prog_name=name)
    except SystemExit as left:  # typer turns Ctrl-C into an exit without a word
        _say_if_interrupted(left, name)
        raise
    except KeyboardInterrupt as error:
        _leave(name, _interruption(error), INTERRUPTED)
    except BrokenPipeError:
        abandon_stdout()
        sys.exit(0)
    except BudgetError as error:
        _leave(name, f"error: over budget: {error}", OVER_BUDGET)
    except GeomkitError as error:
        _leave(name, f"error: {error}", BAD_INPUT)
    except (RecursionError, MemoryError) as error:
        _leave(name, _too_large(error), BAD_INPUT)
    except OSError as error:
        _leave(name, f"error: {error.filename or 'system'}: {error.strerror or error}", BAD_INPUT)
    except Exception as error:  # noqa: BLE001  (a bug of ours: say so, without a page of traceback)
        if any(words in str(error) for words in _NO_MEMORY):
            _leave(name, _too_large(error), BAD_INPUT)
        hint = f"please report it; {name.upper()}_DEBUG=1 shows the traceback"
        _leave(name, f"internal error, {type(error).__name__}: {error}; {hint}", INTERNAL)


def _too_large(error: Exception) -> str:
    what = f"the input is too large or too deep ({type(error).__name__})"
    return f"error: {what}; give a smaller one"


def _say_if_interrupted(left: SystemExit, name: str) -> None:
    cause: BaseException | None = left
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    if left.code == INTERRUPTED and cause is not None:
        complain(_interruption(cause), name)


def _interruption(error: KeyboardInterrupt) -> str:
    """Commands may say what is left: `raise KeyboardInterrupt("half of it is kept")`."""
    return f"interrupted; {error}" if str(error) else "interrupted"


def _warner(name: str) -> Callable[..., None]:
    """Shows a warning without the line of our source that gave it; none for programmers."""

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if not issubclass(category, DeprecationWarning | PendingDeprecationWarning | FutureWarning):
            complain(_one_line(f"warning: {message}"), name)

    return show


def _leave(name: str, message: str, status: int) -> NoReturn:
    """Say what went wrong and end, without a traceback unless one is asked for."""
    complain(_one_line(message), name)
    if os.environ.get(f"{name.upper()}_DEBUG"):
        raise  # the exception that the caller is handling
    sys.exit(status)


def _one_line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())
