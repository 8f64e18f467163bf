"""Area under the receiver operating characteristic: how often a clip that belongs scores above one that does not.

It is the share of pairs in which the clip that belongs has the higher score, equal scores counting half (Hanley and
McNeil, 1982, https://doi.org/10.1148/radiology.143.1.7063747): 1 at best, 0.5 for knowing nothing.
"""

from collections.abc import Callable

import numpy as np

from stages.scores.checks import ScoreError


def area(belongs: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that makes the area, 0 to 1, of how often each clip comes: (n, n_draws) -> (n_draws,).

    It is NaN where clips of one of the two kinds do not come.

    Parameters
    belongs   (n,) bool
    scores    (n,) higher for a clip that is thought to belong
    """
    if belongs.shape != scores.shape or belongs.ndim != 1 or not np.isfinite(scores).all():
        raise ScoreError(
            f"scores have shape {scores.shape} and hold {np.count_nonzero(~np.isfinite(scores))} numbers that are "
            f"not finite, expected {belongs.shape} and none"
        )
    inside, outside = np.flatnonzero(belongs), np.flatnonzero(~belongs)
    outside = outside[np.argsort(scores[outside], kind="stable")]
    below = np.searchsorted(scores[outside], scores[inside], side="left")
    up_to = np.searchsorted(scores[outside], scores[inside], side="right")

    def value(weights: np.ndarray) -> np.ndarray:
        others = np.concatenate([np.zeros((1, weights.shape[1])), weights[outside].cumsum(axis=0)])
        won = (weights[inside] * (others[below] + others[up_to])).sum(axis=0) / 2
        pairs = weights[inside].sum(axis=0) * others[-1]
        return np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)

    return value
