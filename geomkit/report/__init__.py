"""Reports that people read: one self-contained HTML page from verdicts and derived tensors.

    page = render(geomkit.verify("claims/").to_json())

The page needs no network and no script: formulas are MathML, styles are inline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from geomkit._version import __version__
from geomkit.errors import GeomkitError
from geomkit.files import load_claims
from geomkit.report.page import (
    conventions_section,
    counts,
    derived_section,
    file_section,
    legend,
)

if TYPE_CHECKING:
    from geomkit.derived import Derived
    from geomkit.files import ClaimFile
    from geomkit.metric import Metric

__all__ = ["render"]


def render(
    verdicts: Mapping[str, Any],
    derived: Sequence[tuple[Metric, Sequence[Derived]]] = (),
    *,
    title: str = "geomkit report",
) -> str:
    """Make the report page.

    Args:
        verdicts: what `Report.to_json` gives: files with their claims, and a summary.
        derived: metrics with derived quantities to show below the verdicts.
        title: the heading.

    Returns:
        The HTML of the page; all text that came from files is escaped.

    Example:
        >>> page = render({"files": [], "summary": {"holds": 0}}, title="<empty>")
        >>> "<h1>&lt;empty&gt;</h1>" in page
        True
    """
    summary = verdicts["summary"]
    body = [counts(summary), legend()]
    if verdicts["files"]:
        body.append("<h2>Verdicts</h2>")
        body += [file_section(result, _content(result)) for result in verdicts["files"]]
    if derived:
        body.append("<h2>Derived</h2>")
        body += [derived_section(metric, results) for metric, results in derived]
    body += ["<h2>Conventions</h2>", conventions_section()]
    claims, number = summary.get("claims", 0), len(verdicts["files"])
    template = Template(files(__package__).joinpath("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(title),
        subtitle=f"{claims} claims in {number} file{'' if number == 1 else 's'}",
        body="\n".join(body),
        version=escape(__version__),
    )


def _content(result: Mapping[str, Any]) -> ClaimFile | None:
    """Read the claim file again, for typesetting; without it the page shows text."""
    if result.get("error"):
        return None
    try:
        return load_claims(result["file"])
    except (GeomkitError, OSError):
        return None
