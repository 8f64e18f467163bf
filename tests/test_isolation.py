"""Foreign code in workers: what kills one costs the item that does it, and nothing else."""

import os
import resource
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from deadly import Deeds, Mistake, squares

from stages.executors import map_in_order, threads
from stages.isolation import survived
from stages.service import IsolationError
from stages.workers import Worker, WorkerDied, WorkerLimits

LIMITS = WorkerLimits(memory_mb=512, cpu_s=1.0)


def done(items: Sequence[int | str], folder: Path, limits: WorkerLimits = LIMITS) -> list[int | str]:
    """What becomes of `items` in a worker."""
    return survived(squares, Deeds(items, folder), limits)


def test_what_harms_nobody_is_done_as_without_a_worker(tmp_path: Path) -> None:
    assert done(range(100), tmp_path) == [n * n for n in range(100)]


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("crash", "crashed"),
        ("abort", "crashed"),
        ("leave", "crashed"),
        ("hang", "timed_out"),
        ("be killed", "out_of_memory"),
    ],
)
def test_a_deed_costs_itself_alone(deed: str, reason: str, tmp_path: Path) -> None:
    assert done([1, 2, deed, 3, 4], tmp_path) == [1, 4, reason, 9, 16]


def test_a_worker_that_sleeps_for_ever_is_ended(tmp_path: Path) -> None:
    assert done([1, "sleep", 2], tmp_path, WorkerLimits(memory_mb=512, cpu_s=0.2)) == [1, "timed_out", 4]


def test_the_time_limit_is_one_of_each_item_and_not_of_all(tmp_path: Path) -> None:
    began = time.monotonic()
    assert done(["hang", 1, "hang", 2], tmp_path, WorkerLimits(512, 0.3)) == ["timed_out", 1, "timed_out", 4]
    assert time.monotonic() - began < 20


def test_what_asks_for_too_much_memory_gets_an_error_in_python(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        done([1, "eat"], tmp_path)


def test_an_error_in_the_work_comes_back_as_itself(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="that is wrong"):
        done([1, "err"], tmp_path)


def test_an_item_that_dies_of_something_else_once_is_done_all_the_same(tmp_path: Path) -> None:
    assert done([1, "be killed once", 2], tmp_path) == [1, "lived", 4]


def test_a_hundred_items_with_two_crashes_a_hang_and_a_kill_give_96_results_and_4_reasons(tmp_path: Path) -> None:
    items: list[int | str] = list(range(100))
    items[3], items[50], items[51], items[99] = "crash", "abort", "hang", "be killed"
    shards = [Deeds(items[start : start + 20], tmp_path) for start in range(0, 100, 20)]
    with threads() as executor:
        work = partial(survived, squares, limits=LIMITS)
        found = [item for shard in map_in_order(executor, work, shards, ahead=4) for item in shard]
    assert [n for n in found if isinstance(n, int)] == [n * n for n in range(100) if n not in (3, 50, 51, 99)]
    assert [found[n] for n in (3, 50, 51, 99)] == ["crashed", "crashed", "timed_out", "out_of_memory"]


def test_where_nobody_is_guilty_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IsolationError, match="workers die over 2 items, none of which kills one alone"):
        survived(dies_in_company, Deeds([1, 2], tmp_path), LIMITS)


def dies_in_company(deeds: Deeds, deaths: object, at: object) -> None:
    """Die where there is more than one item."""
    if len(deeds.items) > 1:
        os._exit(1)


def test_a_worker_that_cannot_start_is_said_and_no_item_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(IsolationError, match="a worker cannot start, ended by exit status 1"):
        done([1, 2], tmp_path, WorkerLimits(513, 1.0))


def test_work_that_a_worker_cannot_load_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(squares, "__module__", "nowhere_to_be_found")
    monkeypatch.setitem(sys.modules, "nowhere_to_be_found", sys.modules["deadly"])
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        done([1, 2], tmp_path)


def test_an_error_that_cannot_be_handed_on_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(IsolationError, match=r"(?s)cannot be handed on.*Awkward: 1 and 2"):
        done([1, "err awkwardly"], tmp_path)


def test_an_answer_that_nobody_waited_for_is_not_that_of_the_next_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(LIMITS)
    worker.run(squares, Deeds([1], tmp_path), {})
    monkeypatch.setattr(worker._pipe, "recv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worker.run(squares, Deeds([2], tmp_path), {})
    assert not worker.lives


def interrupted() -> None:
    """As Ctrl-C would."""
    raise KeyboardInterrupt


def test_what_a_worker_said_of_an_earlier_item_is_not_told_of_a_later_one(tmp_path: Path) -> None:
    with pytest.raises(WorkerDied) as died:
        Worker(WorkerLimits(512, 0.2)).run(squares, Deeds(["say", 1, "hang"], tmp_path), {})
    assert died.value.death.message == "more than 0.2 s of CPU time, or hung"


def test_a_worker_has_limits_and_leaves_no_core(tmp_path: Path) -> None:
    core, data, file_size = survived(limits_here, Deeds([], tmp_path), LIMITS)
    assert core == (0, 0)
    assert data == (512 << 20, 512 << 20)
    assert file_size[0] > 0


def limits_here(deeds: Deeds, deaths: object, at: object) -> list[tuple[int, int]]:
    """What the process may use."""
    kinds = (resource.RLIMIT_CORE, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)
    return [resource.getrlimit(kind) for kind in kinds]
