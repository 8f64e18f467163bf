"""How far a piece of work is: lines in a log, a bar on a terminal."""

import io
import time
from functools import partial

import pytest
from running import until

from stages.progress import Progress, told


def test_progress_says_how_far_how_fast_and_how_long() -> None:
    text = io.StringIO()
    with Progress("decode", 4000, "members", text, every_s=0.05) as progress:
        progress.add(1000)
        until(lambda: "\ndecode: 1,000 of 4,000 members, " in f"\n{text.getvalue()}", "a line")
    assert progress.line(10.0) == "decode: 1,000 of 4,000 members, 100 a second, 30 s left"
    assert progress.line(1000.0) == "decode: 1,000 of 4,000 members, 1 a second, 3,000 s left"
    assert progress.line(30_000.0) == "decode: 1,000 of 4,000 members, 0.033 a second, 90,000 s left"
    time.sleep(0.1)  # for the end of a line that is being written
    n_lines = text.getvalue().count("\n")
    time.sleep(0.2)
    assert text.getvalue().count("\n") == n_lines >= 1


class Terminal(io.StringIO):
    """What takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_is_a_bar_that_ends_full_and_no_lines() -> None:
    terminal = Terminal()
    with Progress("decode", 4000, "members", terminal, every_s=0.01) as progress:
        progress.add(1000)
        progress.add(3000)
        time.sleep(0.1)
    first, last = terminal.getvalue().split("\r")[1], terminal.getvalue().split("\r")[-1]
    assert first.startswith("decode:   0%|")
    assert last.startswith("decode: 100%|")
    assert "| 4000/4000 [" in last
    assert " members/s]" in last
    assert terminal.getvalue().count("\n") == 1  # behind the bar


def test_epochs_are_told_by_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr("sys.stderr", text)
    assert list(told("cnn seed 1", 3, 0, 0)) == [0, 1, 2]
    assert text.getvalue() == "", "what ends within a minute says nothing"
    monkeypatch.setattr("stages.progress.Progress", partial(Often, 0.02))
    for epoch in told("cnn seed 1", 40, 0, 0):
        until(lambda words=f"\ncnn seed 1: {epoch} of 40 epochs, ": words in f"\n{text.getvalue()}", "a line")
        if epoch == 2:
            break
    assert text.getvalue().startswith("cnn seed 1: 0 of 40 epochs, 0 a second\n")


class Often(Progress):
    """Says it more often than it is told to."""

    def __init__(self, often_s: float, *what: str | int, every_s: float, **how: int) -> None:
        assert every_s == 60.0
        super().__init__(*what, every_s=often_s, **how)  # type: ignore[arg-type]


def test_what_was_done_before_counts_as_done_and_not_as_fast() -> None:
    with Progress("cnn seed 1", 40, "epochs", io.StringIO(), n_before=30) as progress:
        progress.add(4)
    assert progress.line(60.0) == "cnn seed 1: 34 of 40 epochs, 0.067 a second, 90 s left"
    assert list(told("cnn seed 1", 40, 0, 38)) == [38, 39]


def test_epochs_on_a_terminal_are_bars_of_which_the_first_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert list(told("cnn seed 1", 3, 0, 1)) == [1, 2]
    first = terminal.getvalue()
    assert "cnn seed 1:  33%|" in first
    assert "| 3/3 [" in first
    assert list(told("cnn seed 2", 3, 1, 0)) == [0, 1, 2]
    assert "cnn seed 2:   0%|" in terminal.getvalue()
    assert "| 3/3 [" not in terminal.getvalue()[len(first) :].split("\r")[-1]
