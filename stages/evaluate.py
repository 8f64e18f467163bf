"""evaluate: one model on held-out clips. The only stage whose model meets part test.

A temperature is fitted a seed on part val alone, and all that follows is of the probabilities at that temperature: the
predictions, and every score but those named `_uncalibrated`, which are of the network's own. Scores of part val have
seen the temperature's one number; those of part test have not.

Reads   data/models/<key>/                     model.json, seed-<n>.safetensors; with --student, data/students/<key>/
        data/labels.parquet                    parts val and test; of part train, which words it says
        data/<input>                           data/features/<family>, data/features or data/selected.parquet
Writes  data/predictions/<key>.parquet         every clip of both parts, every seed
        metrics/evaluate/<key>.json            temperature; each score: mean over seeds, interval by group, each seed's
        metrics/evaluate/<key>_classes.csv     precision, recall and F1 of each class, with intervals, on test
        metrics/evaluate/<key>_confusion.csv   actual and predicted class: clips, and share of the actual, on test
        metrics/evaluate/<key>_coverage.csv    errors among the most confident clips, by how many are answered, on test
        metrics/evaluate/<key>_detection.csv   each keyword against all else: false accepts and false rejects, on test
        metrics/evaluate/<key>_errors.csv      the most confident errors on test
Params  evaluate
Run     python -m stages.evaluate cnn
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.files import write_csv, write_json
from stages.models.device import device
from stages.models.trained import predicted, read_card
from stages.params import read_section
from stages.scores import errors, pictures
from stages.scores.calibration import calibrated
from stages.scores.params import Params
from stages.scores.report import DIGITS, in_words, scored
from stages.tables import labels as labels_table
from stages.tables import predictions
from stages.tables.inputs import read_inputs
from stages.tables.parquet import read_table, write_table
from stages.tables.parts import held_out, part_rows

DATA = Path("data")
LABELS = DATA / "labels.parquet"
MODELS_FOLDER = DATA / "models"
STUDENTS = DATA / "students"
PREDICTIONS = DATA / "predictions"
METRICS = Path("metrics/evaluate")

Tables = dict[str, tuple[Sequence[str], list[tuple]]]
"""Columns and rows by name."""


def drawn(table: pa.Table, rows: pa.Table, nats: np.ndarray, classes: Sequence[str], params: Params) -> Tables:
    """Return the columns and rows of each csv by its name, from predictions, labels and nats of part test."""
    return {
        "classes": (pictures.CLASS_COLUMNS, pictures.class_rows(rows, nats, classes, params)),
        "confusion": (pictures.CONFUSION_COLUMNS, pictures.confusion_rows(rows, nats, classes)),
        "coverage": (pictures.COVERAGE_COLUMNS, pictures.coverage_rows(rows, nats)),
        "detection": (pictures.DETECTION_COLUMNS, pictures.detection_rows(rows, nats, classes)),
        "errors": (errors.COLUMNS, errors.most_confident(table, params.n_listed, DIGITS)),
    }


def main() -> None:
    """Score the model named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.evaluate", description="Score a model on held-out clips.")
    parser.add_argument("key", help="a name below train.models in params.yaml")
    parser.add_argument("--student", action="store_true", help="it is a name below distill, expected in data/students")
    key, is_student = (arguments := parser.parse_args()).key, arguments.student
    folder = (STUDENTS if is_student else MODELS_FOLDER) / key
    params = read_section("evaluate", Params)
    card = read_card(folder / "model.json")
    labels = read_table(LABELS, labels_table.TABLE)
    rows = held_out(labels, card.classes)
    inputs = read_inputs(DATA / card.input, rows.column("clip_id").to_pylist(), card.families)

    before = predicted(card, folder, inputs, device())
    after, temperatures = calibrated(rows, before, card.seeds)
    words = set(part_rows(labels, "train").column("word").to_pylist())
    masks = {part: pc.equal(rows.column("part"), part).to_numpy() for part in ("test", "val")}
    scores = {
        part: scored(rows.filter(mask), before[:, mask], after[:, mask], card.classes, card.seeds, words, params)
        for part, mask in masks.items()
    }
    table = pa.concat_tables(
        [predictions.rows(rows, *one, card.classes) for one in zip(card.seeds, after, strict=True)]
    )
    test = table.filter(pc.equal(table.column("part"), "test"))
    tables = drawn(test, rows.filter(masks["test"]), after[:, masks["test"]], card.classes, params)

    write_table(PREDICTIONS / f"{key}.parquet", table, predictions.TABLE)
    write_json(METRICS / f"{key}.json", {"temperature": temperatures, **scores})
    for name, (columns, lines) in tables.items():
        write_csv(METRICS / f"{key}_{name}.csv", columns, lines)
    print(f"evaluate {key}: test accuracy {in_words(scores['test']['accuracy'])}")


if __name__ == "__main__":
    main()
