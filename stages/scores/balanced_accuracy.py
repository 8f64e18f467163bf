"""Balanced accuracy: the mean over classes of the share of their clips that is found; chance is 1 / n_classes."""

import numpy as np

from stages.scores.checks import each_class


def terms(labels: np.ndarray, log_probabilities: np.ndarray) -> np.ndarray:
    """Return for each clip and class whether it was found, and whether it is true: (n, 2 n_classes) float64.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats; of equal ones the first class counts as the most likely
    """
    true, said = each_class(labels, log_probabilities)
    return np.concatenate([true * said, true], axis=1)


def value(sums: np.ndarray) -> np.ndarray:
    """Return the balanced accuracy, 0 to 1, of summed terms (..., 2 n_classes).

    A class without a clip has no recall and is left out of the mean.
    """
    found, true = np.split(sums, 2, axis=-1)
    there = true > 0
    recalls = np.divide(found, true, out=np.zeros_like(found), where=there)
    return recalls.sum(axis=-1) / there.sum(axis=-1)
