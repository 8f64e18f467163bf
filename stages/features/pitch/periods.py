"""Glottal periods of a clip: the waveform is matched to itself, period by period.

In each run of voiced frames the first mark is the sample of greatest magnitude within half a period of its middle. From
there marks go forth and back: a stretch of the sound one period long around a mark is moved by 0.8 to 1.2 periods,
and the next mark is where its normalised cross-correlation is greatest (waveform matching: Titze and Liang, 1993; as
Praat's `To PointProcess (cc)`). It ends half a hop beyond the run's outermost frames, with the sound, or where nothing
correlates by WEAKEST_MATCH.

A mark's amplitude is the root mean square around it under the window (1 - u^2)^2, u from -1 to 1 over a period.
"""

import math

import numpy as np
from numba import njit

from stages.features.arithmetic import FINITE_SUMS
from stages.features.pitch.subsample import HALF, N_STEPS, fill_steps, peak

PLACE, AMPLITUDE = range(2)
SEARCH = 0.2  # of a period, on either side
WEAKEST_MATCH = 0.3


def margin(longest: float, hop: int) -> int:
    """Return how many zeros `fill_marks` needs on either side of a sound whose periods are at most `longest`."""
    return int(2 * longest) + hop + 2 * HALF + 2


def n_marks_at_most(n_samples: int, n_frames: int, shortest: float) -> int:
    """Return the room `fill_marks` needs: marks are more than half a period apart, and each run takes two more."""
    return int(n_samples / max(0.5 * shortest, 1.0)) + 2 * n_frames + 2


@njit(nogil=True, cache=True)
def fill_marks(
    sound: np.ndarray, periods: np.ndarray, margin: int, hop: int, weights: np.ndarray, marks: np.ndarray
) -> int:
    """Fill `marks` (n, 2) with places in samples and amplitudes, NaN after each run; return how many rows.

    `sound` float32 without its mean, between `margin` zeros on either side; `periods` (n_frames,) float64 in samples,
    NaN in unvoiced frames, frame t at sample margin + t * hop; `weights` of `subsample.step_weights`.
    """
    n_marks, t = 0, 0
    while t < len(periods):
        first = t
        while t < len(periods) and not math.isnan(periods[t]):
            t += 1
        if t > first:
            of_run, origin = periods[first:t], margin + first * hop
            begin = max(origin - hop // 2, margin)
            stop = min(margin + (t - 1) * hop + hop // 2, len(sound) - margin - 1)
            n_marks += _mark_run(sound, of_run, origin, hop, begin, stop, weights, marks[n_marks:])
            marks[n_marks] = math.nan
            n_marks += 1
        t += 1
    return n_marks


@njit(nogil=True, cache=True)
def _mark_run(
    sound: np.ndarray,
    periods: np.ndarray,
    origin: int,
    hop: int,
    begin: int,
    stop: int,
    weights: np.ndarray,
    marks: np.ndarray,
) -> int:
    """Fill the first of `marks` with those of a run from `begin` to `stop`, in order; return how many."""
    middle = 0.5 * (begin + stop)
    period = _period_at(periods, (middle - origin) / hop)
    first = int(middle - 0.5 * period)
    loudest = float(first + np.argmax(np.abs(sound[first : int(middle + 0.5 * period) + 1])))
    n = 0
    for backwards in (True, False):
        place, period = loudest, _period_at(periods, (loudest - origin) / hop)
        if not backwards:
            place = _next_mark(sound, place, period, backwards, weights)
        while place >= begin if backwards else place <= stop:
            marks[n, PLACE] = place
            n += 1
            place = _next_mark(sound, place, _period_at(periods, (place - origin) / hop), backwards, weights)
        for mark in range(n // 2 if backwards else 0):
            other = marks[n - 1 - mark, PLACE]
            marks[n - 1 - mark, PLACE] = marks[mark, PLACE]
            marks[mark, PLACE] = other
    for mark in range(n):
        period = _period_at(periods, (marks[mark, PLACE] - origin) / hop)
        marks[mark, AMPLITUDE] = _amplitude(sound, marks[mark, PLACE], period)
    return n


@njit(nogil=True, cache=True)
def _period_at(periods: np.ndarray, frame: float) -> float:
    """Return the period at a fractional frame, linear between frames, constant beyond the ends."""
    inside = min(max(frame, 0.0), len(periods) - 1.0)
    before = int(inside)
    after = min(before + 1, len(periods) - 1)
    return periods[before] + (inside - before) * (periods[after] - periods[before])


@njit(nogil=True, cache=True)
def _next_mark(sound: np.ndarray, place: float, period: float, backwards: bool, weights: np.ndarray) -> float:
    """Return the mark before or after `place`, more than a sample away; NaN if none matches."""
    length = int(period + 0.5)
    shortest, longest = max(int(period * (1.0 - SEARCH)), 2), math.ceil(period * (1.0 + SEARCH))
    here = int(place + 0.5) - length // 2
    lowest = here - longest if backwards else here + shortest
    stretch, n_lags = sound[here : here + length], longest - shortest + 1
    around = sound[lowest - HALF : lowest + n_lags + HALF + length]
    match = np.empty(n_lags + 2 * HALF)
    _fill_match(stretch, around[HALF:], match[HALF : HALF + n_lags])
    best = HALF + int(np.argmax(match[HALF : HALF + n_lags]))
    if match[best] < WEAKEST_MATCH:
        return math.nan
    # The peak between lags takes some beyond the search, if it is near an end.
    _fill_match(stretch, around[best - HALF :], match[best - HALF : HALF])
    _fill_match(stretch, around[HALF + n_lags :], match[HALF + n_lags : best + HALF + 1])
    steps = np.empty(N_STEPS)
    fill_steps(match[best - HALF :], weights, steps)
    return place + (lowest - HALF + best - here) + peak(steps)[0]


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _fill_match(stretch: np.ndarray, around: np.ndarray, match: np.ndarray) -> None:
    """Fill `match` (n,), which may be empty, with the normalised cross-correlation of `stretch` and around[place:]."""
    if len(match) == 0:
        return
    power, moved_power = 0.0, 0.0
    for n in range(len(stretch)):
        power += float(stretch[n]) * float(stretch[n])
        moved_power += float(around[n]) * float(around[n])
    for place in range(len(match)):
        moved, product = around[place : place + len(stretch)], np.float32(0.0)
        for n in range(len(stretch)):
            product += stretch[n] * moved[n]
        both = power * moved_power
        match[place] = product / math.sqrt(both) if both > 0.0 else 0.0
        entering, leaving = float(around[place + len(stretch)]), float(around[place])
        moved_power = max(moved_power + entering * entering - leaving * leaving, 0.0)


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, forceinline=True)
def _amplitude(sound: np.ndarray, place: float, period: float) -> float:
    """Return the root mean square of the period around `place` under the window (1 - u^2)^2."""
    first, last = math.ceil(place - 0.5 * period), int(place + 0.5 * period)
    inside, power, total = sound[first : last + 1], 0.0, 0.0
    for n in range(len(inside)):
        u = (n + (first - place)) * 2.0 / period
        weight = (1.0 - u * u) ** 2
        total += weight
        power += weight * float(inside[n]) * float(inside[n])
    return math.sqrt(power / total)
