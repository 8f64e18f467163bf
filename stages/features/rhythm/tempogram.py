"""The tempogram: the autocorrelation of onset strength in a Hann window around each frame, over that at lag 0.

Equal to `librosa.feature.tempogram`, at a cost for each lag that does not grow with the window. With e the strength and
W the window, its autocorrelation at a lag l around frame t is a sum over pairs of frames,

    r = sum over j of w(j - t) w(j - t + l) e(j) e(j + l),        w(i) = (1 - cos(a i)) / 2,        a = 2 pi / W.

The product of the two w is a trigonometric polynomial of a (j - t), so that with k = cos(a l), s = sin(a l)

    4 r = (1 + k / 2) A - (1 + k) Re B + s Im B + (k Re C - s Im C) / 2,

    A = sum of e(j) e(j + l),    B = exp(-i a t) sum of e(j) e(j + l) exp(i a j),    C likewise of the angle 2 a.

From frame to frame the sums lose one pair at each lag and win one.
"""

from functools import lru_cache

import numpy as np
from numba import njit, uint64

from stages.features.arithmetic import FINITE_SUMS

N_SUMS = 5  # A, and real and imaginary part of the sums in B and C
# Energy of a window, over that of the loudest so far, below which it is no more than rounding errors of the sums.
SILENT = 1e-12


def tempogram(strength: np.ndarray, window: int, bands: np.ndarray, n_lags: int) -> tuple[np.ndarray, np.ndarray]:
    """Return means over bands of lags (n_frames, n_bands) float32, and over frames of all lags (n_lags,) float64.

    `strength` (n_frames,) is continued by straight lines that fall to 0 within half a window; `window` is in frames.
    A band is its first lag and the one after its last: (n_bands, 2) int64, up to `n_lags`, at most `window`. Values are
    between 0 and 1; where a window holds no onset strength they are 0, at lag 0 too.
    """
    of_bands = np.empty((len(strength), len(bands)), np.float32)
    mean = np.zeros(n_lags)
    _fill(*_turned(strength, _turn(window)), bands, of_bands, mean)
    return of_bands, mean / len(strength)


@lru_cache
def _turn(window: int) -> np.ndarray:
    """Return cosine and sine of one turn in `window` steps, then of two: (4, window) float64."""
    angles = 2 * np.pi / window * np.arange(window)
    return np.stack([side(times * angles) for times in (1, 2) for side in (np.cos, np.sin)])


@njit(nogil=True, cache=True)
def _turned(strength: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the sums are made of at all places of windows, the same backwards, and turns (4, n_places).

    (5, n_places) float64: strength with its lines, then its products with each of the turns.
    """
    window = turn.shape[1]
    n, half = len(strength), window // 2
    n_places = n + window
    turns, turned, backwards = np.empty((4, n_places)), np.empty((N_SUMS, n_places)), np.empty((N_SUMS, n_places))
    for place in range(n_places):
        frame = min(max(place - half, 0), n - 1)
        distance = abs(place - half - frame)
        turned[0, place] = strength[frame] * max(1.0 - distance / half, 0.0)
        for k in range(4):
            turns[k, place] = turn[k, place % window]
            turned[1 + k, place] = turned[0, place] * turns[k, place]
        for k in range(N_SUMS):
            backwards[k, n_places - 1 - place] = turned[k, place]
    return turned, backwards, turns


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, error_model="numpy")
def _fill(
    turned: np.ndarray,
    backwards: np.ndarray,
    turns: np.ndarray,
    bands: np.ndarray,
    of_bands: np.ndarray,
    total: np.ndarray,
) -> None:
    """Fill `of_bands` and add the tempogram of each frame to `total`."""
    n_frames, n_lags, n = len(of_bands), len(total), turns.shape[1]
    window = n - n_frames
    padded, flat = turned[0], backwards.ravel()
    sums, row = np.zeros(N_SUMS * n_lags), np.empty(n_lags)
    # Frame t is the middle of places t to t + window - 1, where the first has no weight.
    newest, n_sounding, loudest = 0, 0, 0.0
    first_sounding = 1
    while first_sounding < n and padded[first_sounding] == 0.0:
        first_sounding += 1
    for frame in range(n_frames):
        while newest < min(frame + window - 1, n - 1):
            newest += 1
            if padded[newest] != 0.0:
                n_sounding += 1
                n_pairs = min(newest - max(frame + 1, first_sounding) + 1, n_lags)
                for k in range(N_SUMS):
                    start = k * n + n - 1 - newest
                    _add(sums, uint64(k * n_lags), flat, uint64(start), padded[newest], uint64(n_pairs))
        _autocorrelate(sums, turns, frame, row)
        energy = row[0]
        loudest = max(loudest, energy)
        if n_sounding == 0 or energy <= SILENT * loudest:
            of_bands[frame] = 0.0
        else:
            for lag in range(n_lags):
                row[lag] = min(max(row[lag] / energy, 0.0), 1.0)
            total += row
            for band in range(len(bands)):
                of_bands[frame, band] = row[bands[band, 0] : bands[band, 1]].mean()
        oldest = frame + 1
        if padded[oldest] != 0.0:
            n_sounding -= 1
            n_pairs = min(newest - oldest + 1, n_lags)
            for k in range(N_SUMS):
                _add(sums, uint64(k * n_lags), padded, uint64(oldest), -turned[k, oldest], uint64(n_pairs))
        if n_sounding == 0:
            sums[:] = 0.0


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _add(sums: np.ndarray, start: np.uint64, values: np.ndarray, first: np.uint64, factor: float, n: np.uint64) -> None:
    """Add `n` values from `first` on, times a factor, to sums from `start` on; unsigned places run in vectors."""
    for k in range(n):
        sums[start + k] += factor * values[first + k]


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _autocorrelate(sums: np.ndarray, turns: np.ndarray, frame: int, row: np.ndarray) -> None:
    """Fill `row` with the autocorrelation around `frame`, times four, by the formula above."""
    n_lags = len(row)
    plain, real, imaginary = sums[:n_lags], sums[n_lags : 2 * n_lags], sums[2 * n_lags : 3 * n_lags]
    real_twice, imaginary_twice = sums[3 * n_lags : 4 * n_lags], sums[4 * n_lags :]
    cosine, sine = turns[0], turns[1]
    c, s, c_twice, s_twice = turns[0, frame], turns[1, frame], turns[2, frame], turns[3, frame]
    for lag in range(n_lags):
        k, sign = cosine[lag], sine[lag]
        value = (1.0 + 0.5 * k) * plain[lag]
        value -= (1.0 + k) * (real[lag] * c + imaginary[lag] * s)
        value += sign * (imaginary[lag] * c - real[lag] * s)
        value += 0.5 * k * (real_twice[lag] * c_twice + imaginary_twice[lag] * s_twice)
        value -= 0.5 * sign * (imaginary_twice[lag] * c_twice - real_twice[lag] * s_twice)
        row[lag] = value
