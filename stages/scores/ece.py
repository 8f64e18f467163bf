"""Expected calibration error: how far confidence is from accuracy, in bins of equal width of confidence.

ECE = sum over bins of |right - confidence| / n, each summed over the bin's clips: Guo et al., 2017,
https://arxiv.org/abs/1706.04599. It is biased upwards, the more the fewer clips a bin holds: compare it at equal n, and
with what chance alone makes of it (`by_chance`).
"""

import numpy as np

from stages.scores.checks import ScoreError, check


def terms(labels: np.ndarray, log_probabilities: np.ndarray, n_bins: int) -> np.ndarray:
    """Return for each clip right minus confidence in its bin, and 1: (n, n_bins + 1) float64.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats; confidence is the largest probability, 0 to 1
    n_bins              bins of equal width over 0..1; the upper edge belongs to a bin
    """
    check(labels, log_probabilities)
    confidence, bins = _binned(log_probabilities, n_bins)
    right = log_probabilities.argmax(axis=1) == labels
    gaps = np.zeros((len(labels), n_bins + 1))
    gaps[np.arange(len(labels)), bins] = right - confidence
    gaps[:, -1] = 1
    return gaps


def value(sums: np.ndarray) -> np.ndarray:
    """Return the expected calibration error, 0 to 1, of summed terms (..., n_bins + 1)."""
    return np.abs(sums[..., :-1]).sum(axis=-1) / sums[..., -1]


def by_chance(log_probabilities: np.ndarray, n_bins: int) -> float:
    """Return the error to be expected of these confidences if each were the chance of being right, clips on their own.

    The sum of right - confidence over a bin is then nearly normal with variance v = sum of c (1 - c), and the mean of
    its absolute value sqrt(2 v / pi). Clips of one speaker hang together, which makes it larger.
    """
    confidence, bins = _binned(log_probabilities, n_bins)
    variances = np.bincount(bins, confidence * (1 - confidence), n_bins).clip(min=0)
    return float(np.sqrt(2 / np.pi * variances).sum() / len(confidence))


def _binned(log_probabilities: np.ndarray, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of each clip, and its bin."""
    if n_bins < 1:
        raise ScoreError(f"n_bins is {n_bins}, expected at least 1")
    confidence = np.exp(log_probabilities.astype(np.float64).max(axis=1))
    return confidence, np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)
