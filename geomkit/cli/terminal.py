"""Printing: colours only on a terminal that wants them, and no loss of text anywhere."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "abandon_stdout",
    "colourful",
    "complain",
    "console",
    "emit",
    "open_streams",
    "printable",
    "strong",
]


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


def complain(text: str) -> None:
    """Print to standard error, with the name of the program in front.

    Args:
        text: what to print.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # who reads the errors may still be there
        abandon_stdout()
    shown = "\n".join(map(printable, text.split("\n")))
    sys.stderr.write(f"geomkit: {shown}\n")
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
