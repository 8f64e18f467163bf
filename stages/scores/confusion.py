"""Which class is taken for which, and what follows for each class."""

import numpy as np

from stages.scores.checks import check


def confusion(labels: np.ndarray, log_probabilities: np.ndarray) -> np.ndarray:
    """Return how many clips of each true class (row) are said to be each class (column): (n_classes, n_classes) int64.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats
    """
    check(labels, log_probabilities)
    counts = np.zeros((log_probabilities.shape[1],) * 2, np.int64)
    np.add.at(counts, (labels, log_probabilities.argmax(axis=1)), 1)
    return counts


def terms(labels: np.ndarray, log_probabilities: np.ndarray) -> np.ndarray:
    """Return for each clip and class whether it was found, true, and said: (n, 3 n_classes) float64."""
    check(labels, log_probabilities)
    each = np.eye(log_probabilities.shape[1])
    true, said = each[labels], each[log_probabilities.argmax(axis=1)]
    return np.concatenate([true * said, true, said], axis=1)


def precision_recall_f1(sums: np.ndarray) -> np.ndarray:
    """Return precision, recall and F1 of each class, (..., 3, n_classes), 0 to 1, of summed terms (..., 3 n_classes).

    NaN stands where there is nothing to divide by: no clip was said to be the class, none is, or neither.
    """
    found, true, said = np.split(sums, 3, axis=-1)
    pairs = ((found, said), (found, true), (2 * found, true + said))
    ratios = [np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0) for part, whole in pairs]
    return np.stack(ratios, axis=-2)
