"""Metric and claim files: what is read, and what is said about files that cannot be used."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from geomkit.errors import FileError, GeomkitError, MetricError, ParseError
from geomkit.files import CLAIM_KINDS, _decoded, load, load_claims
from geomkit.metric import Metric

DATA = Path(__file__).parent / "data" / "claims"
FILES = sorted(DATA.rglob("*.toml"))

METRIC = """\
[metric]
name = "sphere"
coordinates = ["theta", "phi"]
matrix = [["1", "0"], ["0", "sin(theta)**2"]]

[metric.domain]
theta = ["0.4", "2.6"]
"""


def written(folder: Path, text: str, name: str = "file.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_examples_load(path: Path) -> None:
    content = load_claims(path)
    assert content.path == str(path)
    assert content.claims
    assert all(claim.kind in CLAIM_KINDS for claim in content.claims)
    assert [claim.index for claim in content.claims] == list(range(len(content.claims)))
    assert load(path) == content.metric


def test_there_are_25_true_and_8_false_examples() -> None:
    assert len([path for path in FILES if path.parent == DATA]) == 25
    assert len([path for path in FILES if path.parent.name == "false"]) == 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_examples_survive_toml_and_json(path: Path, tmp_path: Path) -> None:
    metric = load(path)
    assert load(written(tmp_path, metric.to_toml())) == metric
    assert load(written(tmp_path, metric.to_json(), "file.json")) == metric


def test_json_has_the_same_structure(tmp_path: Path) -> None:
    claims = [{"kind": "gauss_curvature", "value": "1", "source": "Gauss"}]
    table = {"coordinates": ["θ", "φ"], "line_element": "dθ**2 + sin(θ)**2*dφ**2"}
    path = written(tmp_path, json.dumps({"metric": table, "claims": claims}), "file.json")
    content = load_claims(path)
    assert content.metric.coordinates[0].name == "theta"
    assert content.claims[0].source == "Gauss"
    assert content.claims[0].keys == {"value": "1"}
    assert content.claims[0].label == "1"


def test_every_source_of_components() -> None:
    polar: dict[str, Any] = {"coordinates": ["r", "phi"], "domain": {"r": ["0", "2"]}}
    given: list[dict[str, Any]] = [
        {"matrix": [["1", "0"], ["0", "r**2"]]},
        {"matrix": [[1, 0], [0, "r^2"]]},
        {"matrix": r"\begin{pmatrix} 1 & 0 \\ 0 & r^{2} \end{pmatrix}"},
        {"line_element": "dr**2 + r**2*dphi**2"},
        {"line_element": r"dr^2 + r^2\,d\phi^2"},
        {"embedding": {"map": ["r*cos(phi)", "r*sin(phi)"]}},
        {"embedding": {"map": ["r*cos(phi)", "r*sin(phi)"], "ambient": [1, 1]}},
    ]
    metrics = [load_claims({"metric": polar | entry}).metric for entry in given]
    assert all(metric == metrics[0] for metric in metrics)


def test_index_texts_are_normalised() -> None:
    table = {"coordinates": ["θ", "phi"], "matrix": [["1", "0"], ["0", "sin(θ)**2"]]}
    claim = {"kind": "christoffel", "components": {" θ | phi , phi": "-sin(θ)*cos(θ)"}}
    content = load_claims({"metric": table, "claims": [claim]})
    assert list(content.claims[0].keys["components"]) == ["theta|phi,phi"]
    assert content.claims[0].label == "1 component"


@pytest.mark.parametrize(
    ("claim", "key", "message"),
    [
        ("kind = 'ricc'\nvalue='0'", "claims[1].kind", "unknown kind 'ricc'; did you mean 'ricci"),
        ("value = '0'", "claims[1]", "the key kind is missing (line 15); write kind = one of"),
        ("kind = 3", "claims[1].kind", "unknown kind '3' (line 16); allowed: scalar_curvature"),
        ("kind='flat'\nvalue='true'", "claims[1].value", "found the text 'true'"),
        ("kind='flat'", "claims[1]", "the key value is missing"),
        ("kind='flat'\nvalue=true\nlatex='1'", "claims[1].latex", "unknown key 'latex'"),
        (
            "kind='kretschmann'\nvalue=0.5",
            "claims[1].value",
            '(line 17); write it as a text, "0.5"',
        ),
        ("kind='kretschmann'\nvalue=true", "claims[1].value", "found true"),
        ("kind='kretschmann'\nvalu='1'", "claims[1].valu", "'valu'; did you mean 'value'?"),
        ("kind='kretschmann'\nvalue='1'\nlatex='1'", "claims[1]", "both given"),
        ("kind='kretschmann'\nlatex=1", "claims[1].latex", "write a text in quotes"),
        ("kind='ricci'\ncomponents={}", "claims[1].components", "nothing is claimed"),
        ("kind='ricci'\ncomponents=['1']", "claims[1].components", "write a table"),
        (
            "kind='ricci'\ncomponents={'phi,thet'='1'}",
            'claims[1].components["phi,thet"]',
            "'thet' is not a coordinate; did you mean 'theta'? (line 17)",
        ),
        (
            "kind='christoffel'\ncomponents={'phi,phi,phi'='1'}",
            'claims[1].components["phi,phi,phi"]',
            'write it in the form "i|j,k"; the coordinates are theta, phi',
        ),
        ("kind='ricci'\ncomponents={'0,0'='1'}", 'claims[1].components["0,0"]', "'0' is not a"),
        (
            "kind='ricci'\ncomponents={'phi,phi'='1', 'φ,φ'='2'}",
            'claims[1].components["φ,φ"]',
            "given twice",
        ),
        (
            "kind='ricci'\ncomponents={'phi,phi'=1.5}",
            'claims[1].components["phi,phi"]',
            "floating-point",
        ),
        ("kind='killing'\nvector=['1']", "claims[1].vector", "found 1 entries"),
        ("kind='killing'\nvector='1'", "claims[1].vector", "one for each of theta, phi"),
        ("kind='killing'\nvector=['1', []]", "claims[1].vector[1]", "write an expression"),
        (
            "kind='sectional_curvature'\nplane=[['1','0']]\nvalue='1'",
            "claims[1].plane",
            "write two vectors",
        ),
        (
            "kind='sectional_curvature'\nplane=[['1','0'],['0']]\nvalue='1'",
            "claims[1].plane[1]",
            "found 1 entries",
        ),
        ("kind='signature'\nvalue=[2]", "claims[1].value", "write [plus, minus]"),
        ("kind='signature'\nvalue=[2, -1]", "claims[1].value", "two whole numbers"),
        ("kind='geodesic'\ncurve=['s','0']\nrange=['0']", "claims[1].range", "2 bounds"),
        ("kind='geodesic'\ncurve=['s','0']\nparameter='phi'", "claims[1].parameter", "already"),
        ("kind='geodesic'\ncurve=['s','0']\nparameter='2s'", "claims[1].parameter", "write a name"),
        ("kind='geodesic'\ncurve=['s','0']\naffine='no'", "claims[1].affine", "true or false"),
        ("kind='embedding'\nmap=['1']\nambient=[1,1]", "claims[1].ambient", "2 signs for 1 func"),
        ("kind='fisher'\nvar='x'\nlogpdf='x'", "claims[1]", "the key support is missing"),
        ("kind='flat'\nvalue=true\nsource=1", "claims[1].source", "write a text"),
    ],
)
def test_bad_claims(tmp_path: Path, claim: str, key: str, message: str) -> None:
    first = "\n[[claims]]\nkind = 'flat'\nvalue = false\n\n# a remark\n\n[[claims]]\n"
    path = written(tmp_path, METRIC + first + claim + "\n")
    with pytest.raises(FileError) as caught:
        load_claims(path)
    assert caught.value.key == key
    assert caught.value.file == str(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the table [metric] is missing"),
        ("[metrics]\n", "unknown key; did you mean 'metric'? (line 1)"),
        ("[metric\n", "is not TOML: "),
        ("[metric]\nname = 'a'\nname = 'b'\n", "line 3"),
        ('[metric]\nname = "\\sin"\n', "single quotes"),
        (
            METRIC.replace("sin(theta)**2", "\\frac{1}{2}"),
            "metric.matrix[1][1]: a backslash was read",
        ),
        (METRIC.replace("sin(theta)**2", "2\\theta"), "write LaTeX in single quotes"),
        ("metric = 3\n", "the table [metric] is missing"),
        ("[metric]\nname = 'a'\n", "metric: the key coordinates is missing"),
        ("[metric]\ncoordinates = 'x'\n", "metric.coordinates: found the text 'x' (line 2)"),
        ("[metric]\ncoordinates = ['x']\n", "there are no components"),
        ("[metric]\ncoordinates=['x']\nmatrix=[['1']]\nline_element='dx**2'\n", "are given"),
        ("[metric]\ncoordinates=['x']\nmatix=[['1']]\n", "'matix'; did you mean 'matrix'?"),
        ("[metric]\ncoordinates=['x']\nmatrix=[[0.5]]\n", "metric.matrix[0][0]: 0.5 is a floating"),
        (
            "[metric]\ncoordinates=['x']\nmatrix=[['1']]\ndomain=3\n",
            "write a table [metric.domain]",
        ),
        (METRIC + "phi = ['1']\n", "metric.domain.phi: found 1 bound: 1 (line 8); write two"),
        (METRIC + "phi = [0.1, 2]\n", "metric.domain.phi[0]: 0.1 is a floating-point"),
        (
            METRIC + "[metric.parameters]\nM = 1\n",
            "metric.parameters.M: found the number 1 (line 9)",
        ),
        (METRIC + "[metric.parameters]\nM = {rage = ['1','2']}\n", "'rage'; did you mean 'range'"),
        (METRIC + "[metric.parameters]\nM = {positive = 1}\n", "write true or false"),
        (METRIC + "[metric.functions]\n'a(t)' = 'exp(t)'\n", "list of concrete functions"),
        (METRIC + "[metric.definitions]\nA = 0.5\n", "metric.definitions.A: 0.5 is a floating"),
        ("claims = 1\n" + METRIC, "start every claim with [[claims]]"),
        ("claims = [1]\n" + METRIC, "claims[0]: found '1'"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(FileError) as caught:
        load_claims(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_errors_of_the_metric_name_the_file(tmp_path: Path) -> None:
    asymmetric = METRIC.replace('["0", "sin', '["phi", "sin')
    with pytest.raises(
        MetricError, match=r"file.toml \(line 4\): metric 'sphere': .*not symmetric.*g\[0,1\]"
    ):
        load(written(tmp_path, asymmetric))
    with pytest.raises(ParseError) as caught:
        load(written(tmp_path, METRIC.replace("sin(theta)", "sin(thet)")))
    assert "metric.matrix[1][1]: unknown name 'thet'; did you mean 'theta'?" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(MetricError, match=r"domain.theta: .*reversed"):
        load(written(tmp_path, METRIC.replace('["0.4", "2.6"]', '["2.6", "0.4"]')))


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        load(tmp_path / "missing.toml")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(FileError, match="is a folder"):
        load(folder)
    with pytest.raises(FileError, match=r"give a \.toml or \.json file"):
        load(written(tmp_path, METRIC, "file.txt"))
    broken = tmp_path / "latin.toml"
    broken.write_bytes(b"name = '\xe9'")
    with pytest.raises(FileError, match="not a text in UTF-8"):
        load(broken)
    with pytest.raises(FileError, match="too large"):
        load(written(tmp_path, "#" * 5_000_001))
    with pytest.raises(FileError, match=r"is not JSON: .*line 1 column 2"):
        load(written(tmp_path, "{", "file.json"))
    with pytest.raises(FileError, match="occurs twice"):
        load(written(tmp_path, '{"metric": {}, "metric": {}}', "twice.json"))
    with pytest.raises(FileError, match="is no table"):
        load(written(tmp_path, "[1]", "list.json"))
    for name, text in {"deep.json": "[" * 100_000, "deep.toml": "a=" + "[" * 100_000}.items():
        with pytest.raises(FileError, match=r"nested too deeply|is not"):
            load(written(tmp_path, text, name))


def test_windows_line_ends_and_byte_order_marks(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + METRIC.replace("\n", "\r\n").encode())
    assert load(path).name == "sphere"


# round trips of random metrics -------------------------------------------------------------------

ATOMS = ["x", "y", "M", "k", "a(x)", "f(x,y)", "diff(a(x),x)", "2", "1/3", "pi", "S", "E"]
LEAVES = st.sampled_from(ATOMS)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} + {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]})*({pair[1]})"),
        inner.map(lambda text: f"sin({text})"),
        inner.map(lambda text: f"exp(-({text})**2)"),
        inner.map(lambda text: f"sqrt(1+({text})**2)"),
        inner.map(lambda text: f"1/(3+({text})**2)"),
    ),
    max_leaves=5,
)


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    """Positive definite by construction: 2 + p**2 on the diagonal, sin(q)/2 beside it."""
    first, second, beside, abbreviation = (draw(TREES) for _ in range(4))
    return Metric(
        coordinates=["x", "y"],
        matrix=[
            [f"2+({first})**2", f"sin({beside})/2"],
            [f"sin({beside})/2", f"2+({second})**2*D"],
        ],
        parameters={
            "M": {"range": ["1/2", "M0"]},
            "M0": {"range": ["1", "2"]},
            "k": {"nonzero": True},
            "S": {"value": "M**2"},
            "n": {"integer": True, "positive": True},
        },
        functions={"a(x)": ["exp(M*x)"], "f(x,y)": []},
        definitions={"D": f"1 + ({abbreviation})**2"},
        domain={"y": ["x", "x + M"], "x": [draw(st.sampled_from(["-1", "0", "1/2"])), "2"]},
        name=draw(st.sampled_from(["m", 'a "quoted" name', "back\\slash", "ünïcode \x7f"])),
    )


@given(metrics())
def test_round_trips(metric: Metric) -> None:
    again = Metric.from_dict(metric.to_dict())
    assert again == metric
    assert again.stated == metric.stated
    assert hash(again) == hash(metric)
    assert Metric.from_dict(json.loads(metric.to_json())["metric"]) == metric


@given(metrics())
def test_line_elements_round_trip(metric: Metric) -> None:
    content = metric.to_dict()
    del content["matrix"]
    again = Metric.from_dict(content | {"line_element": metric.line_element()})
    values = {f.function: example for f in metric.functions for example in [f.example(0)]}
    for point in metric.domain.sample(2):
        difference = (again.matrix - metric.matrix).subs(values).doit().xreplace(point)
        # equal up to the rounding of 30 digits
        assert all(abs(entry.evalf(30)) < sympy.Float("1e-20") for entry in difference)


@given(st.text(max_size=200), st.sampled_from([".toml", ".json"]))
def test_any_text_gives_a_metric_or_an_error_of_ours(text: str, suffix: str) -> None:
    with suppress(FileError):
        _decoded("file" + suffix, text, suffix)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('matrix = "[[1, 0], [0, 1]]"', r"found the text .* \(line 3\); write the list itself"),
        ("matrix = [[nan, 0], [0, 1]]", r"nan is not a number \(line 3\); write a finite"),
        ("matrix = [[1, 0], [0, -inf]]", r"-inf is not a number \(line 3\)"),
        ("matrix = [[1.5, 0], [0, 1]]", r'1.5 is a floating-point.* \(line 3\); .* "1.5"'),
        (
            'matrix = [["1", "0"], ["0", "q"]]',
            r"toml \(line 3\): metric.matrix\[1\]\[1\]: ",
        ),
        ("latex = 'dx^2'", "did you mean 'line_element'"),
        ('line_element = "dx**2 + dOmega**2"', "dOmega is read in LaTeX only"),
        (
            "matrix = [[1, 0], [0, 1]]\n[metric.domain]\nx = ['1']",
            r"found 1 bound: 1 \(line 5\); write two",
        ),
        (
            "matrix = [[1, 0], [0, 1]]\n[metric.domain]\nx = ['2', '1']",
            r"\(line 5\): .*domain.x: .*bounds are reversed",
        ),
    ],
)
def test_mistakes_in_the_metric_are_named_with_their_line(
    tmp_path: Path, line: str, message: str
) -> None:
    text = f'[metric]\ncoordinates = ["x", "y"]\n{line}\n'
    with pytest.raises(GeomkitError, match=message):
        load(written(tmp_path, text))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    with pytest.raises(FileError, match="is no regular file"):
        load(pipe)


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("dalembertian", "laplacian"), ("Ricci scalar", "scalar_curvature"), ("flatt", "flat")],
)
def test_the_kind_that_was_meant(kind: str, meant: str) -> None:
    metric = {"coordinates": ["x"], "matrix": [[1]]}
    with pytest.raises(FileError, match=f"did you mean '{meant}'"):
        load_claims({"metric": metric, "claims": [{"kind": kind, "value": "0"}]})


def test_sympy_expressions_in_mappings() -> None:
    r = sympy.Symbol("r", positive=True)
    metric = {"coordinates": ["r", "phi"], "matrix": [[1, 0], [sympy.Integer(0), r**2]],
              "domain": {"r": [sympy.Rational(1, 2), 2]}}  # fmt: skip
    claim = {"kind": "volume_element", "value": r}
    content = load_claims({"metric": metric, "claims": [claim]})
    assert content.claims[0].keys == {"value": "r"}
    with pytest.raises(GeomkitError, match=r"0\.5"):
        load_claims({"metric": metric, "claims": [{**claim, "value": sympy.Float("0.5")}]})
