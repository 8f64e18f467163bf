"""What every score asks of labels and log-probabilities before it counts them."""

import numpy as np

SUM_TOLERANCE = 1e-3  # of probabilities stored in float32


class ScoreError(ValueError):
    """Labels and predictions from which no score can be computed."""


def check(labels: np.ndarray, log_probabilities: np.ndarray) -> None:
    """Raise ScoreError unless `labels` (n,) are classes 0..n_classes-1 and `log_probabilities` (n, n_classes) are such.

    Parameters
    labels              number of the true class of each clip
    log_probabilities   natural logarithms (nats) of the probability of each class; minus infinity for none
    """
    if log_probabilities.ndim != 2 or labels.shape != log_probabilities.shape[:1]:
        raise ScoreError(
            f"labels have shape {labels.shape} and log_probabilities {log_probabilities.shape}, "
            f"expected (n,) and (n, n_classes)"
        )
    if len(labels) == 0:
        raise ScoreError("labels hold 0 clips, expected at least 1; a score of nothing is no number")
    n_classes = log_probabilities.shape[1]
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= n_classes:
        raise ScoreError(f"labels lie in {labels.min()}..{labels.max()}, expected whole numbers in 0..{n_classes - 1}")
    sums = np.exp(log_probabilities.astype(np.float64)).sum(axis=1)
    bad = np.flatnonzero(~(np.abs(sums - 1) <= SUM_TOLERANCE))
    if len(bad):
        raise ScoreError(
            f"probabilities of row {bad[0]} add up to {sums[bad[0]]:.4g}, expected 1 "
            f"({len(bad)} such rows of {len(sums)}); give the natural logarithm of a softmax"
        )


def each_class(labels: np.ndarray, log_probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each class is the true one of a clip, and the most likely one: (n, n_classes) of 0 or 1 each.

    labels (n,) and log_probabilities (n, n_classes) are checked; of equal ones the first class is the most likely.
    """
    check(labels, log_probabilities)
    one = np.eye(log_probabilities.shape[1])
    return one[labels], one[log_probabilities.argmax(axis=1)]
