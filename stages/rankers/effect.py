"""Effect size of the class on a column: epsilon squared of Kruskal and Wallis, no matter what units a column has."""

import numpy as np

from stages.rankers.ranks import Ranked


def epsilon_squared(seen: Ranked) -> np.ndarray:
    """Return the share of a column's rank variance that lies between classes, 0..1: (n_columns,) float64.

    Tomczak and Tomczak (2014): H (n + 1) / (n^2 - 1) = H / (n - 1), with H of Kruskal and Wallis corrected for ties.
    As H = (n - 1) * between / total of the squared ranks, it is `between / total`. A column that tells nothing has
    (n_classes - 1) / (n - 1) on average, not 0; a constant one has 0.
    """
    by_label = np.argsort(seen.labels, kind="stable")
    _, starts, counts = np.unique(seen.labels[by_label], return_index=True, return_counts=True)
    sums = np.add.reduceat(seen.ranks[:, by_label], starts, axis=1, dtype=np.float64)
    between = (sums**2 / counts).sum(axis=1)
    total = np.einsum("ij,ij->i", seen.ranks, seen.ranks, dtype=np.float64)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def order(seen: Ranked) -> np.ndarray:
    """Return the columns' numbers, largest effect first."""
    return np.argsort(-epsilon_squared(seen), kind="stable")
