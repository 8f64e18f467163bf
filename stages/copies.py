"""Copies of this process (fork, Linux): they begin with all that it has imported, in milliseconds instead of 0.2 s."""

import mmap
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

STDERR = 2


def can_copy(n_bytes: float) -> bool:
    """Tell whether a copy is safe: this thread is the only one of Python, and the process holds at most `n_bytes`.

    A lock that another thread holds would stay locked in the copy, which has that thread no more; those of pyarrow are
    no hindrance, for Arrow and jemalloc see to their own locks around a fork. What the process holds counts against a
    limit on the memory of its copy.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    n_pages = int(Path("/proc/self/statm").read_text().split()[5])
    return n_pages * mmap.PAGESIZE <= n_bytes


class Copy:
    """A copy of this process that runs one function, with the two methods of subprocess.Popen that a worker needs.

    It has no open files but /dev/null as input, `output` as output, and those of `kept`. It ends where the function
    does, with status 0, or 1 where that raises; nothing of this process is flushed, closed or deleted in it.
    """

    def __init__(self, run: Callable[[], object], output: int, kept: Sequence[int]) -> None:
        self._status: int | None = None
        theirs = [place for place in _open_files() if place > STDERR and place not in kept]
        self._process = os.fork()
        if self._process == 0:
            _be(run, output, theirs)

    def wait(self) -> int:
        """Return the status when it has ended, as subprocess has it."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        return self._status

    def kill(self) -> None:
        """End it at once."""
        if self._status is None:
            os.kill(self._process, signal.SIGKILL)


def _open_files() -> list[int]:
    """Return the descriptors that are open."""
    listed = sorted(Path("/proc/self/fd").iterdir())  # among them the one that lists, closed by now
    return [int(place.name) for place in listed if place.is_symlink()]


def _be(run: Callable[[], object], output: int, theirs: Sequence[int]) -> NoReturn:
    """Be a copy, and never return. What it opened itself, to watch DVC by (stages/__init__.py), stays open."""
    status = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        for place, target in ((nothing, 0), (output, 1), (output, STDERR)):
            os.dup2(place, target)
        for place in (nothing, *theirs):
            os.close(place)
        run()
        status = 0
    except BaseException:  # noqa: BLE001  # there is nobody to raise it to
        os.write(STDERR, traceback.format_exc().encode())
    finally:
        os._exit(status)
