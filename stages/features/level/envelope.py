"""The envelope of a clip's sounding part: how it begins, where its energy lies, how much of it is loud.

The envelope is the root mean square of the sound in a window around each STEP_S, as far as the window lies inside the
sound. Thresholds are relative to its greatest value, so no number here depends on the sound's level.

    log_attack_time      log10 of the seconds from the last time it is below 20 % until it first reaches 90 %, at least
                         STEP_S (Peeters, 2004, section 4.1; LogAttackTime of MPEG-7 audio); a window of 25 ms cannot
                         show one below 20 ms
    temporal_centroid    sum(t x^2) / sum(x^2) over the samples x at times t (Peeters, 2004, section 4.3)
    effective_duration   how long it is at 40 % or more (Peeters, 2004, section 4.4)

Of the levels of frames, in dB, gated as in the loudness range of EBU Tech 3342: those from ABSOLUTE_GATE_DB on count,
and of these those from their mean power less RELATIVE_GATE_DB on.

    dynamic_range        from the 10th to the 95th percentile of those that count; 0 where none does
    pause_share          share of those that do not count
"""

import math

import numpy as np
from numba import njit

from stages.features.arithmetic import FINITE_SUMS, quantile

N_NUMBERS = 5
LOG_ATTACK, CENTROID, DURATION, RANGE, PAUSES = range(N_NUMBERS)
STEP_S = 0.001
ATTACK_FROM, ATTACK_TO, EFFECTIVE = 0.2, 0.9, 0.4
ABSOLUTE_GATE_DB, RELATIVE_GATE_DB = -70.0, -20.0
LOW_SHARE, HIGH_SHARE = 0.10, 0.95


def envelope_numbers(samples: np.ndarray, levels_db: np.ndarray, window: int, sample_rate: int) -> np.ndarray:
    """Return the numbers above of one sound, samples (n_samples,) and the levels of its frames: (5,) float32.

    `window` in samples. Of silence, or of no sample at all: log10(STEP_S), 0, 0, 0, 1.
    """
    step = max(round(STEP_S * sample_rate), 1)
    out = np.empty(N_NUMBERS, np.float32)
    _fill_shape(samples, window, step, step / sample_rate, 1 / sample_rate, out)
    _fill_spread(np.sort(levels_db), out)
    return out


@njit(nogil=True, cache=True)
def _fill_shape(samples: np.ndarray, window: int, step: int, step_s: float, sample_s: float, out: np.ndarray) -> None:
    """Fill the numbers of the envelope."""
    powers, out[CENTROID] = _powers(samples, window, step), _centroid(samples) * sample_s
    greatest = 0.0
    for power in powers:
        greatest = max(greatest, power)
    begin, end, n_loud = 0, 0, 0
    if greatest > 0.0:
        while powers[end] < ATTACK_TO**2 * greatest:
            begin = end if powers[end] < ATTACK_FROM**2 * greatest else begin
            end += 1
        for power in powers:
            n_loud += power >= EFFECTIVE**2 * greatest
    out[LOG_ATTACK] = math.log10(max(end - begin, 1) * step_s)
    out[DURATION] = min(n_loud * step, len(samples)) * sample_s


@njit(nogil=True, cache=True)
def _powers(samples: np.ndarray, window: int, step: int) -> np.ndarray:
    """Return the mean square in a window around each step: (n_steps,) float64."""
    n_steps = -(-len(samples) // step)
    energies = np.zeros(n_steps)
    for place in range(n_steps):
        energies[place] = energy(samples[place * step : (place + 1) * step])
    # As many whole steps on either side as come nearest to the window.
    reach = (window // step) // 2
    powers = np.empty(n_steps)
    for place in range(n_steps):
        first, stop = max(place - reach, 0), min(place + reach + 1, n_steps)
        powers[place] = energies[first:stop].sum() / (min(stop * step, len(samples)) - first * step)
    return powers


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def energy(samples: np.ndarray) -> float:
    """Return the sum of squares of samples (n,), in float64."""
    total = 0.0
    for k in range(len(samples)):
        total += float(samples[k]) ** 2
    return total


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _centroid(samples: np.ndarray) -> float:
    """Return the mean place of the samples, weighted by their square; 0 in silence."""
    total, first = 0.0, 0.0
    for k in range(len(samples)):
        square = float(samples[k]) ** 2
        total += square
        first += k * square
    return first / total if total > 0.0 else 0.0


@njit(nogil=True, cache=True)
def _fill_spread(ascending_db: np.ndarray, out: np.ndarray) -> None:
    """Fill the numbers of the levels, which ascend."""
    n, first, power = len(ascending_db), 0, 0.0
    while first < n and ascending_db[first] < ABSOLUTE_GATE_DB:
        first += 1
    for level_db in ascending_db[first:]:
        power += 10.0 ** (level_db / 10.0) / (n - first)
    while first < n and ascending_db[first] < 10.0 * math.log10(power) + RELATIVE_GATE_DB:
        first += 1
    counting = ascending_db[first:]
    out[PAUSES] = first / n
    out[RANGE] = quantile(counting, HIGH_SHARE) - quantile(counting, LOW_SHARE) if len(counting) else 0.0
