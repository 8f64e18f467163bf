"""The temperature of each seed, fitted on part val alone, and what the metrics say of it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.scores import temperature
from stages.scores.report import label_numbers, over_seeds


def calibrated(rows: pa.Table, nats: np.ndarray, seeds: Sequence[int]) -> tuple[np.ndarray, dict]:
    """Return (n_seeds, n_clips, n_classes) nats at each seed's temperature, and what the metrics say of those.

    The temperature is fitted on the clips of part val. It stays 1 where a seed has all of them right (`n_unfitted`).
    """
    chosen = pc.equal(rows.column("part"), "val").to_numpy()
    val = rows.filter(chosen)
    label_ids = label_numbers(val)
    temperatures = [temperature.fitted(label_ids, one[chosen]) for one in nats]
    told = {
        **over_seeds(temperatures, seeds),
        "n_clips": val.num_rows,
        "n_groups": len(val.column("group").unique()),
        "n_unfitted": sum(bool((one[chosen].argmax(axis=1) == label_ids).all()) for one in nats),
    }
    return np.stack([temperature.scaled(one, t) for one, t in zip(nats, temperatures, strict=True)]), told
