"""The clips of a part of the task, from the table of labels."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from stages.tables import labels as labels_table
from stages.tables.parquet import TableError

HELD_OUT = ("val", "test")


def part_rows(labels: pa.Table, part: str) -> pa.Table:
    """Return the clips of one part; raises TableError where there are none."""
    rows = labels.filter(pc.equal(labels.column("part"), part))
    if rows.num_rows == 0:
        raise TableError(
            f"data/labels.parquet: part {part} has 0 clips, expected at least 1; give it a share in section split"
        )
    return rows


def learned_rows(labels: pa.Table) -> pa.Table:
    """Return the clips of the parts that training reads: train, then val."""
    return pa.concat_tables([part_rows(labels, part) for part in ("train", "val")])


def check_classes(labels: pa.Table, classes: Sequence[str]) -> None:
    """Raise TableError where the classes of the labels are not `classes`, those of a model."""
    found = labels_table.classes(labels)
    if found != list(classes):
        raise TableError(
            f"data/labels.parquet: classes are {', '.join(found)}, expected those the model has learned, "
            f"{', '.join(classes)}; run `dvc repro`"
        )


def held_out(labels: pa.Table, classes: Sequence[str]) -> pa.Table:
    """Return the clips of parts val and test, by clip_id; `classes` are those of a model.

    Raises TableError where a part is empty or the classes of the labels are others.
    """
    check_classes(labels, classes)
    rows = pa.concat_tables([part_rows(labels, part) for part in HELD_OUT])
    return rows.sort_by("clip_id")
