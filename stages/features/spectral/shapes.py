"""The pass over spectra behind the family `spectral`; its docstring has the definitions."""

import math

import numpy as np
from numba import njit

from stages.features.arithmetic import DB_PER_NEPER, FINITE_SUMS

N_SHAPES = 14
CENTROID, BANDWIDTH, ROLLOFF, FLATNESS, ENTROPY, FLUX, SLOPE, CREST = range(8)
SKEWNESS, KURTOSIS, POLY_0, POLY_1, DECREASE, IRREGULARITY = range(8, N_SHAPES)
# Bins that are added up at once on the way to the rolloff.
STRIDE = 32


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def fill_shapes(
    magnitude: np.ndarray,
    log_magnitude: np.ndarray,
    before: np.ndarray,
    frequencies: np.ndarray,
    rolloff_share: float,
    amin: float,
    out: np.ndarray,
) -> None:
    """Fill the first N_SHAPES of `out` (n_frames, n_dims) from magnitude (n_frames, n_bins) float32.

    `log_magnitude` is the natural logarithm of the magnitude, -inf where that is 0, `before` (n_bins,) the magnitude in
    the frame before the first. Each spectrum is looked at while it is in the cache; sums in float64.
    """
    middle_hz = frequencies.mean()
    deviations = frequencies - middle_hz
    spread_hz2 = (deviations**2).sum()
    reciprocals = np.zeros(len(frequencies))
    reciprocals[1:] = 1.0 / np.arange(1, len(frequencies))
    harmonic = reciprocals.sum()
    log_amin, log_bins = math.log(amin), math.log(len(frequencies))
    greatest = _greatest(magnitude)
    total_before = before.sum()
    sums = np.empty(-(-len(frequencies) // STRIDE))
    for frame in range(len(magnitude)):
        numbers, here = out[frame], magnitude[frame]
        total = _sum_strides(here, sums)
        numbers[ROLLOFF] = frequencies[_bin_at(here, sums, rolloff_share * total)] if total > 0.0 else 0.0
        tilt = _fill_moments(here, total, frequencies, numbers) - middle_hz * total
        # Deviations of the frequencies sum to zero: so do their products with the mean magnitude.
        numbers[POLY_0] = tilt / spread_hz2
        numbers[POLY_1] = total / len(here) - middle_hz * tilt / spread_hz2
        tilt = _fill_powers(here, log_magnitude[frame], greatest[frame], deviations, amin, log_amin, log_bins, numbers)
        numbers[SLOPE] = 1000.0 * DB_PER_NEPER * tilt / spread_hz2
        fall = _fill_differences(here, total, before, total_before, reciprocals, numbers)
        above = total - here[0]
        numbers[DECREASE] = (fall - harmonic * here[0]) / above if above > 0.0 else 0.0
        before, total_before = here, total


@njit(nogil=True, cache=True)
def _greatest(magnitude: np.ndarray) -> np.ndarray:
    """Return the greatest of each frame, (n_frames,) float32.

    Magnitudes are no less than zero, so they stand in the order of their bits; the compiler finds the greatest integer
    in vectors, but no float.
    """
    bits = magnitude.view(np.int32)
    out = np.empty(len(bits), np.int32)
    for frame in range(len(bits)):
        here = bits[frame]
        greatest = here[0]
        for k in range(len(here)):
            greatest = max(greatest, here[k])
        out[frame] = greatest
    return out.view(np.float32)


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _sum_strides(magnitude: np.ndarray, sums: np.ndarray) -> float:
    """Fill `sums` with those of STRIDE bins each, the last of what is left, and return their sum."""
    total = 0.0
    for place in range(len(sums)):
        part = magnitude[place * STRIDE : (place + 1) * STRIDE]
        of_part = 0.0
        for k in range(len(part)):
            of_part += part[k]
        sums[place] = of_part
        total += of_part
    return total


@njit(nogil=True, cache=True)
def _bin_at(magnitude: np.ndarray, sums: np.ndarray, threshold: float) -> int:
    """Return the first bin at which the running sum of magnitudes reaches the threshold, the last at most."""
    place, running = 0, 0.0
    while place + 1 < len(sums) and running + sums[place] < threshold:
        running += sums[place]
        place += 1
    k = place * STRIDE
    running += magnitude[k]
    while running < threshold and k + 1 < len(magnitude):
        k += 1
        running += magnitude[k]
    return k


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _fill_moments(magnitude: np.ndarray, total: float, frequencies: np.ndarray, numbers: np.ndarray) -> float:
    """Fill the moments of frequency weighted by magnitude; return the sum of frequency times magnitude."""
    scale = 1.0 / total if total > 0.0 else 0.0
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for k in range(len(magnitude)):
        first += frequencies[k] * magnitude[k]
    centroid = first * scale
    for k in range(len(magnitude)):
        away = frequencies[k] - centroid
        square = away * away * magnitude[k]
        second += square
        third += square * away
        fourth += square * away * away
    variance = second * scale
    bandwidth = math.sqrt(variance)
    numbers[CENTROID], numbers[BANDWIDTH] = centroid, bandwidth
    numbers[SKEWNESS] = third * scale / (variance * bandwidth) if variance > 0.0 else 0.0
    numbers[KURTOSIS] = fourth * scale / (variance * variance) if variance > 0.0 else 0.0
    return first


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _fill_powers(
    magnitude: np.ndarray,
    log_magnitude: np.ndarray,
    greatest: float,
    deviations: np.ndarray,
    amin: float,
    log_amin: float,
    log_bins: float,
    numbers: np.ndarray,
) -> float:
    """Fill flatness, entropy and crest; return the sum of deviation times log(P)."""
    total, log_total, weighted_log, tilt = 0.0, 0.0, 0.0, 0.0
    for k in range(len(magnitude)):
        power, log_power = float(magnitude[k]) * float(magnitude[k]), 2.0 * log_magnitude[k]
        power, log_power = max(power, amin), max(log_power, log_amin)
        total += power
        log_total += log_power
        weighted_log += power * log_power
        tilt += deviations[k] * log_power
    log_of_total = math.log(total)
    log_of_mean = log_of_total - log_bins
    numbers[FLATNESS] = min(math.exp(log_total / len(magnitude) - log_of_mean), 1.0)
    # With p = P / total: -sum(p log p) = log(total) - sum(P log P) / total.
    numbers[ENTROPY] = min(max((log_of_total - weighted_log / total) / log_bins, 0.0), 1.0)
    numbers[CREST] = max(DB_PER_NEPER * (math.log(max(float(greatest) ** 2, amin)) - log_of_mean), 0.0)
    return tilt


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _fill_differences(
    magnitude: np.ndarray,
    total: float,
    before: np.ndarray,
    total_before: float,
    reciprocals: np.ndarray,
    numbers: np.ndarray,
) -> float:
    """Fill flux and irregularity, a silent spectrum being all zeros; return the sum of magnitude over bin number."""
    scale = np.float32(1.0 / total if total > 0.0 else 0.0)
    scale_before = np.float32(1.0 / total_before if total_before > 0.0 else 0.0)
    changes, squares, steps, fall = np.float32(0.0), np.float32(0.0), magnitude[-1] * magnitude[-1], 0.0
    for k in range(len(magnitude)):
        change = scale * magnitude[k] - scale_before * before[k]
        changes += change * change
        squares += magnitude[k] * magnitude[k]
    later = magnitude[1:]
    for k in range(len(later)):
        step = later[k] - magnitude[k]
        steps += step * step
    for k in range(len(magnitude)):
        fall += magnitude[k] * reciprocals[k]
    numbers[FLUX] = math.sqrt(changes)
    numbers[IRREGULARITY] = steps / squares if squares > 0.0 else 0.0
    return fall
