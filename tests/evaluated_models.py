"""Models in params.yaml and their predictions: each has a skill of its own, and none believes one of the clips."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
from scipy.special import log_softmax

from stages.tables import predictions
from stages.tables.parquet import write_table

KEYS = ("dnn", "cnn", "lstm")
SKILL = {"dnn": 1.0, "cnn": 3.0, "lstm": 2.0, "ensemble": 4.0, "pupil": 2.0}  # nats by which the true class stands out
WRONG = "up/test00_0"  # a clip that no model believes


def write_models(keys: Sequence[str]) -> None:
    content = planted_task.sections()
    content["train"]["models"] = {key: content["train"]["models"][key] for key in keys}
    planted_task.write_params(Path(), content)


def write_predictions(
    key: str, rows: pa.Table, seeds: tuple[int, ...], folder: Path = Path("data/predictions")
) -> None:
    tables = []
    for seed in seeds:
        logits = np.random.default_rng([seed, list(SKILL).index(key)]).normal(
            size=(len(rows), len(planted_task.CLASSES))
        )
        logits[np.arange(len(rows)), rows.column("label_id").to_numpy()] += SKILL[key]
        logits[rows.column("clip_id").to_pylist().index(WRONG), 0] += 20
        nats = log_softmax(logits, axis=1).astype(np.float32)
        tables.append(predictions.rows(rows, seed, nats, planted_task.CLASSES))
    write_table(folder / f"{key}.parquet", pa.concat_tables(tables), predictions.TABLE)
