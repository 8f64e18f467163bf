"""Where work runs: machine settings come from the environment, never from params, and change no byte.

    EARMARK_WORKERS          threads or processes that work at once (default: the cores this process may use)
    EARMARK_DEVICE           cpu, cuda, cuda:1, ... (default: cuda where there is one); rounding differs between kinds
    DASK_SCHEDULER_ADDRESS   tcp://host:port of a Dask scheduler: shards of decode and extract run on its workers, which
                             see this folder under the same path

Every worker computes with one math thread, see stages/__init__.py.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10
RETRIES = 3  # of a shard whose worker was lost

Item = TypeVar("Item")
Result = TypeVar("Result")


class SettingError(ValueError):
    """An environment variable of earmark holds what it may not."""


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


@contextmanager
def shards() -> Iterator[tuple[Executor, int]]:
    """Give an executor for functions of shards, each of which writes a file of its own, and how many run at once.

    Threads of this process, or the workers of a Dask cluster.
    """
    address = os.environ.get("DASK_SCHEDULER_ADDRESS", "")
    if not address:
        with threads() as executor:
            yield executor, n_workers()
        return
    with _cluster(address) as client, client.get_executor(pure=False, retries=RETRIES) as executor:
        yield executor, sum(client.nthreads().values())


def _cluster(address: str) -> "Client":
    try:
        from distributed import Client
    except ImportError:
        raise SettingError(
            "DASK_SCHEDULER_ADDRESS is set and the package `distributed` is not here; `pip install distributed`"
        ) from None
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SettingError(
            f"DASK_SCHEDULER_ADDRESS is {address!r}, where no scheduler answers ({error}); start one, or unset it"
        ) from None
    if not client.nthreads():
        client.close()
        raise SettingError(f"DASK_SCHEDULER_ADDRESS is {address!r}, a scheduler without workers; start `dask worker`")
    return client


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
