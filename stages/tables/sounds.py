"""The sound of chosen clips, and how much of a clip is sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.tables import clips
from stages.tables.parquet import TableError, iter_spans, shard_paths

COLUMNS = ("clip_id", "seconds", "samples")


@dataclass(frozen=True)
class Sounds:
    """Clips as stored, in the order in which they were asked for."""

    samples: np.ndarray  # (n_clips, n_samples) int16, of full scale 32768
    n_sounding: np.ndarray  # (n_clips,) int64: samples before the padding
    sample_rate: int  # Hz

    def sound(self, number: int) -> np.ndarray:
        """Return one clip without its padding: (n,) float32 of full scale 1.0, as extract takes it."""
        return self.samples[number, : self.n_sounding[number]] * np.float32(1 / clips.FULL_SCALE)


def n_sounding(rows: pa.Table, sample_rate: int) -> np.ndarray:
    """Return how many samples of each of `rows` of clips are sound, before the padding: (n_clips,) int64."""
    return np.rint(rows.column("seconds").to_numpy().astype(np.float64) * sample_rate).astype(np.int64)


def read_sounds(folder: Path, clip_ids: Sequence[str]) -> Sounds:
    """Return the sound of `clip_ids`, in that order, from a folder of clips; only they are held in memory.

    Raises TableError where one is missing.
    """
    paths = shard_paths(folder)
    wanted = pa.array(clip_ids, pa.string())
    found = pa.concat_tables(
        [
            rows.filter(pc.is_in(rows.column("clip_id"), value_set=wanted))
            for path in paths
            for rows in iter_spans(path, clips.TABLE, COLUMNS)
        ]
    )
    places = pc.index_in(wanted, value_set=found.column("clip_id").combine_chunks())
    if places.null_count:
        missing = clip_ids[places.is_null().to_pylist().index(True)]
        raise TableError(f"{folder}: clip_id {missing} is missing, which labels hold; run `dvc repro`")
    rows = found.take(places)
    sample_rate = clips.sample_rate(pq.read_schema(paths[0]))
    return Sounds(clips.samples(rows), n_sounding(rows, sample_rate), sample_rate)
