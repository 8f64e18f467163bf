"""Brier score: the mean squared distance between the probabilities of all classes and the truth.

Sum over classes of (p - y)^2, as in Brier, 1950, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2:
0 at best, 2 where all probability lies on wrong classes, 1 - 1 / n_classes for knowing nothing. For two classes it is
twice the score that looks at one of them alone.
"""

import numpy as np

from stages.scores.checks import check


def terms(labels: np.ndarray, log_probabilities: np.ndarray) -> np.ndarray:
    """Return for each clip its squared distance, and 1: (n, 2) float64.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats
    """
    check(labels, log_probabilities)
    apart = np.exp(log_probabilities.astype(np.float64))
    apart[np.arange(len(labels)), labels] -= 1
    return np.stack([np.square(apart).sum(axis=1), np.ones(len(labels))], axis=1)


def value(sums: np.ndarray) -> np.ndarray:
    """Return the Brier score, 0 to 2, of summed terms (..., 2)."""
    return sums[..., 0] / sums[..., 1]
