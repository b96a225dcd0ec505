"""What the steps of the demonstration share: a place for their files, headings, being run alone."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from geomkit.errors import GeomkitError
from geomkit.terminal import complain, emit, strong

EXAMPLES = Path(__file__).parent
BUILD = EXAMPLES.parent / "build" / "demo"

#: A step prints what it does, writes into a folder, and returns whether all came out as it must.
Step = Callable[[Path], bool]

_numbers = count(1)


def heading(text: str) -> None:
    """Print the heading of a step, numbered, with an empty line above.

    Args:
        text: the heading.
    """
    emit("\n" + strong(f"{next(_numbers)}. {text}"))


def near(path: Path) -> str:
    """A path as seen from the folder that the demonstration was started in.

    Args:
        path: the path.

    Returns:
        The same, shorter, where it is below that folder.
    """
    relative = os.path.relpath(path)
    return str(path.resolve()) if relative.startswith("..") else relative


def run(*steps: Step) -> int:
    """Run steps one after the other; those after a failure are run as well.

    Args:
        *steps: the steps.

    Returns:
        The exit status: 0 if all came out as they must.
    """
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD
    started = time.perf_counter()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        as_planned = [step(folder) for step in steps]
    except KeyboardInterrupt:
        complain("interrupted", "demo")
        return 130
    except (GeomkitError, OSError) as error:
        complain(f"error: {error}", "demo")
        return 2
    emit(f"\n{time.perf_counter() - started:.0f} s in all")
    if not all(as_planned):
        complain("something is not what it must be; see above", "demo")
        return 1
    return 0
