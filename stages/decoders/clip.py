"""A decoded recording -> clips: one rate, mono, cut in windows, int16, padded at the end, and measured."""

import math
from dataclasses import dataclass

import numpy as np
import soxr

from stages.tables.clips import FULL_SCALE

LOWEST_DBFS = -120.0


@dataclass(frozen=True)
class Clip:
    """One clip: `samples` (n_clip,) int16, of which the first `n_sounding` are sound and the rest padding."""

    samples: np.ndarray
    start: int
    n_sounding: int
    gain_db: float


def to_mono(samples: np.ndarray, rate_hz: int, target_hz: int) -> np.ndarray:
    """Return the mean of the channels at `target_hz`: samples (n, n_channels) float32 -> (n * target / rate,) float32.

    Resampled by soxr at HQ, whose aliases lie 137 dB down; never fewer than one sample.
    """
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float64).astype(np.float32)
    if rate_hz == target_hz:
        return mono
    resampled = soxr.resample(mono, rate_hz, target_hz, quality="HQ")
    return resampled if len(resampled) else mono[:1]


def window_starts(n_samples: int, n_clip: int, hop: int) -> list[int]:
    """Return where windows of `n_clip` samples begin: every `hop`, and one that ends with the recording.

    A recording no longer than a window gives one, at 0.
    """
    if n_samples <= n_clip:
        return [0]
    last = n_samples - n_clip
    starts = list(range(0, last + 1, hop))
    return starts if starts[-1] == last else [*starts, last]


def cut(mono: np.ndarray, start: int, n_clip: int, gain_db: float = 0.0) -> Clip:
    """Return the clip of `n_clip` samples that begins at `start`, scaled by `gain_db`, as saturated int16."""
    piece = mono[start : start + n_clip] * np.float32(FULL_SCALE * 10.0 ** (gain_db / 20.0))
    samples = np.zeros(n_clip, np.int16)
    np.rint(piece, out=piece)
    samples[: len(piece)] = np.clip(piece, -FULL_SCALE, FULL_SCALE - 1, out=piece)
    return Clip(samples, start, len(piece), gain_db)


def level(clip: Clip) -> tuple[float, float, float]:
    """Return peak (full scale 1), RMS (dBFS, at least -120) and the share of samples at full scale, without padding."""
    sound = clip.samples[: clip.n_sounding]
    peak = max(int(sound.max()), -int(sound.min()))
    wide = sound.astype(np.float64)
    power = float(np.dot(wide, wide)) / (len(wide) * FULL_SCALE**2)
    rms_dbfs = max(10.0 * math.log10(power), LOWEST_DBFS) if power > 0.0 else LOWEST_DBFS
    n_clipped = np.count_nonzero(np.abs(wide) >= FULL_SCALE - 1) if peak >= FULL_SCALE - 1 else 0
    return peak / FULL_SCALE, rms_dbfs, n_clipped / len(wide)
