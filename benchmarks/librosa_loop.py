"""The same features as a person writes them with librosa: a loop over clips, one call a feature."""

from collections.abc import Callable
from typing import Any

import librosa
import numpy as np
import scipy.stats

from stages.features import level, mfcc, spectral
from stages.features.frontend import LogMelParams
from stages.features.stft import Framing

Loop = Callable[[np.ndarray], np.ndarray]
"""samples (n_samples,) float32 -> (n_dims, n_frames)"""


def log_mel(params: LogMelParams, framing: Framing) -> Loop:
    """Return librosa's log-mel spectrogram of one clip."""

    def frames(samples: np.ndarray) -> np.ndarray:
        power = librosa.feature.melspectrogram(
            y=samples,
            sr=framing.sample_rate,
            n_fft=params.n_fft,
            win_length=framing.window,
            hop_length=framing.hop,
            pad_mode="constant",
            n_mels=params.n_mels,
            fmin=params.fmin_hz,
            fmax=params.fmax_hz,
        )
        return librosa.power_to_db(power, amin=params.amin, top_db=params.top_db)

    return frames


def cepstrum(params: mfcc.Params, framing: Framing) -> Loop:
    """Return librosa's MFCC of one clip."""
    of_mel = log_mel(params, framing)
    return lambda samples: librosa.feature.mfcc(S=of_mel(samples), n_mfcc=params.n_mfcc)


def with_differences(params: mfcc.Params, framing: Framing) -> Loop:
    """Return librosa's MFCC of one clip with first and second differences."""
    coefficients = cepstrum(params, framing)

    def frames(samples: np.ndarray) -> np.ndarray:
        values = coefficients(samples)
        deltas = [librosa.feature.delta(values, width=params.delta_width, order=order) for order in (1, 2)]
        return np.concatenate([values, *deltas])

    return frames


def shape(params: spectral.Params, framing: Framing) -> Loop:
    """Return what librosa has of the family `spectral`, each from the samples; no entropy and its kind."""
    spectrum: dict[str, Any] = {
        "n_fft": params.n_fft,
        "win_length": framing.window,
        "hop_length": framing.hop,
        "pad_mode": "constant",
    }
    contrast: dict[str, Any] = {
        "n_bands": params.contrast_bands,
        "fmin": params.contrast_fmin_hz,
        "quantile": params.contrast_share,
    }

    def frames(samples: np.ndarray) -> np.ndarray:
        sound: dict[str, Any] = {"y": samples, "sr": framing.sample_rate, **spectrum}
        decibels = librosa.power_to_db(librosa.feature.melspectrogram(**sound, n_mels=spectral.N_ONSET_BANDS))
        return np.concatenate(
            [
                librosa.feature.spectral_centroid(**sound),
                librosa.feature.spectral_bandwidth(**sound),
                librosa.feature.spectral_rolloff(**sound, roll_percent=params.rolloff_share),
                librosa.feature.spectral_flatness(y=samples, **spectrum, amin=params.amin),
                librosa.feature.spectral_contrast(**sound, **contrast),
                librosa.feature.poly_features(**sound, order=1),
                librosa.onset.onset_strength(S=decibels, sr=framing.sample_rate, hop_length=framing.hop)[None],
            ]
        )

    return frames


def loudness(params: level.Params, framing: Framing) -> Loop:
    """Return what librosa has of the family `level`; no peak and crest."""
    frame: dict[str, Any] = {"frame_length": framing.window, "hop_length": framing.hop}
    return lambda samples: np.concatenate(
        [
            librosa.amplitude_to_db(librosa.feature.rms(y=samples, **frame), amin=1e-6, top_db=None),
            librosa.feature.zero_crossing_rate(samples, **frame),
        ]
    )


def statistics(frames: np.ndarray) -> np.ndarray:
    """Return the eleven statistics of (n_dims, n_frames) with numpy and scipy: (11, n_dims)."""
    return np.stack(
        [
            frames.mean(axis=1),
            frames.std(axis=1),
            scipy.stats.skew(frames, axis=1),
            scipy.stats.kurtosis(frames, axis=1),
            frames.min(axis=1),
            *np.percentile(frames, [10, 50, 90], axis=1),
            frames.max(axis=1),
            np.polyfit(np.arange(frames.shape[1]), frames.T, 1)[0],
            np.abs(np.diff(frames, axis=1)).mean(axis=1),
        ]
    )
