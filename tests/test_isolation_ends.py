"""Workers end with what they work for: with an error, with Ctrl-C, with the process that started them."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import psutil
import pytest
from deadly import Deeds, squares

from stages.executors import forked, threads
from stages.isolation import survived
from stages.machines import shards
from stages.service import IsolationError
from stages.workers import WorkerLimits

ROOT = Path(__file__).resolve().parent.parent


def test_an_error_outside_ends_what_was_handed_out(tmp_path: Path) -> None:
    began = time.monotonic()
    work = partial(survived, squares, limits=WorkerLimits(512, 60.0))
    tasks = [Deeds(["sleep"], tmp_path) for _ in range(6)]
    with pytest.raises(KeyboardInterrupt), shards(threads) as (executor, _):
        interrupt_after_handing_out(tasks, partial(executor.submit, work))
    assert time.monotonic() - began < 10
    with shards(threads) as (executor, _):
        assert executor.submit(work, Deeds([3], tmp_path)).result() == [9]


def interrupt_after_handing_out(tasks: Sequence[Deeds], submit: Callable[[Deeds], object]) -> None:
    """As Ctrl-C would, half a second after `submit` took the tasks."""
    for task in tasks:
        submit(task)
    time.sleep(0.5)
    raise KeyboardInterrupt


def test_a_worker_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from deadly import *; from stages.isolation import *; from stages.workers import *;"
        f"survived(squares, Deeds(['sleep'], Path({str(tmp_path)!r})), WorkerLimits(512, 100.0))"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    parent = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path})
    children: list[psutil.Process] = []
    while not children:
        time.sleep(0.05)
        children = psutil.Process(parent.pid).children()
    time.sleep(0.5)  # until it sleeps in its work
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


def sleeping(seconds: float) -> None:
    time.sleep(seconds)


def interrupted_while_copies_work() -> None:
    with shards(partial(forked, 2)) as (executor, _):
        for _ in range(8):
            executor.submit(sleeping, 20.0)
        raise KeyboardInterrupt


def killed_while_it_works() -> None:
    with shards(partial(forked, 1)) as (executor, _):
        waiting = executor.submit(sleeping, 20.0)
        for copy in multiprocessing.active_children():
            copy.kill()
        waiting.result()


def test_copies_end_at_once_with_an_error_and_one_that_is_killed_is_told_of() -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted_while_copies_work()
    with pytest.raises(IsolationError, match="was ended from outside"):
        killed_while_it_works()
    assert time.monotonic() - began < 15
