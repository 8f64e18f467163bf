"""Onset strength, how much the bands of a sound rise from one frame to the next, and the onsets where it peaks."""

from dataclasses import dataclass

import numpy as np
import torch
from numba import njit

from stages.features.arithmetic import SMALLEST


def onset_strength(log_mel: torch.Tensor, n_fft: int, hop: int) -> torch.Tensor:
    """Return the mean over bands of what rises since the frame before: (n_clips, n_frames) dB.

    `log_mel` is (n_clips, n_frames, n_mels) dB. Moved later by half an `n_fft` in whole hops, because a frame sees an
    onset as soon as its window reaches it, half a window early; the first frames are 0. Equal to
    `librosa.onset.onset_strength`.
    """
    delay = min(1 + n_fft // (2 * hop), log_mel.shape[1])
    rises = (log_mel[:, 1:] - log_mel[:, :-1]).clamp_(min=0).mean(dim=2)
    return torch.nn.functional.pad(rises[:, : log_mel.shape[1] - delay], (delay, 0))


@dataclass(frozen=True)
class Peaks:
    """What an onset is: places in frames, `delta` as a share of the strength's range over the clip.

    A frame whose strength is the greatest of those from `before_greatest` frames earlier to `after_greatest` later,
    exceeds the mean of those from `before_mean` earlier to `after_mean` later by `delta`, and comes more than `wait`
    after the onset before it (Boeck, Krebs and Schedl, "Evaluating the online capabilities of onset detection methods",
    ISMIR 2012). Equal to `librosa.onset.onset_detect` without backtracking.
    """

    before_greatest: int
    after_greatest: int
    before_mean: int
    after_mean: int
    wait: int
    delta: float


def onsets(strength: np.ndarray, peaks: Peaks) -> np.ndarray:
    """Return the frames of the onsets of a clip of onset strength (n_frames,), in order."""
    lowest = strength.min()
    scaled = (strength - lowest) / (strength.max() - lowest + SMALLEST)
    found = np.empty(len(scaled), np.int64)
    reach = (peaks.before_greatest, peaks.after_greatest, peaks.before_mean, peaks.after_mean)
    return found[: _pick(scaled, *reach, peaks.wait, peaks.delta, found)] if scaled.any() else found[:0]


@njit(nogil=True, cache=True)
def _pick(
    strength: np.ndarray,
    before_greatest: int,
    after_greatest: int,
    before_mean: int,
    after_mean: int,
    wait: int,
    delta: float,
    found: np.ndarray,
) -> int:
    """Fill `found` with onsets, and return how many they are."""
    n_found, earliest = 0, 0
    for frame in range(len(strength)):
        around = strength[max(frame - before_greatest, 0) : frame + after_greatest + 1]
        if frame < earliest or strength[frame] < around.max():
            continue
        around = strength[max(frame - before_mean, 0) : frame + after_mean + 1]
        if strength[frame] >= around.mean() + delta:
            found[n_found] = frame
            n_found, earliest = n_found + 1, frame + wait + 1
    return n_found
