"""rhythm: when sounds begin, how regularly, and how fast they follow each other.

Of a frame:

    onset           mean rise of the log-mel bands since the frame before, in dB (stages/features/onset.py)
    tempogram       autocorrelation of onset strength around the frame, mean over the periods of a band of tempi, 0 to 1
                    (stages/features/rhythm/tempogram.py); bands are of equal width in octaves

Of a clip, from the onset strength of its sounding part:

    tempo           the one below `max_bpm` at whose period log(1 + 10^6 m) - x^2 / 2 is greatest, m the mean tempogram
                    and x the distance from `usual_bpm` in units of `usual_octaves` (Ellis, "Beat tracking by dynamic
                    programming", 2007); no number where there is no onset strength
    onsets          number of onsets over the duration of the sounding frames
    pulse_clarity   greatest autocorrelation coefficient of onset strength, its mean taken off, at the periods of all
                    bands: 0 to 1 (Lartillot et al., "Multi-feature modeling of pulse clarity", ISMIR 2008)

Onset strength, tempogram, tempo and onsets equal librosa's `onset_strength`, `tempogram`, `tempo` and `onset_detect`
where `autocorrelation_s` is both window and `ac_size`. Log-mel is that of `mel`: a clip's quietest frames are raised to
`top_db` below its loudest, so that silence and what is next to it have no onsets.
"""

import math
from itertools import pairwise

import numpy as np
import torch
from numba import njit
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from stages.features.arithmetic import FINITE_SUMS
from stages.features.family import ClipComputation, Computation, Dimension, FeatureError, numbered
from stages.features.frontend import LogMel, LogMelParams
from stages.features.onset import Peaks, onset_strength, onsets
from stages.features.rhythm.tempogram import tempogram
from stages.features.stft import Framing
from stages.params import Section

SHORT_SAMPLES = 1 << 18  # of a clip that is computed with its whole batch


class PeakParams(Section):
    """Section extract.families.rhythm.onsets: what an onset is (stages/features/onset.py)."""

    greatest_before_s: NonNegativeFloat
    greatest_after_s: NonNegativeFloat
    mean_before_s: NonNegativeFloat
    mean_after_s: NonNegativeFloat
    wait_s: NonNegativeFloat
    delta: PositiveFloat


