"""The logarithmic opinion pool: several models as one, softmax(sum of w_k log p_k), weights fitted on part val.

The weights are not below 0; their sum is free, one over a temperature, so the pool comes out calibrated. In the weights
the log loss is convex: a log of a sum of exponentials of what is linear in them (Genest and Zidek, 1986,
https://doi.org/10.1214/ss/1177013825; Heskes, 1998, "Selecting weighting factors in logarithmic opinion pools").
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy.optimize import minimize
from scipy.special import log_softmax

from stages.params import Section
from stages.scores import temperature
from stages.scores.checks import ScoreError, check

TOLERANCE = 1e-12  # nats; where a step gains less, nothing is left to gain
MOST_STEPS = 1000


class Params(Section):
    """How the weights of a pool are chosen."""

    shrinkage: Annotated[float, Field(ge=0, le=1)]  # of the way from the weights that fit best to equal ones


def member(log_probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """Return the vote of a model, (n, n_classes) float64: the mean of its seeds' nats, each (n, n_classes)."""
    return np.mean(np.asarray(log_probabilities, dtype=np.float64), axis=0)


def voted(members: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the sum of the members' votes (n, n_classes), each times its weight: logits, float64."""
    return sum((weight * vote for weight, vote in zip(weights, members, strict=True)), np.zeros_like(members[0]))


def pooled(members: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the log-probabilities of the pool (n, n_classes), float64, nats."""
    return log_softmax(voted(members, weights), axis=1)


def fitted(labels: np.ndarray, members: Sequence[np.ndarray], shrinkage: float) -> np.ndarray:
    """Return a weight a member, (n_members,) float64, from clips that no member has learned from.

    The weights of the least log loss go `shrinkage` of the way to equal ones at their own best temperature; then their
    sum is the best one for what came out. Where weights have every clip right, such clips do not tell how sure is too
    sure (see scores/temperature.py): then those of the least loss are sought that add up to 1. Raises ScoreError where
    nats are no finite numbers.

    Parameters
    labels      (n,) number of the true class
    members     votes (n, n_classes) nats
    shrinkage   0 to 1
    """
    for vote in members:
        check(labels, log_softmax(vote, axis=1))
        if not np.isfinite(vote).all():
            raise ScoreError("log_probabilities hold minus infinity, expected finite numbers to be weighted")
    equal = at_best_sum(labels, members, np.ones(len(members)))
    if len(members) == 1:
        return equal
    best = of_least_loss(labels, members, equal)
    if (voted(members, best).argmax(axis=1) == labels).all():
        equal = equal / equal.sum()
        best = of_least_loss(labels, members, equal, keeps_sum=True)
    weights = shrinkage * equal + (1 - shrinkage) * best
    return at_best_sum(labels, members, weights) if weights.any() else equal


def at_best_sum(labels: np.ndarray, members: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return weights in the same proportions, with the sum of the least log loss."""
    shares = weights / weights.sum()
    return shares / temperature.fitted(labels, pooled(members, shares))


def of_least_loss(
    labels: np.ndarray, members: Sequence[np.ndarray], start: np.ndarray, keeps_sum: bool = False
) -> np.ndarray:
    """Return the weights of least log loss, each from 0 to one over the least temperature, sought from `start`.

    With `keeps_sum`, of those that add up to what the start does. Sequential quadratic programming (Kraft, 1988). The
    slope in a weight is the mean of (the member's expected nats under the pool) - (its nats of the true class).
    """
    true = [vote[np.arange(len(labels)), labels].mean() for vote in members]

    def loss_and_slope(weights: np.ndarray) -> tuple[float, np.ndarray]:
        nats = pooled(members, weights)
        said = np.exp(nats)
        slope = [(said * vote).sum(axis=1).mean() - own for vote, own in zip(members, true, strict=True)]
        return float(-nats[np.arange(len(labels)), labels].mean()), np.array(slope)

    bounds = [(0, 1 / temperature.LEAST)] * len(members)
    same = {"type": "eq", "fun": lambda weights: weights.sum() - start.sum(), "jac": np.ones_like}
    options = {"ftol": TOLERANCE, "maxiter": MOST_STEPS}
    found = minimize(
        loss_and_slope,
        start,
        jac=True,
        method="SLSQP",
        bounds=bounds,
        constraints=[same] if keeps_sum else [],
        options=options,
    )
    better = np.isfinite(found.x).all() and found.fun <= loss_and_slope(start)[0]
    return found.x.clip(min=0) if better else start
