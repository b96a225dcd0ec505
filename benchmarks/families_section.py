"""Where the section "Families" stands on the page of benchmarks: before the section of kernels."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.kernels.section import section_of as kernels_of

__all__ = ["replace_section", "section_of"]

HEADING = "## Families"


def replace_section(page: Path, section: str) -> None:
    """Put the section in place of an earlier one.

    Args:
        page: docs/benchmarks.md.
        section: Markdown; empty to leave it out.
    """
    kernels = kernels_of(page)
    before = _parts(page, kernels)[0].rstrip()
    parts = [part.rstrip() for part in (before, section, kernels) if part]
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def section_of(page: Path) -> str:
    """Give the section as it stands on the page.

    Args:
        page: docs/benchmarks.md.

    Returns:
        Markdown; empty if there is none.
    """
    after = _parts(page, kernels_of(page))[1:]
    return f"{HEADING}{after[0]}".rstrip() if after else ""


def _parts(page: Path, kernels: str) -> list[str]:
    """What stands before the heading, and what after it, the section of kernels left out."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    whole = text.removesuffix(kernels) if kernels else text
    return re.split(rf"^{HEADING}$", whole, maxsplit=1, flags=re.MULTILINE)
