"""evaluate: one model on held-out clips. The only stage that reads part test.

Reads   data/models/<key>/                    model.json, seed-<n>.safetensors
        data/labels.parquet                   parts val and test
        data/<input>                          data/features/<family>, data/features or data/selected.parquet
Writes  data/predictions/<key>.parquet        every clip of both parts, every seed
        metrics/evaluate/<key>.json           each score: mean over seeds, interval by group, each seed's own
        metrics/evaluate/<key>_classes.csv    precision, recall and F1 of each class, on test
        metrics/evaluate/<key>_confusion.csv  actual and predicted class, a row a clip and seed, on test
Params  evaluate
Run     python -m stages.evaluate cnn
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from pydantic import Field, ValidationError
from safetensors.torch import load_file

from stages.files import write_csv, write_json
from stages.models.card import Card, log_probabilities, network
from stages.models.device import device
from stages.models.parts import part_rows
from stages.params import Section, read_section
from stages.scores import SCORES
from stages.scores.bootstrap import by_group, draws, interval
from stages.scores.confusion import confusion, precision_recall_f1
from stages.tables import labels as labels_table
from stages.tables import predictions
from stages.tables.inputs import Inputs, read_inputs
from stages.tables.parquet import TableError, read_table, write_table

DATA = Path("data")
LABELS = DATA / "labels.parquet"
MODELS_FOLDER = DATA / "models"
PREDICTIONS = DATA / "predictions"
METRICS = Path("metrics/evaluate")
DIGITS = 6  # of scores as written; the last bits of a sum say nothing
HELD_OUT = ("val", "test")


class Params(Section):
    """Section evaluate."""

    seed: Annotated[int, Field(ge=0)]  # of the bootstrap
    n_bootstrap: Annotated[int, Field(ge=100)]  # resamples of groups
    confidence: Annotated[float, Field(gt=0, lt=1)]  # of the intervals
    n_ece_bins: Annotated[int, Field(ge=1)]  # of equal width over confidence 0..1


def read_card(path: Path) -> Card:
    """Return the card of a trained model; raises TableError where it is missing or not one."""
    if not path.exists():
        raise TableError(f"{path}: is missing; run `dvc repro` or `dvc pull`")
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise TableError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; run `dvc repro` again") from None


def held_out(labels: pa.Table, card: Card) -> pa.Table:
    """Return the clips of parts val and test; raises TableError where one is empty or the model's task is another."""
    if tuple(labels_table.classes(labels)) != card.classes:
        raise TableError(
            f"{LABELS}: classes are {', '.join(labels_table.classes(labels))}, expected those the model has learned, "
            f"{', '.join(card.classes)}; run `dvc repro`"
        )
    rows = pa.concat_tables([part_rows(labels, part) for part in HELD_OUT])
    return rows.sort_by("clip_id")


def predicted(card: Card, folder: Path, inputs: Inputs, where: torch.device) -> np.ndarray:
    """Return log-probabilities of every seed: (n_seeds, n_clips, n_classes) float32, nats."""
    if inputs.values.shape[1:] != card.input_shape or inputs.names != card.dims:
        raise TableError(
            f"data/{card.input}: a clip has shape {inputs.values.shape[1:]}, expected {card.input_shape} with the "
            f"dimensions of {folder / 'model.json'}; run `dvc repro`"
        )
    values = torch.from_numpy(inputs.values).to(where)
    scale = (torch.tensor(card.mean, device=where), torch.tensor(card.std, device=where))
    each = []
    for seed in card.seeds:
        trained = network(card)
        trained.load_state_dict(load_file(folder / f"seed-{seed}.safetensors"))
        each.append(log_probabilities(trained.to(where), values, *scale).cpu().numpy())
    return np.stack(each)


def scored(rows: pa.Table, log_probabilities: np.ndarray, seeds: Sequence[int], params: Params) -> dict:
    """Return every score of one part from (n_seeds, n_clips, n_classes) nats: its mean over seeds, interval, and seeds.

    Each resample of groups is scored with every seed's model, and the mean over seeds is what the interval is of. One
    group alone says nothing about others: the ends are None then.
    """
    label_ids = rows.column("label_id").to_numpy().astype(np.int64)
    groups = rows.column("group").to_numpy()
    n_groups = len(np.unique(groups))
    counts = draws(n_groups, params.n_bootstrap, np.random.default_rng([params.seed]))
    result: dict = {"n_clips": rows.num_rows, "n_groups": n_groups}
    for name, score in SCORES.items():
        options = {"n_bins": params.n_ece_bins} if name == "ece" else {}
        sums = [by_group(score.terms(label_ids, one, **options), groups) for one in log_probabilities]
        values = [float(score.value(each.sum(axis=0))) for each in sums]
        ends = interval(np.mean([score.value(counts @ each) for each in sums], axis=0), params.confidence)
        low, high = (round(end, DIGITS) if n_groups > 1 else None for end in ends)
        by_seed = {f"seed_{seed}": round(value, DIGITS) for seed, value in zip(seeds, values, strict=True)}
        result[name] = {"value": round(float(np.mean(values)), DIGITS), "low": low, "high": high, **by_seed}
    return result


def in_words(score: dict) -> str:
    """Return a score and its interval as people read them."""
    if score["low"] is None:
        return f"{score['value']:.3f} [no interval: one group]"
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"


def class_rows(rows: pa.Table, log_probabilities: np.ndarray, classes: Sequence[str]) -> list[tuple]:
    """Return (label, n_clips, precision, recall, f1) of each class, over all seeds; empty where undefined."""
    label_ids = rows.column("label_id").to_numpy().astype(np.int64)
    counts = np.sum([confusion(label_ids, one) for one in log_probabilities], axis=0)
    n_clips = counts.sum(axis=1) // len(log_probabilities)
    ratios = [["" if np.isnan(x) else round(float(x), DIGITS) for x in each] for each in precision_recall_f1(counts)]
    return list(zip(classes, n_clips.tolist(), *ratios, strict=True))


def main() -> None:
    """Score the model named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.evaluate", description="Score a model on held-out clips.")
    parser.add_argument("key", help="a name below train.models in params.yaml")
    key = parser.parse_args().key
    params = read_section("evaluate", Params)
    card = read_card(MODELS_FOLDER / key / "model.json")
    rows = held_out(read_table(LABELS, labels_table.TABLE), card)
    inputs = read_inputs(DATA / card.input, rows.column("clip_id").to_pylist(), card.families)

    nats = predicted(card, MODELS_FOLDER / key, inputs, device())
    masks = {part: pc.equal(rows.column("part"), part).to_numpy() for part in ("test", "val")}
    scores = {name: scored(rows.filter(mask), nats[:, mask], card.seeds, params) for name, mask in masks.items()}
    table = pa.concat_tables([predictions.rows(rows, *one, card.classes) for one in zip(card.seeds, nats, strict=True)])
    test = table.filter(pc.equal(table.column("part"), "test"))

    write_table(PREDICTIONS / f"{key}.parquet", table, predictions.TABLE)
    write_json(METRICS / f"{key}.json", scores)
    classes = class_rows(rows.filter(masks["test"]), nats[:, masks["test"]], card.classes)
    write_csv(METRICS / f"{key}_classes.csv", ("label", "n_clips", "precision", "recall", "f1"), classes)
    pairs = zip(test.column("label").to_pylist(), test.column("predicted").to_pylist(), strict=True)
    write_csv(METRICS / f"{key}_confusion.csv", ("actual", "predicted"), pairs)
    print(f"evaluate {key}: test accuracy {in_words(scores['test']['accuracy'])}")


if __name__ == "__main__":
    main()
