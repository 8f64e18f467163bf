"""labels: the task, one row a clip that takes part in it, sorted by clip_id.

Classes are numbered in the order of the task. Everything downstream joins on this table, so new keywords re-run no
decoding and no extraction. The training part holds every unknown and every noise window there is; how many of them an
epoch sees is up to `train`. The validation and test parts hold the protocol's share, drawn once.
"""

import pyarrow as pa

from stages.tables.parquet import Table, column

PARTS = ("train", "val", "test")
UNKNOWN = "_unknown_"
SILENCE = "_silence_"

TABLE = Table(
    name="labels",
    key=("clip_id",),
    schema=pa.schema(
        [
            column("clip_id", pa.string(), "", "a row of clips"),
            column("label", pa.string(), "", "class of the task; `_unknown_` and `_silence_` are classes too"),
            column("label_id", pa.int16(), "", "number of the class, from 0"),
            column("part", pa.string(), "", "train, val or test"),
            column("speaker", pa.string(), "", "as in clips"),
            column("group", pa.string(), "", "as in clips; folds keep groups apart and intervals are drawn over them"),
            column("word", pa.string(), "", "as in clips; tells which word an unknown is"),
        ]
    ),
)


def classes(rows: pa.Table) -> list[str]:
    """Return the names of the classes, in the order of their numbers."""
    pairs = rows.select(["label_id", "label"]).group_by(["label_id", "label"]).aggregate([]).sort_by("label_id")
    return pairs.column("label").to_pylist()
