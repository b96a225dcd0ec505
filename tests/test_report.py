"""The HTML report and the MathML in it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import geomkit as gk
from geomkit.derived import derive
from geomkit.report import render
from geomkit.report.mathml import math, name_to_mathml, to_mathml

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
x, y, r, t, theta = sp.symbols("x y r t theta", positive=True)
f, g = sp.Function("f"), sp.Function("g")


def words(expression: sp.Expr) -> str:
    """What a reader sees, as one line of text without invisible operators."""
    text = "".join(ET.fromstring(f"<m>{to_mathml(expression)}</m>").itertext())
    return text.replace("\u2062", "").replace("\u2061", "").replace("\u2212", "-")


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        (sp.Integer(-3), "-3"),
        (-x / 2, "-x2"),
        (sp.cos(theta) ** 2 * x, "xcos2θ"),
        (x - y, "x-y"),
        (y - x, "y-x"),
        (-(x + y), "-x-y"),
        (f(t).diff(t, 2) * f(t), "ff′′"),
        (f(x, y).diff(x, y), "fxy"),
        (sp.Mul(2, x - y, evaluate=False), "2(x-y)"),
        ((x + 1) ** sp.Rational(3, 2), "(x+1)3/2"),
        (sp.sqrt(x), "x"),
        (sp.besselj(0, x), "J0(x)"),
        (sp.Symbol("theta_0"), "θ0"),
        (sp.pi * sp.oo, "∞"),
    ],
)
def test_what_is_shown(expression: sp.Expr, shown: str) -> None:
    assert words(expression) == shown


def test_fractions_and_roots_are_structures_not_text() -> None:
    assert to_mathml(x / y) == "<mfrac><mi>x</mi><mi>y</mi></mfrac>"
    assert to_mathml(sp.sqrt(x)) == "<msqrt><mi>x</mi></msqrt>"
    assert to_mathml(sp.Rational(1, 2)) == "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
    assert to_mathml(x ** sp.Rational(1, 3)) == "<mroot><mi>x</mi><mn>3</mn></mroot>"


def test_a_product_with_a_sum_keeps_its_parentheses() -> None:
    # Without them 2 (x + y) z would read 2 x + y z.
    assert words(sp.Mul(2, x + y, sp.Symbol("z"), evaluate=False)) == "2z(x+y)"
    assert words(sp.Pow(x + y, 2)) == "(x+y)2"
    assert words(sp.Pow(x * y, sp.Symbol("n"), evaluate=False)) == "(xy)n"
    assert words(sp.sin(x + y)) == "sin(x+y)"


def test_names_are_escaped() -> None:
    assert "<script" not in math(sp.Symbol("<script>alert(1)</script>"))
    assert name_to_mathml("a<b") == "<mi>a&lt;b</mi>"


_LEAVES = st.sampled_from(
    [x, y, sp.Integer(2), sp.Rational(-3, 4), sp.pi, f(x), f(x).diff(x), g(x, y)]
)
_EXPRESSIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, n: sp.Pow(a, n), inner, st.sampled_from([2, -1, sp.Rational(1, 2)])),
        st.builds(sp.sin, inner),
        st.builds(sp.exp, inner),
    ),
    max_leaves=8,
)


@given(_EXPRESSIONS)
def test_mathml_is_well_formed_and_each_structure_has_its_children(expression: sp.Expr) -> None:
    needed = {"mfrac": 2, "msup": 2, "msub": 2, "msubsup": 3, "mroot": 2}
    tree = ET.fromstring(f"<m>{to_mathml(expression)}</m>")
    for element in tree.iter():
        if element.tag in needed:
            assert len(element) == needed[element.tag], ET.tostring(element)


# -- the page ---------------------------------------------------------------------------------


class Page(HTMLParser):
    """Checks that tags match; collects tags and text."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page() -> Page:
    report = gk.verify(sorted(map(str, EXAMPLES.glob("*.toml"))))
    kerr = gk.load(EXAMPLES / "kerr.toml")
    shown = [(kerr, derive(kerr, ["christoffel", "ricci", "kretschmann", "signature", "is_flat"]))]
    return Page(render(report.to_json(), shown, title="All & everything"))


def test_the_page_is_complete_in_itself(page: Page) -> None:
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not [a for a in page.attributes if a[0] in {"src", "href", "onclick", "onload"}]


def test_the_page_says_what_was_found(page: Page) -> None:
    text = " ".join(page.text.split())
    assert "✗ fails" in text
    assert "✓ holds" in text
    assert "What holds instead" in text
    assert "Counterexample" in text
    assert "All & everything" in text
    assert "every component vanishes identically" in text  # Ricci of Kerr
    assert "R^i_jkl = d_k Gamma^i_lj" in text  # the conventions


def test_formulas_are_typeset(page: Page) -> None:
    assert page.tags.count("math") > 40
    assert "mmultiscripts" in page.tags  # Christoffel symbols
    assert "mfrac" in page.tags


EVIL = "<img src=x onerror=alert(1)>"


def test_text_of_files_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "evil.toml"
    path.write_text(
        f'[metric]\nname = "{EVIL}"\nreference = "{EVIL}"\ncoordinates = ["x", "y"]\n'
        'line_element = "dx**2 + dy**2"\n'
        f'[[claims]]\nkind = "scalar_curvature"\nvalue = "1"\nsource = "{EVIL}"\n'
        f'[[claims]]\nkind = "ricci"\ncomponents = {{"x,x" = "1"}}\nsource = "{EVIL}"\n',
        "utf-8",
    )
    unusable = tmp_path / "<b>unusable.toml"
    unusable.write_text(f'[metric]\nname = "{EVIL}"\ncoordinates = ["{EVIL}"]\n', "utf-8")
    found = Page(render(gk.verify([str(path), str(unusable)]).to_json()))
    assert "img" not in found.tags
    assert "b" in found.tags  # ours: the counts
    assert EVIL in found.text


def test_hostile_verdicts_are_escaped() -> None:
    """Also what claims to come from verify: a report may be made from a JSON file."""
    claim = {
        "index": 0,
        "kind": EVIL,
        "verdict": "fails",
        "proof": "exact",
        "detail": EVIL,
        "source": EVIL,
        "label": EVIL,
        "counterexample": {"point": {EVIL: EVIL}, "claimed": EVIL, "true": EVIL, "component": EVIL},
        "instead": {"kind": EVIL, "value": {EVIL: EVIL}},
    }
    verdicts = {
        "files": [
            {"file": EVIL, "metric": EVIL, "status": "fails", "claims": [claim], "error": None}
        ],
        "summary": {"holds": 0, "fails": 1, "undecided": 0, "claims": 1, "exact": 1},
    }
    found = Page(render(verdicts, title=EVIL))
    assert "img" not in found.tags
    assert found.text.count(EVIL) >= 8


def test_a_file_that_cannot_be_used_is_shown_with_its_message(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[metric\n", "utf-8")
    found = Page(render(gk.verify([str(path)]).to_json()))
    assert "! error" in found.text
    assert "broken.toml" in found.text
