"""Accuracy under conditions: a row a condition and level, with its interval over groups; the same draws for all."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from stages.scores import accuracy
from stages.scores.bootstrap import of_sums
from stages.scores.params import Params
from stages.scores.report import entry, group_draws, label_numbers

COLUMNS = (
    *("condition", "level", "unit", "accuracy", "accuracy_low", "accuracy_high", "accuracy_sd"),
    *("n_clips", "n_groups", "n_seeds"),
)
Condition = tuple[str, float | str | None, str]
"""Its name, level and unit."""


def robustness_rows(
    rows: pa.Table, found: Iterable[tuple[Condition, np.ndarray]], seeds: Sequence[int], params: Params
) -> list[tuple]:
    """Return a row of COLUMNS for each condition and level, "" where there is no such number.

    Parameters
    rows    labels of the clips
    found   each condition, and what every seed says of the clips under it, (n_seeds, n_clips, n_classes) nats
    """
    groups, counts = group_draws(rows, params)
    table = []
    for (name, level, unit), nats in found:
        scores = [of_sums(accuracy.terms(label_numbers(rows), one), accuracy.value, groups) for one in nats]
        told = entry(scores, seeds, counts, params.confidence)
        written = f"{level:g}" if isinstance(level, float) else level
        cells = [name, written, unit, *(told.get(end) for end in ("value", "low", "high", "sd"))]
        n = (rows.num_rows, counts.shape[1], len(nats))
        table.append((*("" if cell is None else cell for cell in cells), *n))
    return table
