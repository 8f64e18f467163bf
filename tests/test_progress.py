"""How far a piece of work is: lines in a log, a bar on a terminal."""

import io
import time

import pytest

from stages.progress import Progress, told


def test_progress_says_how_far_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.progress.LINE_EVERY_S", 0.05)
    text = io.StringIO()
    with Progress("decode", 4000, "members", text) as progress:
        progress.add(1000)
        time.sleep(0.2)
    assert progress.line(10.0) == "decode: 1,000 of 4,000 members, 100 a second, 30 s left"
    assert progress.line(1000.0) == "decode: 1,000 of 4,000 members, 1.0 a second, 3,000 s left"
    assert text.getvalue().startswith("decode: 1,000 of 4,000 members, ")
    n_lines = text.getvalue().count("\n")
    time.sleep(0.2)
    assert text.getvalue().count("\n") == n_lines >= 1


class Terminal(io.StringIO):
    """What takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_is_a_bar_that_ends_full_and_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.progress.LINE_EVERY_S", 0.01)
    terminal = Terminal()
    with Progress("decode", 4000, "members", terminal) as progress:
        progress.add(1000)
        progress.add(3000)
        time.sleep(0.1)
    first, last = terminal.getvalue().split("\r")[1], terminal.getvalue().split("\r")[-1]
    assert first.startswith("decode:   0%|")
    assert last.startswith("decode: 100%|")
    assert "| 4000/4000 [" in last
    assert " members/s]" in last
    assert terminal.getvalue().count("\n") == 1  # behind the bar


def test_epochs_are_told_by_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(told(range(3), "cnn seed 1", "epoch", 0)) == [0, 1, 2]
    assert capsys.readouterr().err == "", "what ends within a minute says nothing"
    monkeypatch.setattr("stages.progress.EPOCHS_EVERY_S", 0.0)
    assert list(told(range(3), "cnn seed 1", "epoch", 0)) == [0, 1, 2]
    assert capsys.readouterr().err.splitlines()[-1] == "cnn seed 1: 2 of 3 epochs"


def test_epochs_on_a_terminal_are_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(told(range(3), "cnn seed 1", "epoch", 0)) == [0, 1, 2]
    assert "cnn seed 1:   0%|" in terminal.getvalue()
