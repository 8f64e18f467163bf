"""Intervals by bootstrap over groups: people or voices that sound alike, and noise recordings.

Clips of one group are alike, so they are drawn together (the cluster bootstrap: Davison and Hinkley, 1997, section
3.8); drawing clips one by one would promise too narrow an interval. A draw of S groups with replacement is a
multinomial count of each, and sums of terms weighted by those counts give every score. The interval is of percentiles.
It says how much the score depends on who spoke, at these weights; where nothing is wrong in the sample its width is 0.
A score that is biased, as the expected calibration error is, is more so in a resample: its interval lies too high.
"""

import numpy as np

from stages.scores.checks import ScoreError


def by_group(terms: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the sums of terms (n, n_terms) by group, in the order of their names: (n_groups, n_terms) float64.

    Parameters
    groups   (n,) name of each clip's group
    """
    if len(terms) != len(groups) or len(terms) == 0:
        raise ScoreError(f"{len(terms)} clips and {len(groups)} groups, expected as many, and at least 1")
    names, members = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), terms.shape[1]))
    np.add.at(sums, members, terms)
    return sums


def draws(n_groups: int, n_bootstrap: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each group comes in each resample: (n_bootstrap, n_groups) float64."""
    if n_groups < 1 or n_bootstrap < 1:
        raise ScoreError(f"n_groups is {n_groups} and n_bootstrap {n_bootstrap}, expected at least 1 of each")
    return generator.multinomial(n_groups, np.full(n_groups, 1 / n_groups), n_bootstrap).astype(np.float64)


def interval(scores: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of resampled scores.

    Parameters
    scores       (n_bootstrap,) the score of each resample
    confidence   share of them between the two ends, between 0 and 1
    """
    if not 0 < confidence < 1:
        raise ScoreError(f"confidence is {confidence}, expected a number between 0 and 1")
    low, high = np.quantile(scores, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
