"""The command line, run as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from geomkit.errors import GeomkitError
from geomkit.quantities import PROPERTIES, QUANTITIES, find_quantities

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SCHWARZSCHILD = str(EXAMPLES / "schwarzschild.toml")
KERR = str(EXAMPLES / "kerr.toml")


def geomkit(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "geomkit", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )


def refused(*words: str) -> str:
    """Run with bad input; return the one message, having checked how it was given."""
    done = geomkit(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


# -- derive -----------------------------------------------------------------------------------


def test_derive_prints_the_simplified_invariant() -> None:
    done = geomkit("derive", SCHWARZSCHILD, "--quantity", "kretschmann")
    assert done.returncode == 0, done.stderr
    assert "48*M**2/r**6" in done.stdout


def test_derive_puts_abbreviations_in() -> None:
    done = geomkit("derive", KERR, "-q", "volume_element,kretschmann")
    assert "/Sigma**6" in done.stdout
    assert "Sigma*sin(theta)" in done.stdout


def test_derive_says_that_a_tensor_vanishes() -> None:
    assert "every component vanishes" in geomkit("derive", KERR, "-q", "ricci").stdout


def test_derive_json_has_claim_file_keys() -> None:
    done = geomkit("derive", SCHWARZSCHILD, "-q", "christoffel,signature,is_flat", "-f", "json")
    quantities = json.loads(done.stdout)["quantities"]
    assert quantities["christoffel"]["components"]["r|theta,theta"] == "2*M - r"
    assert quantities["signature"]["value"] == [3, 1]
    assert quantities["is_flat"]["value"] is False
    assert quantities["is_flat"]["proof"] == "exact"


def test_derive_latex() -> None:
    done = geomkit("derive", SCHWARZSCHILD, "-q", "christoffel", "--format", "latex")
    assert r"\Gamma{}^{\phi}{}_{r}{}_{\phi} &= \frac{1}{r}" in done.stdout
    assert done.stdout.count(r"\begin{align*}") == done.stdout.count(r"\end{align*}") == 1


def test_derive_brings_indices_into_position() -> None:
    done = geomkit("derive", SCHWARZSCHILD, "-q", "riemann", "--index", "uudd", "-f", "json")
    data = json.loads(done.stdout)["quantities"]["riemann"]
    assert data["positions"] == "uudd"
    # R^{theta phi}_{theta phi} = 2M/r^3 is a textbook value (MTW 31.4).
    assert data["components"]["theta,phi|theta,phi"] == "2*M/r**3"


def test_every_quantity_and_property_is_derived() -> None:
    names = [name for name in QUANTITIES if name != "gauss"]
    done = geomkit("derive", SCHWARZSCHILD, "-q", ",".join(names), "-q", "properties", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["quantities"]) == {*names, *PROPERTIES}


def test_a_quantity_of_another_dimension_is_said_to_be_undefined() -> None:
    assert "surfaces" in refused("derive", SCHWARZSCHILD, "-q", "gauss")
    assert "3" in refused("derive", str(EXAMPLES / "torus.toml"), "-q", "weyl")


def test_quantity_names_have_aliases_and_suggestions() -> None:
    assert find_quantities(["Scalar-Curvature", "ricci,ricci"]) == ["scalar", "ricci"]
    with pytest.raises(GeomkitError, match="did you mean kretschmann"):
        find_quantities(["kretschman"])


@pytest.mark.slow
def test_cold_derive_is_quick() -> None:
    """At most 3x a bare import of SymPy, in CPU time, of which the best of three is taken."""

    def seconds(*words: str) -> float:
        before = os.times()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        after = os.times()
        return (
            after.children_user
            + after.children_system
            - (before.children_user + before.children_system)
        )

    bare = min(seconds("-c", "import sympy") for _ in range(3))
    cold = min(
        seconds("-m", "geomkit", "derive", "kerr", "--quantity", "kretschmann") for _ in range(3)
    )
    assert cold <= 3 * bare, f"{cold:.2f} s against {bare:.2f} s"


# -- bad input --------------------------------------------------------------------------------


def test_unknown_quantity_names_the_nearest() -> None:
    assert "did you mean ricci" in refused("derive", KERR, "-q", "rici")


def test_unknown_metric_names_the_nearest() -> None:
    assert "kerr" in refused("derive", "ker")


def test_missing_file() -> None:
    assert "no such file" in refused("derive", "nowhere/metric.toml")


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    assert "folder" in refused("derive", str(tmp_path))


def test_malformed_toml(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[metric\n", "utf-8")
    assert "broken.toml" in refused("derive", str(path))


def test_binary_file(tmp_path: Path) -> None:
    path = tmp_path / "image.toml"
    path.write_bytes(bytes(range(256)))
    assert "image.toml" in refused("derive", str(path))


def test_wrong_index_positions() -> None:
    assert refused("derive", KERR, "-q", "ricci", "--index", "udd")
    assert refused("derive", KERR, "-q", "ricci", "--index", "xy")
    assert "need a tensor" in refused("derive", KERR, "-q", "scalar", "--index", "u")


def test_usage_errors_end_with_2() -> None:
    assert "format" in refused("derive", KERR, "--format", "html")
    assert refused("derive", KERR, "--budget", "-1")
    assert refused("verify")


@pytest.mark.slow
def test_a_budget_is_kept(tmp_path: Path) -> None:
    """Within a factor 2, starts of Python apart; and the message says what to try."""
    rows = [[f"f{min(i, j)}{max(i, j)}(x,y,z,w)" for j in range(4)] for i in range(4)]
    names = sorted({name for row in rows for name in row})
    functions = "\n".join(
        f'"{name}" = ["{5 if name[1] == name[2] else 0} + x*y/9"]' for name in names
    )
    path = tmp_path / "large.toml"
    path.write_text(
        f'[metric]\ncoordinates = ["x", "y", "z", "w"]\nmatrix = {json.dumps(rows)}\n'
        f"[metric.functions]\n{functions}\n",
        "utf-8",
    )
    started = time.monotonic()
    done = geomkit("derive", str(path), "-q", "cotton,is_locally_symmetric", "--budget", "4")
    # Two starts of Python are not part of the budget; on a busy machine each takes a second.
    assert time.monotonic() - started < 2 * 4 + 2
    assert done.returncode == 3, done.stdout[-300:] + done.stderr
    assert "budget" in done.stderr
    assert "Traceback" not in done.stderr


# -- show, catalog, help ----------------------------------------------------------------------


def test_show_lists_what_was_understood() -> None:
    text = geomkit("show", KERR).stdout
    for part in ("ds^2 =", "Sigma =", "parameter a in", "coordinate r in [3*M, 10*M]", "8 claims"):
        assert part in text


def test_show_a_stage() -> None:
    done = geomkit("show", SCHWARZSCHILD, "--quantity", "riemann_down", "--stage", "tensors")
    assert "6 of 21 independent components" in done.stdout
    assert "stage" in refused("show", KERR, "-q", "ricci", "--stage", "assembler")


def test_catalog_lists_and_shows() -> None:
    listing = geomkit("catalog").stdout
    assert "kerr" in listing
    assert "reference" in geomkit("catalog", "kerr").stdout
    assert "neither a file nor a name" in refused("catalog", "kerrr")


@pytest.mark.parametrize("command", ["", "derive", "show", "catalog", "verify"])
def test_help_has_examples(command: str) -> None:
    done = geomkit(*filter(None, [command]), "--help")
    assert done.returncode == 0
    assert "geomkit derive" in done.stdout or "Examples:" in done.stdout
    assert "\x1b" not in done.stdout


def test_version() -> None:
    assert geomkit("--version").stdout.startswith("geomkit 0.")


# -- terminals and pipes ----------------------------------------------------------------------


def test_no_colour_in_a_pipe() -> None:
    assert "\x1b" not in geomkit("derive", KERR, "-q", "scalar", FORCE_COLOR="").stdout


def on_a_terminal(*words: str, **variables: str) -> str:
    """Run with standard output on a pseudo-terminal; return what it shows."""
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "geomkit", *words],
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", **variables},
    )
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:  # Linux says EIO when the other side has closed
        pass
    os.close(master)
    process.wait()
    return shown.decode()


def test_colour_on_a_terminal_unless_refused() -> None:
    words = ("derive", SCHWARZSCHILD, "-q", "scalar")
    plain = {"NO_COLOR": ""}
    assert "\x1b[1m" in on_a_terminal(*words, **plain)
    assert "\x1b" not in on_a_terminal(*words, NO_COLOR="1")


def test_verify_on_a_terminal_has_colours_and_a_bar() -> None:
    shown = on_a_terminal("verify", str(EXAMPLES / "torus.toml"), KERR, NO_COLOR="")
    assert "verifying" in shown
    assert "\x1b[1;34m+ holds" in shown


def test_a_reader_that_leaves_is_no_error() -> None:
    command = (
        f'"{sys.executable}" -m geomkit derive "{KERR}" -q riemann_down,christoffel | head -n 1'
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_terminal_without_unicode() -> None:
    variables = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    for words in (("derive", KERR), ("show", KERR), ("verify", SCHWARZSCHILD)):
        done = geomkit(*words, **variables)
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii()
