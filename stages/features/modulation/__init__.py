"""modulation: how fast and how deeply the loudness of mel bands rises and falls, as numbers of the whole clip.

A_b(t), the root of the power in mel band b and frame t, is the band's amplitude envelope; syllables modulate it at 2 to
8 Hz, most at 4 (Houtgast and Steeneken, 1985; Greenberg and Kingsbury, 1997, from whom it is taken to divide the
envelope by its mean). With w a Hann window over the n frames of the sounding part and f_t the frames in a second:

    mean_b   = sum(w A_b) / sum(w)
    X_b(f)   = sum over t of w(t) (A_b(t) / mean_b - 1) exp(-2 pi i f t / f_t)
    M_b(f)   = 2 |X_b(f)|^2 / (f_t sum(w^2)), in 1/Hz: from 0 to f_t / 2 it sums to the variance of A_b over its mean

    band_BB_octave_OO   10 log10 of the integral of M_b over an octave, at least `floor_db`: A(t) = 1 + m cos(2 pi f t)
                        has m^2 / 2 around f, so -3 dB for m = 1. No number depends on the sound's level
    band_BB_centroid    mean f, weighted by M_b, over all octaves
    band_BB_syllabic    share of 2 to 8 Hz in all octaves

The integrals are sums over the bins of an FFT, parts of a bin counting in part. Its length follows from n alone, so
that the padding of a clip changes nothing; a clip of T s tells frequencies 2 / T Hz apart. Where all octaves together
are below `floor_db`, as in silence, in a steady sound and in a single frame, centroid and share are 0.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import torch
from numba import njit
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from stages.features.arithmetic import Floor
from stages.features.family import ClipComputation, Computation, Dimension, FeatureError, numbered
from stages.features.filterbank import mel_edges, mel_filters
from stages.features.magnitude import Bands, Magnitudes
from stages.features.stft import Framing
from stages.params import Section

SYLLABIC_HZ = (2.0, 8.0)
# The narrowest octave has so many bins at least, and every clip twice the bins that tell its frequencies apart.
BINS_PER_OCTAVE = 4
OVERSAMPLING = 2


class Params(Section):
    """Section extract.families.modulation."""

    n_fft: PositiveInt
    n_bands: PositiveInt
    fmin_hz: NonNegativeFloat
    fmax_hz: PositiveFloat
    slowest_hz: Annotated[float, Field(ge=0.01)]  # the FFT is as long as 400 s of envelope then
    n_octaves: PositiveInt
    floor_db: Floor
    keep_frames: Literal[False]


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return no dimension: a frame has no modulation."""
    return ()


def computation(params: Params, framing: Framing) -> Computation:
    """Return frames without a number: (n_clips, n_samples) -> (n_clips, n_frames, 0)."""
    return lambda samples: torch.empty(len(samples), framing.n_frames(samples.shape[1]), 0)


def clip_dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number of a clip's sound is: band by band its octaves, the centroid, the syllabic share."""
    edges = mel_edges(params.n_bands, params.fmin_hz, params.fmax_hz)
    corners = octaves(params)
    found = []
    for band in range(params.n_bands):
        name, where = numbered("band", band, params.n_bands), f"the mel band around {edges[band + 1]:.0f} Hz"
        found += [
            Dimension(
                f"{name}_{numbered('octave', octave, params.n_octaves)}",
                "dB",
                f"relative power of the modulation of {where} from {corners[octave]:g} to {corners[octave + 1]:g} Hz",
            )
            for octave in range(params.n_octaves)
        ]
        found.append(Dimension(f"{name}_centroid", "Hz", f"mean frequency of the modulation of {where}; 0 without"))
        found.append(Dimension(f"{name}_syllabic", "", f"share of 2 to 8 Hz in the modulation of {where}; 0 without"))
    return tuple(found)


