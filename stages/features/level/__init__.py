"""level: how loud a frame is and how often it changes sign, from its samples alone.

The frame is rectangular, `window_s` long, zeros outside the clip. dBFS as in clips: 0 dB is a full-scale square wave, a
full-scale sine is -3.01 dB; nothing is below `floor_db`. The rate of zero crossings is librosa's: the share of a
frame's samples whose sign differs from the one before them in the frame, magnitudes up to 1e-10 being positive zeros.
Of the whole clip it has what the envelope of its sound shows: stages/features/level/envelope.py.
"""

import math

import numpy as np
import torch
from numba import njit

from stages.features.arithmetic import Floor
from stages.features.family import ClipComputation, Computation, Dimension
from stages.features.level.envelope import N_NUMBERS, energy, envelope_numbers
from stages.features.stft import Framing
from stages.params import Section

RMS, PEAK, CREST, CROSSINGS = range(4)
N_DIMS = 4
NO_SIGN = np.float32(-1e-10)
WITHOUT_SIGN = np.int32(2**31 - 1)


class Params(Section):
    """Section extract.families.level."""

    floor_db: Floor
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


def clip_dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number of a clip's sound is."""
    return (
        Dimension(
            "log_attack_time", "", "log10 of the seconds in which the envelope rises from 20 to 90 % of its peak"
        ),
        Dimension("temporal_centroid", "s", "mean time, weighted by energy; 0 in silence"),
        Dimension("effective_duration", "s", "how long the envelope is above 40 % of its peak; 0 in silence"),
        Dimension("dynamic_range", "dB", "from the 10th to the 95th percentile of the levels of frames but pauses"),
        Dimension("pause_share", "", "share of frames more than 20 dB below the mean power, or below -70 dBFS"),
    )


def clip_computation(params: Params, framing: Framing) -> ClipComputation:
    """Return the numbers of the sounding part: samples, frames, n_sounding_samples -> (n_clips, 5)."""

    def numbers(samples: np.ndarray, frames: np.ndarray, n_sounding_samples: np.ndarray) -> np.ndarray:
        out = np.empty((len(samples), N_NUMBERS), np.float32)
        n_frames = framing.n_sounding(n_sounding_samples)
        for clip, n in enumerate(n_sounding_samples):
            levels_db = frames[clip, : n_frames[clip], RMS]
            out[clip] = envelope_numbers(samples[clip, :n], levels_db, framing.window, framing.sample_rate)
        return out

    return numbers


@njit(nogil=True, cache=True)
def levels(samples: np.ndarray, window: int, hop: int, floor_db: float, out: np.ndarray) -> None:
    """Fill `out` (n_clips, n_frames, 4) from samples (n_clips, n_samples); sums in float64."""
    floor = 10.0 ** (floor_db / 20.0)
    n_clips, n_samples = samples.shape
    bits, word = samples.view(np.int32), np.empty(1, np.int32)
    for clip in range(n_clips):
        for frame in range(out.shape[1]):
            start = frame * hop - window // 2
            first, stop = max(start, 0), min(start + window, n_samples)
            inside = samples[clip, first:stop]
            word[0] = _greatest_magnitude(bits[clip, first:stop])
            rms_db = 20.0 * math.log10(max(math.sqrt(energy(inside) / window), floor))
            peak_db = 20.0 * math.log10(max(float(word.view(np.float32)[0]), floor))
            out[clip, frame, RMS], out[clip, frame, PEAK] = rms_db, peak_db
            out[clip, frame, CREST] = max(peak_db - rms_db, 0.0)
            out[clip, frame, CROSSINGS] = _n_crossings(inside) / window


@njit(nogil=True, cache=True)
def _greatest_magnitude(bits: np.ndarray) -> np.int32:
    """Return the bits of the greatest magnitude of the floats with these bits.

    Magnitudes stand in the order of their bits; the compiler finds the greatest integer in vectors, but no float.
    """
    greatest = np.int32(0)
    for k in range(len(bits)):
        greatest = max(greatest, bits[k] & WITHOUT_SIGN)
    return greatest


@njit(nogil=True, cache=True)
def _n_crossings(samples: np.ndarray) -> np.int32:
    later, n_crossings = samples[1:], np.int32(0)
    for k in range(len(later)):
        n_crossings += np.int32((later[k] < NO_SIGN) != (samples[k] < NO_SIGN))
    return n_crossings
