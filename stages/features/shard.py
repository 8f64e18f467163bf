"""One shard of clips -> a file of its features: the unit of work, here or on a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.features.engine import extract
from stages.features.family import Computation
from stages.features.stft import Framing
from stages.tables import clips, features
from stages.tables.parquet import Table, entry_of, read_table, write_table

NEEDED = ("clip_id", "seconds", "samples")


@dataclass(frozen=True)
class Shard:
    """The clips at `source`, whose features by `table` go to `target`."""

    source: Path
    target: Path
    table: Table


Done = tuple[dict[str, object], int]  # entry in the manifest, values that are not finite


def extract_shard(shard: Shard, computation: Computation, framing: Framing, names: Sequence[str]) -> Done:
    """Write the features of a shard; return its entry in the manifest and how many values are not finite."""
    rows = read_table(shard.source, clips.TABLE, NEEDED)
    n_sounding_samples = np.rint(rows.column("seconds").to_numpy().astype(np.float64) * framing.sample_rate)
    frames, statistics = extract(clips.samples(rows), n_sounding_samples, computation, framing, names)
    write_table(shard.target, features.rows(shard.table, rows.column("clip_id"), statistics, frames), shard.table)
    return entry_of(shard.target, rows.num_rows), _n_not_finite(frames) + _n_not_finite(statistics)


def _n_not_finite(values: np.ndarray) -> int:
    return int(values.size - np.count_nonzero(np.isfinite(values)))
