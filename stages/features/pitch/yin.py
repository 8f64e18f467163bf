"""Periods by YIN (de Cheveigne and Kawahara, 2002), equal to `librosa.yin` computed in float64.

A frame of W samples is compared with itself, shifted by each lag k and followed by zeros:

    a(k) = sum_{n < W - k} x[n] x[n + k]
    d(k) = sum_{n < W} (x[n] - x[n + k])^2 = 2 a(0) - 2 a(k) - sum_{n < k} x[n]^2; librosa's d(1) is larger by x[0]^2
    r(k) = d(k) k / sum_{1 <= j <= k} d(j); 0 in silence

The period is the first local minimum of r below the threshold, else the lowest of all, moved to the vertex of the
parabola through it and its neighbours where that is less than a lag away.

Each product x[n] x[n + k] is computed once, whatever hop and W: with p(k, m) = sum_{n < m} x[n] x[n + k], a frame from
s to e has a(k) = p(k, e - k) - p(k, s). Of samples of 16 bits these sums are exact in float64, so neither their order
nor what came before changes them. Other samples are rounded: seen 140 dB below what came before, and not above.
"""

import numpy as np
import torch
from numba import njit

from stages.features.pitch.lanes import N_LANES, fused, lanes, load, store, where_less

PERIOD, BEFORE, AT, AFTER, POWER, TOTAL = range(6)
N_FOUND = 6
LAGS = 8  # a tile: as many running sums as stay in registers
TINY = np.finfo(np.float64).tiny
ROWS = 32_768  # samples of a stretch, 2 MB for eight clips


