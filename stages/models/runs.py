"""One training a seed: the weights that it gives, their learning curve and their scores."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import torch
from lightning_fabric import Fabric
from torch import nn

from stages.executors import in_copies
from stages.models import MODELS
from stages.models.card import network, normalised
from stages.models.checkpoint import checkpoint
from stages.models.fitting import ORDER, WEIGHTS, Learner, fit, loss_and_accuracy
from stages.models.launching import shared
from stages.models.recipe import Epoch, epoch_rows, generator
from stages.models.task import Task
from stages.progress import told
from stages.tables.parts import part_rows

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
        epochs = partial(told, title, task.params.epochs, line)
        kept = fit(learner, task.train, task.groups, task.val, task.scale, task.augment, saved, epochs)
    return run_of(task, kept, learner.curve)


def grown(task: Task, seed: int, fresh: nn.Module) -> Run:
    """Return a model that learns without a gradient, all at once, on what one epoch would draw: a curve of one row."""
    rows = epoch_rows(task.groups, task.params, generator(seed, ORDER, torch.device("cpu"))).to(
        task.train.values.device
    )
    vectors = normalised(task.train.values[rows], task.scale)
    MODELS[task.card.model].learn(fresh, vectors, task.train.labels[rows], seed)
    loss, _ = loss_and_accuracy(fresh, task.train, task.scale)
    return run_of(task, fresh, [Epoch(loss, *loss_and_accuracy(fresh, task.val, task.scale))])


def run_of(task: Task, kept: nn.Module, curve: list[Epoch]) -> Run:
    """Return what a seed gives, from the network whose weights count."""
    numbers = [number for part in (task.train, task.val) for number in loss_and_accuracy(kept, part, task.scale)]
    # safetensors writes an array as it lies in memory, so an axis that lies elsewhere must be put in order
    weights = {name: weight.cpu().contiguous().numpy() for name, weight in kept.state_dict().items()}
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


def in_words(runs: Runs, seconds: float) -> str:
    """Return what was trained, for how long, and the mean accuracy on val."""
    accuracy = np.mean([run.scores["val_accuracy"] for run in runs.values()])
    n_epochs = max(len(run.curve) for run in runs.values())
    return f"{len(runs)} x {n_epochs} epochs in {seconds:.1f} s, val accuracy {accuracy:.3f}"
