"""Bits lost where the linear model has to do without a family, and learns again from all others."""

import numpy as np
from scipy.linalg import solve_triangular

from stages.rankers.logistic import Problem, loss_bits

MOST_STEPS = 8  # of L-BFGS, from a start that is the answer where the loss is a parabola


def lost_bits(
    posed: Problem, found: np.ndarray, unseen: np.ndarray, truth: np.ndarray, family_of: np.ndarray
) -> np.ndarray:
    """Return the bits lost without each family on clips `unseen` (n_clips, n_inputs) of classes `truth`: (n_families,).

    `found` (n_inputs, n_classes) is the best place of `posed` with all families, family_of (n_columns,) from 0.

    Weights of a family are zero where E'W = E'L'^-1 V = 0, with E the unit vectors of its inputs: V is at right angles
    to L^-1 E. So the smaller problem is the same one in a subspace, and as lengths there measure the loss's bound, the
    best start is the shadow of `found` on it.
    """
    known = loss_bits(unseen @ posed.weights(found), truth)
    identity = np.eye(len(posed.lower), dtype=np.float32)
    inverse = solve_triangular(posed.lower, identity, lower=True, check_finite=False)
    lost = []
    for family in range(int(family_of.max()) + 1):
        banned = _orthonormal(inverse[:, np.flatnonzero(family_of == family)])
        start = found - banned @ (banned.T @ found)
        without = posed.weights(posed.place(start, banned, MOST_STEPS))
        lost.append(loss_bits(unseen @ without, truth) - known)
    return np.array(lost)


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal base of the space of independent columns (n, n_columns) float32, as many float32.

    With C'C = RR', it is C R'^-1: a tenth of the time of a QR decomposition, and exact enough for columns of L^-1.
    """
    lower = np.linalg.cholesky((columns.T @ columns).astype(np.float64))
    return np.ascontiguousarray(solve_triangular(lower, columns.T, lower=True, check_finite=False).T, dtype=np.float32)
