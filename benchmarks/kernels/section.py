"""Where the section "Kernels" stands on the page of benchmarks."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["HEADING", "replace_section", "section_of"]

HEADING = "## Kernels"


def replace_section(page: Path, section: str) -> None:
    """Put the section in place of an earlier one, at the end of the page.

    Args:
        page: docs/benchmarks.md.
        section: what `kernel_section` gave.
    """
    before = _parts(page)[0]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{before.rstrip()}\n\n{section}", encoding="utf-8")


def section_of(page: Path) -> str:
    """Give the section as it stands on the page.

    Args:
        page: docs/benchmarks.md.

    Returns:
        Markdown; empty if there is none.
    """
    after = _parts(page)[1:]
    return f"{HEADING}{after[0]}" if after else ""


def _parts(page: Path) -> list[str]:
    """What stands before the heading, and what after it."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    return re.split(rf"^{HEADING}$", text, maxsplit=1, flags=re.MULTILINE)
