"""The runner of both command lines: one line for whatever goes wrong, and the exit status."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

import pytest
import typer

from geomkit.errors import BudgetError, FileError
from geomkit.terminal import complain, run_program


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner sets how warnings are shown, for the rest of the process."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.delenv("PROG_DEBUG", raising=False)
    monkeypatch.setattr("sys.argv", ["prog"])


def application(work: Callable[[], None]) -> typer.Typer:
    """A command line of one command."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(work)
    return app


def ends(work: Callable[[], None]) -> int:
    """The exit status of a command."""
    with pytest.raises(SystemExit) as left:
        run_program("prog", lambda: application(work))
    return int(left.value.code or 0)


def raising(error: BaseException) -> Callable[[], None]:
    """A command that fails."""

    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (FileError("is a folder", file="a", remedy="name a file"), 2, "error: a: is a folder; "),
        (BudgetError("not done after 1 s", "raise it"), 3, "error: over budget: not done after"),
        (OSError(28, "No space left on device", "b.csv"), 2, "error: b.csv: No space left on dev"),
        (MemoryError(), 2, "error: the input is too large or too deep (MemoryError); give"),
        (RecursionError(), 2, "error: the input is too large or too deep (RecursionError)"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 TB"),
            2,
            "error: the input is too large or too deep (RuntimeError); give",
        ),
        (KeyError("k"), 70, "internal error, KeyError: 'k'; please report it; PROG_DEBUG=1"),
        (ValueError("one\n  two\x1b[31m"), 70, r"internal error, ValueError: one two\x1b[31m; "),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (KeyboardInterrupt("half of it is kept"), 130, "interrupted; half of it is kept\n"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(raising(error)) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"prog: {said}")
    assert printed.err.count("\n") == 1


def test_what_cannot_be_loaded_is_said_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    def load() -> Callable[..., object]:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as left:
        run_program("prog", load)
    assert left.value.code == 130
    assert capsys.readouterr().err == "prog: interrupted\n"


def test_success_and_exits_of_a_command_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def third() -> None:
        raise typer.Exit(130)  # of its own: nobody has pressed Ctrl-C

    assert ends(lambda: None) == 0
    assert ends(third) == 130
    assert capsys.readouterr().err == ""


def test_a_traceback_is_shown_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROG_DEBUG", "1")
    with pytest.raises(KeyError):
        run_program("prog", lambda: application(raising(KeyError("k"))))


def test_warnings_are_for_users(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        warnings.warn("few\n points", UserWarning, stacklevel=1)
        warnings.warn("use that instead", DeprecationWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert ends(work) == 0
    assert capsys.readouterr().err == "prog: warning: few points\n"


def test_a_reader_that_leaves_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[bool] = []
    monkeypatch.setattr("geomkit.terminal.abandon_stdout", lambda: left.append(True))

    def load() -> Callable[..., object]:
        raise BrokenPipeError(32, os.strerror(32))

    with pytest.raises(SystemExit) as end:
        run_program("prog", load)
    assert (end.value.code, left) == (0, [True])


def test_complaints_bear_the_name_and_command_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complain("a\x1b[2J\nb", "prog")
    complain("c")
    assert capsys.readouterr().err == "prog: a\\x1b[2J\nb\ngeomkit: c\n"
