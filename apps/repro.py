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
"""

import argparse
import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from apps import check
from apps.lanes import Needs, Place, chosen_lanes, side_by_side
from apps.models import N_CLASSES, networks
from stages import dies_with
from stages.executors import SettingError
from stages.models.footprint import multiply_adds
from stages.params import PARAMS_FILE

LONGEST_LINE = 1 << 24  # bytes, of a stage


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


async def stage(name: str, place: Place) -> int:
    """Run one stage by DVC and return the status. Alone it has the terminal; beside others, its lines bear its name.

    Where this process is interrupted, DVC and its stage are too; where it is killed, they are killed.
    """
    print(f"{name}: begins{f', on GPU {place.gpu}' if place.gpu else ''}", flush=True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", name),
        env=place.environment(),
        stdout=None if place.is_alone else PIPE,
        stderr=None if place.is_alone else STDOUT,
        limit=LONGEST_LINE,
        start_new_session=True,  # Ctrl-C comes from here alone, once
        preexec_fn=partial(_begin, os.getpid()),
    )
    try:
        if process.stdout:
            async for line in process.stdout:
                print(f"{name}: {line.decode(errors='replace')}", end="", flush=True)
        return await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            await process.communicate()  # what it still says is read, or it could not end


def _begin(parent: int) -> None:
    if not dies_with(parent):
        os.kill(os.getpid(), signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background process may have been told to ignore it


def everything(lanes: Sequence[str]) -> str:
    """Run what has changed in this folder; return what went wrong, in words, "" for nothing."""
    needs = changed()
    if needs:
        failed = asyncio.run(side_by_side(longest_first(needs, PARAMS_FILE), needs, lanes, stage))
        if failed:
            return f"{', '.join(failed)}: failed, see above; nothing that needs its output was run"
        needs = changed()
    if not needs:
        print("Everything is up to date.")
    return f"{', '.join(needs)}: changed while others ran; run again" if needs else ""


def main() -> None:
    """Check params.yaml, then run the DAG in this folder."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.repro", description="Run the DAG, stages that need nothing of each other side by side."
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--gpus",
        help="one lane each, as CUDA_VISIBLE_DEVICES names them (default: those, or all, for four lanes or more)",
    )
    where.add_argument(
        "--lanes", type=int, choices=range(1, 65), metavar="N", help="so many stages at once, on the CPU"
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: a scheduler's end leaves no half of a run
    try:
        lanes = chosen_lanes(arguments.gpus, arguments.lanes)
        check.main([])
        wrong = everything(lanes)
    except (SettingError, DvcException) as error:
        wrong = str(error)
    except KeyboardInterrupt:
        wrong = "interrupted; the next run goes on where it was"
    sys.exit(wrong or 0)


if __name__ == "__main__":
    main()
