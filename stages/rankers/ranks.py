"""Ranks of columns within the clips at hand: taken once, read by every measure that must not care about units."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranked:
    """What a ranker looks at: columns as centred ranks, and the classes they should tell.

    `ranks` (n_columns, n_clips) float32 as `centred_ranks` gives, `labels` (n_clips,) whole numbers below `n_classes`;
    `n_bins` is how many bins of equal count a column is cut into where its information is estimated.
    """

    ranks: np.ndarray
    labels: np.ndarray
    n_classes: int
    n_bins: int


def centred_ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value in its row, ties averaged, minus the mean rank.

    A missing value (NaN) counts as the row's median, so that its rank is the mean one: models put it at the mean, and
    a measure that saw missing values as a kind of their own would promise what no model of these columns can read.

    values (n_columns, n_clips), NaN or finite -> (n_columns, n_clips) float32, exact: halves up to n_clips / 2 (below
    2^23).
    """
    n_columns, n_clips = values.shape
    ranks = np.empty((n_columns, n_clips), dtype=np.float32)
    for row, column in zip(ranks, np.ascontiguousarray(values), strict=True):
        order = np.argsort(column)
        ordered = column[order]
        if np.isnan(ordered[-1]):  # they are last
            ordered = np.nan_to_num(column, nan=_median(ordered[~np.isnan(ordered)]))
            order = np.argsort(ordered)
            ordered = ordered[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        lengths = np.diff(np.append(starts, n_clips))
        # A run of equal values at places s .. s+m-1 (from 0) shares the rank s + (m+1)/2; the mean rank is (n+1)/2.
        row[order] = np.repeat(starts + (lengths - n_clips) / 2, lengths)
    return ranks


def _median(rising: np.ndarray) -> float:
    return float(rising[(len(rising) - 1) // 2 : len(rising) // 2 + 1].mean()) if len(rising) else 0.0


def spearman(ranks: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of all pairs of columns: (n_columns, n_columns) float32; 0 for a constant one.

    With averaged ties it is Pearson's correlation of the ranks.
    """
    norms = np.sqrt(np.einsum("ij,ij->i", ranks, ranks, dtype=np.float64))
    scaled = ranks * np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)[:, np.newaxis].astype(np.float32)
    return scaled @ scaled.T
