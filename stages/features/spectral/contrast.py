"""Spectral contrast (Jiang et al., 2002): per octave band, how far its loudest bins stand above its softest.

The mean S of each in dB, 10 log10(max(S, amin)), raised to at least its own maximum over the clip's frames and bands
minus `top_db`, as librosa does; then their difference. So in digital silence within a clip it is constant, but not 0.
"""

import math
from itertools import pairwise

import numpy as np
from numba import njit

from stages.features.arithmetic import DB_PER_NEPER
from stages.features.family import FeatureError

# Beyond the bits of every magnitude.
ABOVE_ALL, BELOW_ALL = np.int32(2**31 - 1), np.int32(-1)


def octaves(fmin_hz: float, n_octaves: int) -> np.ndarray:
    """Return the corners of the bands: 0, fmin, 2 fmin, 4 fmin, ... Hz; one band below fmin, then `n_octaves`."""
    return np.concatenate([[0.0], fmin_hz * 2.0 ** np.arange(n_octaves + 1)])


def contrast_bands(frequencies: np.ndarray, fmin_hz: float, n_octaves: int, share: float) -> np.ndarray:
    """Return first bin, bin after the last, and number of extreme bins to average: (n_bands, 3) int64.

    The bins of librosa: an octave band takes its corners and the bin below, and leaves its last bin to the next band;
    the share is of the bins before that one is left. The topmost band goes on to half the sample rate.
    """
    corners = octaves(fmin_hz, n_octaves)
    if corners[-2] >= frequencies[-1]:
        raise FeatureError(
            f"params.yaml: extract.families.spectral.contrast_bands is {n_octaves}: the last begins at "
            f"{corners[-2]:g} Hz, expected below {frequencies[-1]:g} Hz, half the sample rate; take fewer or a lower "
            f"contrast_fmin_hz"
        )
    bands = []
    for band, (low, high) in enumerate(pairwise(corners)):
        first = np.searchsorted(frequencies, low) - (band > 0)
        last = band + 2 == len(corners)
        stop = len(frequencies) if last else np.searchsorted(frequencies, high, side="right")
        n_extreme = max(round(share * (stop - first)), 1)
        bands.append((first, stop if last else stop - 1, n_extreme))
    bands_of_bins = np.array(bands, np.int64)
    if (bands_of_bins[:, 1] <= bands_of_bins[:, 0]).any():
        raise FeatureError(
            f"params.yaml: extract.families.spectral.contrast_fmin_hz is {fmin_hz}: a band holds no bin of n_fft "
            f"{2 * (len(frequencies) - 1)}; raise either"
        )
    return bands_of_bins


@njit(nogil=True, cache=True)
def fill_contrasts(high: np.ndarray, low: np.ndarray, amin: float, top_db: float, out: np.ndarray) -> None:
    """Fill `out` (n_frames, n_bands), dB, from the means of a clip's loudest and softest bins, of the same shape."""
    below = 10.0 ** (-top_db / 10.0)
    high_floor, low_floor = max(high.max() * below, amin), max(low.max() * below, amin)
    for frame in range(len(out)):
        for band in range(out.shape[1]):
            loud, soft = max(float(high[frame, band]), high_floor), max(float(low[frame, band]), low_floor)
            out[frame, band] = DB_PER_NEPER * math.log(loud / soft)


@njit(nogil=True, cache=True)
def fill_extremes(magnitude: np.ndarray, bands: np.ndarray, high: np.ndarray, low: np.ndarray) -> None:
    """Fill the mean S of the loudest and the softest bins, (n_frames, n_bands), from magnitude (n_frames, n_bins).

    Magnitudes are no less than zero, so they stand in the order of their bits; the compiler finds the greatest integer
    in vectors, but no float.
    """
    bits, high_bits, low_bits = magnitude.view(np.int32), high.view(np.int32), low.view(np.int32)
    ends = np.empty(2, np.int32)
    for frame in range(len(bits)):
        for band in range(len(bands)):
            first, stop, n_extreme = bands[band]
            inside = bits[frame, first:stop]
            if n_extreme == 1:
                high_bits[frame, band], low_bits[frame, band] = _ends(inside)
            else:
                high[frame, band], low[frame, band] = _means_of_ends(inside, n_extreme, ends)


@njit(nogil=True, cache=True)
def _means_of_ends(bits: np.ndarray, n: int, ends: np.ndarray) -> tuple[float, float]:
    """Return the means of the `n` greatest and the `n` least floats of these bits; `ends` is workspace for two.

    From one value to the next, each as often as it occurs: passes without a branch, and few, beat sorting.
    """
    values = ends.view(np.float32)
    ends[0], ends[1] = _ends(bits)
    left_high, left_low, high, low = n, n, 0.0, 0.0
    while left_high > 1 or left_low > 1:
        greatest, least, n_high, n_low = _next_ends(bits, ends[0], ends[1])
        now_high, now_low = min(int(n_high), left_high), min(int(n_low), left_low)
        # One side may be done before the other, and then at its end, where `values` holds no float.
        high += now_high * values[0] if now_high else 0.0
        low += now_low * values[1] if now_low else 0.0
        left_high, left_low = left_high - now_high, left_low - now_low
        ends[0], ends[1] = greatest, least
    high += values[0] if left_high else 0.0
    low += values[1] if left_low else 0.0
    return high / n, low / n


@njit(nogil=True, cache=True)
def _ends(bits: np.ndarray) -> tuple[np.int32, np.int32]:
    """Return the greatest and the least value."""
    greatest, least = bits[0], bits[0]
    for k in range(len(bits)):
        greatest, least = max(greatest, bits[k]), min(least, bits[k])
    return greatest, least


@njit(nogil=True, cache=True)
def _next_ends(bits: np.ndarray, high: np.int32, low: np.int32) -> tuple[np.int32, np.int32, np.int32, np.int32]:
    """Return the greatest value below `high`, the least above `low`, and how often these two occur."""
    greatest, least, n_high, n_low = BELOW_ALL, ABOVE_ALL, np.int32(0), np.int32(0)
    for k in range(len(bits)):
        greatest = max(greatest, bits[k] if bits[k] < high else BELOW_ALL)
        least = min(least, bits[k] if bits[k] > low else ABOVE_ALL)
        n_high += np.int32(bits[k] == high)
        n_low += np.int32(bits[k] == low)
    return greatest, least, n_high, n_low
