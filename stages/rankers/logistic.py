"""Multinomial logistic regression on standardised columns: the linear reader by which columns are judged."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize

FARTHEST = 8.0  # standard deviations; a value farther out is moved there, so that one clip cannot outweigh all others
GRADIENT_TOLERANCE = 1e-4  # per class and whitened column, of the mean loss in nats
MOST_STEPS = 200


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
        scaled[:, :-1] = np.clip(np.nan_to_num((values - self.mean) * self.inverse, nan=0.0), -FARTHEST, FARTHEST)
        return scaled


def fit_scaler(values: np.ndarray) -> Scaler:
    """Return the scaler of values (n_clips, n_columns), of those that are not missing; a constant column becomes zeros.

    A column that misses all its values counts as a constant one.
    """
    n_present = np.maximum(1, np.count_nonzero(~np.isnan(values), axis=0))
    mean = np.nan_to_num(values, nan=0.0).sum(axis=0, dtype=np.float64) / n_present
    apart = np.nan_to_num(values - mean, nan=0.0)
    deviation = np.sqrt(np.einsum("ij,ij->j", apart, apart) / n_present)
    return Scaler(mean, np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0))


@dataclass(frozen=True)
class Problem:
    """A regression in coordinates where it is round: whitened inputs (n_inputs, n_clips) float32, and labels.

    Correlated columns make the problem stiff. Its Hessian is at most A = X'X / 2n + l2 for each class (Boehning 1992),
    so with A = LL', weights W = L'^-1 V and inputs Z = L^-1 X' an L-BFGS on V needs few steps. As W'AW = V'V, the
    penalty is l2 |W|^2 = |V|^2 - |Z'V|^2 / 2n: no step has to solve for W. Classes come first in here: sums over them
    run along whole rows.
    """

    whitened: np.ndarray
    lower: np.ndarray
    labels: np.ndarray
    n_classes: int

    def weights(self, place: np.ndarray) -> np.ndarray:
        """Return the weights (n_inputs, n_classes) float32 of a place V in the whitened coordinates."""
        return solve_triangular(self.lower, place.astype(np.float32), lower=True, trans="T", check_finite=False)

    def place(self, start: np.ndarray, banned: np.ndarray, most_steps: int) -> np.ndarray:
        """Return the place V (n_inputs, n_classes) float64 of least loss among those at right angles to `banned`.

        start (n_inputs, n_classes), at right angles to the orthonormal columns of banned (n_inputs, n_banned).
        """
        n_clips, rows = len(self.labels), np.arange(len(self.labels))

        def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
            at = flat.reshape(-1, self.n_classes).astype(np.float32)
            logits = at.T @ self.whitened
            shifted = logits - logits.max(axis=0)
            chances = np.exp(shifted)
            total = chances.sum(axis=0)
            penalty = np.sum(at**2, dtype=np.float64) - np.sum(logits**2, dtype=np.float64) / (2 * n_clips)
            loss = (np.log(total) - shifted[self.labels, rows]).mean(dtype=np.float64) + penalty / 2
            residual = chances / total - logits / 2
            residual[self.labels, rows] -= 1
            gradient = self.whitened @ np.ascontiguousarray(residual.T) / n_clips + at
            gradient -= banned @ (banned.T @ gradient)
            return float(loss), gradient.astype(np.float64).ravel()

        options = {"maxiter": most_steps, "gtol": GRADIENT_TOLERANCE, "ftol": 1e-7}
        found = minimize(loss_and_gradient, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        return found.x.reshape(-1, self.n_classes)


def problem(inputs: np.ndarray, labels: np.ndarray, n_classes: int, logit_sd: float) -> Problem:
    """Return the problem of fitting `labels` (n_clips,) from inputs (n_clips, n_inputs) float32; see `fit`."""
    n_clips, n_inputs = inputs.shape
    bound = (inputs.T @ inputs).astype(np.float64) / (2 * n_clips)
    bound[np.diag_indices(n_inputs)] += n_inputs / (n_clips * logit_sd**2)
    lower = cholesky(bound, lower=True, overwrite_a=True, check_finite=False).astype(np.float32)
    whitened = solve_triangular(lower, inputs.T, lower=True, check_finite=False)
    return Problem(np.ascontiguousarray(whitened), lower, labels, n_classes)


def fit(inputs: np.ndarray, labels: np.ndarray, n_classes: int, logit_sd: float) -> np.ndarray:
    """Return the weights (n_inputs, n_classes) float32 that minimise mean cross entropy (nats) + l2 / 2 * |weights|^2.

    inputs (n_clips, n_inputs) float32, standardised, with a column of ones for the intercept, which is shrunk as well:
    a class that the clips at hand lack keeps a finite chance. `logit_sd` is the spread expected of the logits: weights
    of variance logit_sd^2 / n_inputs a priori give the same for few and many columns, and the most probable weights
    have l2 = n_inputs / (n_clips * logit_sd^2). One fixed l2 would starve few columns or let many overfit.
    """
    posed = problem(inputs, labels, n_classes, logit_sd)
    return posed.weights(place(posed))


def place(posed: Problem) -> np.ndarray:
    """Return where the loss of a problem is least, in whitened coordinates: (n_inputs, n_classes) float64."""
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
