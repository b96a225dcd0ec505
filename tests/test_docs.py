"""Every Python, console, TOML and YAML block of the README and of docs/ is run, or read."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

import geomkit as gk
from ndm.cli.app import app
from ndm.config import read_config

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# torch says so of itself when its forward mode is first used
TORCH = "ignore:`torch.jit.script`:DeprecationWarning"
# Pages whose code takes more than some five seconds, most of which is torch and compilers at work
LONG = {
    "docs/concepts/certificates.md",
    "docs/concepts/open-questions.md",
    "docs/geodesics.md",
    "docs/how-to/choose.md",
    "docs/how-to/compile.md",
    "docs/how-to/train.md",
    "docs/kernels.md",
    "docs/paper-map.md",
    "docs/quick-start.md",
}
SHORT = {"docs/ndm/charts.md", "docs/ndm/model.md"}  # of the pages on ndm
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    """Give (page, text of the blocks in that language) for each page that has some."""
    found = []
    for page in PAGES:
        texts = [text for name, text in BLOCK.findall(page.read_text("utf-8")) if name == language]
        found += [(str(page.relative_to(ROOT)), text) for text in texts]
    return found


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run in a copy of what the pages refer to, so that nothing is written into the project."""
    (folder / "examples").symlink_to(ROOT / "examples")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_there_are_blocks_of_each_kind() -> None:
    # The tests below would pass on an empty list.
    assert len(blocks("python")) >= 6
    assert len(blocks("console")) >= 3
    assert blocks("toml")
    assert blocks("yaml")


def with_its_speed(page: str) -> Any:
    """A page, marked slow where it is."""
    slow = page in LONG or (page.startswith("docs/ndm/") and page not in SHORT)
    return pytest.param(page, marks=pytest.mark.slow if slow else ())


@pytest.mark.parametrize(
    "page", [with_its_speed(page) for page in sorted({page for page, _ in blocks("python")})]
)
def test_python_blocks_run_in_order(page: str, tmp_path: Path) -> None:
    program = tmp_path / "page.py"
    program.write_text("\n".join(text for name, text in blocks("python") if name == page), "utf-8")
    done = run([sys.executable, "-W", "error", "-W", TORCH, str(program)], tmp_path)
    assert done.returncode == 0, done.stderr


def commands() -> list[Any]:
    """Give the geomkit command lines of all console blocks; slow but for the README's."""
    pages: dict[str, set[str]] = {}
    for page, text in blocks("console"):
        for line in text.splitlines():
            if line.startswith("$ geomkit"):
                pages.setdefault(line[2:], set()).add(page)
    return [
        pytest.param(line, marks=() if "README.md" in found else pytest.mark.slow)
        for line, found in sorted(pages.items())
    ]


@pytest.mark.parametrize("line", commands())
def test_console_lines_run(line: str, tmp_path: Path) -> None:
    words = shlex.split(line, comments=True)
    expected = re.search(r"# exit (\d)", line)
    done = run([sys.executable, "-m", "geomkit", *words[1:]], tmp_path)
    assert done.returncode == (int(expected[1]) if expected else 0), done.stderr + done.stdout
    assert done.stdout.strip()


@pytest.mark.parametrize(
    "line",
    sorted(
        {
            line[2:]
            for _, text in blocks("console")
            for line in text.splitlines()
            if line.startswith("$ ndm")
        }
    ),
)
def test_lines_with_ndm_are_understood(line: str) -> None:
    # Parsed and not run: a run takes a minute, and what it does has tests of its own.
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    words = shlex.split(line, comments=True)[1:]
    if words == ["--version"]:
        return
    command = group.commands[words[0]]
    with command.make_context(words[0], words[1:]):
        for word in words[1:]:
            assert not word.startswith("examples/") or (ROOT / word).is_file()


@pytest.mark.parametrize("text", [text for _, text in blocks("yaml")])
def test_configurations_of_the_pages_are_read(text: str) -> None:
    assert read_config(text).data.name


@pytest.mark.parametrize("text", [text for _, text in blocks("toml")])
def test_claim_files_of_the_pages_hold(text: str) -> None:
    report = gk.verify(tomllib.loads(text))
    assert report.ok, str(report)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
