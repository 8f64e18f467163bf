"""train: one model, once for each seed.

Reads   data/labels.parquet           parts train and val alone
        data/<input>                  data/features/<family>: its frames; data/features: statistic columns of families;
                                      data/selected.parquet: the columns that rank chose
Writes  data/models/<key>/            model.json, seed-<n>.safetensors
        metrics/train/<key>.json      loss and accuracy of the weights that are kept, on train and val
        metrics/train/<key>.csv       learning curve
Params  train.models.<key>
Run     python -m stages.train cnn
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from lightning_fabric import Fabric
from safetensors.numpy import save
from torch import Tensor, nn
from tqdm import tqdm

from stages.executors import in_copies
from stages.files import whole, write_csv, write_json
from stages.models import MODELS
from stages.models.card import Card, network, normalised
from stages.models.checkpoint import checkpoint, digest, forget
from stages.models.choices import FEATURES, Params, augmentation, card_of, check_shares, families_of
from stages.models.fitting import ORDER, WEIGHTS, Augment, Learner, fit, loss_and_accuracy
from stages.models.launching import launched, shared
from stages.models.parts import Groups, Part, checked_classes, grouped, part_on, part_rows
from stages.models.recipe import Epoch, epoch_rows, generator
from stages.params import read_section
from stages.tables import labels as labels_table
from stages.tables.inputs import Inputs, families_in, read_inputs
from stages.tables.parquet import read_table

DATA = Path("data")
LABELS = DATA / "labels.parquet"
MODELS_FOLDER = DATA / "models"
METRICS = Path("metrics/train")
CODE = Path(__file__).parent
CURVE = ("seed", "epoch", "train_loss", "val_loss", "val_accuracy")
SCORES = ("train_loss_nats", "train_accuracy", "val_loss_nats", "val_accuracy")
DIGITS = 6  # of numbers in metrics


@dataclass(frozen=True)
class Run:
    """What one seed gives: weights by name, their learning curve, their scores, how many of them were learned."""

    weights: dict[str, np.ndarray]
    curve: list[Epoch]
    scores: dict[str, float]
    n_parameters: int


Runs = Mapping[int, Run]


@dataclass(frozen=True)
class Task:
    """What the seeds of a model share: parts on the device, how batches are changed, the name of it all."""

    card: Card
    params: Params
    train: Part
    groups: Groups
    val: Part
    augment: Augment
    name: str

    @property
    def scale(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each dimension, on the device."""
        where = self.train.values.device
        return torch.tensor(self.card.mean, device=where), torch.tensor(self.card.std, device=where)


def task_of(
    key: str, params: Params, families: tuple[str, ...], labels: pa.Table, inputs: Inputs, where: torch.device
) -> Task:
    """Return the task of a model; `inputs` are those of train, then of val."""
    rows = part_rows(labels, "train")
    card = card_of(key, params, families, inputs, rows.num_rows, checked_classes(labels))
    train, groups = part_on(where, inputs.values[: rows.num_rows], rows), grouped(rows)
    check_shares(key, params, groups)
    val = part_on(where, inputs.values[rows.num_rows :], part_rows(labels, "val"))
    tensors = {"train": train.values, "labels": train.labels, "val": val.values, "val_labels": val.labels}
    name = digest(params.model_dump(mode="json", exclude={"seeds"}) | {"device": where.type}, tensors, CODE)
    return Task(card, params, train, groups, val, augmentation(key, params, inputs, train, groups), name)


def trained(task: Task, seed: int, fabric: Fabric, line: int) -> Run:
    """Return the weights of one seed, their learning curve, and their scores on both parts, as stored.

    First weights and dropout draw from torch's own generators, which are put back as they were. `line` is that of the
    progress bar.
    """
    where = fabric.device
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.manual_seed(generator(seed, WEIGHTS, torch.device("cpu")).initial_seed())
        fresh = network(task.card).to(where)
        if hasattr(MODELS[task.card.model], "learn"):
            return grown(task, seed, fresh)
        learner = Learner(shared(fresh, fabric), task.params, seed, fabric)
        saved = checkpoint(task.name, seed, fabric.is_global_zero)
        title = f"{task.card.model} seed {seed}"
        epochs = tqdm(range(task.params.epochs), title, unit="epoch", leave=False, disable=None, position=line)
        kept = fit(learner, task.train, task.groups, task.val, task.scale, task.augment, saved, epochs)
    return run_of(task, kept, learner.curve)


