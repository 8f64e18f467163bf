"""Work in copies of this process: what they see, in which order they answer, and what ends them."""

import os
import signal
import time

import pytest

from stages.executors import CopyError, in_copies


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_WORKERS", "2")


def test_copies_hold_what_the_function_holds_and_answer_in_order() -> None:
    held = {number: object() for number in range(5)}  # nothing of it could be sent
    found = in_copies(lambda number: (number, number in held, os.getpid()), [3, 1, 4, 9])
    assert [each[:2] for each in found] == [(3, True), (1, True), (4, True), (9, False)]
    assert os.getpid() not in {each[2] for each in found}


def test_the_first_error_is_raised_at_once_and_ends_the_others() -> None:
    def work(number: int) -> None:
        if number:
            raise ValueError("the second")
        time.sleep(60)

    started = time.monotonic()
    with pytest.raises(ValueError, match="the second"):
        in_copies(work, [0, 1])
    assert time.monotonic() - started < 20


def test_a_copy_that_is_killed_is_told_in_words() -> None:
    with pytest.raises(CopyError, match=r"was killed.*EARMARK_WORKERS"):
        in_copies(lambda number: os.kill(os.getpid(), signal.SIGKILL), [0, 1])


def test_one_item_stays_in_this_process() -> None:
    assert in_copies(lambda _: os.getpid(), [0]) == [os.getpid()]
