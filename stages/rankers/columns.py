"""The statistic columns of all families, side by side, and which of them can be ranked."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class ColumnsError(ValueError):
    """The features at hand are not what the ranking needs."""


@dataclass(frozen=True)
class Columns:
    """`values` (n_clips, n_columns) float32, NaN where null; each column's field (name, unit, meaning) and family."""

    values: np.ndarray
    fields: tuple[pa.Field, ...]
    families: tuple[str, ...]

    def of_clips(self, rows: np.ndarray) -> "Columns":
        """Return the same columns of some clips, chosen by mask or number."""
        return Columns(self.values[rows], self.fields, self.families)


def of_tables(tables: dict[str, pa.Table], clip_ids: pa.ChunkedArray) -> Columns:
    """Return the statistics of `clip_ids`, in that order, from a table of clip_id and statistics for each family.

    Raises ColumnsError where a family lacks clips, counting them and naming the first three.
    """
    fields = [(family, field) for family, rows in tables.items() for field in rows.schema if field.name != "clip_id"]
    values = np.empty((len(clip_ids), len(fields)), dtype=np.float32)
    place = 0
    for family, rows in tables.items():
        found = pc.index_in(clip_ids, value_set=rows.column("clip_id").combine_chunks())
        if found.null_count:
            missing = clip_ids.filter(found.is_null())
            shown = ", ".join(missing[:3].to_pylist())
            raise ColumnsError(
                f"data/features/{family}: {len(missing):,} of the {len(clip_ids):,} clips of data/labels.parquet are"
                f" missing ({shown}{', ...' if len(missing) > 3 else ''}), expected a row for each; run `dvc repro`"
            )
        at = found.to_numpy()
        for name in rows.schema.names:
            if name != "clip_id":
                values[:, place] = rows.column(name).to_numpy()[at]
                place += 1
    return Columns(values, tuple(field for _, field in fields), tuple(family for family, _ in fields))


@dataclass(frozen=True)
class Condition:
    """Of each column: the share of clips without a finite value, whether it has one value, whether one is infinite."""

    missing: np.ndarray
    constant: np.ndarray
    infinite: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Condition":
        """Return the condition of columns of values (n_clips, n_columns)."""
        one_value = np.fmin.reduce(values, axis=0) == np.fmax.reduce(values, axis=0)
        return cls(1 - np.isfinite(values).mean(axis=0), one_value, np.isinf(values).any(axis=0))

    def measured(self, max_missing: float) -> np.ndarray:
        """Return whether a column has enough values to say anything, and none that is no number at all."""
        return (self.missing <= max_missing) & ~self.infinite

    def usable(self, max_missing: float, n_wanted: int) -> np.ndarray:
        """Return the numbers of the columns that are measured and vary; raises ColumnsError where they are too few."""
        measured = self.measured(max_missing)
        numbers = np.flatnonzero(measured & ~self.constant)
        if len(numbers) < n_wanted:
            raise ColumnsError(
                f"params.yaml: rank.n_selected is {n_wanted}, expected at most {len(numbers):,}, the columns that can"
                f" be used: of {len(self.missing):,} in data/features {int(self.constant.sum()):,} are constant and"
                f" {int((~measured).sum()):,} miss more than rank.max_missing of their values, or hold an infinite one,"
                " in the training part; lower rank.n_selected or extract more"
            )
        return numbers


def draw(label_ids: np.ndarray, max_per_class: int, seed: int) -> np.ndarray:
    """Return the rows to rank on, rising: all of a class, or `max_per_class` of them where each has the same chance."""
    kept = []
    for label_id in np.unique(label_ids):
        rows = np.flatnonzero(label_ids == label_id)
        kept.append(np.random.default_rng([seed, int(label_id)]).permutation(rows)[:max_per_class])
    return np.sort(np.concatenate(kept))
