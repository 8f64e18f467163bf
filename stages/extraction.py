"""One shard of clips -> a file of its features: the unit of work, here or on a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from stages.features import FAMILIES
from stages.features.engine import computed, extract
from stages.features.family import ClipComputation, Computation
from stages.features.stft import Framing
from stages.params import Section
from stages.tables import clips, features
from stages.tables.parquet import ROWS_PER_GROUP, Table, entry_of, iter_spans, writing
from stages.tables.sounds import COLUMNS, n_sounding


@dataclass(frozen=True)
class Shard:
    """The clips at `source`, whose features by `table` go to `target`."""

    source: Path
    target: Path
    table: Table


@dataclass(frozen=True)
class Work:
    """How a family is computed, in words: what computes it is built where it works."""

    family: str
    params: Section
    framing: Framing
    names: Sequence[str]  # of statistics


@dataclass(frozen=True)
class Done:
    """What became of a shard: its entry in the manifest, and how many numbers of clips are missing or not finite."""

    entry: dict[str, object]
    n_missing: int
    n_not_finite: int


def extract_shard(shard: Shard, work: Work) -> Done:
    """Write the features of a shard. Numbers that may be missing, and are, become null."""
    n_rows, n_missing, n_not_finite = 0, 0, 0
    with writing(shard.target, shard.table.schema, shard.table) as writer:
        for rows in filter(len, iter_spans(shard.source, clips.TABLE, COLUMNS)):
            written, n_bad = _features_of(rows, shard.table, work)
            writer.write_table(written, row_group_size=ROWS_PER_GROUP)
            n_rows, n_not_finite = n_rows + rows.num_rows, n_not_finite + n_bad
            n_missing += sum(column.null_count for column in written.columns)
    return Done(entry_of(shard.target, n_rows), n_missing, n_not_finite)


def _features_of(rows: pa.Table, table: Table, work: Work) -> tuple[pa.Table, int]:
    """Return the rows of features of some clips, and how many numbers are not finite though they may not be missing."""
    n_sounding_samples = n_sounding(rows, work.framing.sample_rate)
    computation, of_clip = _computed(work.family, work.params, work.framing)
    frames, numbers = extract(clips.samples(rows), n_sounding_samples, computation, work.framing, work.names, of_clip)
    written = features.rows(table, rows.column("clip_id"), numbers, frames)
    n_missing = sum(column.null_count for column in written.columns)
    n_infinite = np.count_nonzero(np.isinf(frames)) if "frames" in table.schema.names else 0
    return written, int(np.count_nonzero(~np.isfinite(numbers))) - n_missing + int(n_infinite)


def prepare(work: Work, n_samples: int) -> None:
    """Build what computes the family and load its kernels, so that copies of this process begin with them."""
    computation, of_clip = _computed(work.family, work.params, work.framing)
    n_samples = min(n_samples, work.framing.sample_rate)
    noise = np.random.default_rng(0).integers(-1000, 1000, (1, n_samples)).astype(np.int16)
    extract(noise, np.array([n_samples]), computation, work.framing, work.names, of_clip)


@lru_cache(maxsize=1)
def _computed(family: str, params: Section, framing: Framing) -> tuple[Computation, ClipComputation | None]:
    return computed(FAMILIES[family], params, framing)
