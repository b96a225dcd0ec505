"""The pages of docs/ agree with the packages: the paper map, the reference, the menu."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib

import ndm
from geomkit.conventions import index_order_table
from validation.overall import WORDS
from validation.registry import claims

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MAP = (DOCS / "paper-map.md").read_text("utf-8")
REQUIREMENTS = (DOCS / "ndm" / "requirements.md").read_text("utf-8")


def rows(text: str) -> set[int]:
    """Numbers of the requirements that have a row in the tables of a page."""
    found: set[int] = set()
    for line in text.splitlines():
        if re.match(r"\| R\d", line):
            cell = line.split("|")[1]
            if "to" in cell:
                first, last = map(int, re.findall(r"\d+", cell))
                found |= set(range(first, last + 1))
            else:
                found |= {int(number) for number in re.findall(r"R(\d+)", cell)}
    return found


def test_every_requirement_has_a_row() -> None:
    assert rows(MAP) | rows(REQUIREMENTS) == set(range(1, 90))


def test_files_and_tests_of_the_paper_map_exist() -> None:
    pages = re.findall(r"^\| R\d.*$", MAP, re.MULTILINE)
    experiments = {name for row in pages for name in re.findall(r"`(\w+\.py)`", row)}
    assert len(experiments) > 20
    for name in experiments:
        folder = "tests/validation" if name.startswith("test_") else "validation/paper"
        assert (ROOT / folder / name).exists(), name
    for file, test in re.findall(r"`(tests/\w+\.py)::(\w+)`", MAP):
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), test


def test_the_paper_map_says_what_the_full_run_found() -> None:
    results = json.loads((DOCS / "validation" / "index.json").read_text("utf-8"))
    found = {
        claim["id"]: claim["finding"]["outcome"] for claim in results["claims"] if claim["question"]
    }
    told = dict(re.findall(r"^\| (R\d+) \| .* \| (\w+) \|$", MAP, re.MULTILINE))
    assert {name: told.get(name) for name in found} == found
    assert set(found) == {claim.id for claim in claims() if claim.question}
    counts = {
        word: [found[name] for name in names if name in found] for word, names in WORDS.items()
    }
    whole = ", ".join(f"{w} {c.count('confirmed')} of {len(c)}" for w, c in counts.items())
    assert f"| confirmed: {whole} |" in MAP


def test_every_question_of_the_validation_is_on_the_paper_map() -> None:
    asked = {int(claim.id[1:]) for claim in claims() if claim.question}
    assert asked
    assert asked <= rows(MAP)


def test_every_public_name_of_ndm_is_in_the_reference() -> None:
    # its list of names is made when it is imported, and a reader of sources does not see it
    shown = re.findall(
        r"^::: ndm\.(\w+)$", (DOCS / "api" / "ndm.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(shown) == sorted(set(ndm.__all__) - {"__version__"})


def test_every_page_is_in_the_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in DOCS.rglob("*.md"):
        assert f" {page.relative_to(DOCS)}\n" in menu, page
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f" notebooks/{notebook.name}\n" in menu, notebook


def test_table_of_index_orders_is_that_of_the_package() -> None:
    page = (DOCS / "conventions.md").read_text("utf-8")
    assert f"\n\n{index_order_table()}\n\n" in page


def test_what_the_readme_shows_is_printed() -> None:
    # that the block runs is tested with all others; here, that the output below it is its output
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(
        r"^```python\n(.*?)^```\n+```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None
    command = [sys.executable, "-c", found[1]]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    position = 0
    for line in found[2].splitlines():
        if line != "...":
            assert line in printed[position:], line  # in this order
            position += printed[position:].index(line) + len(line)


def test_the_readme_is_short() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 100
    examples = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    sizes = [len([line for line in example.splitlines() if line]) for example in examples]
    assert all(size <= limit for size, limit in zip(sizes, (15, 10), strict=True))


def test_pages_have_no_tex() -> None:
    # nothing in the built pages would set it; formulas are text, as on GitHub and in a terminal
    for page in DOCS.rglob("*.md"):
        text = re.sub(
            r"^```.*?^```$|`[^`]*`", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        assert not re.search(r"\$[^$\n]+\$|\\[(\[]|\\[a-zA-Z]{2}", text), page


def test_pages_say_where_formulas_of_notebooks_are_set() -> None:
    url = re.search(
        r"custom_mathjax_url: https://([^/]+)/", (ROOT / "mkdocs.yml").read_text("utf-8")
    )
    assert url is not None
    assert url[1] in (DOCS / "installation.md").read_text("utf-8")


def test_colours_of_notebooks_are_told_apart_by_all_eyes() -> None:
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        words = set(re.findall(r"[\"'](\w+)[\"']|plt\.cm\.(\w+)", code))
        used = {first or second for first, second in words}
        assert used & set(matplotlib.colormaps) <= {"viridis", "coolwarm", "RdBu_r"}, path.name
        # the default cycle has a green and an orange alike to some; its first two colours are safe
        assert not re.search(r"\"(C\d|C\{\w+\}|red|green)\"", code), path.name


def test_outputs_of_notebooks_are_typeset_on_github() -> None:
    # which takes HTML before LaTeX, and sets no formulas in HTML
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                assert not {"text/latex", "text/html"} <= set(output.get("data", {})), path.name
