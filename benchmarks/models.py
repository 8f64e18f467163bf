"""How many clips a second each model learns from on one core, beside what its arithmetic alone would take.

A step is forward, loss and backward on a batch of the model's own size, of noise; the optimiser and the data are left
out. `ratio_to_floor` is the time of a step over that of its arithmetic: multiply-adds * 3 (forward, gradient of the
input, gradient of the weights) at the speed of a product of square float32 matrices in the same run, `peak_gflops`.

Run  python -m benchmarks.models [--json FILE]
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from apps.models import n_classes, networks
from benchmarks.table import Rows, load, medians, parse, report
from stages import train
from stages.models.footprint import footprint
from stages.params import PARAMS_FILE, read_section

ROOT = Path(__file__).resolve().parent.parent
SIDE = 1024  # of the square matrices
REPEATS = 9


def step(network: nn.Module, shape: tuple[int, ...], batch_size: int, classes: int) -> Callable[[], object]:
    """Return the work of one step."""
    generator = torch.Generator().manual_seed(0)
    clips = torch.randn(batch_size, *shape, generator=generator)
    labels = torch.randint(classes, (batch_size,), generator=generator)

    def work() -> None:
        network.zero_grad()
        cross_entropy(network(clips), labels).backward()

    return work


def measured(path: Path) -> Rows:
    """Return a row a model of the params file."""
    torch.set_num_threads(1)
    classes = n_classes(path)
    built = networks(path, classes)
    sizes = {key: read_section(f"train.models.{key}", train.Params, path).batch_size for key in built}
    costs = {key: footprint(network, shape) for key, (network, shape) in built.items()}
    works = {key: step(network, shape, sizes[key], classes) for key, (network, shape) in built.items()}
    matrix = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    seconds = medians({**works, "": lambda: matrix @ matrix}, REPEATS)
    multiply_adds_a_s = SIDE**3 / seconds.pop("")
    rows = {}
    for key, taken in seconds.items():
        floor = 3 * costs[key].n_multiply_adds * sizes[key] / multiply_adds_a_s
        rows[key] = {"clips_per_s": sizes[key] / taken, "ratio_to_floor": taken / floor, "batch_size": sizes[key]}
    return {**rows, "machine": {"peak_gflops": 2 * multiply_adds_a_s / 1e9, "load": load()}}


if __name__ == "__main__":
    report(measured(ROOT / PARAMS_FILE), parse(__doc__.splitlines()[0]))
