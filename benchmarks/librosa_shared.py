"""All that librosa has of the families, of one clip, from one STFT a window length: as a careful person writes it."""

from collections.abc import Mapping
from typing import Any

import librosa
import numpy as np

from benchmarks.librosa_families import energies, fundamental, of_decibels, resonances
from benchmarks.librosa_loop import Loop, statistics
from stages.features.stft import Framing
from stages.params import Section


def all_families(params: Mapping[str, Section], framing: Framing) -> Loop:
    """Return the eleven statistics of all frames, (11, n_dims): what the loops of each family give one by one."""
    of: dict[str, Any] = dict(params)
    mel, spectral, chroma = of["mel"], of["spectral"], of["chroma"]
    window: dict[str, Any] = {"hop_length": framing.hop, "win_length": framing.window, "pad_mode": "constant"}
    f0, poles = fundamental(of["pitch"], framing), resonances(of["formants"], framing)

    def numbers(samples: np.ndarray) -> np.ndarray:
        magnitude = np.abs(librosa.stft(samples, n_fft=mel.n_fft, **window))
        power = magnitude**2
        shape: dict[str, Any] = {"S": magnitude, "sr": framing.sample_rate}
        bands = librosa.feature.melspectrogram(
            S=power, sr=framing.sample_rate, n_mels=mel.n_mels, fmin=mel.fmin_hz, fmax=mel.fmax_hz
        )
        decibels = librosa.power_to_db(bands, amin=mel.amin, top_db=mel.top_db)
        cepstrum = librosa.feature.mfcc(S=decibels, n_mfcc=of["mfcc"].n_mfcc)
        long_power = np.abs(librosa.stft(samples, n_fft=chroma.n_fft, hop_length=framing.hop)) ** 2
        notes = librosa.feature.chroma_stft(S=long_power, sr=framing.sample_rate, tuning=chroma.tuning)
        contrast = {"n_bands": spectral.contrast_bands, "fmin": spectral.contrast_fmin_hz}
        frames = [
            decibels,
            cepstrum,
            *(librosa.feature.delta(cepstrum, width=of["mfcc"].delta_width, order=order) for order in (1, 2)),
            librosa.feature.spectral_centroid(**shape),
            librosa.feature.spectral_bandwidth(**shape),
            librosa.feature.spectral_rolloff(**shape, roll_percent=spectral.rolloff_share),
            librosa.feature.spectral_flatness(S=magnitude, amin=spectral.amin),
            librosa.feature.spectral_contrast(**shape, **contrast, quantile=spectral.contrast_share),
            librosa.feature.poly_features(**shape, order=1),
            notes,
            librosa.feature.tonnetz(chroma=notes, sr=framing.sample_rate),
            librosa.feature.rms(y=samples, frame_length=framing.window, hop_length=framing.hop),
            librosa.feature.zero_crossing_rate(samples, frame_length=framing.window, hop_length=framing.hop),
            energies(magnitude, of["harmonic"], framing),
            of_decibels(decibels, of["rhythm"], framing),
            f0(samples),
        ]
        n_frames = min(each.shape[1] for each in frames)
        return statistics(np.concatenate([*(each[:, :n_frames] for each in frames), poles(samples)[:, :n_frames]]))

    return numbers
