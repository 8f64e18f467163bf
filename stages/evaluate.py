"""evaluate: one model on held-out clips. The only stage whose model meets part test.

A temperature is fitted a seed on part val alone, and all that follows is of the probabilities at that temperature: the
predictions, and every score but those named `_uncalibrated`, which are of the network's own. Scores of part val have
seen the temperature's one number; those of part test have not.

Reads   data/models/<key>/                     model.json, seed-<n>.safetensors; with --student, data/students/<key>/
        data/labels.parquet                    parts val and test; of part train, which words it says
        data/<input>                           data/features/<family>, data/features or data/selected.parquet
        data/clips/                            sound of part test alone, for conditions
Writes  data/predictions/<key>.parquet         every clip of both parts, every seed
        metrics/evaluate/<key>.json            temperature; each score: mean over seeds, interval by group, each seed's
        metrics/evaluate/<key>_classes.csv     precision, recall and F1 of each class, with intervals, on test
        metrics/evaluate/<key>_confusion.csv   actual and predicted class: clips, and share of the actual, on test
        metrics/evaluate/<key>_coverage.csv    errors among the most confident clips, by how many are answered, on test
        metrics/evaluate/<key>_detection.csv   each keyword against all else: false accepts and false rejects, on test
        metrics/evaluate/<key>_errors.csv      the most confident errors on test
        metrics/evaluate/<key>_robustness.csv  accuracy on test in noise, louder, faster, over a telephone
Params  evaluate; extract, to compute what the model reads of changed sound
Run     python -m stages.evaluate cnn
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.conditions.material import CLEAN, Material, Trial, drawn_clips, material_of, trials_of, with_noise
from stages.executors import in_copies
from stages.features.reading import Extract, reading_of
from stages.files import write_csv, write_json
from stages.models.card import Card
from stages.models.device import device
from stages.models.trained import predicted, read_card
from stages.params import read_section
from stages.scores import errors, pictures, robustness
from stages.scores.calibration import calibrated
from stages.scores.params import Params
from stages.scores.report import DIGITS, in_words, scored
from stages.tables import labels as labels_table
from stages.tables import predictions
from stages.tables.inputs import Inputs, read_inputs
from stages.tables.parquet import read_table, write_table
from stages.tables.parts import held_out, part_rows
from stages.tables.sounds import read_sounds

DATA = Path("data")
CLIPS = DATA / "clips"
LABELS = DATA / "labels.parquet"
MODELS_FOLDER = DATA / "models"
STUDENTS = DATA / "students"
PREDICTIONS = DATA / "predictions"
METRICS = Path("metrics/evaluate")

Tables = dict[str, tuple[Sequence[str], list[tuple]]]
"""Columns and rows by name."""


def scores_by_part(
    rows: pa.Table, before: np.ndarray, after: np.ndarray, card: Card, trained: pa.Table, params: Params
) -> dict[str, dict]:
    """Return every score of parts test and val; `trained` are the clips of part train, whose words are known."""
    words = set(trained.column("word").to_pylist())
    masks = {part: pc.equal(rows.column("part"), part).to_numpy() for part in ("test", "val")}
    return {
        part: scored(rows.filter(mask), before[:, mask], after[:, mask], card.classes, card.seeds, words, params)
        for part, mask in masks.items()
    }


def drawn(table: pa.Table, rows: pa.Table, nats: np.ndarray, classes: Sequence[str], params: Params) -> Tables:
    """Return the columns and rows of each csv by its name, of part test, from predictions, labels and nats of both."""
    mask = pc.equal(rows.column("part"), "test").to_numpy()
    table, rows, nats = table.filter(pc.field("part") == "test"), rows.filter(mask), nats[:, mask]
    return {
        "classes": (pictures.CLASS_COLUMNS, pictures.class_rows(rows, nats, classes, params)),
        "confusion": (pictures.CONFUSION_COLUMNS, pictures.confusion_rows(rows, nats, classes)),
        "coverage": (pictures.COVERAGE_COLUMNS, pictures.coverage_rows(rows, nats)),
        "detection": (pictures.DETECTION_COLUMNS, pictures.detection_rows(rows, nats, classes)),
        "errors": (errors.COLUMNS, errors.most_confident(table, params.n_listed, DIGITS)),
    }


def under_conditions(
    folder: Path, card: Card, material: Material | None, trials: Sequence[Trial], extracted: Extract, params: Params
) -> list[tuple]:
    """Return the rows of robustness.COLUMNS. What the model reads of changed sound is computed as extract does it."""
    if material is None:
        return []
    reading = reading_of(card.input, card.dims, extracted, material.sounds.sample_rate)
    reading(*material.changed(CLEAN, slice(0, 1)))  # loads kernels, with which copies of this process then begin

    def heard(task: tuple[Trial, slice]) -> np.ndarray:
        return reading(*material.changed(*task))

    values = np.concatenate(in_copies(heard, [(trial, piece) for trial in trials for piece in material.pieces()]))
    each = values.reshape(len(trials), -1, *card.input_shape)
    found = [predicted(card, folder, Inputs(one, card.dims, 0.0, ()), device()) for one in each]
    return robustness.robustness_rows(material.rows, zip(trials, found, strict=True), card.seeds, params)


def main() -> None:
    """Score the model named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.evaluate", description="Score a model on held-out clips.")
    parser.add_argument("key", help="a name below train.models in params.yaml")
    parser.add_argument("--student", action="store_true", help="it is a name below distill, expected in data/students")
    arguments = parser.parse_args()
    key, folder = arguments.key, (STUDENTS if arguments.student else MODELS_FOLDER) / arguments.key
    params, extracted = read_section("evaluate", Params), read_section("extract", Extract)
    card = read_card(folder / "model.json")
    labels = read_table(LABELS, labels_table.TABLE)
    rows = held_out(labels, card.classes)
    inputs = read_inputs(DATA / card.input, rows.column("clip_id").to_pylist(), card.families)
    trials, test = trials_of(params.conditions), part_rows(labels, "test")
    judged = drawn_clips(test, params.n_condition_clips, params.seed)
    sounds = read_sounds(CLIPS, with_noise(judged, test)) if trials else None

    before = predicted(card, folder, inputs, device())
    after, temperatures = calibrated(rows, before, card.seeds)
    scores = scores_by_part(rows, before, after, card, part_rows(labels, "train"), params)
    table = pa.concat_tables(predictions.rows(rows, *one, card.classes) for one in zip(card.seeds, after, strict=True))
    tables = drawn(table, rows, after, card.classes, params)
    material = material_of(judged, sounds, trials, params.seed) if sounds else None
    tables["robustness"] = robustness.COLUMNS, under_conditions(folder, card, material, trials, extracted, params)

    write_table(PREDICTIONS / f"{key}.parquet", table, predictions.TABLE)
    write_json(METRICS / f"{key}.json", {"temperature": temperatures, **scores})
    for name, (columns, lines) in tables.items():
        write_csv(METRICS / f"{key}_{name}.csv", columns, lines)
    print(f"evaluate {key}: test accuracy {in_words(scores['test']['accuracy'])}")


if __name__ == "__main__":
    main()
