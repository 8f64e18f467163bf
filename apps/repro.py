"""`dvc repro`, with stages that need nothing of each other side by side, on the cores or one on each GPU.

First params.yaml is read as `apps.check` reads it. Then whatever has changed, and what comes after it in the DAG, is
run by a `dvc repro` of its own as soon as what it needs is there: those with the longest way to the end first, of the
models those with the most arithmetic. DVC lets go of its lock on the folder while a stage's command runs; what the
command reads and writes stays locked, path by path. Before and after, each waits for its turn (`--wait-for-lock`;
without it DVC gives up after 3 s), so that dvc.lock ends as after one `dvc repro`, its stages perhaps in another order.
Temporary workspaces, as those of `dvc queue`, would give experiments to be merged, and stages run without DVC a commit
that nothing vouches for. In the end DVC is asked once more whether all is up to date.

A stage that fails stops those that need it and no other; it is named in the end.

Run  python -m apps.repro [--lanes 2 | --gpus 0,1,2,3]      a GPU named twice takes two stages at once

Each stage takes as many workers as it would alone (EARMARK_WORKERS, default: the cores at hand): what shares them out
in advance leaves cores idle behind a long training.
"""

import argparse
import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from dvc.repo import Repo

from apps import check
from apps.models import networks
from stages import dies_with
from stages.executors import SettingError, n_workers
from stages.models.footprint import multiply_adds
from stages.params import PARAMS_FILE

N_CLASSES = 12  # of the networks whose arithmetic is counted; the last layer hardly matters
N_LANES = 4  # at most, on cores; with more, stages that need many cores would have few
N_SPARE = 1  # lanes beyond the cores: while DVC hashes and records what one stage wrote, the next one computes

Needs = Mapping[str, frozenset[str]]
"""A stage's address -> those whose outputs it reads."""


@dataclass(frozen=True)
class Place:
    """Where a stage runs: on which GPU, "" for none, and whether nothing runs beside it."""

    gpu: str
    is_alone: bool

    def environment(self) -> dict[str, str]:
        """Return the settings of a stage here."""
        if not self.gpu:
            return {**os.environ}
        # said aloud: a GPU that is not there stops the stage
        return {**os.environ, "EARMARK_DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": self.gpu}


def changed() -> Needs:
    """Return the stages of this folder that have changed and all that come after them, as DVC sees both."""
    with Repo() as repo:
        graph, stale = repo.index.graph, set(repo.status())
    needs = {stage.addressing: frozenset(other.addressing for other in graph[stage]) for stage in graph}

    @cache
    def is_stale(name: str) -> bool:
        return name in stale or any(map(is_stale, needs[name]))

    left = set(filter(is_stale, needs))
    return {name: needs[name] & left for name in needs if name in left}


def longest_first(needs: Needs, path: Path) -> list[str]:
    """Return the stages, those first that have the most after them; models by multiply-adds times epochs and seeds."""

    @cache
    def n_after(name: str) -> int:
        return max((1 + n_after(other) for other in needs if name in needs[other]), default=0)

    work = {
        name: multiply_adds(network.eval(), shape) * params.epochs * len(params.seeds)
        for name, (params, network, shape) in networks(path, N_CLASSES).items()
    }
    return sorted(needs, key=lambda name: (n_after(name), work.get(name, 0)), reverse=True)


async def side_by_side(
    order: Sequence[str], needs: Needs, lanes: Sequence[str], run: Callable[[str, Place], Awaitable[int]]
) -> list[str]:
    """Await `run(name, place)` once for each of `order` when all that it needs is done, one at a time in each lane.

    Returns those whose status is not 0; what needs them is not run.
    """
    waiting, free, failed = list(order), list(lanes), list[str]()
    running: dict[asyncio.Task[int], tuple[str, str]] = {}
    async with asyncio.TaskGroup() as group:
        while True:
            missing = {*waiting, *failed, *(name for name, _ in running.values())}
            ready = [name for name in waiting if not needs[name] & missing]
            is_alone = min(len(running) + len(ready), len(lanes)) == 1
            for name in ready[: len(free)]:
                place = Place(lane := free.pop(0), is_alone)
                waiting.remove(name)
                running[group.create_task(run(name, place))] = name, lane  # type: ignore[arg-type]
            if not running:
                return failed
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name, lane = running.pop(task)
                free.append(lane)
                failed += [name] if task.result() else []


async def repro(arguments: Sequence[str], environment: Mapping[str, str], title: str = "") -> int:
    """Run `dvc repro` and return its status; its lines are printed behind `title`, where there is one.

    Where this process is interrupted, DVC and its stage are too; where it is killed, they are killed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *arguments),
        env=environment,
        stdout=PIPE if title else None,
        stderr=STDOUT if title else None,
        start_new_session=True,  # Ctrl-C comes from here alone, once
        preexec_fn=partial(dies_with, os.getpid()),
    )
    try:
        if process.stdout:
            async for line in process.stdout:
                print(title + line.decode(errors="replace"), end="", flush=True)
        return await process.wait()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGINT)
            await process.wait()


async def stage(name: str, place: Place) -> int:
    """Run one stage by DVC and return the status. Alone it has the terminal, and its progress is seen."""
    on = f", on GPU {place.gpu}" if place.gpu else ""
    print(f"{name}: begins{on}", flush=True)
    return await repro(["--single-item", name], place.environment(), "" if place.is_alone else f"{name}: ")


async def everything(lanes: Sequence[str]) -> str:
    """Run what has changed in this folder; return what went wrong, in words, "" for nothing."""
    needs = changed()
    failed = await side_by_side(longest_first(needs, PARAMS_FILE), needs, lanes, stage)
    if failed:
        return f"{', '.join(failed)}: failed, see above; nothing that needs its output was run"
    left = changed()
    if not left:
        print("Everything is up to date.")
    return f"{', '.join(left)}: changed while others ran; run again" if left else ""


def chosen_lanes(gpus: str | None, n_lanes: int | None) -> list[str]:
    """Return a name for each lane: of `gpus`, of those of CUDA_VISIBLE_DEVICES, of all that there are; else "".

    Raises SettingError.
    """
    on_cpu = n_lanes or os.environ.get("EARMARK_DEVICE") == "cpu" or not torch.cuda.is_available()
    if on_cpu and gpus is None:
        return [""] * (n_lanes or min(n_workers() + N_SPARE, N_LANES))
    text = gpus or os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise SettingError(
            f"--gpus: is {text!r}, expected names of GPUs with commas between, as 0,1; without a GPU, see --lanes"
        )
    return names


def main() -> None:
    """Check params.yaml, then run the DAG in this folder."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.repro", description="Run the DAG, stages that need nothing of each other side by side."
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--gpus", help="one lane each, as CUDA_VISIBLE_DEVICES names them (default: those, or all)")
    where.add_argument(
        "--lanes", type=int, choices=range(1, 65), metavar="N", help="so many stages at once, on the CPU"
    )
    arguments = parser.parse_args()
    check.main([])
    try:
        wrong = asyncio.run(everything(chosen_lanes(arguments.gpus, arguments.lanes)))
    except SettingError as error:
        wrong = str(error)
    except KeyboardInterrupt:
        wrong = "interrupted; the next run goes on where it was"
    sys.exit(wrong or 0)


if __name__ == "__main__":
    main()
