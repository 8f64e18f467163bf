"""Intervals by bootstrap over groups: people or voices that sound alike, and noise recordings.

Clips of one group are alike, so they are drawn together (the cluster bootstrap: Davison and Hinkley, 1997, section
3.8); drawing clips one by one would promise too narrow an interval. A draw of S groups with replacement is a
multinomial count of each. A score that is made of sums needs only sums by group, weighted by those counts; one that
looks at the order of clips is computed anew, with the counts as weights of its clips. The interval is of percentiles.
It says how much the score depends on who spoke, at these weights; where nothing is wrong in the sample its width is 0.
A score that is biased, as the expected calibration error is, is more so in a resample: its interval lies too high.
"""

from collections.abc import Callable

import numpy as np

from stages.scores.checks import ScoreError

Score = Callable[[np.ndarray], np.ndarray]
"""How often each group comes, (n_draws, n_groups) -> the score of such clips, (n_draws, ...), NaN where it has none."""

WEIGHTS_AT_ONCE = 1 << 18  # of clips in draws, float64, so that they stay in the cache


def by_group(terms: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the sums of terms (n, n_terms) by group, in the order of their names: (n_groups, n_terms) float64.

    Parameters
    groups   (n,) name of each clip's group
    """
    _check_length(len(terms), groups)
    names, members = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), terms.shape[1]))
    np.add.at(sums, members, terms)
    return sums


def of_sums(terms: np.ndarray, value: Callable[[np.ndarray], np.ndarray], groups: np.ndarray) -> Score:
    """Return the score that `value` makes of summed terms (n, n_terms)."""
    sums = by_group(terms, groups)
    return lambda counts: value(counts @ sums)


def of_clips(value: Callable[[np.ndarray], np.ndarray], groups: np.ndarray) -> Score:
    """Return the score that `value` makes of how often each clip comes, (n, n_draws) -> (n_draws,)."""
    _check_length(len(groups), groups)
    members = np.unique(groups, return_inverse=True)[1]
    n_at_once = max(WEIGHTS_AT_ONCE // len(members), 1)

    def score(counts: np.ndarray) -> np.ndarray:
        starts = range(0, len(counts), n_at_once)
        return np.concatenate([value(counts[start : start + n_at_once].T[members]) for start in starts])

    return score


def value_of(score: Score, n_groups: int) -> np.ndarray:
    """Return the score of all clips, each once."""
    return score(np.ones((1, n_groups)))[0]


def draws(n_groups: int, n_bootstrap: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each group comes in each resample: (n_bootstrap, n_groups) float64."""
    if n_groups < 1 or n_bootstrap < 1:
        raise ScoreError(f"n_groups is {n_groups} and n_bootstrap {n_bootstrap}, expected at least 1 of each")
    return generator.multinomial(n_groups, np.full(n_groups, 1 / n_groups), n_bootstrap).astype(np.float64)


def interval(scores: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of resampled scores; NaN and NaN where no resample has one.

    Parameters
    scores       (n_bootstrap,) the score of each resample; one without it (NaN), as where no class of it came, is
                 left out
    confidence   share of them between the two ends, between 0 and 1
    """
    if not 0 < confidence < 1:
        raise ScoreError(f"confidence is {confidence}, expected a number between 0 and 1")
    there = scores[~np.isnan(scores)]
    if len(there) == 0:
        return np.nan, np.nan
    low, high = np.quantile(there, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _check_length(n_clips: int, groups: np.ndarray) -> None:
    if n_clips != len(groups) or n_clips == 0:
        raise ScoreError(f"{n_clips} clips and {len(groups)} groups, expected as many, and at least 1")
