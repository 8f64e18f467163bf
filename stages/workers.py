"""Worker processes with limits, each of which answers one task after the other.

A worker is a copy of this process where `copy_workers` made it one, else a fresh Python process, which starts 0.2 s
later. It (stages/service.py) has limits on memory, on the time of one item and on the size of files, leaves no core,
and dies with the thread that started it. What decoders print goes to its log, whose last line is told where it dies.
"""

import fcntl
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import IO, TypeVar

from stages.copies import Copy, can_copy
from stages.service import NOTE, NOWHERE, READY, IsolationError, serve

TIME_SIGNALS = (signal.SIGPROF, signal.SIGALRM)
LAST_WORDS_BYTES = 4000
SHARE_OF_COPY = 0.25  # of the memory that a worker may use: held already when it begins as a copy, at most


@dataclass(frozen=True)
class WorkerLimits:
    """What a worker may use: memory (MiB), and CPU time for one item (s)."""

    memory_mb: int
    cpu_s: float


@dataclass(frozen=True)
class Death:
    """Why a worker died: `reason` is crashed, out_of_memory or timed_out."""

    reason: str
    message: str


class WorkerDied(Exception):
    """A worker ended before it answered, at item `at`, by `status` as subprocess has it."""

    def __init__(self, death: Death, at: int, status: int) -> None:
        super().__init__(f"{death.reason}: {death.message}")
        self.death, self.at, self.status = death, at, status


Result = TypeVar("Result")
Arguments = tuple[int, int, int, int, float]  # of stages.service.serve


def end_workers() -> None:
    """Kill all workers of this process, and let no task be tried again until `ending` is cleared."""
    ending.set()
    for worker in list(_all):
        worker.kill()


ending = threading.Event()
_own = threading.local()  # a worker belongs to one thread, with which it ends
_all: "weakref.WeakSet[Worker]" = weakref.WeakSet()
_copied: "list[Worker]" = []  # and not yet taken by a thread


def copy_workers(limits: WorkerLimits, n_workers: int) -> None:
    """Start workers for threads to take, as copies of this process; where that is not safe, start none."""
    if can_copy((limits.memory_mb << 20) * SHARE_OF_COPY):
        _copied[:] = [Worker(limits, is_copy=True) for _ in range(n_workers)]


def worker_of(limits: WorkerLimits) -> "Worker":
    """Return the worker of this thread, a new one where it has none that lives under these limits."""
    worker = getattr(_own, "worker", None)
    while worker is None or not worker.lives or worker.limits != limits:
        try:
            worker = _copied.pop()
        except IndexError:
            worker = Worker(limits)
    _own.worker = worker
    return worker


class Worker:
    """A process that runs what it is sent, one task after the other."""

    def __init__(self, limits: WorkerLimits, is_copy: bool = False) -> None:
        self.limits = limits
        self.lives = True
        self._is_ready = False
        self._pipe, theirs = Pipe()
        self._log, note = _nameless(), _nameless()
        fcntl.fcntl(self._log, fcntl.F_SETFL, os.O_APPEND)
        note.truncate(mmap.PAGESIZE)
        self._note = mmap.mmap(note.fileno(), mmap.PAGESIZE)
        arguments = (theirs.fileno(), note.fileno(), os.getpid(), limits.memory_mb, limits.cpu_s)
        start = self._copied if is_copy else self._fresh
        self._process = start(arguments)
        theirs.close()
        note.close()
        _all.add(self)

    def _copied(self, arguments: Arguments) -> Copy:
        return Copy(partial(serve, *arguments), self._log.fileno(), arguments[:2])

    def _fresh(self, arguments: Arguments) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", f"from stages.service import serve; serve{arguments}"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=arguments[:2],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )

    def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return `function(*arguments, at)` from the process; raises what it raises, and WorkerDied."""
        struct.pack_into(NOTE, self._note, 0, NOWHERE, 0)
        try:
            if not self._is_ready:
                self._is_ready = self._pipe.recv() == READY
            self._log.truncate(0)
            self._pipe.send((function, arguments))
            error, result = self._pipe.recv()
        except (EOFError, OSError):
            raise self._death() from None
        except BaseException:
            self.kill()  # its answer would else be taken for that of the next task
            raise
        if error is not None:
            raise error
        return result

    def _death(self) -> Exception:
        self.lives = False
        status = self._process.wait()
        place, began = struct.unpack_from(NOTE, self._note)
        self._log.seek(max(began, os.fstat(self._log.fileno()).st_size - LAST_WORDS_BYTES))
        words = self._log.read().decode("utf-8", "replace").strip().splitlines()
        said = f"; it said: {words[-1]}" if words else ""
        ended = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        if not self._is_ready and not ending.is_set():
            return IsolationError(f"a worker cannot start, ended by {ended}{said}; is the environment whole?")
        if -status in TIME_SIGNALS:
            death = Death("timed_out", f"more than {self.limits.cpu_s:g} s of CPU time, or hung{said}")
        elif any("memory" in line.lower() or "bad_alloc" in line for line in words[-3:]):
            death = Death("out_of_memory", f"ended by {ended}, at most {self.limits.memory_mb} MiB{said}")
        else:
            death = Death("crashed", f"ended by {ended}{said}")
        return WorkerDied(death, place, status)

    def kill(self) -> None:
        """End the process at once."""
        self.lives = False
        self._process.kill()

    def __del__(self) -> None:
        if hasattr(self, "_process"):  # it was started
            self._pipe.close()
            self.kill()
            self._process.wait()


def _nameless() -> IO[bytes]:
    """Return a file without a name, in memory where the system has such files."""
    if sys.platform == "linux":
        return open(os.memfd_create("worker"), "w+b", buffering=0)  # noqa: PTH123
    return tempfile.TemporaryFile(buffering=0)
