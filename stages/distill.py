"""distill: one small model, once for each seed, that learns from labels and from trained models.

Teachers vote as members of the ensemble do, with weights fitted on part val; they hear the stored training clips once,
and the student hears those augmented. What its loss is stands in stages/models/students.py.

Reads   data/labels.parquet           parts train and val alone
        data/models/<key>/            of the teachers
        data/<input>                  of teachers and student: data/features/<family>, data/features, or
                                      data/selected.parquet
Writes  data/students/<key>/          model.json, seed-<n>.safetensors, as data/models
        metrics/distill/<key>.json    the teachers' weights; loss and accuracy of the weights that are kept
        metrics/distill/<key>.csv     learning curve; its train_loss is of labels and teachers together
Params  distill.<key>; ensemble.weights; train.models, its names alone
Run     python -m stages.distill cnn_small
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from stages import pool
from stages.files import left_over, refuse_left_over, write_csv, write_json
from stages.keys import check_keys, voters
from stages.models.checkpoint import forget
from stages.models.choices import FEATURES, families_of
from stages.models.launching import launched
from stages.models.runs import CURVE, curve_rows, in_words, last_scores, runs_of
from stages.models.students import Params, check_student, taught
from stages.models.task import task_of
from stages.models.trained import predicted, read_card, write_trained
from stages.params import names_of, read_section
from stages.tables import labels as labels_table
from stages.tables.inputs import families_in, read_inputs
from stages.tables.parquet import read_table
from stages.tables.parts import check_classes, learned_rows

DATA = Path("data")
LABELS = DATA / "labels.parquet"
MODELS_FOLDER = DATA / "models"
STUDENTS = DATA / "students"
METRICS = Path("metrics/distill")
DIGITS = 6  # of weights


def heard(teachers: Sequence[str], labels: pa.Table, rows: pa.Table, where: torch.device) -> list[np.ndarray]:
    """Return what each teacher says of `rows` of the labels: (n_seeds, n_clips, n_classes) nats; reads them all."""
    clip_ids, each = rows.column("clip_id").to_pylist(), []
    for teacher in teachers:
        card = read_card(MODELS_FOLDER / teacher / "model.json")
        check_classes(labels, card.classes)
        each.append(
            predicted(card, MODELS_FOLDER / teacher, read_inputs(DATA / card.input, clip_ids, card.families), where)
        )
    return each


def main() -> None:
    """Train the student named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.distill", description="Train a student of params.yaml.")
    parser.add_argument("key", help="a name below distill in params.yaml")
    key = parser.parse_args().key
    section, models = f"distill.{key}", names_of("train.models")
    params, weighing = read_section(f"distill.{key}", Params), read_section("ensemble.weights", pool.Params)
    check_keys(models, [key])
    check_student(section, params)
    teachers = voters(f"{section}.teachers", params.teachers, models)
    refuse_left_over(left_over(MODELS_FOLDER, models))
    labels = read_table(LABELS, labels_table.TABLE)
    rows, families = learned_rows(labels), families_of(section, params, families_in(DATA / FEATURES))
    inputs = read_inputs(DATA / params.input, rows.column("clip_id").to_pylist(), families)

    started, fabric = time.perf_counter(), launched()
    said, weights = taught(rows, heard(teachers, labels, rows, fabric.device), weighing.shrinkage, params.temperature)
    task = task_of(section, params, families, labels, inputs, fabric.device, torch.from_numpy(said))
    runs = runs_of(task, fabric)
    seconds = time.perf_counter() - started

    if fabric.is_global_zero:
        write_trained(STUDENTS / key, task.card, {seed: run.weights for seed, run in runs.items()})
        told = {"teachers": dict(zip(teachers, np.round(weights, DIGITS).tolist(), strict=True))}
        write_json(METRICS / f"{key}.json", told | last_scores(labels, runs))
        write_csv(METRICS / f"{key}.csv", CURVE, curve_rows(runs))
        forget(task.name)
        print(f"distill {key}, taught by {', '.join(teachers)}: {in_words(runs, seconds)}")


if __name__ == "__main__":
    main()
