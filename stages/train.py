"""train: one model, once for each seed.

Reads   data/labels.parquet           parts train and val alone
        data/<input>                  data/features/<family>: its frames; data/features: statistic columns of families;
                                      data/selected.parquet: the columns that rank chose
Writes  data/models/<key>/            model.json, seed-<n>.safetensors
        metrics/train/<key>.json      loss and accuracy after the last epoch, on train and val
        metrics/train/<key>.csv       learning curve
Params  train.models.<key>
Run     python -m stages.train cnn
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import torch
from pydantic import Field
from safetensors.torch import save
from torch import Generator, Tensor, nn
from tqdm import tqdm

from stages.augmentations import AUGMENTATIONS
from stages.augmentations.setting import Setting
from stages.files import whole, write_csv, write_json
from stages.models import MODELS
from stages.models.card import Card, mean_and_std, network
from stages.models.device import device
from stages.models.fitting import WEIGHTS, Augment, Epoch, Recipe, fit, generator, loss_and_accuracy
from stages.models.parts import Groups, Part, checked_classes, grouped, part_on, part_rows
from stages.params import PARAMS_FILE, ParamsError, Section, check_section, read_section
from stages.tables import labels as labels_table
from stages.tables.inputs import Inputs, families_in, read_inputs
from stages.tables.parquet import read_table

DATA = Path("data")
FEATURES = "features"
LABELS = DATA / "labels.parquet"
MODELS_FOLDER = DATA / "models"
METRICS = Path("metrics/train")
CURVE = ("seed", "epoch", "train_loss", "val_loss", "val_accuracy")
SCORES = ("train_loss_nats", "train_accuracy", "val_loss_nats", "val_accuracy")
DIGITS = 6  # of numbers in metrics


Run = tuple[nn.Module, list[Epoch], dict[str, float]]
"""What one seed gives: the network, its learning curve, its last scores."""

Runs = Mapping[int, Run]


class Params(Recipe):
    """Section train.models.<key>."""

    model: str  # module in stages/models
    input: str  # below data/: features/<family>, features, or selected.parquet
    families: Literal["all"] | tuple[str, ...] | None = None  # of input features, and of that alone
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]  # one training each
    augment: Mapping[str, object]  # module in stages/augmentations -> its Params, in the order they are applied
    sizes: Mapping[str, object]  # Params of the model's module


def families_of(key: str, params: Params, known: Sequence[str]) -> tuple[str, ...]:
    """Return the families whose statistic columns the model reads, none where it reads frames or selected columns.

    Raises ParamsError where they are not among those `known`, or stand beside another input than all features.
    """
    where, reads_all = f"{PARAMS_FILE}: train.models.{key}", params.input == FEATURES
    if (params.families is None) is reads_all or params.families == ():
        given = "missing" if params.families is None else f"{params.families!r}, input {params.input!r}"
        raise ParamsError(
            f"{where}.families is {given}; expected `all` or some families beside input {FEATURES!r}, and only there"
        )
    for name in () if params.families in (None, "all") else params.families:
        if name not in known:
            raise ParamsError(f"{where}.families: {name!r} is unknown, expected `all` or some of {', '.join(known)}")
    return tuple(known) if params.families == "all" else params.families or ()


def card_of(
    key: str, params: Params, families: tuple[str, ...], inputs: Inputs, n_train: int, classes: tuple[str, ...]
) -> Card:
    """Return the card of the model; the first `n_train` of `inputs` are the training part.

    Raises ParamsError where the module is unknown, its sizes are not its own, or it cannot read such an input.
    """
    where = f"train.models.{key}"
    if params.model not in MODELS:
        raise ParamsError(f"{PARAMS_FILE}: {where}.model is {params.model!r}, expected one of {', '.join(MODELS)}")
    module, shape = MODELS[params.model], inputs.values.shape[1:]
    if len(shape) not in module.INPUT_AXES:
        kind, other = ("frames", "a table of columns") if len(shape) == 2 else ("one vector a clip", "frames")
        raise ParamsError(
            f"{PARAMS_FILE}: {where}.input is {params.input!r}, which holds {kind}; {params.model} reads {other}"
        )
    sizes = check_section(params.sizes, f"{where}.sizes", module.Params).model_dump()
    mean, std = mean_and_std(inputs.values[:n_train])
    names = {
        "model": params.model,
        "sizes": sizes,
        "input": params.input,
        "families": families,
        "seeds": tuple(sorted(set(params.seeds))),
    }
    return Card(input_shape=shape, dims=inputs.names, classes=classes, mean=mean, std=std, **names)


def augmentation(key: str, params: Params, inputs: Inputs, train: Part, groups: Groups) -> Augment:
    """Return the augmentations of params.yaml as one function of a batch.

    Raises ParamsError for an unknown one and for any where the input has no time to shift or power to add.
    """
    steps: list[tuple[Callable[[Tensor, Section, Setting, Generator], Tensor], Section]] = []
    for name, section in params.augment.items():
        where = f"train.models.{key}.augment.{name}"
        if name not in AUGMENTATIONS:
            raise ParamsError(f"{PARAMS_FILE}: {where} is unknown, expected one of {', '.join(AUGMENTATIONS)}")
        if not inputs.dims_hz:
            raise ParamsError(
                f"{PARAMS_FILE}: {where} works on log-mel frames, which {params.input!r} are not; set augment to {{}}"
            )
        if AUGMENTATIONS[name].NEEDS_NOISE and len(groups.silences) == 0:
            raise ParamsError(
                f"{PARAMS_FILE}: {where} needs {labels_table.SILENCE} clips in part train, which has 0; remove it"
            )
        steps.append((AUGMENTATIONS[name].apply, check_section(section, where, AUGMENTATIONS[name].Params)))
    dims_hz = torch.tensor(inputs.dims_hz, device=train.values.device)
    setting = Setting(inputs.hop_s, dims_hz, train.values[groups.silences.to(train.values.device)])

    def augment(values: Tensor, change: Generator) -> Tensor:
        for apply, settings in steps:
            values = apply(values, settings, setting, change)
        return values

    return augment


def check_shares(key: str, params: Params, groups: Groups) -> None:
    """Raise ParamsError where the task has a class that no epoch would see."""
    for share, rows in (("unknown_share", groups.unknowns), ("silence_share", groups.silences)):
        if len(rows) and not getattr(params, share):
            raise ParamsError(
                f"{PARAMS_FILE}: train.models.{key}.{share} is 0, but the task has such a class, with {len(rows):,} "
                "training clips; give it a share of the keyword clips, or take the class out in section split"
            )


def trained(card: Card, seed: int, recipe: Recipe, train: Part, groups: Groups, val: Part, augment: Augment) -> Run:
    """Return the network of one seed, its learning curve, and its last scores on both parts, as stored.

    First weights and dropout draw from torch's own generators, which are put back as they were.
    """
    where = train.values.device
    scale = (torch.tensor(card.mean, device=where), torch.tensor(card.std, device=where))
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.manual_seed(generator(seed, WEIGHTS, torch.device("cpu")).initial_seed())
        learner = network(card).to(where)
        epochs = tqdm(range(recipe.epochs), desc=f"{card.model} seed {seed}", unit="epoch", leave=False, disable=None)
        curve = fit(learner, train, groups, val, scale, augment, recipe, seed, epochs)
    numbers = [number for part in (train, val) for number in loss_and_accuracy(learner, part, *scale)]
    return learner, curve, dict(zip(SCORES, np.round(numbers, DIGITS).tolist(), strict=True))


def learned(
    key: str, params: Params, families: tuple[str, ...], labels: pa.Table, inputs: Inputs, where: torch.device
) -> tuple[Card, Runs]:
    """Return the card of the model and (network, curve, scores) by seed; `inputs` are those of train, then of val."""
    rows = part_rows(labels, "train")
    card = card_of(key, params, families, inputs, rows.num_rows, checked_classes(labels))
    train, groups = part_on(where, inputs.values[: rows.num_rows], rows), grouped(rows)
    check_shares(key, params, groups)
    val = part_on(where, inputs.values[rows.num_rows :], part_rows(labels, "val"))
    augment = augmentation(key, params, inputs, train, groups)
    return card, {seed: trained(card, seed, params, train, groups, val, augment) for seed in card.seeds}


def last_scores(labels: pa.Table, runs: Runs) -> dict:
    """Return what was trained on how many clips, and the scores of each seed after its last epoch."""
    network, curve, _ = next(iter(runs.values()))
    counts = {f"n_{part}_clips": part_rows(labels, part).num_rows for part in ("train", "val")}
    counts |= {"n_epochs": len(curve), "n_parameters": sum(weight.numel() for weight in network.parameters())}
    return counts | {f"seed_{seed}": scores for seed, (_, _, scores) in runs.items()}


def curve_rows(runs: Runs) -> list[tuple]:
    """Return a row a seed and epoch, counted from 1, in the order of CURVE."""
    epochs = [(seed, number, row) for seed, (_, curve, _) in runs.items() for number, row in enumerate(curve, start=1)]
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

    started = time.perf_counter()
    card, runs = learned(key, params, families, labels, inputs, device())
    seconds = time.perf_counter() - started

    for seed, (learner, _, _) in runs.items():
        with whole(MODELS_FOLDER / key / f"seed-{seed}.safetensors") as temporary:
            temporary.write_bytes(save({name: weight.contiguous() for name, weight in learner.state_dict().items()}))
    write_json(MODELS_FOLDER / key / "model.json", card.model_dump(mode="json"))
    write_json(METRICS / f"{key}.json", last_scores(labels, runs))
    write_csv(METRICS / f"{key}.csv", CURVE, curve_rows(runs))
    accuracy = np.mean([scores["val_accuracy"] for _, _, scores in runs.values()])
    print(f"train {key}: {len(runs)} x {params.epochs} epochs in {seconds:.1f} s, val accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
