"""What a family's table holds, as its module and params say it, before anything is computed."""

from collections.abc import Sequence
from types import ModuleType

from stages.features.family import Dimension
from stages.features.statistics import clip_columns, columns
from stages.features.stft import Framing
from stages.params import Section
from stages.tables import features
from stages.tables.parquet import Table


def described(
    module: ModuleType, params: Section, sample_rate: int
) -> tuple[tuple[Dimension, ...], tuple[Dimension, ...]]:
    """Return what each number of a frame is, and each of a whole clip."""
    of_clip = module.clip_dimensions(params, sample_rate) if hasattr(module, "clip_dimensions") else ()
    return module.dimensions(params, sample_rate), of_clip


def table_of(
    family: str,
    dimensions: Sequence[Dimension],
    of_clip: Sequence[Dimension],
    names: Sequence[str],
    framing: Framing,
    n_frames: int | None,
) -> Table:
    """Return the table of a family: statistics `names` of `dimensions`, numbers of the clip, `n_frames` unless None."""
    shape = None if n_frames is None else (n_frames, len(dimensions))
    dims = [dimension.name for dimension in dimensions]
    dims_hz = [dimension.band_hz for dimension in dimensions if dimension.band_hz is not None]
    dims_missing = [dimension.name for dimension in dimensions if dimension.missing]
    window_s = framing.window / framing.sample_rate
    metadata = features.metadata(framing.sample_rate, window_s, framing.hop_s, dims, dims_hz, dims_missing)
    fields = columns(family, dimensions, names) + clip_columns(family, of_clip)
    return features.table(family, fields, shape, metadata)
