"""Foreign code in a process of its own: what crashes, hangs or eats memory there costs the item it was at, no more.

A worker is a process with limits on memory, time and the size of files, without core files, that dies with the thread
that started it. `survived` runs a task of many items in one. Where the worker dies, the item it was at is
tried alone; if that one lives, the items are halved until those that kill are alone; then the task runs again without
them. What a worker wrote before it died is written again: only an answer that came whole over the pipe counts.
"""

import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

from stages.service import NOWHERE, At, IsolationError
from stages.workers import Death, Result, WorkerDied, WorkerLimits, ending, worker_of

PATIENCE = 3  # deaths from outside at one item before it is blamed, and fruitless searches for who is guilty
ATTEMPTS = 30  # at one task


class Task(Protocol):
    """What `survived` runs: items, any selection of which is a task too."""

    @property
    def items(self) -> Sequence[object]: ...

    def of(self, places: Sequence[int]) -> Self:
        """Return the task of the items at `places` alone."""


TaskT = TypeVar("TaskT", bound=Task)
Work = Callable[[TaskT, Mapping[int, Death], At], Result]


def survived(work: Work[TaskT, Result], task: TaskT, limits: WorkerLimits) -> Result:
    """Return `work(task, deaths, at)` from a worker; `deaths` are the places of items that killed one, and how.

    `work` calls `at(place)` before each item. Raises what `work` raises, and IsolationError where workers cannot start,
    or die though no item kills alone.
    """
    deaths: dict[int, Death] = {}
    killed_at: list[int] = []  # from outside
    n_fruitless = 0
    for _ in range(len(task.items) + ATTEMPTS):
        try:
            return worker_of(limits).run(work, task, deaths)
        except WorkerDied as died:
            if ending.is_set():
                raise
            if died.status == -signal.SIGKILL:  # no item does that: its own limits end in other signals
                killed_at.append(died.at)
                if died.at != NOWHERE and killed_at[-PATIENCE:] == [died.at] * PATIENCE:
                    deaths[died.at] = Death(
                        "out_of_memory", f"ended {PATIENCE} times by SIGKILL, as a full memory does"
                    )
                continue
            found = _guilty(
                work, task, died, [place for place in range(len(task.items)) if place not in deaths], limits
            )
            n_fruitless += not found
            if n_fruitless == PATIENCE:
                raise _innocent(task, died) from None
            deaths |= found
    raise _innocent(task, f"{ATTEMPTS} times and more")


def _innocent(task: Task, how: object) -> IsolationError:
    return IsolationError(
        f"workers die over {len(task.items)} items, none of which kills one alone ({how}); see whether the machine is "
        "out of memory or something ends processes, and run again"
    )


def _guilty(
    work: Work[TaskT, Any], task: TaskT, died: WorkerDied, places: list[int], limits: WorkerLimits
) -> dict[int, Death]:
    if died.at == NOWHERE:
        return _halved(work, task, places, limits)
    if died.status == -signal.SIGPROF:
        return {died.at: died.death}  # its own computing took too long, nobody else's
    alone = _halved(work, task, [died.at], limits)
    return alone or _halved(work, task, [place for place in places if place <= died.at], limits)


def _halved(work: Work[TaskT, Any], task: TaskT, places: list[int], limits: WorkerLimits) -> dict[int, Death]:
    """Return those of `places` that kill a worker."""
    if not places:
        return {}
    try:
        worker_of(limits).run(work, task.of(places), {})
    except WorkerDied as died:
        if ending.is_set():
            raise
        if len(places) == 1:
            return {} if died.status == -signal.SIGKILL else {places[0]: died.death}
        middle = len(places) // 2
        return _halved(work, task, places[:middle], limits) | _halved(work, task, places[middle:], limits)
    return {}
