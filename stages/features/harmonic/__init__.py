"""harmonic: how much of a frame is steady tones, and how much is clicks and hiss.

Tones are lines along time in a spectrogram, strokes are lines along frequency. A median over time of the magnitude S
keeps the one (H), a median over frequency the other (P); soft masks share out each bin (Fitzgerald,
"Harmonic/percussive separation using median filtering", DAFx 2010):

    harmonic part    S H^2 / (H^2 + P^2)        percussive part    S P^2 / (H^2 + P^2)        half each where both are 0

as `librosa.decompose.hpss` does with power 2 and margin 1, whose medians are 31 frames and 31 bins wide. Here widths
are said in seconds and hertz, and taken to the nearest odd number. The spectrogram is mirrored beyond its edges.

    harmonic, percussive    energy of the part: mean square of the windowed frame (Parseval's sum over bins, over the
                            window's energy), dBFS as in `level`: a full-scale sine is -3.01 dB; at least `floor_db`
    share                   energy of the harmonic part over that of both parts; 0.5 in silence

Medians look at the whole clip: zeros that fill up a short one are silence to them, as if it had been recorded. Spectra
are float32, so a frame 80 dB below the clip's loudest is off by up to 0.02 dB; float64 would cost a third more time.
"""

import math

import numpy as np
import torch
from numba import njit
from pydantic import PositiveFloat, PositiveInt

from stages.features.arithmetic import FINITE_SUMS, Floor
from stages.features.blocks import power_blocks
from stages.features.family import Computation, Dimension
from stages.features.harmonic.medians import network, running_medians
from stages.features.stft import Framing, PowerSpectrum
from stages.params import Section

N_DIMS = 3
NO_MAGNITUDE = 1e-300  # square; the square of the smallest float32 is 2e-90


class Params(Section):
    """Section extract.families.harmonic."""

    n_fft: PositiveInt
    median_s: PositiveFloat
    median_hz: PositiveFloat
    floor_db: Floor
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number is."""
    return (
        Dimension("harmonic", "dBFS", f"energy of what lasts in time, at least {params.floor_db:g} dBFS"),
        Dimension("percussive", "dBFS", f"energy of what is broad in frequency, at least {params.floor_db:g} dBFS"),
        Dimension("share", "", "energy of what lasts, over that of both parts; 0.5 in silence"),
    )


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers above for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, 3)."""
    spectrum = PowerSpectrum(framing, params.n_fft)
    over_time = network(odd_width(params.median_s, framing.hop_s))
    over_frequency = network(odd_width(params.median_hz, framing.sample_rate / params.n_fft))
    weights = parseval(spectrum.window.double().numpy())

    def frames(samples: torch.Tensor) -> torch.Tensor:
        out = np.empty((len(samples), framing.n_frames(samples.shape[1]), N_DIMS), np.float32)
        for clip in range(len(samples)):
            for block, inside, power in power_blocks(spectrum, samples[clip], over_time.width // 2):
                magnitude = power.sqrt()
                lasting = running_medians(magnitude.numpy(), over_time)[inside]
                here = magnitude[inside]
                broad = running_medians(here.T.contiguous().numpy(), over_frequency)
                broad = torch.from_numpy(broad).T.contiguous().numpy()
                energies(here.numpy(), lasting, broad, weights, params.floor_db, out[clip, block])
        return torch.from_numpy(out)

    return frames


def odd_width(width: float, step: float) -> int:
    """Return the odd number of steps nearest to a width in the same unit, at least one."""
    return 2 * max(round((width / step - 1) / 2), 0) + 1


def parseval(window: np.ndarray) -> np.ndarray:
    """Return the weights of a spectrum's power bins whose sum is the mean square under `window`: (n_bins,) float64.

    Bins stand for their mirror images too, except the first and the last.
    """
    weights = np.full(len(window) // 2 + 1, 2.0)
    weights[[0, -1]] = 1.0
    return weights / (len(window) * (window**2).sum())


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS, error_model="numpy")
def energies(
    magnitude: np.ndarray,
    lasting: np.ndarray,
    broad: np.ndarray,
    weights: np.ndarray,
    floor_db: float,
    out: np.ndarray,
) -> None:
    """Fill `out` (n_frames, 3) from magnitudes and their medians, each (n_frames, n_bins) float32; sums in float64."""
    floor = 10.0 ** (floor_db / 10.0)
    for frame in range(len(magnitude)):
        harmonic, percussive = 0.0, 0.0
        for k in range(len(weights)):
            square, other = float(lasting[frame, k]) ** 2, float(broad[frame, k]) ** 2
            share = (square + NO_MAGNITUDE) / (square + other + 2.0 * NO_MAGNITUDE)
            power = weights[k] * float(magnitude[frame, k]) ** 2
            harmonic += power * share**2
            percussive += power * (1.0 - share) ** 2
        out[frame, 0] = 10.0 * math.log10(max(harmonic, floor))
        out[frame, 1] = 10.0 * math.log10(max(percussive, floor))
        out[frame, 2] = (harmonic + NO_MAGNITUDE) / (harmonic + percussive + 2.0 * NO_MAGNITUDE)