def periods(samples: np.ndarray, frame: int, hop: int, shortest: int, longest: int, threshold: float) -> np.ndarray:
    """Return what is found in each frame: (n_clips, n_frames, 6) float64.

        PERIOD               samples, from `shortest` to `longest`
        BEFORE, AT, AFTER    a(k - 1), a(k), a(k + 1) at the whole lag k nearest to the period
        POWER, TOTAL         a(0) and the sum of the frame's samples

    `samples` (n_clips, n_samples) float32. Frame t holds the `frame` samples, an even number, around t * hop, zeros
    outside the clip. 1 < shortest < longest < frame.
    """
    n_clips, n_samples = samples.shape
    n_frames = 1 + n_samples // hop
    n_at_once = max((ROWS - frame) // hop, 1)
    found = np.empty((n_frames, N_FOUND, n_clips))
    for first_clip in range(0, n_clips, N_LANES):
        clips = slice(first_clip, first_clip + N_LANES)
        n_here = len(samples[clips])
        for first in range(0, n_frames, n_at_once):
            n = min(n_at_once, n_frames - first)
            start = first * hop - frame // 2
            rows = torch.empty((n - 1) * hop + frame + LAGS, N_LANES, dtype=torch.float64).numpy()
            sound = max(-start, 0), min(n_samples - start, len(rows))
            _fill_rows(samples[clips], start, *sound, rows)
            of_rows = np.empty((n, N_FOUND, N_LANES))
            _fill_found(rows, *sound, frame, hop, shortest, longest, threshold, of_rows)
            found[first : first + n, :, clips] = of_rows[:, :, :n_here]
    return found.transpose(2, 0, 1)


@njit(nogil=True, cache=True)
def _fill_rows(samples: np.ndarray, start: int, first: int, stop: int, rows: np.ndarray) -> None:
    """Fill `rows` (n, 8) with the samples of at most eight clips from `start` on; zeros but for `first` to `stop`."""
    n_clips = len(samples)
    rows[:first] = 0.0
    rows[stop:] = 0.0
    for n in range(first, stop):
        for clip in range(N_LANES):
            rows[n, clip] = samples[min(clip, n_clips - 1), start + n] if clip < n_clips else 0.0


@njit(nogil=True, cache=True)
def _fill_found(
    rows: np.ndarray,
    first_sound: int,
    stop_sound: int,
    frame: int,
    hop: int,
    shortest: int,
    longest: int,
    threshold: float,
    found: np.ndarray,
) -> None:
    """Fill `found` (n_frames, 6, 8), see `periods`; frame t begins at row t * hop; rows outside the sound are zeros.

    Tiles of lags run on by themselves: each has come to the row where the current frame ends for its first lag, and on
    its way has left its sums in `begun` wherever a frame begins. What the later lags of the tile then have too much,
    products with samples from the frame's end on, is `beyond`.
    """
    n_tiles = (longest + 1) // LAGS + 1
    n_pending = frame // hop + 2
    sums, correlation = np.zeros((n_tiles * LAGS, N_LANES)), np.empty((n_tiles * LAGS, N_LANES))
    begun = np.empty((n_pending * n_tiles * LAGS, N_LANES))
    beyond, after_end = np.empty((LAGS, N_LANES)), np.zeros((2 * LAGS - 1, N_LANES))
    place, next_frame = np.zeros(n_tiles, np.int64), np.zeros(n_tiles, np.int64)
    ratio = np.empty((longest + 1, N_LANES))
    total = lanes(0.0)
    for t in range(len(found)):
        begin, end = t * hop, t * hop + frame
        for n in range(max(end - hop if t else 0, first_sound), min(end, stop_sound)):
            total = total + load(rows, n)
        for n in range(max(begin - hop, first_sound), min(begin, stop_sound)):
            total = total - load(rows, n)
        store(found[t], TOTAL, total)
        for n in range(LAGS):
            store(after_end, LAGS - 1 + n, load(rows, end + n))
        for tile in range(n_tiles):
            lag = tile * LAGS
            stop, of_tile = end - lag, sums[lag : lag + LAGS]
            while next_frame[tile] < len(found) and next_frame[tile] * hop <= stop:
                here = next_frame[tile] * hop
                add_products(of_tile, rows, max(place[tile], first_sound), min(here, stop_sound), rows, lag)
                where = (next_frame[tile] % n_pending) * n_tiles * LAGS + lag
                for k in range(LAGS):
                    store(begun, where + k, load(sums, lag + k))
                place[tile] = here
                next_frame[tile] += 1
            add_products(of_tile, rows, max(place[tile], first_sound), min(stop, stop_sound), rows, lag)
            place[tile] = stop
            beyond[:] = 0.0
            add_products(beyond, rows, max(stop - LAGS + 1, begin), stop, after_end, LAGS - 1 - stop)
            where = (t % n_pending) * n_tiles * LAGS + lag
            for k in range(LAGS):
                store(correlation, lag + k, load(sums, lag + k) - load(begun, where + k) - load(beyond, k))
        _fill_lowest(correlation, rows, begin, shortest, longest, threshold, ratio, found[t])


@njit(nogil=True, cache=True)
def add_products(sums: np.ndarray, early: np.ndarray, start: int, stop: int, late: np.ndarray, lag: int) -> None:
    """Add to the eight rows of `sums`: sum over start <= n < stop of early[n] late[n + lag + 0..7]."""
    s0, s1, s2, s3 = load(sums, 0), load(sums, 1), load(sums, 2), load(sums, 3)
    s4, s5, s6, s7 = load(sums, 4), load(sums, 5), load(sums, 6), load(sums, 7)
    for n in range(start, stop):
        sample, shifted = load(early, n), n + lag
        s0 = fused(sample, load(late, shifted), s0)
        s1 = fused(sample, load(late, shifted + 1), s1)
        s2 = fused(sample, load(late, shifted + 2), s2)
        s3 = fused(sample, load(late, shifted + 3), s3)
        s4 = fused(sample, load(late, shifted + 4), s4)
        s5 = fused(sample, load(late, shifted + 5), s5)
        s6 = fused(sample, load(late, shifted + 6), s6)
        s7 = fused(sample, load(late, shifted + 7), s7)
    store(sums, 0, s0)
    store(sums, 1, s1)
    store(sums, 2, s2)
    store(sums, 3, s3)
    store(sums, 4, s4)
    store(sums, 5, s5)
    store(sums, 6, s6)
    store(sums, 7, s7)


@njit(nogil=True, cache=True)
def _fill_lowest(
    correlation: np.ndarray,
    rows: np.ndarray,
    begin: int,
    shortest: int,
    longest: int,
    threshold: float,
    ratio: np.ndarray,
    found: np.ndarray,
) -> None:
    """Fill PERIOD to POWER of a frame's `found` (6, 8) from its `correlation`; `ratio` is workspace."""
    none, two, tiny, limit = lanes(np.inf), lanes(2.0), lanes(TINY), lanes(threshold)
    energy, whole, sample = lanes(0.0), load(correlation, 0), load(rows, begin)
    total = sample * sample
    lowest, at_lowest, first_dip = none, none, none
    earlier, before = none, none
    for k in range(1, longest + 1):
        sample = load(rows, begin + k - 1)
        energy = fused(sample, sample, energy)
        difference = two * (whole - load(correlation, k)) - energy
        total += difference
        if k >= shortest:
            lag = lanes(float(k))
            now = difference * lag / (total + tiny)
            store(ratio, k, now)
            at_lowest = where_less(now, lowest, lag, at_lowest)
            lowest = where_less(now, lowest, now, lowest)
            dip = where_less(now, before, none, where_less(before, earlier, lag - lanes(1.0), none))
            dip = where_less(before, limit, dip, none)
            first_dip = where_less(dip, first_dip, dip, first_dip)
            earlier, before = before, now
    dip = where_less(before, limit, where_less(before, earlier, lanes(float(longest)), none), none)
    first_dip = where_less(dip, first_dip, dip, first_dip)
    store(found, PERIOD, where_less(first_dip, none, first_dip, at_lowest))
    store(found, POWER, whole)
    for lane in range(N_LANES):
        k = int(found[PERIOD, lane])
        if shortest < k < longest:
            slope = 0.5 * (ratio[k + 1, lane] - ratio[k - 1, lane])
            curvature = ratio[k + 1, lane] + ratio[k - 1, lane] - 2.0 * ratio[k, lane]
            if abs(slope) < abs(curvature):
                found[PERIOD, lane] = k - slope / curvature
        k = round(found[PERIOD, lane])
        found[BEFORE, lane], found[AT, lane] = correlation[k - 1, lane], correlation[k, lane]
        found[AFTER, lane] = correlation[k + 1, lane]
