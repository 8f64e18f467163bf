"""Boosted trees of LightGBM, grown the same way each time: one thread, columns in order, a seed."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import lightgbm


def grown(
    vectors: np.ndarray, labels: np.ndarray, n_classes: int, n_rounds: int, seed: int, **settings: float
) -> "lightgbm.Booster":
    """Return trees of `n_rounds` a class for vectors (n_clips, n_columns) and labels (n_clips,) below n_classes.

    `settings` are LightGBM's own, by its names.
    """
    import lightgbm  # where trees grow alone: it takes a while

    fixed = {"objective": "multiclass", "num_class": n_classes, "seed": seed, "deterministic": True}
    fixed |= {"force_col_wise": True, "num_threads": 1, "verbosity": -1}
    data = lightgbm.Dataset(vectors, labels, params={**settings, **fixed})
    return lightgbm.train({**settings, **fixed}, data, num_boost_round=n_rounds)
