"""The fused pass over spectra behind the family `spectral`; its docstring has the definitions."""

import math

import numpy as np
from numba import njit

N_SINGLE = 8
CENTROID, BANDWIDTH, ROLLOFF, FLATNESS, ENTROPY, FLUX, SLOPE, CREST = range(N_SINGLE)
DB_PER_NEPER = 10 / math.log(10)
# Lets the compiler sum in vectors; power is finite.
FINITE_SUMS = {"reassoc", "contract", "nnan", "nsz"}


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def shapes(
    magnitude: np.ndarray,
    power: np.ndarray,
    log_power: np.ndarray,
    greatest: np.ndarray,
    frequencies: np.ndarray,
    bands: np.ndarray,
    rolloff_share: float,
    amin: float,
    top_db: float,
    out: np.ndarray,
) -> None:
    """Fill `out` (n_frames, N_SINGLE + n_bands) from spectra (n_frames, n_bins) float32.

    `power` is floored at amin, `log_power` its natural logarithm, `greatest` (n_frames,) its maximum in each frame.
    One look at each spectrum while it is in the cache; sums in float64.
    """
    middle_hz = frequencies.mean()
    spread_hz2 = ((frequencies - middle_hz) ** 2).sum()
    softest, loudest = np.empty(len(frequencies), np.float32), np.empty(len(frequencies), np.float32)
    high_db, low_db = np.empty((len(power), len(bands))), np.empty((len(power), len(bands)))
    total_before = 0.0
    for frame in range(len(power)):
        numbers, here = out[frame], magnitude[frame]
        total = _moments(here, frequencies, rolloff_share, numbers)
        _powers(power[frame], log_power[frame], greatest[frame], frequencies, middle_hz, spread_hz2, numbers)
        numbers[FLUX] = _distance(here, total, magnitude[frame - 1], total_before) if frame else 0.0
        for band in range(len(bands)):
            first, stop, n_extreme = bands[band]
            high, low = _extremes(here[first:stop], n_extreme, softest, loudest)
            high_db[frame, band] = 10.0 * math.log10(max(high, amin))
            low_db[frame, band] = 10.0 * math.log10(max(low, amin))
        total_before = total
    high_floor, low_floor = high_db.max() - top_db, low_db.max() - top_db
    out[:, N_SINGLE:] = np.maximum(high_db, high_floor) - np.maximum(low_db, low_floor)


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _moments(magnitude: np.ndarray, frequencies: np.ndarray, rolloff_share: float, numbers: np.ndarray) -> float:
    """Fill centroid, bandwidth and rolloff; return the sum of magnitudes."""
    total, first, second = 0.0, 0.0, 0.0
    for k in range(len(magnitude)):
        total += magnitude[k]
        first += frequencies[k] * magnitude[k]
    if total == 0.0:
        numbers[CENTROID] = numbers[BANDWIDTH] = numbers[ROLLOFF] = 0.0
        return total
    centroid = first / total
    for k in range(len(magnitude)):
        second += (frequencies[k] - centroid) ** 2 * magnitude[k]
    k, running = 0, float(magnitude[0])
    while running < rolloff_share * total and k + 1 < len(magnitude):
        k += 1
        running += magnitude[k]
    numbers[CENTROID], numbers[BANDWIDTH], numbers[ROLLOFF] = centroid, math.sqrt(second / total), frequencies[k]
    return total


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _powers(
    power: np.ndarray,
    log_power: np.ndarray,
    greatest: float,
    frequencies: np.ndarray,
    middle_hz: float,
    spread_hz2: float,
    numbers: np.ndarray,
) -> None:
    """Fill flatness, entropy, slope and crest."""
    n_bins = len(power)
    total, log_total, weighted_log, tilt = 0.0, 0.0, 0.0, 0.0
    for k in range(n_bins):
        total += power[k]
        log_total += log_power[k]
        weighted_log += power[k] * log_power[k]
        tilt += (frequencies[k] - middle_hz) * log_power[k]
    mean = total / n_bins
    numbers[FLATNESS] = min(math.exp(log_total / n_bins) / mean, 1.0)
    # With p = P / total: -sum(p log p) = log(total) - sum(P log P) / total.
    numbers[ENTROPY] = min(max((math.log(total) - weighted_log / total) / math.log(n_bins), 0.0), 1.0)
    numbers[SLOPE] = DB_PER_NEPER * tilt / spread_hz2 * 1000.0
    numbers[CREST] = max(10.0 * math.log10(greatest / mean), 0.0)


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _distance(magnitude: np.ndarray, total: float, before: np.ndarray, total_before: float) -> float:
    """Euclidean distance of two spectra of unit sum; a silent one is all zeros."""
    scale = 1.0 / total if total > 0.0 else 0.0
    scale_before = 1.0 / total_before if total_before > 0.0 else 0.0
    squares = 0.0
    for k in range(len(magnitude)):
        squares += (scale * magnitude[k] - scale_before * before[k]) ** 2
    return math.sqrt(squares)


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _extremes(band: np.ndarray, n_extreme: int, softest: np.ndarray, loudest: np.ndarray) -> tuple[float, float]:
    """Return the means of the `n_extreme` loudest and softest bins; the last two arrays are workspace.

    One of each is found without sorting, which serves the narrow bands, and those are most.
    """
    if n_extreme > 1:
        _sort_extremes(band, n_extreme, softest, loudest)
        return float(loudest[:n_extreme].sum()) / n_extreme, float(softest[:n_extreme].sum()) / n_extreme
    high, low = band[0], band[0]
    for k in range(len(band)):
        high, low = max(high, band[k]), min(low, band[k])
    return float(high), float(low)


@njit(nogil=True, cache=True)
def _sort_extremes(band: np.ndarray, n_extreme: int, softest: np.ndarray, loudest: np.ndarray) -> None:
    """Fill the first `n_extreme` places of `softest`, ascending, and of `loudest`, descending.

    The extremes so far stand sorted; a bin that belongs to them is moved to its place, which few do.
    """
    softest[:n_extreme], loudest[:n_extreme] = np.inf, -np.inf
    for k in range(len(band)):
        value = band[k]
        place = n_extreme - 1
        if value < softest[place]:
            while place > 0 and softest[place - 1] > value:
                softest[place] = softest[place - 1]
                place -= 1
            softest[place] = value
        place = n_extreme - 1
        if value > loudest[place]:
            while place > 0 and loudest[place - 1] < value:
                loudest[place] = loudest[place - 1]
                place -= 1
            loudest[place] = value
