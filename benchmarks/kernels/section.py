"""Where the section "Kernels" stands on the page of benchmarks."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["HEADING", "replace_section", "section_of"]

HEADING = "## Kernels"


def replace_section(page: Path, section: str) -> None:
    """Put the section in place of an earlier one, else at the end of the page.

    Args:
        page: docs/benchmarks.md.
        section: what `kernel_section` gave.
    """
    before, _, after = _parts(page)
    page.parent.mkdir(parents=True, exist_ok=True)
    rest = f"\n{after}" if after else ""
    page.write_text(f"{before.rstrip()}\n\n{section.rstrip()}\n{rest}", encoding="utf-8")


def section_of(page: Path) -> str:
    """Give the section as it stands on the page.

    Args:
        page: docs/benchmarks.md.

    Returns:
        Markdown; empty if there is none.
    """
    return _parts(page)[1]


def _parts(page: Path) -> tuple[str, str, str]:
    """What stands before the section, the section, and what comes after it."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    found = re.search(rf"^{HEADING}$.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]
