"""ensemble: all models as one, the mean of their log-probabilities, weighted on part val.

A member's seeds share its weight equally. The weights are not below 0 and give the least log loss on part val, drawn
towards equal ones; their sum is one over a temperature. Scores of part val have seen the weights, those of part test
have not. Scores named `_uncalibrated` are of the same weights with the sum 1.

Reads   data/predictions/<key>.parquet     of the members
        data/labels.parquet                which words part train says; that all members know the same clips
Writes  data/ensemble.parquet              every clip of val and test, as data/predictions; the seed is 0
        metrics/ensemble/scores.json       temperature, and each score with its interval, as metrics/evaluate/<key>.json
        metrics/ensemble/weights.csv       each member's weight, and its own log loss on val, the mean over its seeds
Params  ensemble; evaluate; train.models and distill, their names alone
Run     python -m stages.ensemble
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages import pool
from stages.comparisons.predicted import CLIP, Predicted, check_same_clips, predicted
from stages.files import left_over, refuse_left_over, write_csv, write_json
from stages.keys import check_keys, voters
from stages.params import Section, names_of, read_section
from stages.scores import log_loss
from stages.scores.params import Params as Scoring
from stages.scores.report import DIGITS, in_words, label_numbers, over_seeds, scored
from stages.tables import labels as labels_table
from stages.tables import predictions
from stages.tables.parquet import read_table, write_table
from stages.tables.parts import held_out, part_rows

DATA = Path("data")
LABELS = DATA / "labels.parquet"
PREDICTIONS = DATA / "predictions"
METRICS = Path("metrics/ensemble")
SEED = 0  # of predictions for which all seeds vote together
WEIGHTS = ("member", "weight", "val_log_loss_nats", "n_seeds", "n_val_clips")


class Params(Section):
    """Who votes, and how votes are weighted."""

    members: Literal["all"] | tuple[str, ...]  # keys of train.models
    weights: pool.Params


def weight_rows(
    label_ids: np.ndarray, members: Mapping[str, Predicted], weights: np.ndarray, is_val: np.ndarray
) -> list[tuple]:
    """Return a row of WEIGHTS a member; `label_ids` are those of part val."""
    rows = []
    for (key, member), weight in zip(members.items(), weights, strict=True):
        losses = [log_loss.terms(label_ids, one)[:, 0].mean() for one in member.nats[:, is_val]]
        loss = round(float(np.mean(losses)), DIGITS)
        rows.append((key, round(float(weight), DIGITS), loss, len(losses), len(label_ids)))
    return rows


def temperature_entry(weights: np.ndarray, val: pa.Table) -> dict:
    """Return what the metrics say of the weights' sum: one over it, and on what it was fitted."""
    told = over_seeds([1 / float(weights.sum())], [SEED])
    return {**told, "n_clips": val.num_rows, "n_groups": len(val.column("group").unique())}


def scores_of(
    rows: pa.Table, votes: Sequence[np.ndarray], weights: np.ndarray, labels: pa.Table, params: Scoring
) -> dict:
    """Return temperature and every score of both parts, from votes (n_clips, n_classes) on `rows` of the labels."""
    words = set(part_rows(labels, "train").column("word").to_pylist())
    before, after = (pool.pooled(votes, one).astype(np.float32)[None] for one in (weights / weights.sum(), weights))
    masks = {part: pc.equal(rows.column("part"), part).to_numpy() for part in ("test", "val")}
    classes = labels_table.classes(labels)
    return {
        "temperature": temperature_entry(weights, rows.filter(masks["val"])),
        **{
            part: scored(rows.filter(mask), before[:, mask], after[:, mask], classes, [SEED], words, params)
            for part, mask in masks.items()
        },
    }


def main() -> None:
    """Weigh the members on part val and score what they say together."""
    params, scoring = read_section("ensemble", Params), read_section("evaluate", Scoring)
    models, students = names_of("train.models"), names_of("distill", may_be_empty=True)
    check_keys(models, students)
    keys = voters("ensemble.members", params.members, models)
    refuse_left_over(left_over(PREDICTIONS, {f"{key}.parquet" for key in (*models, *students)}))
    paths = {key: PREDICTIONS / f"{key}.parquet" for key in keys}
    members = {key: predicted(read_table(path, predictions.TABLE), path) for key, path in paths.items()}
    labels = read_table(LABELS, labels_table.TABLE)
    rows = held_out(labels, members[keys[0]].classes)
    for key, member in members.items():
        check_same_clips(paths[key], member, rows.select(CLIP), labels_table.classes(labels), LABELS.name)

    is_val = pc.equal(rows.column("part"), "val").to_numpy()
    label_ids = label_numbers(rows)[is_val]
    votes = [pool.member(list(member.nats)) for member in members.values()]
    weights = pool.fitted(label_ids, [vote[is_val] for vote in votes], params.weights.shrinkage)
    scores = scores_of(rows, votes, weights, labels, scoring)
    nats = pool.pooled(votes, weights).astype(np.float32)

    table = predictions.rows(rows, SEED, nats, labels_table.classes(labels))
    write_table(DATA / "ensemble.parquet", table, predictions.TABLE)
    write_json(METRICS / "scores.json", scores)
    write_csv(METRICS / "weights.csv", WEIGHTS, weight_rows(label_ids, members, weights, is_val))
    print(f"ensemble of {', '.join(keys)}: test accuracy {in_words(scores['test']['accuracy'])}")


if __name__ == "__main__":
    main()
