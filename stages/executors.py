"""Where work runs: machine settings come from the environment, never from params; but for a GPU they change no byte.

    EARMARK_WORKERS          threads or processes of a stage at once (default: the cores this process may use)
    EARMARK_DEVICE           cpu, cuda, cuda:1, ... (default: cuda where there is one); rounding differs between kinds
    DASK_SCHEDULER_ADDRESS   tcp://host:port of a Dask scheduler, see stages/machines.py

Every worker computes with one math thread, see stages/__init__.py.
"""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from stages import dies_with

Item = TypeVar("Item")
Result = TypeVar("Result")


class SettingError(ValueError):
    """An environment variable of earmark holds what it may not."""


class CopyError(RuntimeError):
    """A copy of this process did not come to its end."""


def n_workers() -> int:
    """Return how many workers may run at once, from EARMARK_WORKERS or the cores at hand."""
    text = os.environ.get("EARMARK_WORKERS", "")
    if not text:
        return len(os.sched_getaffinity(0))
    if not text.isdigit() or int(text) < 1:
        raise SettingError(
            f"EARMARK_WORKERS is {text!r}, expected a whole number of at least 1; unset it for all cores"
        )
    return int(text)


def threads() -> Executor:
    """Return an executor of threads, for arithmetic that lets go of the interpreter's lock."""
    return ThreadPoolExecutor(n_workers())


def forked(n_most: int) -> Executor:
    """Return an executor of copies of this process, which begin with all that it has imported, on Linux; else threads.

    There are no more than `n_most`.

    For work that goes back and forth between the interpreter and short pieces of arithmetic, whose threads would wait
    for each other. The copies die with this process.
    """
    if sys.platform != "linux":
        return threads()
    context = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(
        min(n_workers(), n_most), mp_context=context, initializer=_begin, initargs=(os.getpid(),)
    )


def in_copies(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return `function(item)` for each item, from copies of this process on Linux, else one after the other here.

    A copy begins with the function and all that it holds, so that nothing large is sent; what it returns is. The first
    error, or Ctrl-C, ends all copies at once. Raises CopyError where one of them is killed.
    """
    if sys.platform != "linux" or min(n_workers(), len(items)) < 2:
        return [function(item) for item in items]
    context, size = multiprocessing.get_context("fork"), min(n_workers(), len(items))
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(size, context, _begin_with, (os.getpid(), function)) as executor:
        waiting: list[Future] = [executor.submit(_call, item) for item in items]
        try:
            wait(waiting, return_when=FIRST_EXCEPTION)
            failed = [future for future in waiting if future.done() and future.exception()]
            return [future.result() for future in failed or waiting]
        except BrokenProcessPool:
            raise CopyError(
                "a copy of this process was killed, as a full memory does; let fewer run at once (EARMARK_WORKERS)"
            ) from None
        finally:
            if not all(future.done() for future in waiting):
                executor.shutdown(wait=False, cancel_futures=True)
                for copy in set(multiprocessing.active_children()) - others:
                    copy.kill()


def _begin_with(parent: int, function: Callable[..., object]) -> None:
    _begin(parent)
    _held.append(function)


def _call(item: Item) -> Result:  # type: ignore[type-var]
    return _held[0](item)


_held: list[Callable] = []  # in a copy: what it calls


def _begin(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    if not dies_with(parent):
        os.kill(os.getpid(), signal.SIGKILL)


def fresh_processes() -> Executor:
    """Return an executor that runs each task in a process of its own, for libraries that keep state."""
    context = multiprocessing.get_context("forkserver")
    return ProcessPoolExecutor(n_workers(), mp_context=context, max_tasks_per_child=1)


def map_in_order(
    executor: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """Yield `function(item)` in the order of `items`, never reading more than `ahead` items in advance.

    Unlike `Executor.map`, which reads all items at once, memory stays constant in their number.
    """
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(executor.submit(function, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
