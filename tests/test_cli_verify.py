"""`geomkit verify`, run as a user runs it: verdicts, exit statuses, and the files it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import geomkit, refused


def claim_file(folder: Path, name: str, claims: str) -> str:
    """Write a claim file about the unit sphere."""
    path = folder / name
    path.write_text(
        '[metric]\nname = "sphere"\ncoordinates = ["x", "y"]\n'
        'matrix = [["1", "0"], ["0", "sin(x)**2"]]\n[metric.domain]\nx = ["1/2", "5/2"]\n' + claims,
        "utf-8",
    )
    return str(path)


HOLDS = '[[claims]]\nkind = "scalar_curvature"\nvalue = "2"\n'
FAILS = '[[claims]]\nkind = "gauss_curvature"\nvalue = "2"\n'
UNKNOWN = '[[claims]]\nkind = "scalar_curvatur"\nvalue = "2"\n'


def test_exit_statuses(tmp_path: Path) -> None:
    good = claim_file(tmp_path, "good.toml", HOLDS)
    wrong = claim_file(tmp_path, "wrong.toml", HOLDS + FAILS)
    broken = claim_file(tmp_path, "broken.toml", UNKNOWN)
    assert geomkit("verify", good).returncode == 0
    assert geomkit("verify", good, wrong).returncode == 1
    done = geomkit("verify", wrong, broken, good)
    assert done.returncode == 2
    assert "scalar_curvature" in done.stderr  # the nearest kind, or the list of kinds
    assert "broken.toml" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout.splitlines()[-1].startswith("3 claims in 3 files")


def test_verify_writes_json_and_html(tmp_path: Path) -> None:
    wrong = claim_file(tmp_path, "wrong.toml", HOLDS + FAILS)
    data, page = tmp_path / "new" / "out.json", tmp_path / "new" / "out.html"
    done = geomkit("verify", wrong, "--json", str(data), "--html", str(page), "--quiet")
    assert done.returncode == 1
    report = json.loads(data.read_text("utf-8"))
    claims = report["files"][0]["claims"]
    assert [claim["verdict"] for claim in claims] == ["holds", "fails"]
    assert claims[1]["instead"]["value"] == "1"
    assert claims[1]["counterexample"]["claimed"] == "2"
    assert report["summary"]["fails"] == 1
    assert "<math" in page.read_text("utf-8")
    assert [path.name for path in data.parent.iterdir()] in (
        ["out.json", "out.html"],
        ["out.html", "out.json"],
    )  # no temporary file is left


def test_a_warning_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "unused.toml"
    path.write_text(
        '[metric]\ncoordinates = ["R", "phi"]\nmatrix = [["1", "0"], ["0", "r**2"]]\n'
        "[metric.parameters]\nr = {positive = true}\n",
        "utf-8",
    )
    done = geomkit("derive", str(path), "-q", "scalar")
    assert done.returncode == 0
    assert done.stderr.startswith("geomkit: warning: the coordinate R is never used")
    assert len(done.stderr.splitlines()) == 1


def test_verify_takes_folders(tmp_path: Path) -> None:
    for number in range(3):
        claim_file(tmp_path, f"{number}.toml", HOLDS)
    done = geomkit("verify", str(tmp_path), "--jobs", "2")
    assert done.returncode == 0, done.stdout
    assert "3 claims in 3 files" in done.stdout


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_an_output_is_never_an_input(tmp_path: Path, option: str) -> None:
    path = claim_file(tmp_path, "good.toml", HOLDS)
    before = Path(path).read_text("utf-8")
    for name in (path, f"{tmp_path}/../{tmp_path.name}/good.toml"):
        assert "is an input" in refused("verify", path, option, name)
    assert Path(path).read_text("utf-8") == before


def test_outputs_do_not_fall_among_the_claim_files_nor_on_each_other(tmp_path: Path) -> None:
    path = claim_file(tmp_path, "good.toml", HOLDS)
    message = refused("verify", str(tmp_path), "--json", f"{tmp_path}/verdicts.json")
    assert "read as claim files" in message
    message = refused("verify", path, "--json", f"{tmp_path}/x", "--html", f"{tmp_path}/x")
    assert "is the place of --json too" in message


def test_what_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    good = claim_file(tmp_path, "good.toml", HOLDS)
    for place in (good + "/inside.json", "/proc/verdicts.json"):
        message = refused("verify", good, "--json", place)  # refused: nothing on stdout
        assert message.startswith(f"geomkit: error: {place}: cannot be written (")
        assert "write to" in message
    assert "is a folder" in refused("verify", good, "--html", str(tmp_path))


def test_verdicts_go_to_a_device(tmp_path: Path) -> None:
    good = claim_file(tmp_path, "good.toml", HOLDS)
    done = geomkit("verify", good, "--json", "/dev/stdout", "--quiet")
    assert json.JSONDecoder().raw_decode(done.stdout)[0]["summary"]["holds"] == 1


@pytest.mark.parametrize(
    "closed",
    [">&- 2>&-", *(pytest.param(one, marks=pytest.mark.slow) for one in (">&-", "2>&-"))],
)
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    good = claim_file(tmp_path, "good.toml", HOLDS)
    wrong = claim_file(tmp_path, "wrong.toml", FAILS)
    for words, status in (
        (f"verify {good} --jobs 1", 0),
        (f"verify {wrong}", 1),
        ("show no_such_metric", 2),
    ):
        command = f'"{sys.executable}" -m geomkit {words} {closed}'
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr


def test_the_reader_of_verdicts_may_leave(tmp_path: Path) -> None:
    wrong = claim_file(tmp_path, "wrong.toml", FAILS * 40)
    data = tmp_path / "out" / "verdicts.json"
    command = f'"{sys.executable}" -m geomkit verify {wrong} --json {data} | head -n 1'
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 1  # a claim fails, whoever reads about it
    assert len(json.loads(data.read_text("utf-8"))["files"][0]["claims"]) == 40


def test_texts_of_a_file_do_not_command_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "name.toml"
    path.write_text(
        '[metric]\nname = "\\u001b[31mred\\n  + holds (exact)\\u202e"\n'
        'coordinates = ["x"]\nmatrix = [["1"]]\n'
        + HOLDS.replace('"2"', '"0"')
        + 'source = "a\\nb"',
        "utf-8",
    )
    for command in ("verify", "show", "derive"):
        shown = geomkit(command, str(path)).stdout
        assert r"\x1b[31mred\n  + holds (exact)\u202e" in shown
        assert "\x1b" not in shown
        assert "\u202e" not in shown


@pytest.mark.slow
def test_budget_of_verify(tmp_path: Path) -> None:
    good = claim_file(tmp_path, "good.toml", HOLDS)
    assert "60" in geomkit("verify", "--help").stdout
    for value in ("none", "0", "30"):
        assert geomkit("verify", good, "--budget", value).returncode == 0
    for value in ("-1", "nan", "soon"):
        assert "is no time" in refused("verify", good, "--budget", value)
