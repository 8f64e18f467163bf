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
from pathlib import Path

from stages.files import write_csv, write_json
from stages.models.checkpoint import forget
from stages.models.choices import FEATURES, Params, families_of
from stages.models.launching import launched
from stages.models.runs import CURVE, curve_rows, in_words, last_scores, runs_of
from stages.models.task import task_of
from stages.models.trained import write_trained
from stages.params import read_section
from stages.tables import labels as labels_table
from stages.tables.inputs import families_in, read_inputs
from stages.tables.parquet import read_table
from stages.tables.parts import learned_rows

DATA = Path("data")
LABELS = DATA / "labels.parquet"
MODELS_FOLDER = DATA / "models"
METRICS = Path("metrics/train")


def main() -> None:
    """Train the model named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.train", description="Train a model of params.yaml.")
    parser.add_argument("key", help="a name below train.models in params.yaml")
    key = parser.parse_args().key
    params = read_section(f"train.models.{key}", Params)
    labels = read_table(LABELS, labels_table.TABLE)
    families = families_of(f"train.models.{key}", params, families_in(DATA / FEATURES))
    inputs = read_inputs(DATA / params.input, learned_rows(labels).column("clip_id").to_pylist(), families)

    started, fabric = time.perf_counter(), launched()
    task = task_of(f"train.models.{key}", params, families, labels, inputs, fabric.device)
    runs = runs_of(task, fabric)
    seconds = time.perf_counter() - started

    if fabric.is_global_zero:
        write_trained(MODELS_FOLDER / key, task.card, {seed: run.weights for seed, run in runs.items()})
        write_json(METRICS / f"{key}.json", last_scores(labels, runs))
        write_csv(METRICS / f"{key}.csv", CURVE, curve_rows(runs))
        forget(task.name)
        print(f"train {key}: {in_words(runs, seconds)}")


if __name__ == "__main__":
    main()
