"""level: how loud a frame is and how often it changes sign, from its samples alone.

The frame is rectangular, `window_s` long, zeros outside the clip. dBFS as in clips: 0 dB is a full-scale square wave, a
full-scale sine is -3.01 dB; nothing is below `floor_db`. The rate of zero crossings is librosa's: the share of a
frame's samples whose sign differs from the one before them in the frame, magnitudes up to 1e-10 being positive zeros.
"""

import math

import numpy as np
import torch
from numba import njit
from pydantic import NegativeFloat

from stages.features.family import Computation, Dimension
from stages.features.stft import Framing
from stages.params import Section

RMS, PEAK, CREST, CROSSINGS = range(4)
N_DIMS = 4
NO_SIGN = np.float32(-1e-10)
# Lets the compiler sum in vectors; samples are finite.
FINITE_SUMS = {"reassoc", "contract", "nnan", "nsz"}


class Params(Section):
    """Section extract.families.level."""

    floor_db: NegativeFloat
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number is."""
    return (
        Dimension("rms", "dBFS", f"root mean square, at least {params.floor_db:g} dBFS"),
        Dimension("peak", "dBFS", f"greatest magnitude of a sample, at least {params.floor_db:g} dBFS"),
        Dimension("crest", "dB", "peak over root mean square; 0 where both are at the floor"),
        Dimension("zero_crossings", "", "share of the samples whose sign differs from that of the sample before"),
    )


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers above for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, 4)."""

    def frames(samples: torch.Tensor) -> torch.Tensor:
        out = np.empty((len(samples), framing.n_frames(samples.shape[1]), N_DIMS), np.float32)
        levels(samples.numpy(), framing.window, framing.hop, params.floor_db, out)
        return torch.from_numpy(out)

    return frames


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def levels(samples: np.ndarray, window: int, hop: int, floor_db: float, out: np.ndarray) -> None:
    """Fill `out` (n_clips, n_frames, 4) from samples (n_clips, n_samples); sums in float64."""
    floor = 10.0 ** (floor_db / 20.0)
    n_clips, n_samples = samples.shape
    for clip in range(n_clips):
        for frame in range(out.shape[1]):
            start = frame * hop - window // 2
            inside = samples[clip, max(start, 0) : min(start + window, n_samples)]
            energy, peak = 0.0, np.float32(0.0)
            for k in range(len(inside)):
                energy += float(inside[k]) * float(inside[k])
                peak = max(peak, abs(inside[k]))
            n_crossings, later = 0, inside[1:]
            for k in range(len(later)):
                n_crossings += (later[k] < NO_SIGN) != (inside[k] < NO_SIGN)
            rms_db = 20.0 * math.log10(max(math.sqrt(energy / window), floor))
            peak_db = 20.0 * math.log10(max(float(peak), floor))
            out[clip, frame, RMS], out[clip, frame, PEAK] = rms_db, peak_db
            out[clip, frame, CREST] = max(peak_db - rms_db, 0.0)
            out[clip, frame, CROSSINGS] = n_crossings / window
