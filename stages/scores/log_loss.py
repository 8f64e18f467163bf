"""Log loss: the mean negative natural logarithm of the probability given to the true class."""

import numpy as np

from stages.scores.checks import check


def terms(labels: np.ndarray, log_probabilities: np.ndarray) -> np.ndarray:
    """Return for each clip its loss in nats, and 1: (n, 2) float64.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats; minus infinity at a true class makes the loss infinite
    """
    check(labels, log_probabilities)
    losses = -log_probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.stack([losses, np.ones(len(labels))], axis=1)


def value(sums: np.ndarray) -> np.ndarray:
    """Return the log loss in nats, 0 at best, ln(n_classes) for knowing nothing, of summed terms (..., 2)."""
    return sums[..., 0] / sums[..., 1]
