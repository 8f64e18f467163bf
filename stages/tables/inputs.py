"""What a model reads of chosen clips: the frames of a family, the statistic columns of some, or a table of columns."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.tables import features
from stages.tables.parquet import MANIFEST, TableError, iter_shards, read_table, shard_paths


@dataclass(frozen=True)
class Inputs:
    """Values of clips, in the order in which they were asked for."""

    values: np.ndarray  # (n_clips, n_frames, n_dims) float16, or (n_clips, n_columns) float32
    names: tuple[str, ...]  # of the last axis
    hop_s: float  # s between two frames; 0 for columns
    dims_hz: tuple[float, ...]  # Hz, centre of each dimension where frames are the power of bands in dB, else empty


def read_inputs(path: Path, clip_ids: Sequence[str], families: Sequence[str] = ()) -> Inputs:
    """Return the values of `clip_ids`, in that order.

    `path` is a family's folder, whose frames are read; a `.parquet` of columns; or, with `families`, the folder that
    holds theirs, whose statistic columns are read side by side. A number that is missing is NaN. Raises TableError
    where the family keeps no frames, a clip has no row, or a value is infinite, or NaN though it may not be missing.
    """
    if families:
        return _beside([_chosen(path / family, clip_ids, _statistics(path / family)) for family in families])
    return _chosen(path, clip_ids, _columns(path) if path.suffix == ".parquet" else _frames(path, clip_ids))


def families_in(folder: Path) -> list[str]:
    """Return the families whose features lie in a folder."""
    return sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))


def _chosen(path: Path, clip_ids: Sequence[str], stored: tuple[Inputs, pa.Array, set[str]]) -> Inputs:
    inputs, stored_ids, may_miss = stored
    places = pc.index_in(pa.array(clip_ids, pa.string()), value_set=stored_ids)
    if places.null_count:
        missing = [clip_id for clip_id, place in zip(clip_ids, places.to_pylist(), strict=True) if place is None]
        raise TableError(
            f"{path}: clip_id {missing[0]} is missing, and {len(missing) - 1} more of {len(clip_ids)} clips of labels; "
            f"run `dvc repro`, so that both come from the same clips"
        )
    values = inputs.values[places.to_numpy()]
    _refuse_no_number(values, may_miss, inputs.names, clip_ids, path)
    return Inputs(values, inputs.names, inputs.hop_s, inputs.dims_hz)


def _beside(parts: Sequence[Inputs]) -> Inputs:
    values = np.concatenate([part.values for part in parts], axis=1)
    return Inputs(values, tuple(name for part in parts for name in part.names), 0.0, ())


def _columns(path: Path) -> tuple[Inputs, pa.Array, set[str]]:
    """All rows of a table of clip_id and float32 columns."""
    if not path.exists():
        raise TableError(f"{path}: is missing; run `dvc repro` or `dvc pull`")
    return _of_rows(read_table(path, features.of_schema(pq.read_schema(path), path.stem)))


def _statistics(folder: Path) -> tuple[Inputs, pa.Array, set[str]]:
    """The statistic columns of a family, of all its clips."""
    return _of_rows(features.read_statistics(folder))


def _of_rows(rows: pa.Table) -> tuple[Inputs, pa.Array, set[str]]:
    names = tuple(name for name in rows.schema.names if name != "clip_id")
    values = np.empty((rows.num_rows, len(names)), np.float32)
    for place, name in enumerate(names):
        values[:, place] = rows.column(name).to_numpy()
    may_miss = {field.name for field in rows.schema if field.nullable}
    return Inputs(values, names, 0.0, ()), rows.column("clip_id").combine_chunks(), may_miss


def _frames(folder: Path, clip_ids: Sequence[str]) -> tuple[Inputs, pa.Array, set[str]]:
    """The frames of `clip_ids`, in the order of the shards; only they are held in memory."""
    schema = pq.read_schema(shard_paths(folder)[0])
    if "frames" not in schema.names:
        raise TableError(
            f"{folder}: features/{folder.name}.frames is missing, expected frames to train on; "
            f"set extract.families.{folder.name}.keep_frames to true, or read selected.parquet"
        )
    table, wanted = features.of_schema(schema, folder.name), pa.array(clip_ids, pa.string())
    ids: list[pa.Array] = []
    parts: list[np.ndarray] = []
    for rows in iter_shards(folder, table, ("clip_id", "frames")):
        keep = pc.is_in(rows.column("clip_id"), value_set=wanted).to_numpy()
        ids.append(rows.column("clip_id").filter(pa.array(keep)))
        parts.append(features.frames(rows)[keep])
    dims_hz = json.loads(schema.metadata.get(b"dims_hz", b"[]"))
    inputs = Inputs(np.concatenate(parts), tuple(features.dims(schema)), features.hop_s(schema), tuple(dims_hz))
    stored_ids = pa.concat_arrays([chunk for part in ids for chunk in part.chunks])
    return inputs, stored_ids, set(features.dims_missing(schema))


def _refuse_no_number(
    values: np.ndarray, may_miss: set[str], names: Sequence[str], clip_ids: Sequence[str], path: Path
) -> None:
    wrong = np.isinf(values) | np.isnan(values) & np.array([name not in may_miss for name in names], dtype=bool)
    if not wrong.any():
        return
    place = np.argwhere(wrong)[0]
    raise TableError(
        f"{path}: {names[place[-1]]} of clip {clip_ids[place[0]]} is {values[tuple(place)]}, expected a finite number "
        f"({int(wrong.sum())} such values in all); look at that clip, or leave the column out"
    )
