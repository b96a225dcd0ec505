"""What mkdocs does beyond its configuration: notebooks, which live outside docs/, are pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
RESULTS = Path(__file__).resolve().parent / "validation" / "index.json"
OUTCOMES = "<!-- outcomes -->"


@event_priority(100)  # before mkdocs-jupyter looks for notebooks among the files
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add notebooks/*.ipynb.

    Args:
        files: of docs/.
        config: of the site.

    Returns:
        The same files and the notebooks.
    """
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        files.append(
            File(
                f"notebooks/{path.name}",
                src_dir=str(NOTEBOOKS.parent),
                dest_dir=config.site_dir,
                use_directory_urls=config.use_directory_urls,
            )
        )
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to ../notebooks/ lead there in the site too; outcomes of the validation are filled in.

    Args:
        markdown: of the page.
        page: which.
        config: of the site.
        files: of the site.

    Returns:
        The page as it is shown.
    """
    del page, config, files
    markdown = re.sub(r"\]\(((?:\.\./)*)\.\./notebooks/", r"](\1notebooks/", markdown)
    if OUTCOMES not in markdown:
        return markdown
    results = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    return markdown.replace(OUTCOMES, answers(results))


def answers(results: str) -> str:
    """Say what the questions of the validation were answered with.

    Args:
        results: index.json of a full run; "" where there is none.

    Returns:
        A table in Markdown, or a sentence where nothing was published.
    """
    if not results:
        return "*No full run has been published yet: no row below has an answer.*"
    lines = ["| row | answer | found |", "|---|---|---|"]
    for claim in json.loads(results)["claims"]:
        if not claim["question"]:
            continue
        finding = claim["finding"] or {"outcome": "broken", "summary": claim["error"]}
        found = finding["summary"].replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {claim['id']} | **{finding['outcome']}** | {found} |")
    return "\n".join(
        [*lines, "", "[Figures, pictures, seeds and versions](validation/index.html)."]
    )
