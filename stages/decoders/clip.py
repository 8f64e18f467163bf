"""A recording -> clips: cut in windows, int16, padded at the end, and measured."""

import math

import numpy as np

from stages.tables.clips import FULL_SCALE

LOWEST_DBFS = -120.0
HIGHEST = int(FULL_SCALE) - 1


def window_starts(n_samples: int, n_clip: int, hop: int) -> list[int]:
    """Return where windows of `n_clip` samples begin: every `hop`, and one that ends with the recording.

    A recording no longer than a window gives one, at 0.
    """
    if n_samples <= n_clip:
        return [0]
    last = n_samples - n_clip
    starts = list(range(0, last + 1, hop))
    return starts if starts[-1] == last else [*starts, last]


def as_clip(sound: np.ndarray, gain_db: float = 0.0) -> np.ndarray:
    """Return `sound` (n,), int16 or float32 of full scale 1.0, scaled by `gain_db`, as saturated int16."""
    if sound.dtype == np.int16 and gain_db == 0.0:
        return sound
    full_scale = 1.0 if sound.dtype == np.int16 else FULL_SCALE
    scaled = sound * np.float32(full_scale * 10.0 ** (gain_db / 20.0))
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -FULL_SCALE, HIGHEST, out=scaled).astype(np.int16)


def level(clip: np.ndarray) -> tuple[float, float, float]:
    """Return peak (full scale 1), RMS (dBFS, at least -120) and the share of samples at full scale of int16 sound."""
    peak = max(int(np.maximum.reduce(clip)), -int(np.minimum.reduce(clip)))
    wide = clip.astype(np.float64)
    power = float(np.dot(wide, wide)) / (len(wide) * FULL_SCALE**2)
    rms_dbfs = max(10.0 * math.log10(power), LOWEST_DBFS) if power > 0.0 else LOWEST_DBFS
    n_clipped = np.count_nonzero(np.abs(wide) >= HIGHEST) if peak >= HIGHEST else 0
    return peak / FULL_SCALE, rms_dbfs, n_clipped / len(wide)
