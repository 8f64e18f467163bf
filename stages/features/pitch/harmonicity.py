"""Harmonics-to-noise ratio of voiced frames from the autocorrelation (Boersma, 1993), Praat's `Harmonicity (ac)`.

A frame without its mean, under a Hann window of W samples, has the autocorrelation r(k); divided by that of the window,
and by its value at lag 0, it is the share of power that repeats after k samples:

    h(k) = r(k) / r(0) / v(k)        v(k) = (1 - k / W) (2/3 + 1/3 cos(2 pi k / W)) + 1 / (2 pi) sin(2 pi k / W)
    HNR  = 10 log10(h / (1 - h))     at the highest h within a sample of the period's whole lag

A tone in noise has the ratio of their powers. Ratios beyond +-GREATEST_DB are set there.
"""

import math

import numpy as np
from numba import njit

from stages.features.arithmetic import FINITE_SUMS
from stages.features.pitch.subsample import HALF, N_STEPS, STEPS, fill_steps, peak, step_weights

GREATEST_DB = 50.0  # what window and interpolation can tell
N_LAGS = 2 * (HALF + 1)  # from HALF before the period to HALF + 1 after it


class HarmonicsToNoise:
    """samples, periods, voiced -> ratio in dB of voiced frames, NaN in others: (n_clips, n_frames) float64.

    `samples` (n_clips, n_samples) float32; `periods` in samples and `voiced` are (n_clips, n_frames). The window of
    `window` samples is centred on t * hop, zeros outside the clip.
    """

    def __init__(self, window: int, hop: int) -> None:
        self.hop = hop
        self.hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(window) + 0.5) / window)
        self.weights = step_weights()

    def __call__(self, samples: np.ndarray, periods: np.ndarray, voiced: np.ndarray) -> np.ndarray:
        ratio_db = np.full(periods.shape, np.nan)
        _fill_ratios(samples, periods, voiced, self.hann, self.weights, self.hop, ratio_db)
        return ratio_db


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _fill_ratios(
    samples: np.ndarray,
    periods: np.ndarray,
    voiced: np.ndarray,
    hann: np.ndarray,
    weights: np.ndarray,
    hop: int,
    ratio_db: np.ndarray,
) -> None:
    window = len(hann)
    # Zeros on both sides, as far as a lag can reach.
    frame = np.zeros(N_LAGS + 2 * window + N_LAGS)
    inner = frame[N_LAGS : N_LAGS + window]
    products, heights = np.empty(N_LAGS), np.empty(N_STEPS)
    most = 1.0 / (1.0 + 10.0 ** (-GREATEST_DB / 10.0))
    for clip in range(periods.shape[0]):
        for t in range(periods.shape[1]):
            if not voiced[clip, t]:
                continue
            ratio_db[clip, t] = -GREATEST_DB
            power = _fill_frame(samples[clip], t * hop - window // 2, hann, inner)
            if power == 0.0:
                continue
            lag = round(periods[clip, t])
            _fill_products(inner, frame[N_LAGS + lag - HALF :], min(window - lag + HALF, window), products)
            fill_steps(products, weights, heights)
            for step in range(N_STEPS):
                angle = 2.0 * math.pi * (lag - 1.0 + step / STEPS) / window
                of_window = (1.0 - angle / (2.0 * math.pi)) * (2.0 + math.cos(angle)) / 3.0
                heights[step] /= power * (of_window + math.sin(angle) / (2.0 * math.pi))
            share = min(max(peak(heights)[1], 1.0 - most), most)
            ratio_db[clip, t] = 10.0 * math.log10(share / (1.0 - share))


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _fill_frame(sound: np.ndarray, begin: int, hann: np.ndarray, frame: np.ndarray) -> float:
    """Fill `frame` with the samples from `begin` on, without their mean, under the window; return its power.

    Zeros outside the clip.
    """
    first, stop = max(-begin, 0), min(len(frame), len(sound) - begin)
    inside, under = sound[begin + first : begin + stop], hann[first:stop]
    mean = 0.0
    for n in range(len(inside)):
        mean += float(inside[n])
    mean /= len(inside)
    frame[:first] = 0.0
    frame[stop:] = 0.0
    filled, power = frame[first:stop], 0.0
    for n in range(len(inside)):
        sample = (float(inside[n]) - mean) * under[n]
        filled[n] = sample
        power += sample * sample
    return power


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _fill_products(frame: np.ndarray, shifted: np.ndarray, n_both: int, products: np.ndarray) -> None:
    """Fill `products` (N_LAGS,) with the sums over n < n_both - k of frame[n] shifted[n + k], eight k at once."""
    for k in range(0, N_LAGS, 8):
        late = shifted[k:]
        s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for n in range(n_both - k):
            sample = frame[n]
            s0 += sample * late[n]
            s1 += sample * late[n + 1]
            s2 += sample * late[n + 2]
            s3 += sample * late[n + 3]
            s4 += sample * late[n + 4]
            s5 += sample * late[n + 5]
            s6 += sample * late[n + 6]
            s7 += sample * late[n + 7]
        products[k], products[k + 1], products[k + 2], products[k + 3] = s0, s1, s2, s3
        products[k + 4], products[k + 5], products[k + 6], products[k + 7] = s4, s5, s6, s7
