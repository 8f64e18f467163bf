"""What a worker process does: it limits itself, and answers tasks that come over a pipe until the pipe ends."""

import gc
import mmap
import os
import pickle
import resource
import signal
import struct
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

from stages import dies_with

NOWHERE = -1
NOTE = "<qq"  # item, and how long the log was when it began
READY = "ready"
STDERR = 2
WALL_PER_CPU_SECOND = 5.0  # a worker that waits without computing has this much longer
MAX_FILE_BYTES = 1 << 36
OBJECTS_PER_LOOK = 10_000  # between two looks for rubbish that holds itself

At = Callable[[int], None]


class IsolationError(RuntimeError):
    """Workers cannot start, or die and no item is to blame."""


def serve(pipe: int, note: int, parent: int, memory_mb: int, cpu_s: float) -> None:
    """Be a worker: answer tasks until the pipe ends."""
    if not dies_with(parent):
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends its workers
    _limit(memory_mb)
    gc.freeze()  # what was imported is no rubbish, and a copy shares it as long as nobody looks through it
    gc.set_threshold(OBJECTS_PER_LOOK)
    marks = mmap.mmap(note, mmap.PAGESIZE)

    def at(place: int) -> None:
        struct.pack_into(NOTE, marks, 0, place, os.lseek(STDERR, 0, os.SEEK_END))
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        signal.setitimer(signal.ITIMER_REAL, cpu_s * WALL_PER_CPU_SECOND)

    with Connection(pipe) as connection:
        connection.send(READY)
        while (answer := _answer(connection, at)) is not None:
            connection.send(answer)


def _answer(connection: Connection, at: At) -> tuple[Exception | None, object] | None:
    """Return what the next task gives, or the error that it raises; None where the pipe ends."""
    try:
        function, arguments = connection.recv()
        return None, function(*arguments, at)
    except EOFError:
        return None
    except Exception as error:  # noqa: BLE001  # the parent raises it again
        return _sendable(error), None
    finally:
        at(NOWHERE)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _sendable(error: Exception) -> Exception:
    """Return `error` with its traceback as a note, or, where it cannot pass a pipe, one that tells of it."""
    told = "".join(traceback.format_exception(error))
    try:
        type(error)(*error.args)  # as the other side makes it again
        pickle.dumps(error)
    except (TypeError, ValueError, AttributeError, pickle.PickleError):
        return IsolationError(f"an error in a worker that cannot be handed on:\n{told}")
    error.add_note(f"in a worker:\n{told}")
    return error


def _limit(memory_mb: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