def clip_computation(params: Params, framing: Framing) -> ClipComputation:
    """Return the numbers of the sounding part: samples, frames, n_sounding_samples -> (n_clips, n_numbers)."""
    frame_rate, corners = 1 / framing.hop_s, octaves(params)
    if corners[-1] > frame_rate / 2:
        raise FeatureError(
            f"params.yaml: extract.families.modulation.n_octaves is {params.n_octaves}: the last ends at "
            f"{corners[-1]:g} Hz, expected at most {frame_rate / 2:g} Hz, half the frames in a second; take fewer or a "
            f"lower slowest_hz, or a shorter extract.frame.hop_s"
        )
    spectra = Magnitudes(framing, params.n_fft, torch.float32)
    mel = Bands(mel_filters(framing.sample_rate, params.n_fft, params.n_bands, params.fmin_hz, params.fmax_hz))

    def numbers(samples: np.ndarray, frames: np.ndarray, n_sounding_samples: np.ndarray) -> np.ndarray:
        sounds = [sound[:n] for sound, n in zip(samples, n_sounding_samples, strict=True)]
        n_frames = framing.n_sounding(n_sounding_samples).tolist()
        powers = [np.empty((n, params.n_bands), np.float32) for n in n_frames]
        for clip, place, magnitude in spectra.blocks(sounds, n_frames):
            mel.fill(magnitude, powers[clip][place])
        out = [of_envelopes(np.sqrt(each), frame_rate, corners, params.floor_db) for each in powers]
        return np.stack(out).reshape(len(samples), -1)

    return numbers


def of_envelopes(envelopes: np.ndarray, frame_rate: float, corners: tuple[float, ...], floor_db: float) -> np.ndarray:
    """Return the numbers of bands whose amplitudes are (n_frames, n_bands): (n_bands, n_octaves + 2) float32."""
    n_frames, n_bands = envelopes.shape
    # Hann between the frames before the first and after the last, where it would be 0.
    window = np.sin(np.arange(1, n_frames + 1) * (np.pi / (n_frames + 1))) ** 2
    n_fft = fft_length(n_frames, frame_rate, corners[0])
    weights = integrals(n_fft, frame_rate, corners)
    deviations = np.zeros((n_bands, n_fft))
    _fill_deviations(envelopes, window, deviations)
    spectrum = torch.fft.rfft(torch.from_numpy(deviations)).numpy()[:, : len(weights)]
    density = (spectrum.real**2 + spectrum.imag**2) * (2 / (frame_rate * (window @ window)))

    sums = density @ weights
    of_all, floor = sums[:, :-2].sum(axis=1, keepdims=True), 10 ** (floor_db / 10)
    out = np.empty((n_bands, sums.shape[1]), np.float32)
    out[:, :-2] = 10 * np.log10(np.maximum(sums[:, :-2], floor))
    out[:, -2:] = sums[:, -2:] / np.where(of_all > floor, of_all, np.inf)
    return out


@njit(nogil=True, cache=True)
def _fill_deviations(envelopes: np.ndarray, window: np.ndarray, out: np.ndarray) -> None:
    """Fill the first n_frames of `out` (n_bands, n) with windowed deviations from the mean, over the mean."""
    n_frames, n_bands = envelopes.shape
    means = np.zeros(n_bands)
    for frame in range(n_frames):
        for band in range(n_bands):
            means[band] += window[frame] * envelopes[frame, band]
    means /= window.sum()
    for band in range(n_bands):
        for frame in range(n_frames if means[band] > 0 else 0):
            out[band, frame] = window[frame] * (envelopes[frame, band] / means[band] - 1.0)


def octaves(params: Params) -> tuple[float, ...]:
    """Return the corners of the octaves of modulation frequencies: (n_octaves + 1,) Hz."""
    return tuple(params.slowest_hz * 2.0**octave for octave in range(params.n_octaves + 1))


def fft_length(n_frames: int, frame_rate: float, slowest_hz: float) -> int:
    """Return a power of two."""
    least = max(OVERSAMPLING * n_frames, BINS_PER_OCTAVE * frame_rate / slowest_hz)
    return 2 ** int(np.ceil(np.log2(least)))


@lru_cache(maxsize=64)
def integrals(n_fft: int, frame_rate: float, corners: tuple[float, ...]) -> np.ndarray:
    """Return weights of the bins, in Hz: of each octave, of all times frequency, of all that is syllabic.

    (n_bins, n_octaves + 2) float64, of the bins up to the last octave. A bin stands for the frequencies nearest to it.
    """
    width = frame_rate / n_fft
    frequencies = np.arange(min(np.ceil(corners[-1] / width + 0.5), 1 + n_fft // 2)) * width

    def overlap(low: float, high: float) -> np.ndarray:
        return np.maximum(np.minimum(frequencies + width / 2, high) - np.maximum(frequencies - width / 2, low), 0)

    of_octaves = [overlap(low, high) for low, high in pairwise(corners)]
    syllabic = overlap(max(SYLLABIC_HZ[0], corners[0]), min(SYLLABIC_HZ[1], corners[-1]))
    return np.stack([*of_octaves, frequencies * sum(of_octaves), syllabic], axis=1)
