"""Linear prediction: x[n] is guessed as -a_1 x[n-1] - ... - a_p x[n-p], so that 1 / (1 + a_1 z^-1 + ...) is all-pole.

The autocorrelation method (Makhoul, 1975), whose filter is always stable. Kernels work on frames in groups of LANES
side by side, arrays (n_groups, rows, LANES): each step of a recursion is one over all lanes, and a frame goes through
the same instructions wherever it stands. The last group is filled up with silence.
"""

import numpy as np
from numba import njit

from stages.features.arithmetic import FINITE_SUMS

LANES = 16
# A noise floor 90 dB below each frame: keeps the recursion stable and bounds the prediction gain of pure tones.
FLOOR = 1e-9


def n_groups(n_frames: int) -> int:
    """Return how many groups of LANES hold `n_frames`."""
    return -(-n_frames // LANES)


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def autocorrelate(samples: np.ndarray, starts: np.ndarray, window: np.ndarray, first: int, out: np.ndarray) -> None:
    """Fill `out` (n_groups, n_lags, LANES) with sum over n of x[n] x[n + lag] of windowed frames, in float64.

    Frame t begins at sample `starts[t]` and takes the place `first + t` of `out`. Lags are summed four at a time:
    `n_lags` is a multiple of four.
    """
    n_window, n_lags = len(window), out.shape[1]
    frame = np.zeros(n_window + n_lags)
    for t in range(len(starts)):
        group, lane = (first + t) // LANES, (first + t) % LANES
        inside = samples[starts[t] : starts[t] + n_window]
        for n in range(n_window):
            frame[n] = window[n] * inside[n]
        for lag in range(0, n_lags, 4):
            later = frame[lag:]
            sum0, sum1, sum2, sum3 = 0.0, 0.0, 0.0, 0.0
            for n in range(n_window):
                sum0 += frame[n] * later[n]
                sum1 += frame[n] * later[n + 1]
                sum2 += frame[n] * later[n + 2]
                sum3 += frame[n] * later[n + 3]
            out[group, lag, lane], out[group, lag + 1, lane] = sum0, sum1
            out[group, lag + 2, lane], out[group, lag + 3, lane] = sum2, sum3


@njit(nogil=True, cache=True, error_model="numpy")
def predict(correlations: np.ndarray, coefficients: np.ndarray, error: np.ndarray) -> None:
    """Fill `coefficients` (n_groups, order, LANES) with a_1 to a_order and `error` (n_groups, LANES).

    `correlations` (n_groups, n_lags, LANES) from lag 0 on. The error is the share of the energy that is not
    predicted, between FLOOR and 1; a silent frame has coefficients of 0 and an error of 1. Levinson and Durbin's
    recursion: a model of order m + 1 is that of order m and its mirror image, times the reflection coefficient k.
    """
    order = coefficients.shape[1]
    k, left, mirrored = np.empty(LANES), np.empty(LANES), np.empty((order, LANES))
    for group in range(len(coefficients)):
        for lane in range(LANES):
            energy = correlations[group, 0, lane]
            left[lane] = energy * (1.0 + FLOOR) if energy > 0.0 else 1.0
        for m in range(order):
            for lane in range(LANES):
                k[lane] = -correlations[group, m + 1, lane]
            for j in range(m):
                for lane in range(LANES):
                    k[lane] -= coefficients[group, j, lane] * correlations[group, m - j, lane]
                for lane in range(LANES):
                    mirrored[m - 1 - j, lane] = coefficients[group, j, lane]
            for lane in range(LANES):
                k[lane] /= left[lane]
                left[lane] *= 1.0 - k[lane] * k[lane]
            for j in range(m):
                for lane in range(LANES):
                    coefficients[group, j, lane] += k[lane] * mirrored[j, lane]
            for lane in range(LANES):
                coefficients[group, m, lane] = k[lane]
        for lane in range(LANES):
            energy = correlations[group, 0, lane]
            error[group, lane] = left[lane] / energy if energy > 0.0 else 1.0


@njit(nogil=True, cache=True, error_model="numpy")
def cepstra(coefficients: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (n_groups, n_cepstra, LANES) with c_1, c_2, ... of the filters 1 / A(z) (Atal, 1974).

    ln(1 / A(z)) = c_1 z^-1 + c_2 z^-2 + ..., so with a_n = 0 beyond the order
        n c_n = -n a_n - sum over k = 1 to n - 1 of k c_k a_(n-k)
    """
    order, n_cepstra = coefficients.shape[1], out.shape[1]
    for group in range(len(out)):
        for n in range(1, n_cepstra + 1):
            for lane in range(LANES):
                out[group, n - 1, lane] = -coefficients[group, n - 1, lane] if n <= order else 0.0
            for k in range(max(1, n - order), n):
                share = k / n
                for lane in range(LANES):
                    out[group, n - 1, lane] -= share * out[group, k - 1, lane] * coefficients[group, n - k - 1, lane]
