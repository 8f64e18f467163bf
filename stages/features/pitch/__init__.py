"""pitch: the fundamental frequency of frames, whether they are voiced and how harmonic; jitter and shimmer of the clip.

f0 is YIN's, equal to `librosa.yin(..., center=True, pad_mode="constant")` computed in float64 (see yin), and finite in
every frame; f0_voiced is NaN in unvoiced ones, so that its statistics are those of the voice. A frame is voiced where

    its aperiodicity is below `voiced_aperiodicity`,
    its level is at least `voiced_floor_dbfs`, so that silence is not voiced, and
    its level is at least that of the clip's loudest frame less `voiced_range_db`, as Praat's silence threshold does

The definitions stand where they are computed: yin, voicing (aperiodicity), harmonicity (HNR), periods and perturbation
(jitter, shimmer). Jitter and shimmer are for voices; of a word they are higher than of a sustained vowel, since
intonation and articulation change neighbouring periods too.
"""

import math
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, NegativeFloat, PositiveFloat

from stages.features.family import ClipComputation, Computation, Dimension, FeatureError
from stages.features.pitch import perturbation, yin
from stages.features.pitch.harmonicity import HarmonicsToNoise
from stages.features.pitch.periods import fill_marks, margin, n_marks_at_most
from stages.features.pitch.subsample import step_weights
from stages.features.pitch.voicing import measured, voiced
from stages.features.stft import Framing
from stages.params import Section

Share = Annotated[float, Field(gt=0, lt=1)]
Factor = Annotated[float, Field(gt=1)]
F0, F0_VOICED, APERIODICITY, VOICED, HNR = range(5)
N_DIMS = 5


class Params(Section):
    """Section extract.families.pitch."""

    frame_s: PositiveFloat
    fmin_hz: PositiveFloat
    fmax_hz: PositiveFloat
    trough_threshold: Share
    voiced_aperiodicity: Share
    voiced_floor_dbfs: NegativeFloat
    voiced_range_db: PositiveFloat
    hnr_window_s: PositiveFloat
    period_factor: Factor
    amplitude_factor: Factor
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number of a frame is."""
    unvoiced = "in an unvoiced frame"
    return (
        Dimension("f0", "Hz", "fundamental frequency by YIN, also where there is no voice"),
        Dimension("f0_voiced", "Hz", "fundamental frequency by YIN of voiced frames", missing=unvoiced),
        Dimension(
            "aperiodicity", "", "share of power that does not repeat after a period: 0 periodic, 1 noise, silence"
        ),
        Dimension("voiced", "", "1 where periodic and loud enough, else 0"),
        Dimension("hnr", "dB", "harmonics-to-noise ratio of voiced frames", missing=unvoiced),
    )


def clip_dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number of a clip is."""
    few = "where too few voiced periods follow each other"
    return (
        Dimension("jitter_local", "", "mean change from period to period over the mean period", missing=few),
        Dimension("jitter_rap", "", "mean deviation of a period from the mean of three, over the mean", missing=few),
        Dimension("jitter_ppq5", "", "mean deviation of a period from the mean of five, over the mean", missing=few),
        Dimension("shimmer_local", "", "mean change of amplitude from period to period over the mean", missing=few),
        Dimension(
            "shimmer_apq3", "", "mean deviation of an amplitude from the mean of three, over the mean", missing=few
        ),
        Dimension("shimmer", "dB", "mean change of amplitude from period to period", missing=few),
        Dimension("n_periods", "", "number of glottal periods found"),
    )


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers above for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, 5)."""
    rate, hop = framing.sample_rate, framing.hop
    frame, (shortest, longest) = frame_samples(params, rate), period_range(params, rate)
    harmonics_to_noise = HarmonicsToNoise(round(params.hnr_window_s * rate), hop)

    def frames(samples: torch.Tensor) -> torch.Tensor:
        clips = samples.numpy()
        found = yin.periods(clips, frame, hop, shortest, longest, params.trough_threshold)
        aperiodicity, level_dbfs = measured(clips, found, frame, hop)
        is_voiced = voiced(
            aperiodicity, level_dbfs, params.voiced_aperiodicity, params.voiced_floor_dbfs, params.voiced_range_db
        )
        periods = found[:, :, yin.PERIOD]
        out = np.empty((*periods.shape, N_DIMS), np.float32)
        out[:, :, F0] = rate / periods
        out[:, :, F0_VOICED] = np.where(is_voiced, rate / periods, np.nan)
        out[:, :, APERIODICITY] = aperiodicity
        out[:, :, VOICED] = is_voiced
        out[:, :, HNR] = harmonics_to_noise(clips, periods, is_voiced)
        return torch.from_numpy(out)

    return frames


def clip_computation(params: Params, framing: Framing) -> ClipComputation:
    """Return jitter and shimmer of the sounding part: (n_clips, 7), see clip_dimensions."""
    shortest, longest = period_range(params, framing.sample_rate)
    around, weights = margin(longest, framing.hop), step_weights()

    def numbers(samples: np.ndarray, frames: np.ndarray, n_sounding_samples: np.ndarray) -> np.ndarray:
        n_sounding_frames = framing.n_sounding(n_sounding_samples)
        out = np.empty((len(samples), perturbation.N_NUMBERS))
        for clip, (n_samples, n_frames) in enumerate(zip(n_sounding_samples, n_sounding_frames, strict=True)):
            sound, inner = np.zeros(n_samples + 2 * around, np.float32), samples[clip, :n_samples]
            sound[around : around + n_samples] = inner - inner.sum() / np.float32(max(n_samples, 1))
            periods = framing.sample_rate / frames[clip, :n_frames, F0_VOICED].astype(np.float64)
            marks = np.empty((n_marks_at_most(n_samples, n_frames, shortest), 2))
            n_marks = fill_marks(sound, periods, around, framing.hop, weights, marks)
            perturbation.fill_perturbations(marks[:n_marks], params.period_factor, params.amplitude_factor, out[clip])
        return out.astype(np.float32)

    return numbers


def frame_samples(params: Params, sample_rate: int) -> int:
    """Return the samples of a frame, an even number."""
    return 2 * round(params.frame_s * sample_rate / 2)


def period_range(params: Params, sample_rate: int) -> tuple[int, int]:
    """Return the shortest and longest period in samples, as librosa rounds them; raises FeatureError."""
    key, half = "params.yaml: extract.families.pitch", sample_rate / 2
    if not params.fmin_hz < params.fmax_hz <= half:
        raise FeatureError(
            f"{key}.fmax_hz is {params.fmax_hz}, expected above fmin_hz, {params.fmin_hz}, and at most {half:g}, half "
            f"the sample rate; change either"
        )
    frame, longest = frame_samples(params, sample_rate), math.ceil(sample_rate / params.fmin_hz)
    if longest > frame // 2:
        raise FeatureError(
            f"{key}.frame_s is {params.frame_s}, expected at least two periods of fmin_hz, {2 / params.fmin_hz:.4g} s; "
            f"raise either"
        )
    if round(params.hnr_window_s * sample_rate) < 2 * longest:
        raise FeatureError(
            f"{key}.hnr_window_s is {params.hnr_window_s}, expected at least two periods of fmin_hz, "
            f"{2 / params.fmin_hz:.4g} s; raise either"
        )
    return math.floor(sample_rate / params.fmax_hz), longest
