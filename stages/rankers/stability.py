"""How far a selection hangs on the speakers and folds it was made on."""

from collections.abc import Sequence

import numpy as np

from stages.rankers.study import CHANCE, Study

N_DRAWN = 100
DIGITS = 6


def selected(study: Study, seed: int, fold: int) -> np.ndarray:
    """Return whether each column is selected on all folds but one, of one drawing of folds: (n_real,) bool."""
    ranked = study.ranked(study.folds_of[seed] != fold, slice(study.n_real))
    return first(study.orders[study.params.order](ranked), study.params.n_selected)


def first(order: np.ndarray, n_selected: int) -> np.ndarray:
    """Return whether each column is among the first of an order (n_columns,): (n_columns,) bool."""
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[:n_selected]] = True
    return chosen


def clusters_of(study: Study, chosen: np.ndarray) -> np.ndarray:
    """Return which clusters a selection (n_real,) touches: (n_clusters,) bool."""
    touched = np.zeros(len(study.representatives), dtype=bool)
    touched[study.cluster_of[: study.n_real][chosen]] = True
    return touched


def stability(chosen: Sequence[np.ndarray]) -> float:
    """Return how alike selections of the same things are: 1 where all are equal, 0 on average where they are drawn.

    Nogueira, Sechidis and Brown (2018), eq. 4: one less the mean variance of being selected, over that of a drawing of
    as many. Defined as 1 where everything or nothing is selected, always.
    """
    shares = np.mean(chosen, axis=0, dtype=np.float64)
    variance = np.mean(shares * (1 - shares)) * len(chosen) / (len(chosen) - 1)
    by_chance = shares.mean() * (1 - shares.mean())
    return 1.0 if by_chance == 0 else float(1 - variance / by_chance)


def trust(study: Study, chosen: Sequence[np.ndarray]) -> dict[str, float]:
    """Return how alike the selections `chosen` (n_real,) of each seed and fold are: by column, and by cluster.

    Large clusters are touched by chance as well: so far come columns drawn at random, `of_clusters_by_chance`.
    """
    random = np.random.default_rng([study.params.seed, CHANCE])
    n_selected = study.params.n_selected
    drawn = [first(random.permutation(study.n_real), n_selected) for _ in range(N_DRAWN)]
    by_cluster, by_chance = ([clusters_of(study, own) for own in those] for those in (chosen, drawn))
    return {
        "n_seeds": study.params.n_seeds,
        "of_columns": round(stability(chosen), DIGITS),
        "of_clusters": round(stability(by_cluster), DIGITS),
        "of_clusters_by_chance": round(stability(by_chance), DIGITS),
    }
