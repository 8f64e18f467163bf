"""Multinomial logistic regression on standardised columns: the linear reader by which columns are judged."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize

FARTHEST = 8.0  # standard deviations; a value farther out is moved there, so that one clip cannot outweigh all others
GRADIENT_TOLERANCE = 3e-4  # per class and round coordinate, of the mean loss in nats
MOST_STEPS = 200
BLOCK_BYTES = 1 << 20  # of inputs at once, within a core's cache


@dataclass(frozen=True)
class Scaler:
    """Mean and inverse standard deviation of each column, learned from training clips alone."""

    mean: np.ndarray
    inverse: np.ndarray

    def standardise(self, values: np.ndarray) -> np.ndarray:
        """Return standardised values, then ones: (n_clips, n_columns) -> (n_clips, n_columns + 1) float32.

        A missing value (NaN) becomes the mean, 0.
        """
        scaled = np.ones((len(values), values.shape[1] + 1), dtype=np.float32)
        for rows in _blocks(values):
            apart = np.nan_to_num((values[rows] - self.mean) * self.inverse, nan=0.0)
            scaled[rows, :-1] = np.clip(apart, -FARTHEST, FARTHEST)
        return scaled


def fit_scaler(values: np.ndarray) -> Scaler:
    """Return the scaler of values (n_clips, n_columns), of those that are not missing; a constant column becomes zeros.

    A column that misses all its values counts as a constant one.
    """
    n_present, mean, squares = np.zeros((3, values.shape[1]))
    for rows in _blocks(values):
        n_present += np.count_nonzero(~np.isnan(values[rows]), axis=0)
        mean += np.nansum(values[rows], axis=0, dtype=np.float64)
    n_present = np.maximum(1, n_present)
    mean /= n_present
    for rows in _blocks(values):
        squares += np.square(np.nan_to_num(values[rows] - mean, nan=0.0)).sum(axis=0)
    deviation = np.sqrt(squares / n_present)
    return Scaler(mean, np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0))


def _blocks(values: np.ndarray) -> Iterator[slice]:
    """Rows that are worked on at once, so that what is made on the way stays in the cache."""
    n_rows = max(1, BLOCK_BYTES // (values.shape[1] * values.itemsize))
    return (slice(first, first + n_rows) for first in range(0, len(values), n_rows))


@dataclass(frozen=True)
class Problem:
    """A regression in coordinates where it is round: inputs (n_clips, n_inputs) float32, labels, and what rounds it.

    Correlated columns make the problem stiff. Its Hessian is at most A = X'X / 2n + l2 for each class (Boehning 1992),
    so with A = LL' and weights W = L'^-1 V an L-BFGS on V needs few steps. Clips pass by in blocks that stay in the
    cache between the two products of a step; classes come first in here: sums over them run along whole rows.
    """

    inputs: np.ndarray
    lower: np.ndarray
    labels: np.ndarray
    n_classes: int
    l2: float

    def weights(self, place: np.ndarray) -> np.ndarray:
        """Return the weights (n_inputs, n_classes) float32 of a place V in the round coordinates."""
        return solve_triangular(self.lower, place.astype(np.float32), lower=True, trans="T", check_finite=False)

    def place(self, start: np.ndarray, banned: np.ndarray, most_steps: int) -> np.ndarray:
        """Return the place V (n_inputs, n_classes) float64 of least loss among those at right angles to `banned`.

        start (n_inputs, n_classes), at right angles to the orthonormal columns of banned (n_inputs, n_banned).
        """

        def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = self.weights(flat.reshape(-1, self.n_classes))
            loss, slope = self.loss_and_slope(np.ascontiguousarray(weights.T))
            gradient = solve_triangular(self.lower, slope.T + self.l2 * weights, lower=True, check_finite=False)
            gradient -= banned @ (banned.T @ gradient)
            penalty = self.l2 / 2 * np.sum(weights**2, dtype=np.float64)
            return loss + penalty, gradient.astype(np.float64).ravel()

        options = {"maxiter": most_steps, "gtol": GRADIENT_TOLERANCE, "ftol": 1e-6}
        found = minimize(loss_and_gradient, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        return found.x.reshape(-1, self.n_classes)

    def loss_and_slope(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean cross entropy (nats) and its slope by the weights (n_classes, n_inputs), as large."""
        n_clips, n_inputs = self.inputs.shape
        n_rows = max(1, BLOCK_BYTES // self.inputs[0].nbytes)
        total, slope = 0.0, np.zeros((self.n_classes, n_inputs), np.float32)
        for first in range(0, n_clips, n_rows):
            block, labels = self.inputs[first : first + n_rows], self.labels[first : first + n_rows]
            logits, rows = weights @ block.T, np.arange(len(labels))
            logits -= logits.max(axis=0)
            own = logits[labels, rows]
            chances = np.exp(logits, out=logits)
            sums = chances.sum(axis=0)
            total += float((np.log(sums) - own).sum(dtype=np.float64))
            chances /= sums
            chances[labels, rows] -= 1
            slope += chances @ block
        return total / n_clips, slope / n_clips


def problem(
    inputs: np.ndarray, labels: np.ndarray, n_classes: int, logit_sd: float, products: np.ndarray | None = None
) -> Problem:
    """Return the problem of fitting `labels` (n_clips,) from inputs (n_clips, n_inputs) float32; see `fit`.

    `products` (n_inputs, n_inputs) is inputs' inputs where it is known.
    """
    n_clips, n_inputs = inputs.shape
    l2 = n_inputs / (n_clips * logit_sd**2)
    bound = (inputs.T @ inputs if products is None else products).astype(np.float64) / (2 * n_clips)
    bound[np.diag_indices(n_inputs)] += l2
    lower = cholesky(bound, lower=True, overwrite_a=True, check_finite=False).astype(np.float32)
    return Problem(inputs, lower, labels, n_classes, l2)


def fit(
    inputs: np.ndarray, labels: np.ndarray, n_classes: int, logit_sd: float, products: np.ndarray | None = None
) -> np.ndarray:
    """Return the weights (n_inputs, n_classes) float32 that minimise mean cross entropy (nats) + l2 / 2 * |weights|^2.

    inputs (n_clips, n_inputs) float32, standardised, with a column of ones for the intercept, which is shrunk as well:
    a class that the clips at hand lack keeps a finite chance. `logit_sd` is the spread expected of the logits: weights
    of variance logit_sd^2 / n_inputs a priori give the same for few and many columns, and the most probable weights
    have l2 = n_inputs / (n_clips * logit_sd^2). One fixed l2 would starve few columns or let many overfit.
    """
    posed = problem(inputs, labels, n_classes, logit_sd, products)
    return posed.weights(place(posed))


def place(posed: Problem) -> np.ndarray:
    """Return where the loss of a problem is least, in round coordinates: (n_inputs, n_classes) float64."""
    n_inputs = len(posed.lower)
    return posed.place(np.zeros((n_inputs, posed.n_classes)), np.zeros((n_inputs, 0), np.float32), MOST_STEPS)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm (natural) of each class's chance: (n_clips, n_classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def loss_bits(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean cross entropy in bits: what is left to be told once the model has spoken."""
    return float(-log_softmax(logits)[np.arange(len(labels)), labels].mean(dtype=np.float64) / np.log(2))


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of clips whose likeliest class is theirs, 0..1."""
    return float(np.mean(logits.argmax(axis=1) == labels))
