"""Risk against coverage: how many errors are left where the least confident clips are not answered.

Clips are taken from the most confident to the least; confidence is the largest probability. Coverage is the share of
clips taken, risk the share of errors among them. The area under that curve (AURC) is the mean, over clips, of the risk
at that clip's confidence: Geifman and El-Yaniv, 2017, https://arxiv.org/abs/1705.08500. It is the error rate where
confidence tells nothing of errors.
"""

from collections.abc import Callable

import numpy as np

from stages.scores.checks import check


def area(labels: np.ndarray, log_probabilities: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that makes the area, 0 to 1, of how often each clip comes: (n, n_draws) -> (n_draws,).

    Clips of equal confidence are taken together, so that neither their order nor a clip that comes twice matters.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats
    """
    order, wrong, last = _by_confidence(labels, log_probabilities)

    def value(weights: np.ndarray) -> np.ndarray:
        taken = weights[order]
        covered, errors = taken.cumsum(axis=0)[last], (taken * wrong[:, None]).cumsum(axis=0)[last]
        risk = np.divide(errors, covered, out=np.zeros_like(errors), where=covered > 0)
        return (taken * risk).sum(axis=0) / taken.sum(axis=0)

    return value


def risk_at(labels: np.ndarray, log_probabilities: np.ndarray, n_taken: np.ndarray) -> np.ndarray:
    """Return the share of errors among the `n_taken` (n_points,) most confident clips, each at least 1.

    Of clips of equal confidence, those taken hold as large a share of errors as those left.
    """
    _, wrong, last = _by_confidence(labels, log_probabilities)
    ends = np.unique(last)
    return np.interp(n_taken, [0, *ends + 1], [0, *wrong.cumsum()[ends]]) / n_taken


def _by_confidence(labels: np.ndarray, log_probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The clips from the most confident on, whether each is wrong, and the last place of each one's equals."""
    check(labels, log_probabilities)
    doubt = -log_probabilities.max(axis=1)
    order = np.argsort(doubt, kind="stable")
    wrong = (log_probabilities.argmax(axis=1) != labels)[order].astype(np.float64)
    return order, wrong, np.searchsorted(doubt[order], doubt[order], side="right") - 1
