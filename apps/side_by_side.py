"""Train and evaluate the models of params.yaml side by side, one on each GPU, in this folder.

`dvc repro` comes first for all that models read, then once a model, and last for what is left. DVC lets go of its lock
on the folder while a stage's command runs; what the command reads and writes stays locked, path by path, and no two
models write the same. Before and after, each waits for its turn (`--wait-for-lock`; without it DVC gives up after 3 s),
so that dvc.lock ends as after one `dvc repro`, its stages perhaps in another order. Temporary workspaces, as those of
`dvc queue`, would give experiments to be merged, and stages run without DVC a commit that nothing vouches for.

The models with the most arithmetic come first, the next one goes to the first GPU that is free. A model that fails
stops no other; it is named in the end, and the last `dvc repro` is left to you.

Run  python -m apps.side_by_side [--gpus 0,1,2,3]                  a GPU named twice takes two models at once
     EARMARK_DEVICE=cpu python -m apps.side_by_side --gpus 0,1     two at once on the CPU
"""

import argparse
import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from apps.models import networks
from stages import dies_with
from stages.models.choices import Params
from stages.models.footprint import multiply_adds
from stages.params import PARAMS_FILE, ParamsError, read_section

N_CLASSES = 12  # of the networks whose arithmetic is counted; the last layer hardly matters
READ_BY_MODELS = "rank"  # the stage that needs the labels and all features, and gives the selected columns


def longest_first(path: Path) -> list[str]:
    """Return the keys of train.models, by multiply-adds a clip times epochs times seeds; raises ParamsError."""
    work = {}
    for key, (network, shape) in networks(path, N_CLASSES).items():
        params = read_section(f"train.models.{key}", Params, path)
        work[key] = multiply_adds(network.eval(), shape) * params.epochs * len(params.seeds)
    return sorted(work, key=work.__getitem__, reverse=True)


async def side_by_side(
    keys: Sequence[str], gpus: Sequence[str], run: Callable[[str, str], Awaitable[int]]
) -> list[str]:
    """Await `run(key, gpu)` once a key, one at a time for each of `gpus`; return the keys whose status is not 0."""
    waiting, failed = list(reversed(keys)), []

    async def serve(gpu: str) -> None:
        while waiting:
            key = waiting.pop()
            if await run(key, gpu):
                failed.append(key)

    async with asyncio.TaskGroup() as group:
        for gpu in gpus:
            group.create_task(serve(gpu))
    return failed


async def repro(arguments: Sequence[str], environment: Mapping[str, str], title: str = "") -> int:
    """Run `dvc repro`, print its lines behind `title`, and return its status.

    Where this process is interrupted, DVC and its stage are too; where it is killed, they are killed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *arguments),
        env=environment,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,  # Ctrl-C comes from here alone, once
        preexec_fn=partial(dies_with, os.getpid()),
    )
    try:
        async for line in process.stdout:  # type: ignore[union-attr]
            print(title + line.decode(errors="replace"), end="", flush=True)
        return await process.wait()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGINT)
            await process.wait()


async def model(key: str, gpu: str) -> int:
    """Train and evaluate a model on one GPU, or on the CPU where EARMARK_DEVICE says so; return the status."""
    device = os.environ.get("EARMARK_DEVICE", "") or "cuda"  # said aloud: a GPU that is not there stops the stage
    environment = {**os.environ, "EARMARK_DEVICE": device, "CUDA_VISIBLE_DEVICES": gpu}
    print(f"{key}: on the CPU" if device == "cpu" else f"{key}: on GPU {gpu}", flush=True)
    return await repro(["--single-item", f"train@{key}", f"evaluate@{key}"], environment, f"{key}: ")


async def everything(keys: Sequence[str], gpus: Sequence[str]) -> str:
    """Run the whole DAG, its models side by side; return what went wrong, in words, "" for nothing."""
    if await repro([READ_BY_MODELS], os.environ):
        return "dvc repro: failed before the first model; nothing was trained"
    failed = await side_by_side(keys, gpus, model)
    if failed:
        return f"{', '.join(failed)}: failed ({len(failed)} of {len(keys)} models), see its lines; then `dvc repro`"
    return "dvc repro: failed after the last model" if await repro([], os.environ) else ""


def chosen_gpus(text: str | None) -> list[str]:
    """Return the names of GPUs in `text`, or those of CUDA_VISIBLE_DEVICES, or all that there are."""
    text = text or os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(torch.cuda.device_count())))
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        sys.exit(f"--gpus: is {text!r}, expected names of GPUs with commas between, as 0,1; without a GPU, see --help")
    return names


def main() -> None:
    """Run the DAG in this folder on the GPUs named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.side_by_side",
        description="Run the DAG, its models side by side, one on each GPU.",
        epilog="With EARMARK_DEVICE=cpu, as many models run at once on the CPU as --gpus has names.",
    )
    parser.add_argument("--gpus", help="as CUDA_VISIBLE_DEVICES names them (default: those, or all)")
    gpus = chosen_gpus(parser.parse_args().gpus)
    try:
        wrong = asyncio.run(everything(longest_first(PARAMS_FILE), gpus))
    except ParamsError as error:
        wrong = str(error)
    except KeyboardInterrupt:
        wrong = "interrupted; `python -m apps.side_by_side` goes on where it was"
    sys.exit(wrong or 0)


if __name__ == "__main__":
    main()
