"""features/<family>: one row a clip, in the order and the shards of clips: statistics over its sound, and its frames.

Statistics are one float32 column each, named `<family>_<what>[_<NN>]_<statistic>[_<unit>]`; after them come the numbers
of whole clips, without `<statistic>`. A column may be null where its meaning says when. `frames`, where the family
keeps them, is a tensor (n_frames, n_dims) in float16, over the whole clip; frame t is centred `t * hop_s` after the
clip's start. Hop, window, sample rate, the names of the dimensions, which of them may be NaN in a frame, and, where
they are powers of bands in dB, the bands' centres stand in the schema's metadata.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.tables.parquet import Table, column, read_shards, shard_paths

CLIP_ID = column("clip_id", pa.string(), "", "a row of clips")


def table(
    family: str, statistics: Sequence[pa.Field], frames_shape: tuple[int, int] | None, metadata: dict[str, str]
) -> Table:
    """Return the table of a family: its statistic columns and, where it keeps frames, their shape."""
    fields = [CLIP_ID, *statistics]
    if frames_shape is not None:
        kind = pa.fixed_shape_tensor(pa.float16(), frames_shape)
        fields.append(column("frames", kind, "as the family's", "frames over the whole clip, padding included"))
    return Table(f"features/{family}", ("clip_id",), pa.schema(fields, metadata=metadata))


def metadata(
    sample_rate: int,
    window_s: float,
    hop_s: float,
    dims: Sequence[str],
    dims_hz: Sequence[float],
    dims_missing: Sequence[str],
) -> dict[str, str]:
    """Return what a reader of frames must know, as the schema's metadata holds it.

    `dims_hz` is empty or one a dim; `dims_missing` are those that may be NaN in a frame.
    """
    return {
        "sample_rate_hz": str(sample_rate),
        "window_s": repr(window_s),
        "hop_s": repr(hop_s),
        "dims": json.dumps(list(dims)),
        "dims_hz": json.dumps(list(dims_hz)),
        "dims_missing": json.dumps(list(dims_missing)),
    }


def hop_s(schema: pa.Schema) -> float:
    """Return the time in seconds between the frames of a stored file."""
    return float(schema.metadata[b"hop_s"])


def dims(schema: pa.Schema) -> list[str]:
    """Return the names of the dimensions of the frames of a stored file."""
    return json.loads(schema.metadata[b"dims"])


def dims_missing(schema: pa.Schema) -> list[str]:
    """Return the names of those of them that may be NaN in a frame."""
    return json.loads(schema.metadata.get(b"dims_missing", b"[]"))


def of_schema(schema: pa.Schema, family: str) -> Table:
    """Return the table that a stored file of `family` should be: every column float32, but clip_id and frames."""
    fields = [field for field in schema if field.name in ("clip_id", "frames")]
    statistics = [field.with_type(pa.float32()) for field in schema if field.name not in ("clip_id", "frames")]
    return Table(f"features/{family}", ("clip_id",), pa.schema([*fields, *statistics]))


def read_statistics(folder: Path) -> pa.Table:
    """Return clip_id and the statistic columns of a family's folder."""
    schema = pq.read_schema(shard_paths(folder)[0])
    columns = [name for name in schema.names if name != "frames"]
    return read_shards(folder, of_schema(schema, folder.name), columns)


def rows(kind: Table, clip_ids: pa.ChunkedArray, statistics: np.ndarray, frames: np.ndarray) -> pa.Table:
    """Return rows of `kind`: statistics (n_clips, n_columns) float32, frames (n_clips, n_frames, n_dims) float16.

    Frames are left out where `kind` keeps none. NaN becomes null in the columns that may hold it.
    """
    fields = [field for field in kind.schema if field.name not in ("clip_id", "frames")]
    of_fields = zip(fields, np.ascontiguousarray(statistics.T), strict=True)
    arrays = [clip_ids, *(pa.array(values, from_pandas=field.nullable) for field, values in of_fields)]
    if "frames" in kind.schema.names:
        arrays.append(pa.FixedShapeTensorArray.from_numpy_ndarray(frames))
    return pa.Table.from_arrays(arrays, schema=kind.schema)


def frames(rows: pa.Table) -> np.ndarray:
    """Return the frames of `rows`: (n_clips, n_frames, n_dims) float16."""
    stored = rows.column("frames")
    return np.concatenate([chunk.to_numpy_ndarray() for chunk in stored.chunks])
