"""Multinomial logistic regression on standardised columns: the linear reader by which columns are judged."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
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
        """Return standardised values, then ones: (n_clips, n_columns) -> (n_clips, n_columns + 1) float32."""
        scaled = np.ones((len(values), values.shape[1] + 1), dtype=np.float32)
        scaled[:, :-1] = np.clip((values - self.mean) * self.inverse, -FARTHEST, FARTHEST)
        return scaled


def fit_scaler(values: np.ndarray) -> Scaler:
    """Return the scaler of values (n_clips, n_columns); a constant column becomes zeros."""
    mean = values.mean(axis=0, dtype=np.float64)
    deviation = values.std(axis=0, dtype=np.float64)
    return Scaler(mean, np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0))


def fit(inputs: np.ndarray, labels: np.ndarray, n_classes: int, logit_sd: float) -> np.ndarray:
    """Return the weights (n_inputs, n_classes) float32 that minimise mean cross entropy (nats) + l2 / 2 * |weights|^2.

    inputs (n_clips, n_inputs) float32, standardised, with a column of ones for the intercept, which is shrunk as well:
    a class that the clips at hand lack keeps a finite chance. `logit_sd` is the spread expected of the logits: weights
    of variance logit_sd^2 / n_inputs a priori give the same for few and many columns, and the most probable weights
    have l2 = n_inputs / (n_clips * logit_sd^2). One fixed l2 would starve few columns or let many overfit.

    Correlated columns make the problem stiff, so L-BFGS walks in coordinates where it is round: the Hessian is at most
    A = X'X / 2n + l2 for each class (Boehning 1992), and with A = LL' the weights are W = L'^-1 V.
    """
    n_clips, n_inputs = inputs.shape
    l2 = n_inputs / (n_clips * logit_sd**2)
    bound = (inputs.T @ inputs).astype(np.float64) / (2 * n_clips)
    bound[np.diag_indices(n_inputs)] += l2
    lower = np.linalg.cholesky(bound).astype(np.float32)
    rows = np.arange(n_clips)

    def weights_of(place: np.ndarray) -> np.ndarray:
        whitened = place.reshape(n_inputs, n_classes).astype(np.float32)
        return solve_triangular(lower, whitened, lower=True, trans="T", check_finite=False)

    def loss_and_gradient(place: np.ndarray) -> tuple[float, np.ndarray]:
        weights = weights_of(place)
        log_chances = log_softmax(inputs @ weights)
        loss = -log_chances[rows, labels].mean(dtype=np.float64) + l2 / 2 * np.sum(weights**2, dtype=np.float64)
        residual = np.exp(log_chances)
        residual[rows, labels] -= 1
        gradient = inputs.T @ residual / n_clips + l2 * weights
        whitened = solve_triangular(lower, gradient, lower=True, check_finite=False)
        return float(loss), whitened.astype(np.float64).ravel()

    options = {"maxiter": MOST_STEPS, "gtol": GRADIENT_TOLERANCE, "ftol": 1e-7}
    found = minimize(loss_and_gradient, np.zeros(n_inputs * n_classes), jac=True, method="L-BFGS-B", options=options)
    return weights_of(found.x)


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