def grown(task: Task, seed: int, fresh: nn.Module) -> Run:
    """Return a model that learns without a gradient, all at once, on what one epoch would draw: a curve of one row."""
    rows = epoch_rows(task.groups, task.params, generator(seed, ORDER, torch.device("cpu"))).to(
        task.train.values.device
    )
    vectors = normalised(task.train.values[rows], *task.scale)
    MODELS[task.card.model].learn(fresh, vectors, task.train.labels[rows], seed)
    loss, _ = loss_and_accuracy(fresh, task.train, *task.scale)
    return run_of(task, fresh, [Epoch(loss, *loss_and_accuracy(fresh, task.val, *task.scale))])


def run_of(task: Task, kept: nn.Module, curve: list[Epoch]) -> Run:
    """Return what a seed gives, from the network whose weights count."""
    numbers = [number for part in (task.train, task.val) for number in loss_and_accuracy(kept, part, *task.scale)]
    weights = {name: weight.cpu().numpy() for name, weight in kept.state_dict().items()}
    scores = dict(zip(SCORES, np.round(numbers, DIGITS).tolist(), strict=True))
    n_learned = sum(weight.numel() for weight in kept.parameters()) or sum(own.numel() for own in kept.buffers())
    return Run(weights, curve, scores, n_learned)


def runs_of(task: Task, fabric: Fabric) -> Runs:
    """Return what each seed gives; on one CPU, seeds learn side by side in copies of this process."""
    seeds = task.card.seeds
    lines = list(enumerate(seeds))

    def run(each: tuple[int, int]) -> Run:
        line, seed = each
        return trained(task, seed, fabric, line)

    alone = fabric.world_size > 1 or fabric.device.type != "cpu"
    return dict(zip(seeds, [run(each) for each in lines] if alone else in_copies(run, lines), strict=True))


def last_scores(labels: pa.Table, runs: Runs) -> dict:
    """Return what was trained on how many clips, and the scores of each seed's weights."""
    counts = {f"n_{part}_clips": part_rows(labels, part).num_rows for part in ("train", "val")}
    first = next(iter(runs.values()))
    counts |= {"n_epochs": max(len(run.curve) for run in runs.values()), "n_parameters": first.n_parameters}
    return counts | {f"seed_{seed}": run.scores for seed, run in runs.items()}


def curve_rows(runs: Runs) -> list[tuple]:
    """Return a row a seed and epoch, counted from 1, in the order of CURVE."""
    epochs = [(seed, number, row) for seed, run in runs.items() for number, row in enumerate(run.curve, start=1)]
    return [(seed, number, *np.round(astuple(row), DIGITS).tolist()) for seed, number, row in epochs]


def main() -> None:
    """Train the model named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.train", description="Train a model of params.yaml.")
    parser.add_argument("key", help="a name below train.models in params.yaml")
    key = parser.parse_args().key
    params = read_section(f"train.models.{key}", Params)
    labels = read_table(LABELS, labels_table.TABLE)
    clip_ids = [clip for part in ("train", "val") for clip in part_rows(labels, part).column("clip_id").to_pylist()]
    families = families_of(key, params, families_in(DATA / FEATURES))
    inputs = read_inputs(DATA / params.input, clip_ids, families)

    started, fabric = time.perf_counter(), launched()
    task = task_of(key, params, families, labels, inputs, fabric.device)
    runs = runs_of(task, fabric)
    seconds = time.perf_counter() - started

    if fabric.is_global_zero:
        for seed, run in runs.items():
            with whole(MODELS_FOLDER / key / f"seed-{seed}.safetensors") as temporary:
                temporary.write_bytes(save(run.weights))
        write_json(MODELS_FOLDER / key / "model.json", task.card.model_dump(mode="json"))
        write_json(METRICS / f"{key}.json", last_scores(labels, runs))
        write_csv(METRICS / f"{key}.csv", CURVE, curve_rows(runs))
        forget(task.name)
        accuracy = np.mean([run.scores["val_accuracy"] for run in runs.values()])
        print(f"train {key}: {len(runs)} x {params.epochs} epochs in {seconds:.1f} s, val accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
