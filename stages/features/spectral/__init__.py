"""spectral: the shape of a frame's spectrum in twenty or so numbers.

S is the magnitude, P = max(S^2, amin) the power of a bin, f its frequency, k = 0..K its number; definitions as librosa
where it has them. In silence all are 0 but flatness and entropy, 1.

    centroid    sum(f S) / sum(S)
    bandwidth   sqrt(sum((f - centroid)^2 S) / sum(S))
    rolloff     lowest f at which the running sum of S reaches `rolloff_share` of the whole
    flatness    geometric over arithmetic mean of P, 0 to 1
    entropy     Shannon's, of P / sum(P), over its greatest value log(n_bins): 0 to 1
    flux        Euclidean distance of S / sum(S) from the frame before (Tzanetakis and Cook, 2002); 0 in the first
    slope       of the least-squares line through 10 log10(P) over f
    crest       10 log10(max(P) / mean(P))
    skewness    sum((f - centroid)^3 S) / sum(S) / bandwidth^3 (Peeters, 2004)
    kurtosis    sum((f - centroid)^4 S) / sum(S) / bandwidth^4 (Peeters, 2004): 3 for a bell, 1.8 for a flat spectrum
    poly_0      slope of the least-squares line through S over f, `librosa.feature.poly_features(order=1)[0]`
    poly_1      that line at 0 Hz, `poly_features(order=1)[1]`
    decrease    sum((S_k - S_0) / k) / sum(S_k), both over k = 1..K (Peeters, 2004)
    irregularity    sum((S_k - S_k+1)^2) / sum(S_k^2) over k = 0..K, with S_K+1 = 0 (Jensen, 1999)
    onset       mean rise, since the frame before, of N_ONSET_BANDS mel bands up to half the sample rate, in dB, nothing
                below the clip's maximum minus ONSET_TOP_DB: `librosa.onset.onset_strength` (stages/features/onset.py)
    contrast    per octave band, loudest over softest bins (stages/features/spectral/contrast.py)
"""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field, PositiveFloat, PositiveInt

from stages.features.arithmetic import Amin
from stages.features.family import Computation, Dimension, numbered
from stages.features.filterbank import mel_filters
from stages.features.magnitude import Bands, Magnitudes
from stages.features.onset import onset_strength
from stages.features.spectral.contrast import contrast_bands, fill_contrasts, fill_extremes, octaves
from stages.features.spectral.shapes import N_SHAPES, fill_shapes
from stages.features.stft import Framing, bin_frequencies
from stages.params import Section

ONSET, N_SINGLE = N_SHAPES, N_SHAPES + 1
N_ONSET_BANDS, ONSET_TOP_DB = 40, 80.0

Share = Annotated[float, Field(gt=0, lt=1)]


class Params(Section):
    """Section extract.families.spectral."""

    n_fft: PositiveInt
    amin: Amin
    rolloff_share: Share
    contrast_bands: PositiveInt
    contrast_fmin_hz: PositiveFloat
    contrast_share: Share
    contrast_top_db: PositiveFloat
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number is: the single ones, then a contrast for each band."""
    single = (
        Dimension("centroid", "Hz", "mean frequency, weighted by magnitude"),
        Dimension("bandwidth", "Hz", "standard deviation of frequency around the centroid, weighted by magnitude"),
        Dimension("rolloff", "Hz", f"frequency below which lies {params.rolloff_share:g} of the magnitude"),
        Dimension(
            "flatness", "", "geometric over arithmetic mean of power: 1 for white noise without spread, 0 for a tone"
        ),
        Dimension("entropy", "", "entropy of the power's distribution over bins, over its greatest value"),
        Dimension("flux", "", "distance of the normalized spectrum from the frame before"),
        Dimension("slope", "dB/kHz", "slope of the line through the spectrum in dB over frequency"),
        Dimension("crest", "dB", "greatest over mean power of a bin"),
        Dimension("skewness", "", "skewness of frequency around the centroid: above 0 where the upper tail is long"),
        Dimension("kurtosis", "", "fourth moment of frequency around the centroid, over the bandwidth's fourth power"),
        Dimension("poly_0", "1/Hz", "slope of the line through the magnitudes over frequency"),
        Dimension("poly_1", "", "value at 0 Hz of the line through the magnitudes over frequency"),
        Dimension(
            "decrease", "", "mean rise of magnitude over the lowest bin's, by bin number: below 0 where it falls"
        ),
        Dimension("irregularity", "", "squared steps of magnitude from bin to bin over squared magnitudes"),
        Dimension("onset", "dB", "mean rise of the mel bands since the frame before"),
    )
    corners = octaves(params.contrast_fmin_hz, params.contrast_bands)
    bands = tuple(
        Dimension(
            numbered("contrast", band, len(corners) - 1),
            "dB",
            f"loudest over softest bins between {corners[band]:g} Hz and "
            + (f"{corners[band + 1]:g} Hz" if band + 2 < len(corners) else "half the sample rate"),
        )
        for band in range(len(corners) - 1)
    )
    return single + bands


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers above for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, n_dims)."""
    spectra = Magnitudes(framing, params.n_fft, torch.float64)
    frequencies = bin_frequencies(framing.sample_rate, params.n_fft)
    bands = contrast_bands(frequencies, params.contrast_fmin_hz, params.contrast_bands, params.contrast_share)
    mel = Bands(mel_filters(framing.sample_rate, params.n_fft, N_ONSET_BANDS, 0.0, framing.sample_rate / 2))

    def onset(mel_power: torch.Tensor) -> torch.Tensor:
        decibels = mel_power.clamp_(min=params.amin).log10_().mul_(10.0)
        torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - ONSET_TOP_DB, out=decibels)
        return onset_strength(decibels, params.n_fft, framing.hop)

    def frames_of(samples: torch.Tensor) -> torch.Tensor:
        n_frames = framing.n_frames(samples.shape[1])
        out = np.empty((len(samples), n_frames, N_SINGLE + len(bands)), np.float32)
        high, low = np.empty((2, n_frames, len(bands)), np.float32)
        mel_power = np.empty((len(samples), n_frames, N_ONSET_BANDS), np.float32)
        before = np.empty(len(frequencies), np.float32)
        for clip, frames, magnitude in spectra.blocks(list(samples.numpy()), [n_frames] * len(samples)):
            if frames.start == 0:
                before[:] = magnitude[0]
            log_magnitude = torch.from_numpy(magnitude).log().numpy()
            numbers = out[clip, frames]
            fill_shapes(magnitude, log_magnitude, before, frequencies, params.rolloff_share, params.amin, numbers)
            fill_extremes(magnitude, bands, high[frames], low[frames])
            mel.fill(magnitude, mel_power[clip, frames])
            before[:] = magnitude[-1]
            if frames.stop == n_frames:
                fill_contrasts(high, low, params.amin, params.contrast_top_db, out[clip, :, N_SINGLE:])
        out[:, :, ONSET] = onset(torch.from_numpy(mel_power)).numpy()
        return torch.from_numpy(out)

    return frames_of
