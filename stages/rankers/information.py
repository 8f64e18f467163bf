"""Mutual information between a column and the class, in bits."""

import numpy as np
from scipy.special import chdtri

from stages.rankers.ranks import Ranked

FALSE_ALARM = 0.01  # chance that any column rises above the noise floor where none tells anything


def information_bits(seen: Ranked) -> np.ndarray:
    """Return what each column alone tells about the class, in bits: (n_columns,) float64.

    A column is cut into `n_bins` bins of equal count (ties stay together), the information of the table bin x class
    is H(bin) + H(class) - H(bin, class), each entropy with the correction of Miller (1955), (occupied cells - 1) / 2n
    nats. So a column that tells nothing has 0 on average and may lie a little below.
    """
    n_columns, n_clips = seen.ranks.shape
    bins = ((seen.ranks + n_clips / 2) * (seen.n_bins / n_clips)).astype(np.int64)
    cells = (np.arange(n_columns)[:, np.newaxis] * seen.n_bins + bins) * seen.n_classes + seen.labels
    counts = np.bincount(cells.ravel(), minlength=n_columns * seen.n_bins * seen.n_classes)
    table = counts.reshape(n_columns, seen.n_bins, seen.n_classes)
    joint = _entropy_bits(table.reshape(n_columns, -1), n_clips)
    return _entropy_bits(table.sum(axis=2), n_clips) + _entropy_bits(table.sum(axis=1), n_clips) - joint


def noise_floor_bits(seen: Ranked) -> float:
    """Return the bits above which a column surely tells something: that even one of as many that tell nothing lies
    above has a chance of FALSE_ALARM (each its share of it: Bonferroni).

    For independent clips 2 n ln(2) times the uncorrected information is chi-squared with (n_bins - 1) (n_classes - 1)
    degrees of freedom (likelihood-ratio test); its mean is what the correction takes away.
    """
    degrees = (seen.n_bins - 1) * (len(np.unique(seen.labels)) - 1)
    if degrees == 0:
        return 0.0
    return float(chdtri(degrees, FALSE_ALARM / len(seen.ranks)) - degrees) / (2 * len(seen.labels) * np.log(2))


def order(seen: Ranked) -> np.ndarray:
    """Return the columns' numbers, most informative first."""
    return np.argsort(-information_bits(seen), kind="stable")


def _entropy_bits(counts: np.ndarray, n: int) -> np.ndarray:
    """Entropy over the last axis of counts that sum to n, with Miller's correction."""
    shares = counts / n
    plain = -np.sum(shares * np.log2(shares, out=np.zeros_like(shares), where=counts > 0), axis=-1)
    return plain + ((counts > 0).sum(axis=-1) - 1) / (2 * n * np.log(2))
