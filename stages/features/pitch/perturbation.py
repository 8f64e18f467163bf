"""Jitter and shimmer: how much neighbouring glottal periods T_i and their amplitudes A_i differ.

As MDVP and Praat define them, over neighbours that differ by no more than a factor given, one for periods and one for
amplitudes; beyond it the voice broke off or a mark is wrong.

    jitter local    mean |T_i - T_(i-1)| / mean T
    jitter RAP      mean |T_i - mean of T_(i-1)..T_(i+1)| / mean T
    jitter PPQ5     mean |T_i - mean of T_(i-2)..T_(i+2)| / mean T
    shimmer local   mean |A_i - A_(i-1)| / mean A, and in dB: mean |20 log10(A_i / A_(i-1))|
    shimmer APQ3    mean |A_i - mean of A_(i-1)..A_(i+1)| / mean A

They are numbers of a clip, since a period is not a frame: 40 ms of a low voice hold three or four, too few for PPQ5,
and frames of a short hop would share most of theirs.
"""

import math

import numpy as np
from numba import njit

from stages.features.pitch.periods import AMPLITUDE, PLACE

JITTER_LOCAL, JITTER_RAP, JITTER_PPQ5, SHIMMER_LOCAL, SHIMMER_APQ3, SHIMMER_DB, N_PERIODS = range(7)
N_NUMBERS = 7


@njit(nogil=True, cache=True)
def fill_perturbations(marks: np.ndarray, period_factor: float, amplitude_factor: float, numbers: np.ndarray) -> None:
    """Fill `numbers` (N_NUMBERS,) from the marks of `periods.fill_marks`; NaN where too few follow each other."""
    amplitudes = marks[:, AMPLITUDE].copy()
    lengths = marks[1:, PLACE] - marks[:-1, PLACE]
    numbers[JITTER_LOCAL] = _local(lengths, period_factor, False)
    numbers[JITTER_RAP] = _around(lengths, 3, period_factor)
    numbers[JITTER_PPQ5] = _around(lengths, 5, period_factor)
    numbers[SHIMMER_LOCAL] = _local(amplitudes, amplitude_factor, False)
    numbers[SHIMMER_DB] = _local(amplitudes, amplitude_factor, True)
    numbers[SHIMMER_APQ3] = _around(amplitudes, 3, amplitude_factor)
    numbers[N_PERIODS] = len(lengths) - np.sum(np.isnan(lengths))


@njit(nogil=True, cache=True)
def _local(values: np.ndarray, factor: float, in_db: bool) -> float:
    """Return the mean change from one to the next over the mean value, or in dB; NaN if there is none."""
    change, n = 0.0, 0
    for later in range(1, len(values)):
        if _steady(values, later - 1, later, factor):
            before, now = values[later - 1], values[later]
            change += abs(20.0 * math.log10(now / before)) if in_db else abs(now - before)
            n += 1
    if n == 0:
        return math.nan
    return change / n if in_db else change / n / np.nanmean(values)


@njit(nogil=True, cache=True)
def _around(values: np.ndarray, width: int, factor: float) -> float:
    """Return the mean deviation from the mean of `width` neighbours, over the mean value; NaN if there is none."""
    deviation, n = 0.0, 0
    for first in range(len(values) - width + 1):
        if _steady(values, first, first + width - 1, factor):
            total = 0.0
            for place in range(first, first + width):
                total += values[place]
            deviation += abs(values[first + width // 2] - total / width)
            n += 1
    return deviation / n / np.nanmean(values) if n else math.nan


@njit(nogil=True, cache=True)
def _steady(values: np.ndarray, first: int, last: int, factor: float) -> bool:
    """Return whether each value is the one before it up to `factor`, larger or smaller; never where one is NaN."""
    for later in range(first + 1, last + 1):
        before, now = values[later - 1], values[later]
        if not (0.0 < now <= factor * before and before <= factor * now):
            return False
    return True
