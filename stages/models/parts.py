"""The clips of a part, as training takes them from the table of labels."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from stages.tables import labels as labels_table
from stages.tables.parquet import TableError
from stages.tables.parts import part_rows


@dataclass(frozen=True)
class Part:
    """Clips of one part, on the device."""

    values: Tensor  # (n_clips, ...) as stored
    labels: Tensor  # (n_clips,) int64
    taught: Tensor | None = None  # (n_clips, n_classes) probabilities that a student's teachers give


@dataclass(frozen=True)
class Groups:
    """Clips of the training part by how an epoch takes them: row numbers, on the CPU."""

    keywords: Tensor
    unknowns: Tensor
    silences: Tensor


def checked_classes(labels: pa.Table) -> tuple[str, ...]:
    """Return the classes of the task; raises TableError where one has no clip to learn from."""
    classes = labels_table.classes(labels)
    n_clips = np.bincount(part_rows(labels, "train").column("label_id").to_numpy(), minlength=len(classes))
    empty = [name for name, count in zip(classes, n_clips, strict=True) if count == 0]
    if empty:
        raise TableError(
            f"data/labels.parquet: class {empty[0]!r} has 0 clips in part train, expected at least 1"
            f"{f' (so have {len(empty) - 1} more classes)' if len(empty) > 1 else ''}; "
            f"add recordings by more speakers, or leave it out of the task in section split"
        )
    return tuple(classes)


def grouped(rows: pa.Table) -> Groups:
    """Return which rows of the training part are keywords, unknowns and noise windows."""
    labels = rows.column("label").to_numpy()
    unknown, silence = labels == labels_table.UNKNOWN, labels == labels_table.SILENCE
    return Groups(*(torch.from_numpy(np.flatnonzero(chosen)) for chosen in (~(unknown | silence), unknown, silence)))


def part_on(where: torch.device, values: np.ndarray, rows: pa.Table) -> Part:
    """Return one part's clips on the device."""
    label_ids = torch.from_numpy(rows.column("label_id").to_numpy().astype(np.int64))
    return Part(torch.from_numpy(values).to(where), label_ids.to(where))
