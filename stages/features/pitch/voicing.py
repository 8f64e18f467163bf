"""Whether a frame is voiced: how little of it fails to repeat after its period, and how loud it is.

With x0 the first W - k samples of a frame and x1 its last W - k, both without their means, the aperiodicity at lag k is

    sum (x0 - x1)^2 / (sum x0^2 + sum x1^2)         0 where the sound repeats, 1 for noise

and 1 where nothing moves, or where the clip begins or ends within two periods: of a frame that reaches beyond the clip
only the part inside counts.

So of a periodic sound with power P in noise of power N it is N / (P + N), without the bias of YIN's normalised
difference, whose last k samples have no partner. Its value at the period is that of the parabola through the three lags
nearest to the period, within 0 and 1.
"""

import math

import numpy as np
from numba import njit

from stages.features.arithmetic import FINITE_SUMS
from stages.features.pitch.yin import BEFORE, PERIOD, POWER, TOTAL

FLAT = 1e-12  # of a frame's power: what moves less is rounding
SILENCE_DBFS = -200.0


def voiced(
    aperiodicity: np.ndarray, level_dbfs: np.ndarray, most_aperiodicity: float, floor_dbfs: float, range_db: float
) -> np.ndarray:
    """Return which frames are voiced, (n_clips, n_frames) bool: periodic, above the floor, near the clip's loudest."""
    loudest = level_dbfs.max(axis=1, keepdims=True)
    return (aperiodicity < most_aperiodicity) & (level_dbfs >= np.maximum(floor_dbfs, loudest - range_db))


def measured(samples: np.ndarray, found: np.ndarray, frame: int, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """Return aperiodicity and level in dBFS of the frames, each (n_clips, n_frames) float64.

    `found` as `yin.periods` gives it. The level is the root mean square of the frame without its mean, 0 dB a
    full-scale square wave; SILENCE_DBFS where nothing moves.
    """
    aperiodicity, level_dbfs = np.empty(found.shape[:2]), np.empty(found.shape[:2])
    _measure(samples, found, frame, hop, aperiodicity, level_dbfs)
    return aperiodicity, level_dbfs


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _measure(
    samples: np.ndarray, found: np.ndarray, frame: int, hop: int, aperiodicity: np.ndarray, level_dbfs: np.ndarray
) -> None:
    shares = np.empty(3)
    for clip in range(found.shape[0]):
        sound = samples[clip]
        for t in range(found.shape[1]):
            begin, end = max(t * hop - frame // 2, 0), min(t * hop - frame // 2 + frame, len(sound))
            total, power = found[clip, t, TOTAL], found[clip, t, POWER]
            moving = power - total * total / (end - begin)
            aperiodicity[clip, t], level_dbfs[clip, t] = 1.0, SILENCE_DBFS
            if moving <= FLAT * power:
                continue
            level_dbfs[clip, t] = 10.0 * math.log10(moving / (end - begin))
            lag = round(found[clip, t, PERIOD]) - 1
            if end - begin < 2 * (lag + 1):
                continue
            tail, tail_power = _sums(sound[end - lag : end])
            head, head_power = _sums(sound[begin : begin + lag])
            early, late, both = total - tail, total - head, 2.0 * power - tail_power - head_power
            for place in range(3):
                n = end - begin - lag - place
                shared = found[clip, t, BEFORE + place] - early * late / n
                moving = both - (early * early + late * late) / n
                shares[place] = 1.0 - 2.0 * shared / moving if moving > FLAT * power else 1.0
                next_tail, next_head = float(sound[begin + n - 1]), float(sound[begin + lag + place])
                early, late = early - next_tail, late - next_head
                both -= next_tail * next_tail + next_head * next_head
            aperiodicity[clip, t] = min(max(_vertex(shares), 0.0), 1.0)


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _sums(samples: np.ndarray) -> tuple[float, float]:
    """Return the sum of the samples and of their squares."""
    total, power = 0.0, 0.0
    for n in range(len(samples)):
        sample = float(samples[n])
        total += sample
        power += sample * sample
    return total, power


@njit(nogil=True, cache=True)
def _vertex(values: np.ndarray) -> float:
    """Return the minimum of the parabola through three neighbours, the middle one where they have none between them."""
    slope, curvature = 0.5 * (values[2] - values[0]), values[0] + values[2] - 2.0 * values[1]
    return values[1] - 0.5 * slope * slope / curvature if abs(slope) < curvature else values[1]
