"""Foreign code in a process of its own: what crashes, hangs or eats memory there costs the item it was at, nothing more.

A worker is a fresh Python process with limits on memory, time and the size of files, without core files, that dies with
the thread that started it. `survived` runs a task of many items in one. Where the worker dies, the item it was at is
tried alone; if that one lives, the items are halved until those that kill are alone; then the task runs again without
them. What a worker wrote before it died is written again: only an answer that came whole over the pipe counts.
"""

import ctypes
import mmap
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, Protocol, Self, TypeVar

PR_SET_PDEATHSIG = 1
NOWHERE = -1
WALL_PER_CPU_SECOND = 5.0  # a worker that waits without computing has this much longer
MAX_FILE_BYTES = 1 << 36
ATTEMPTS = 3  # at a task none of whose items kills alone
TIME_SIGNALS = (signal.SIGPROF, signal.SIGALRM)
LAST_WORDS_BYTES = 4000


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
    """A worker ended before it answered, at item `at`."""

    def __init__(self, death: Death, at: int) -> None:
        super().__init__(f"{death.reason}: {death.message}")
        self.death, self.at = death, at


class IsolationError(RuntimeError):
    """Workers die and no item is to blame."""


class Task(Protocol):
    """What `survived` runs: items, any selection of which is a task too."""

    @property
    def items(self) -> Sequence[object]: ...

    def of(self, places: Sequence[int]) -> Self:
        """Return the task of the items at `places` alone."""


At = Callable[[int], None]
TaskT = TypeVar("TaskT", bound=Task)
Result = TypeVar("Result")
Work = Callable[[TaskT, Mapping[int, Death], At], Result]


def survived(work: Work[TaskT, Result], task: TaskT, limits: WorkerLimits) -> Result:
    """Return `work(task, deaths, at)` from a worker; `deaths` are the places of items that killed one, and how.

    `work` calls `at(place)` before each item. Raises what `work` raises, and IsolationError where workers die though
    no item kills alone.
    """
    deaths: dict[int, Death] = {}
    fruitless = 0
    while True:
        try:
            return _worker(limits).run(work, task, deaths)
        except WorkerDied as died:
            found = _guilty(
                work, task, died, [place for place in range(len(task.items)) if place not in deaths], limits
            )
            fruitless = 0 if found else fruitless + 1
            if fruitless == ATTEMPTS:
                raise IsolationError(
                    f"a worker died {ATTEMPTS} times over {len(task.items)} items, none of which kills one alone "
                    f"({died}); see whether the machine is out of memory or something ends processes, and run again"
                ) from None
            deaths |= found


def _guilty(
    work: Work[TaskT, Any], task: TaskT, died: WorkerDied, places: list[int], limits: WorkerLimits
) -> dict[int, Death]:
    if died.at != NOWHERE and died.death.reason == "timed_out":
        return {died.at: died.death}  # its own clock ran out, nobody else's
    alone = _halved(work, task, [died.at], limits) if died.at != NOWHERE else {}
    return alone or _halved(work, task, places, limits)


def _halved(work: Work[TaskT, Any], task: TaskT, places: list[int], limits: WorkerLimits) -> dict[int, Death]:
    """Return those of `places` that kill a worker."""
    try:
        _worker(limits).run(work, task.of(places), {})
    except WorkerDied as died:
        if len(places) == 1:
            return {places[0]: died.death}
        middle = len(places) // 2
        return _halved(work, task, places[:middle], limits) | _halved(work, task, places[middle:], limits)
    return {}


_own = threading.local()  # a worker belongs to one thread, with which it ends


def _worker(limits: WorkerLimits) -> "Worker":
    worker = getattr(_own, "worker", None)
    if worker is None or not worker.lives or worker.limits != limits:
        worker = _own.worker = Worker(limits)
    return worker


class Worker:
    """A process that runs what it is sent, one task after the other."""

    def __init__(self, limits: WorkerLimits) -> None:
        self.limits = limits
        self.lives = True
        self._pipe, theirs = Pipe()
        self._log = tempfile.TemporaryFile()
        note = tempfile.TemporaryFile()
        note.truncate(mmap.PAGESIZE)
        self._note = mmap.mmap(note.fileno(), mmap.PAGESIZE)
        arguments = (theirs.fileno(), note.fileno(), os.getpid(), limits.memory_mb, limits.cpu_s)
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from stages.isolation import serve; serve{arguments}"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=arguments[:2],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        )
        theirs.close()
        note.close()

    def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Return `function(*arguments, at)` from the process; raises what it raises, and WorkerDied."""
        struct.pack_into("<q", self._note, 0, NOWHERE)
        try:
            self._pipe.send((function, arguments))
            error, result = self._pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self.lives = False
            raise WorkerDied(self._death(), struct.unpack_from("<q", self._note)[0]) from None
        if error is not None:
            raise error
        return result

    def _death(self) -> Death:
        status = self._process.wait()
        self._log.seek(0)
        words = self._log.read()[-LAST_WORDS_BYTES:].decode("utf-8", "replace").strip().splitlines()
        said = f"; it said: {words[-1]}" if words else ""
        if -status in TIME_SIGNALS:
            return Death("timed_out", f"more than {self.limits.cpu_s:g} s of CPU time, or hung{said}")
        ended = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        if -status == signal.SIGKILL or any(b"memory" in line.lower().encode() for line in words[-3:]):
            return Death("out_of_memory", f"ended by {ended}, at most {self.limits.memory_mb} MiB{said}")
        return Death("crashed", f"ended by {ended}{said}")

    def close(self) -> None:
        """End the process."""
        self._pipe.close()  # an idle worker takes the end of its pipe for its own
        self._process.wait()

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self.close()


def serve(pipe: int, note: int, parent: int, memory_mb: int, cpu_s: float) -> None:
    """Be a worker: answer tasks until the pipe ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return
    _limit(memory_mb)
    marks = mmap.mmap(note, mmap.PAGESIZE)

    def at(place: int) -> None:
        struct.pack_into("<q", marks, 0, place)
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        signal.setitimer(signal.ITIMER_REAL, cpu_s * WALL_PER_CPU_SECOND)

    with Connection(pipe) as connection:
        while True:
            try:
                function, arguments = connection.recv()
            except EOFError:
                return
            connection.send(_answer(function, arguments, at))


def _answer(function: Callable[..., object], arguments: tuple[object, ...], at: At) -> tuple[Exception | None, object]:
    try:
        return None, function(*arguments, at)
    except Exception as error:  # noqa: BLE001  # the parent raises it again
        return error, None
    finally:
        at(NOWHERE)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit(memory_mb: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
