"""Macro F1: the mean over classes of the harmonic mean of precision and recall; a small class counts as a large."""

import numpy as np

from stages.scores.checks import each_class


def terms(labels: np.ndarray, log_probabilities: np.ndarray) -> np.ndarray:
    """Return for each clip and class whether it was found, and how often it was true or said: (n, 2 n_classes) float64.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats; of equal ones the first class counts as the most likely
    """
    true, said = each_class(labels, log_probabilities)
    return np.concatenate([true * said, true + said], axis=1)


def value(sums: np.ndarray) -> np.ndarray:
    """Return the macro F1, 0 to 1, of summed terms (..., 2 n_classes).

    F1 = 2 TP / (2 TP + FP + FN), and 2 TP + FP + FN is how often a class was true plus how often it was said. A class
    that is neither true nor said anywhere has no F1 and is left out of the mean.
    """
    found, named = np.split(sums, 2, axis=-1)
    counts = named > 0
    each = np.divide(2 * found, named, out=np.zeros_like(found), where=counts)
    return each.sum(axis=-1) / counts.sum(axis=-1)
