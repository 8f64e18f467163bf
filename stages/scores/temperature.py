"""Temperature scaling: one number by which all logits are divided, so that confidence becomes the share that is right.

softmax(logits / T) of the T that gives the least log loss on clips that the network did not learn from (Guo et al.,
2017, https://arxiv.org/abs/1706.04599). T above 1 makes an overconfident network less sure; which class is the most
likely never changes. Log-probabilities serve as logits, since softmax does not see what is added to all of them.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_softmax, softmax

from stages.scores.checks import ScoreError, check

LEAST, MOST = 0.02, 50.0  # temperatures; beyond, probabilities are all but 0 and 1, or all but equal
TOLERANCE = 1e-10  # of 1 / T


def fitted(labels: np.ndarray, log_probabilities: np.ndarray) -> float:
    """Return the temperature, LEAST to MOST, with the least mean log loss on these clips; 1 where every one is right.

    In b = 1 / T the loss is convex: its slope is the mean of (expected logit under softmax(b logits)) - (logit of the
    true class), and its second derivative their variance. So the slope has one root, found between bounds (Brent).
    Where every clip is right, the loss falls forever as T falls to 0: such clips do not tell how sure is too sure.

    Parameters
    labels              (n,) number of the true class
    log_probabilities   (n, n_classes) nats, finite
    """
    check(labels, log_probabilities)
    logits = log_probabilities.astype(np.float64)
    if not np.isfinite(logits).all():
        raise ScoreError("log_probabilities hold minus infinity, expected finite numbers to divide by a temperature")
    if (logits.argmax(axis=1) == labels).all():
        return 1.0
    true = logits[np.arange(len(labels)), labels].mean()

    def slope(inverse: float) -> float:
        return float((softmax(inverse * logits, axis=1) * logits).sum(axis=1).mean() - true)

    if slope(1 / MOST) >= 0:  # worse than knowing nothing
        return MOST
    if slope(1 / LEAST) <= 0:
        return LEAST
    return 1 / brentq(slope, 1 / MOST, 1 / LEAST, xtol=TOLERANCE)


def scaled(log_probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the log-probabilities (n, n_classes) at a temperature, float32, nats."""
    return log_softmax(log_probabilities.astype(np.float64) / temperature, axis=1).astype(np.float32)
