"""Accuracy: the share of clips whose most likely class is the true one."""

import numpy as np

from stages.scores.checks import check


def terms(labels: np.ndarray, log_probabilities: np.ndarray) -> np.ndarray:
    """Return for each clip whether it is right, and 1: (n, 2) float64.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats; of equal ones the first class counts as the most likely
    """
    check(labels, log_probabilities)
    right = log_probabilities.argmax(axis=1) == labels
    return np.stack([right, np.ones(len(labels))], axis=1).astype(np.float64)


def value(sums: np.ndarray) -> np.ndarray:
    """Return the accuracy, 0 to 1, of summed terms (..., 2)."""
    return sums[..., 0] / sums[..., 1]