class Params(LogMelParams):
    """Section extract.families.rhythm."""

    autocorrelation_s: PositiveFloat
    min_bpm: PositiveFloat
    max_bpm: PositiveFloat
    n_tempo_bands: PositiveInt
    usual_bpm: PositiveFloat
    usual_octaves: PositiveFloat
    onsets: PeakParams
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number of a frame is: onset strength, then the bands of the tempogram, slow ones first."""
    bands = (
        Dimension(
            numbered("tempogram", band, params.n_tempo_bands),
            "",
            f"autocorrelation of onset strength at the periods of {low:.0f} to {high:.0f} beats per minute",
        )
        for band, (low, high) in enumerate(pairwise(_corners_bpm(params)))
    )
    return Dimension("onset", "dB", "mean rise of the mel bands since the frame before"), *bands


def clip_dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number of a clip is."""
    return (
        Dimension("tempo", "bpm", "most likely beats per minute", missing="where nothing ever begins to sound"),
        Dimension("onsets", "1/s", "onsets in a second of sound"),
        Dimension("pulse_clarity", "", "how nearly onset strength repeats itself at its clearest period, 0 to 1"),
    )


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers of frames for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, n_dims)."""
    log_mel = LogMel(params, framing)
    window = _window(params, framing)
    bands = tempo_bands(params, framing)

    def frames(samples: torch.Tensor) -> torch.Tensor:
        # Long clips one by one, for memory.
        parts = samples.split(len(samples) if samples.shape[1] <= SHORT_SAMPLES else 1)
        strength = torch.cat([onset_strength(log_mel(part), params.n_fft, framing.hop) for part in parts]).numpy()
        out = np.empty((*strength.shape, 1 + len(bands)), np.float32)
        out[:, :, 0] = strength
        for clip in range(len(samples)):
            out[clip, :, 1:], _ = tempogram(strength[clip], window, bands, bands.max())
        return torch.from_numpy(out)

    return frames


def clip_computation(params: Params, framing: Framing) -> ClipComputation:
    """Return the numbers of clips: (n_clips, n_samples), (n_clips, n_frames, n_dims), (n_clips,) -> (n_clips, 3)."""
    window = _window(params, framing)
    bands = tempo_bands(params, framing)
    no_bands = np.empty((0, 2), np.int64)
    lags = np.arange(1, window)
    usual = np.log2(_bpm(lags, framing) / params.usual_bpm) / params.usual_octaves
    prior = np.where(_bpm(lags, framing) < params.max_bpm, -0.5 * usual**2, -np.inf)
    peaks = _peaks(params.onsets, framing)

    def numbers(samples: np.ndarray, frames: np.ndarray, n_sounding_samples: np.ndarray) -> np.ndarray:
        out = np.empty((len(frames), 3), np.float32)
        for clip, n_frames in enumerate(framing.n_sounding(n_sounding_samples)):
            strength = np.ascontiguousarray(frames[clip, :n_frames, 0])
            _, mean = tempogram(strength, window, no_bands, window)
            likely = np.log1p(1e6 * mean[1:]) + prior
            tempo = _bpm(lags[likely.argmax()], framing) if strength.any() else math.nan
            rate = len(onsets(strength, peaks)) / (len(strength) * framing.hop_s)
            out[clip] = tempo, rate, pulse_clarity(strength, bands.min(), bands.max())
        return out

    return numbers


def tempo_bands(params: Params, framing: Framing) -> np.ndarray:
    """Return the lags of each band, slow ones first: the first, and the one after the last, (n_bands, 2) int64.

    Raises FeatureError where there are no such lags.
    """
    if params.min_bpm >= params.max_bpm:
        raise FeatureError(
            f"params.yaml: extract.families.rhythm.min_bpm is {params.min_bpm}, expected below max_bpm, "
            f"{params.max_bpm}"
        )
    if (_window(params, framing) - 1) * framing.hop_s * params.min_bpm < 60:
        raise FeatureError(
            f"params.yaml: extract.families.rhythm.autocorrelation_s is {params.autocorrelation_s}, expected at least "
            f"{60 / params.min_bpm + 2 * framing.hop_s:.3g}, a beat of min_bpm and two hops; raise either"
        )
    corners = _corners_bpm(params)
    # Period l is in the band when low < bpm(l) <= high.
    lags = np.ceil(60 / (framing.hop_s * corners) - 1e-9).astype(np.int64)
    bands = np.stack([lags[1:], lags[:-1]], axis=1)
    empty = np.flatnonzero(bands[:, 0] >= bands[:, 1])
    if len(empty):
        low, high = corners[empty[0]], corners[empty[0] + 1]
        raise FeatureError(
            f"params.yaml: extract.families.rhythm.n_tempo_bands is {params.n_tempo_bands}, but no period of whole "
            f"hops lies between {low:.0f} and {high:.0f} bpm; take fewer bands, a lower max_bpm or a shorter hop_s"
        )
    return bands


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def pulse_clarity(strength: np.ndarray, first_lag: int, stop_lag: int) -> float:
    """Return the greatest autocorrelation coefficient of strength less its mean, from 0 on; 0 where it is constant."""
    deviations = strength - np.mean(strength)
    greatest, energy = 0.0, np.sum(deviations**2)
    for lag in range(first_lag, min(stop_lag, len(strength))):
        total, later = 0.0, deviations[lag:]
        for frame in range(len(later)):
            total += deviations[frame] * later[frame]
        greatest = max(greatest, total)
    return greatest / energy if energy > 0.0 else 0.0


def _window(params: Params, framing: Framing) -> int:
    return int(params.autocorrelation_s * framing.sample_rate) // framing.hop


def _corners_bpm(params: Params) -> np.ndarray:
    return np.geomspace(params.min_bpm, params.max_bpm, params.n_tempo_bands + 1)


def _bpm(lags: np.ndarray, framing: Framing) -> np.ndarray:
    return 60.0 * framing.sample_rate / (framing.hop * lags)


def _peaks(params: PeakParams, framing: Framing) -> Peaks:
    def n_frames(seconds: float) -> int:
        return int(seconds * framing.sample_rate // framing.hop)

    return Peaks(
        n_frames(params.greatest_before_s),
        n_frames(params.greatest_after_s),
        n_frames(params.mean_before_s),
        n_frames(params.mean_after_s),
        n_frames(params.wait_s),
        params.delta,
    )
