"""`ndm train` on a terminal: the bar, Ctrl-C, narrow terminals, NO_COLOR, no terminal at all."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.console import Console

from ndm.cli.train import show_figures
from ndm.training import train
from tests.ndm.training_samples import TINY, curve, tiny

# The terminal is made that of the process, so that Ctrl-C reaches it; tests that run in the
# background of a shell were told to ignore it.
AS_FOREGROUND = """
import fcntl, signal, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
from ndm.cli import main
main()
"""
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


def lines(shown: str) -> list[str]:
    """What was written on each line, without escape sequences; overwritten texts one by one."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))


def on_a_terminal(
    words: list[str], columns: int, stop_at: str | None = None, **variables: str
) -> tuple[int, str]:
    """Run `ndm` on a pseudo-terminal; press Ctrl-C once a text (a pattern) was seen.

    Returns:
        Exit status, and all that was shown.
    """
    # a size in the environment would be believed before that of the terminal
    sizes = ("COLUMNS", "LINES")
    surroundings = {name: text for name, text in os.environ.items() if name not in sizes}
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", AS_FOREGROUND, *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**surroundings, "TERM": "xterm-256color", **variables},
        start_new_session=True,
    )
    os.close(slave)
    shown, pressed = "", False
    try:
        while chunk := os.read(master, 65536):
            shown += chunk.decode("utf-8", "replace")
            if stop_at and not pressed and re.search(stop_at, shown):
                os.write(master, b"\x03")
                pressed = True
    except OSError:  # Linux says EIO when the other side has closed
        pass
    os.close(master)
    return process.wait(), shown


@pytest.mark.parametrize("width", [30, 50, 100])
def test_the_bar_fits_and_goes_away(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    place = Console(file=screen, force_terminal=True, width=width)
    monkeypatch.setattr("ndm.training.progress.console", lambda *, stderr: place)
    train(tiny(), tmp_path / "run", progress=True)
    shown = screen.getvalue()
    assert max(map(len, lines(shown))) <= width
    assert "seed 0, epoch 3/3, loss 0." in shown
    if width > 40:  # narrower, the end is cut
        last = curve(tmp_path / "run")[1]["validation/task"]
        assert f"loss {float(last):.3g}, best " in shown
    assert ("━" in shown) == (width == 100)
    assert shown.count(SHOW_CURSOR) == shown.count(HIDE_CURSOR) == 1
    assert lines(shown)[-1] == "", "the bar is still there"


@pytest.mark.parametrize("width", [24, 49, 50, 60, 100])
def test_no_figure_is_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr("ndm.cli.train.console", lambda: Console(file=screen, width=width))
    parts = ("validation", "test", "untrained")
    figures = {part: {"task": f"0.1{len(part)}", "mean_curvature": "1.2 ± 0.3"} for part in parts}
    show_figures(figures, "seed 0")
    shown = screen.getvalue() + capsys.readouterr().out
    assert max(map(len, lines(shown))) <= width
    for text in (*parts, "task", "mean", "curvature", "0.110", "0.14", "0.19", "seed 0"):
        assert text in shown
    assert shown.count("1.2 ± 0.3") == 3
    assert ("━" in shown) == (width >= 50), "a list where there is no room for a table"


@pytest.mark.slow
def test_ctrl_c_on_a_terminal_and_going_on(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = ["train", str(tmp_path / "tiny.yaml"), "--output", str(tmp_path / "run")]
    many = [*words, "--set", "trainer.epochs=500", "--set", "trainer.patience=500"]
    # the third, or a later one: on a busy machine the bar may leave some out
    status, shown = on_a_terminal(many, 80, stop_at=r"epoch ([3-9]|\d\d+)/500", NO_COLOR="")
    assert status == 130
    said = "ndm: interrupted; what was trained is kept, and --resume goes on"
    assert lines(shown)[-2:] == [said, ""]
    assert "Traceback" not in shown
    assert shown.rindex(SHOW_CURSOR) > shown.rindex(HIDE_CURSOR)
    done = len(curve(tmp_path / "run"))
    assert 2 <= done < 500
    more = [*words, "--set", f"trainer.epochs={done + 2}", "--resume"]
    status, shown = on_a_terminal(more, 60, NO_COLOR="1")
    assert status == 0, shown
    assert f"epoch {done + 1}/{done + 2}" in shown
    assert "epoch 1/" not in shown, "it begins where it was left"
    fitted = [line for line in lines(shown) if not line.startswith("written to ")]
    assert max(map(len, fitted)) <= 60
    assert not re.search(r"\x1b\[[0-9;]*m", re.sub(r"\x1b\[[0-4]?m", "", shown)), "colours"
    assert len(curve(tmp_path / "run")) == done + 2


@pytest.mark.slow
def test_no_bar_without_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = ["train", str(tmp_path / "tiny.yaml"), "--output", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", "ndm", *words], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "seed 0: 3 epochs" in done.stdout
