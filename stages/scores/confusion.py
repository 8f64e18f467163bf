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


def precision_recall_f1(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 of each class, 0 to 1, NaN where there is nothing to divide by.

    Parameters
    counts   (n_classes, n_classes) clips, true classes in rows
    """
    found, true, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    pairs = ((found, said), (found, true), (2 * found, true + said))
    ratios = [np.divide(part, whole, out=np.full(len(found), np.nan), where=whole > 0) for part, whole in pairs]
    return ratios[0], ratios[1], ratios[2]
