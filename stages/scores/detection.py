"""Spotting one keyword among all else: how often it is missed against how often something else is taken for it.

The field's curve (Chen, Parada and Heigold, 2014, https://doi.org/10.1109/ICASSP.2014.6854370): for each keyword a
threshold on its probability goes from above all clips to below them; false rejects are its own clips below, false
accepts all other clips at or above, those of other keywords too. Curves of several keywords or seeds are averaged at
equal false accept rates. Clips are counted, so this is a rate of clips, not of hours.
"""

import numpy as np

from stages.scores.checks import ScoreError

FALSE_ACCEPT_RATES = np.concatenate([[0], np.geomspace(0.001, 1, 61)])  # where curves are read: 20 points a decade


def false_reject_rates(belongs: np.ndarray, scores: np.ndarray, false_accept_rates: np.ndarray) -> np.ndarray:
    """Return the least false reject rate that is had at each false accept rate or below: (n_points,), 0 to 1.

    Parameters
    belongs              (n,) bool, clips of the keyword
    scores               (n,) higher for a clip that is thought to be it; equal ones lie on one side of any threshold
    false_accept_rates   (n_points,) 0 to 1
    """
    if not 0 < np.count_nonzero(belongs) < len(belongs):
        raise ScoreError(f"{np.count_nonzero(belongs)} of {len(belongs)} clips belong, expected some and not all")
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    accepted = np.cumsum(belongs[order])[last]
    falsely = np.concatenate([[0], last + 1 - accepted])
    rejected = np.concatenate([[0], accepted]) / accepted[-1]
    n_allowed = np.floor(false_accept_rates * falsely[-1] + 1e-9)  # a rate of k clips, written as a float, allows k
    return 1 - rejected[np.searchsorted(falsely, n_allowed, side="right") - 1]
