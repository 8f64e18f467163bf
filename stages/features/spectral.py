"""spectral: the shape of a frame's spectrum in fifteen or so numbers.

S is the magnitude, P = max(S^2, amin) the power of a bin, f its frequency; definitions as librosa where it has them.

    centroid    sum(f S) / sum(S); 0 in silence
    bandwidth   sqrt(sum((f - centroid)^2 S) / sum(S)); 0 in silence
    rolloff     lowest f at which the running sum of S reaches `rolloff_share` of the whole
    flatness    geometric over arithmetic mean of P, 0 to 1; 1 in silence
    contrast    per octave band: mean S of the loudest bins less that of the softest, each as 10 log10(max(S, amin)) and
                raised to at least its own maximum over the clip's frames and bands minus `contrast_top_db`, as librosa
                does (Jiang et al., 2002): so in digital silence within a clip it is constant, but not 0
    entropy     Shannon's, of P / sum(P), over its greatest value log(n_bins): 0 to 1; 1 in silence
    flux        Euclidean distance of S / sum(S) from the frame before (Tzanetakis and Cook, 2002); 0 in the first
    slope       of the least-squares line through 10 log10(P) over f
    crest       10 log10(max(P) / mean(P)); 0 in silence
"""

from itertools import pairwise
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, PositiveFloat, PositiveInt

from stages.features.family import Computation, Dimension, FeatureError, numbered
from stages.features.spectrum_shape import N_SINGLE, shapes
from stages.features.stft import Framing, PowerSpectrum, bin_frequencies
from stages.params import Section

Share = Annotated[float, Field(gt=0, lt=1)]


class Params(Section):
    """Section extract.families.spectral."""

    n_fft: PositiveInt
    amin: PositiveFloat
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
    )
    corners = _octaves(params)
    contrasts = tuple(
        Dimension(
            numbered("contrast", band, len(corners) - 1),
            "dB",
            f"loudest over softest bins between {corners[band]:g} Hz and "
            + (f"{corners[band + 1]:g} Hz" if band + 2 < len(corners) else "half the sample rate"),
        )
        for band in range(len(corners) - 1)
    )
    return single + contrasts


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers above for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, n_dims)."""
    spectrum = PowerSpectrum(framing, params.n_fft, torch.float64)
    frequencies = bin_frequencies(framing.sample_rate, params.n_fft)
    bands = contrast_bands(frequencies, params)

    def frames(samples: torch.Tensor) -> torch.Tensor:
        # One clip at a time: eight spectra in float64 would be too much for the cache.
        out = np.empty((len(samples), framing.n_frames(samples.shape[1]), N_SINGLE + len(bands)), np.float32)
        for clip in range(len(samples)):
            squared = spectrum(samples[clip])
            power = squared.clamp(min=params.amin)
            shapes(
                squared.sqrt().numpy(),
                power.numpy(),
                power.log().numpy(),
                power.amax(dim=1).numpy(),
                frequencies,
                bands,
                params.rolloff_share,
                params.amin,
                params.contrast_top_db,
                out[clip],
            )
        return torch.from_numpy(out)

    return frames


def contrast_bands(frequencies: np.ndarray, params: Params) -> np.ndarray:
    """Return first bin, bin after the last, and number of extreme bins to average: (n_bands, 3) int64.

    The bins of librosa: an octave band takes its corners and the bin below, and leaves its last bin to the next band;
    the share is of the bins before that one is left. The topmost band goes on to half the sample rate.
    """
    corners = _octaves(params)
    if corners[-2] >= frequencies[-1]:
        raise FeatureError(
            f"params.yaml: extract.families.spectral.contrast_bands is {params.contrast_bands}: the last begins at "
            f"{corners[-2]:g} Hz, expected below {frequencies[-1]:g} Hz, half the sample rate; take fewer or a lower "
            f"contrast_fmin_hz"
        )
    bands = []
    for band, (low, high) in enumerate(pairwise(corners)):
        first = np.searchsorted(frequencies, low) - (band > 0)
        last = band + 2 == len(corners)
        stop = len(frequencies) if last else np.searchsorted(frequencies, high, side="right")
        n_extreme = max(round(params.contrast_share * (stop - first)), 1)
        bands.append((first, stop if last else stop - 1, n_extreme))
    bands_of_bins = np.array(bands, np.int64)
    if (bands_of_bins[:, 1] <= bands_of_bins[:, 0]).any():
        raise FeatureError(
            f"params.yaml: extract.families.spectral.contrast_fmin_hz is {params.contrast_fmin_hz}: a band holds no "
            f"bin of n_fft {params.n_fft}; raise either"
        )
    return bands_of_bins


def _octaves(params: Params) -> np.ndarray:
    """Corners of the contrast bands: 0, fmin, 2 fmin, 4 fmin, ... Hz; one below fmin, then `contrast_bands`."""
    return np.concatenate([[0.0], params.contrast_fmin_hz * 2.0 ** np.arange(params.contrast_bands + 1)])
