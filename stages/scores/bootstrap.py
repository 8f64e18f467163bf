"""Intervals by bootstrap over speakers.

Clips of one speaker are alike, so they are drawn together (the cluster bootstrap: Davison and Hinkley, 1997, section
3.8); drawing clips one by one would promise too narrow an interval. A draw of S speakers with replacement is a
multinomial count of each, and sums of terms weighted by those counts give every score. The interval is of percentiles.
It says how much the score depends on who spoke, at these weights; where nothing is wrong in the sample its width is 0.
"""

import numpy as np

from stages.scores.checks import ScoreError


def by_speaker(terms: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Return the sums of terms (n, n_terms) by speaker, in the order of their names: (n_speakers, n_terms) float64.

    Parameters
    speakers   (n,) name of each clip's speaker
    """
    if len(terms) != len(speakers) or len(terms) == 0:
        raise ScoreError(f"{len(terms)} clips and {len(speakers)} speakers, expected as many, and at least 1")
    names, members = np.unique(speakers, return_inverse=True)
    sums = np.zeros((len(names), terms.shape[1]))
    np.add.at(sums, members, terms)
    return sums


def draws(n_speakers: int, n_bootstrap: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each speaker comes in each resample: (n_bootstrap, n_speakers) float64."""
    if n_speakers < 1 or n_bootstrap < 1:
        raise ScoreError(f"n_speakers is {n_speakers} and n_bootstrap {n_bootstrap}, expected at least 1 of each")
    return generator.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), n_bootstrap).astype(np.float64)


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
