"""What mkdocs does beyond its configuration: notebooks, which live outside docs/, are pages."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


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
    """Links to ../notebooks/ lead there in the site too.

    Args:
        markdown: of the page.
        page: which.
        config: of the site.
        files: of the site.

    Returns:
        The page as it is shown.
    """
    del page, config, files
    return re.sub(r"\]\(((?:\.\./)*)\.\./notebooks/", r"](\1notebooks/", markdown)
