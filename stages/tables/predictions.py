"""predictions/<model>: what a model says of each clip it was not trained on, one row a clip and seed.

Sorted by seed, then clip_id. Probabilities are calibrated: softmax(logits / T), with a temperature T a seed that is
fitted on part val alone and stands in metrics/evaluate/<model>.json. The classes, in the order of the
log-probabilities, stand in the schema's metadata.
"""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stages.tables.parquet import Table, column

TABLE = Table(
    name="predictions",
    key=("seed", "clip_id"),
    schema=pa.schema(
        [
            column("clip_id", pa.string(), "", "a row of labels"),
            column("seed", pa.int64(), "", "which of the model's trainings; 0 where all models vote"),
            column("part", pa.string(), "", "val or test"),
            column("speaker", pa.string(), "", "as in labels"),
            column("group", pa.string(), "", "as in labels; intervals are drawn over groups"),
            column("label", pa.string(), "", "class that is true"),
            column("predicted", pa.string(), "", "class of the largest probability"),
            column("confidence", pa.float32(), "", "that probability, at the temperature"),
            column(
                "log_probabilities",
                pa.fixed_shape_tensor(pa.float32(), (1,)),
                "nats",
                "natural logarithm of the probability of each class, at the temperature",
            ),
        ]
    ),
    sized=("log_probabilities",),
)


def rows(labels: pa.Table, seed: int, log_probabilities: np.ndarray, classes: Sequence[str]) -> pa.Table:
    """Return the predictions of one seed for the clips of `labels`, from (n_clips, n_classes) float32, nats."""
    best = log_probabilities.argmax(axis=1)
    confidence = np.exp(log_probabilities[np.arange(len(best)), best])
    arrays = {
        "seed": pa.array(np.full(len(best), seed), pa.int64()),
        "predicted": pa.array([classes[number] for number in best], pa.string()),
        "confidence": pa.array(confidence, pa.float32()),
        "log_probabilities": pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(log_probabilities)),
    }
    place = TABLE.schema.get_field_index("log_probabilities")
    tensor = TABLE.schema.field(place).with_type(pa.fixed_shape_tensor(pa.float32(), (len(classes),)))
    schema = TABLE.schema.set(place, tensor).with_metadata({"classes": json.dumps(list(classes))})
    columns = [arrays[name] if name in arrays else labels.column(name) for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def classes(schema: pa.Schema) -> list[str]:
    """Return the names of the classes, in the order of the log-probabilities."""
    return json.loads(schema.metadata[b"classes"])


def log_probabilities(rows: pa.Table) -> np.ndarray:
    """Return (n_rows, n_classes) float32, nats."""
    return np.concatenate([chunk.to_numpy_ndarray() for chunk in rows.column("log_probabilities").chunks])
