"""On which machines shards run: this one, or those of a Dask cluster.

DASK_SCHEDULER_ADDRESS, tcp://host:port of a scheduler, chooses the cluster; its workers see this folder under the same
path. Each shard is a pure function that writes a file of its own, so that no byte depends on where it runs.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stages.executors import SettingError, n_workers
from stages.service import IsolationError
from stages.workers import end_workers, ending

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10


@contextmanager
def shards(here: Callable[[], Executor]) -> Iterator[tuple[Executor, int]]:
    """Give an executor for functions of shards, each of which writes a file of its own, and how many run at once.

    That of `here`, one of stages/executors.py, or the workers of a Dask cluster.
    """
    address = os.environ.get("DASK_SCHEDULER_ADDRESS", "")
    if address:
        with _cluster(address) as client, client.get_executor(pure=False) as executor:
            yield executor, sum(client.nthreads().values())
        return
    ending.clear()
    with here() as executor:
        try:
            yield executor, n_workers()
        except BrokenExecutor as error:
            raise IsolationError(
                f"a process that worked on shards was ended from outside ({error}); see whether the machine is out of "
                "memory or something ends processes, and run again"
            ) from None
        except BaseException:  # Ctrl-C too: nothing that was handed out is waited for
            executor.shutdown(wait=False, cancel_futures=True)
            end_workers()
            for copy in multiprocessing.active_children():
                copy.kill()
            raise


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
