"""Lanes: stages that need nothing of each other side by side, on the cores or on GPUs.

Families, of about one size each, share the workers (EARMARK_WORKERS, default: the cores at hand) with what runs beside
them. All else takes as many as it would alone: a share, settled in advance, would leave cores idle behind a long
training.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import torch

from stages.executors import SettingError, n_workers

N_LANES = 4  # at most, where none are asked for
SHARING = "extract"  # the stage whose instances share the workers

Needs = Mapping[str, frozenset[str]]
"""A stage's address -> those whose outputs it reads."""


@dataclass(frozen=True)
class Place:
    """Where a stage runs: on which GPU, "" for none, with how many workers, and whether nothing runs beside it."""

    gpu: str
    n_workers: int
    is_alone: bool

    def environment(self) -> dict[str, str]:
        """Return the settings of a stage here: a GPU that is not there stops it, and no lane on the CPU takes one."""
        chosen = {"EARMARK_DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": self.gpu} if self.gpu else {"EARMARK_DEVICE": "cpu"}
        return {**os.environ, "EARMARK_WORKERS": str(self.n_workers), **chosen}


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
            n_busy = min(len(running) + len(ready), len(lanes))
            for name in ready[: len(free)]:
                n_sharing = n_busy if name.startswith(f"{SHARING}@") else 1
                place = Place(lane := free.pop(0), max(1, n_workers() // n_sharing), is_alone=n_busy == 1)
                waiting.remove(name)
                running[group.create_task(run(name, place))] = name, lane  # type: ignore[arg-type]
            if not running:
                return failed
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name, lane = running.pop(task)
                free.append(lane)
                failed += [name] if task.result() else []


def chosen_lanes(gpus: str | None, n_lanes: int | None) -> list[str]:
    """Return a GPU's name for each lane: of `gpus`, or those there are, each as often as makes N_LANES; or "" for none.

    Raises SettingError.
    """
    device, n_usual = os.environ.get("EARMARK_DEVICE", ""), min(n_workers(), N_LANES)
    if gpus is None and (n_lanes or device == "cpu" or not (device or torch.cuda.is_available())):
        return [""] * (n_lanes or n_usual)
    if device not in ("", "cuda"):
        raise SettingError(
            f"EARMARK_DEVICE is {device!r}, expected cuda or none of it; choose GPUs by CUDA_VISIBLE_DEVICES"
        )
    if os.environ.get("EARMARK_DEVICES", "") not in ("", "1"):
        raise SettingError("EARMARK_DEVICES is set, expected 1 where each lane has a GPU; use `dvc repro`")
    text = gpus or os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise SettingError(f"--gpus: is {text!r}, expected names of GPUs with commas between, as 0,1; or see --lanes")
    return names if gpus else names * ceil(n_usual / len(names))
