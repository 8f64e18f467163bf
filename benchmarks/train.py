"""How many clips a second each model learns from on one core, beside a loop over files and its bare arithmetic.

Rows: the networks of params.yaml, and `bcresnet_1` (scale 1, batches of 100, a hop of 10 ms, augmented as `cnn`).
Ours are whole epochs of the stage's own loop on stored features of noise: drawing, augmenting, normalising, learning,
judging one validation clip to eight learned. `seconds_an_epoch` is for `n_clips` learned from.

`ratio_to_files_loop` is against epochs of a DataLoader over wav files (benchmarks/files_loop.py): same network, batch
size, optimiser, core. `ratio_to_floor` is the time of an epoch over that of its arithmetic: multiply-adds * 3 (forward,
gradient of the input, gradient of the weights), and * 1 for validation, at the speed of a product of square float32
matrices in the same run, `peak_gflops`. `share_of_steps` is the part of an epoch that forward, loss and backward take
on a batch that lies ready; the rest is the loop. `ratio_to_plain_loop` (BC-ResNet) is against the files loop with the
network as published, convolutions and norms one after the other. `two_cores` is the speed of two seeds side by side
over that of one.

Run  python -m benchmarks.train [--json FILE]
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.nn.functional import cross_entropy

from benchmarks.cases import VAL_SHARE, Case, cases
from benchmarks.files_loop import files_epoch, write_files
from benchmarks.plain_bcresnet import twin
from benchmarks.table import Rows, load, medians, parse, report
from stages.executors import forked
from stages.models import bcresnet
from stages.models.card import Scale, mean_and_std, normalised
from stages.models.checkpoint import Checkpoint
from stages.models.choices import augmentation
from stages.models.fitting import Learner, fit
from stages.models.footprint import footprint
from stages.models.recipe import epoch_rows
from stages.params import PARAMS_FILE, check_section

ROOT = Path(__file__).resolve().parent.parent
N_CLIPS, N_FILES, N_STEPS = 1200, 300, 4  # stored clips, files, bare steps that are timed together
REPEATS = 7
SIDE = 1024  # of the square matrices
ENDLESS = 1_000_000  # epochs

Work = Callable[[], object]


def our_epoch(case: Case, seed: int) -> tuple[Work, int]:
    """Return the work of an epoch after another, and how many clips each learns from."""
    params = case.params.model_copy(update={"epochs": ENDLESS, "patience": 0})
    learned, groups, judged, inputs = case.parts(N_CLIPS)
    augment = augmentation(f"train.models.{params.model}", params, inputs, learned, groups)
    mean, std = (torch.tensor(numbers) for numbers in mean_and_std(inputs.values, params.centred))
    learner = Learner(case.network(), params, seed, Fabric(accelerator="cpu", devices=1))
    nowhere, scale = Checkpoint(Path("there/is/none"), writes=False), Scale(mean, std, params.centred)

    def epoch() -> None:
        fit(learner, learned, groups, judged, scale, augment, nowhere, lambda first: [first])

    return epoch, len(epoch_rows(groups, params, torch.Generator()))


def bare_steps(case: Case) -> Work:
    """Return the work of N_STEPS steps on one batch that lies ready, without an optimiser."""
    network = case.network()
    values, labels = case.clips(case.params.batch_size)
    ready = normalised(values, Scale(values.float().mean(), values.float().std(), centred=False))

    def steps() -> None:
        for _ in range(N_STEPS):
            network.zero_grad()
            cross_entropy(network(ready), labels).backward()

    return steps


WORKS: dict[tuple[str, int], Work] = {}  # of the copies of this process, by model and seed


def _learn(name: str, seed: int) -> None:
    WORKS[name, seed]()


def on_two_cores(chosen: Mapping[str, Case]) -> dict[str, float]:
    """Return how many times the clips of one seed alone two processes learn from in a second, a seed each."""
    WORKS.update({(name, seed): our_epoch(case, seed)[0] for name, case in chosen.items() for seed in (0, 1)})
    with forked(2) as executor:

        def of_seeds(name: str, n_seeds: int) -> Work:
            return lambda: [each.result() for each in [executor.submit(_learn, name, seed) for seed in range(n_seeds)]]

        works = {f"{name} {n_seeds}": of_seeds(name, n_seeds) for name in chosen for n_seeds in (1, 2)}
        seconds = medians(works, REPEATS)
    return {name: 2 * seconds[f"{name} 1"] / seconds[f"{name} 2"] for name in chosen}


def row(case: Case, paths: list[Path]) -> dict[str, float]:
    """Return the numbers of a model, on the one core that this process has."""
    before, (epoch, n_learned) = load(), our_epoch(case, 0)
    matrix = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    works = {"ours": epoch, "files": files_epoch(case, paths, case.network()), "steps": bare_steps(case)}
    if case.params.model == "bcresnet":
        sizes = check_section(case.params.sizes, "sizes", bcresnet.Params)
        plain = twin(case.network(), int(sizes.scale * bcresnet.BASE), sizes.sub_bands)  # type: ignore[arg-type]
        works["plain"] = files_epoch(case, paths, plain)
    seconds = medians({**works, "peak": lambda: matrix @ matrix}, REPEATS)
    ours, peak = seconds["ours"], SIDE**3 / seconds["peak"]
    n_passes = 3 * n_learned + max(1, N_CLIPS // VAL_SHARE)
    bare = n_learned / case.params.batch_size * seconds["steps"] / N_STEPS
    speed = n_learned / ours
    plain_ratio = {"ratio_to_plain_loop": round(speed * seconds["plain"] / len(paths), 3)} if "plain" in works else {}
    return {
        "clips_per_s": round(speed, 1),
        "ratio_to_files_loop": round(speed * seconds["files"] / len(paths), 3),
        **plain_ratio,
        "ratio_to_floor": round(ours / (n_passes * footprint(case.network(), case.shape).n_multiply_adds / peak), 3),
        "share_of_steps": round(bare / ours, 3),
        "seconds_an_epoch": round(ours, 4),
        "n_clips": n_learned,
        "n_files": len(paths),
        "batch_size": case.params.batch_size,
        "peak_gflops": round(2 * peak / 1e9, 1),
        "repeats": REPEATS,
        "load": before,
    }


def measured(path: Path) -> Rows:
    """Return a row a model of the params file, and one of BC-ResNet; leaves this process on one core."""
    torch.set_num_threads(1)
    chosen, cores = cases(path), os.sched_getaffinity(0)
    two_cores = on_two_cores(chosen)
    os.sched_setaffinity(0, {max(cores)})
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), N_FILES)
        return {name: row(case, paths) | {"two_cores": round(two_cores[name], 2)} for name, case in chosen.items()}


if __name__ == "__main__":
    report(measured(ROOT / PARAMS_FILE), parse(__doc__.splitlines()[0]))
