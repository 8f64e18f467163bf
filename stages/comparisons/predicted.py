"""What one model says of the clips of val and test, by seed, and that several say it of the same clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.tables import predictions
from stages.tables.parquet import TableError

CLIP = ("clip_id", "part", "group", "label")


@dataclass(frozen=True)
class Predicted:
    """A table of predictions, seeds beside each other."""

    clips: pa.Table  # CLIP, in the order of clip_id
    classes: tuple[str, ...]
    nats: np.ndarray  # (n_seeds, n_clips, n_classes) float32 log-probabilities, the first seed first
    right: np.ndarray  # (n_seeds, n_clips) bool


def predicted(rows: pa.Table, path: Path) -> Predicted:
    """Return a table of predictions by seed; raises TableError where a seed does not have the clips of the first."""
    seeds = sorted(rows.column("seed").unique().to_pylist())
    each = [rows.filter(pc.equal(rows.column("seed"), seed)) for seed in seeds]
    clips = each[0].select(CLIP)
    for seed, one in zip(seeds, each, strict=True):
        if not one.select(CLIP).equals(clips):
            raise TableError(
                f"{path}: seed {seed} has other clips than seed {seeds[0]}, expected the same; run `dvc repro`"
            )
    nats = np.stack([predictions.log_probabilities(one) for one in each])
    right = np.stack([pc.equal(one.column("label"), one.column("predicted")).to_numpy() for one in each])
    return Predicted(clips, tuple(predictions.classes(rows.schema)), nats, right)


def check_same_clips(path: Path, model: Predicted, clips: pa.Table, classes: Sequence[str], where: str) -> None:
    """Raise TableError where the model at `path` is not predicted on `clips`, CLIP, and `classes`, those of `where`."""
    if not model.clips.equals(clips) or model.classes != tuple(classes):
        n_val, expected = (pc.sum(pc.equal(rows.column("part"), "val")).as_py() or 0 for rows in (model.clips, clips))
        raise TableError(
            f"{path}: clips or classes are not those of {where}, expected the same ({n_val} of {model.clips.num_rows} "
            f"clips are of part val, there {expected} of {clips.num_rows}); run `dvc repro`, so that every model is "
            "evaluated on the same labels"
        )
