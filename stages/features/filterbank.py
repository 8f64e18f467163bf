"""Matrices of the mel and MFCC front end, built once in float64.

Mel scale of Slaney (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above; triangles of unit area in Hz.
"""

import numpy as np

from stages.features.family import FeatureError
from stages.features.stft import bin_frequencies

LINEAR_HZ_PER_MEL = 200 / 3
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ_PER_MEL
LOG_STEP = np.log(6.4) / 27


def mel_of_hz(frequency_hz: np.ndarray | float) -> np.ndarray:
    """Return the place of frequencies on the mel scale."""
    frequency_hz = np.asarray(frequency_hz, np.float64)
    logarithmic = BREAK_MEL + np.log(np.maximum(frequency_hz, BREAK_HZ) / BREAK_HZ) / LOG_STEP
    return np.where(frequency_hz < BREAK_HZ, frequency_hz / LINEAR_HZ_PER_MEL, logarithmic)


def hz_of_mel(mel: np.ndarray) -> np.ndarray:
    """Return the frequencies in Hz of places on the mel scale."""
    return np.where(mel < BREAK_MEL, mel * LINEAR_HZ_PER_MEL, BREAK_HZ * np.exp(LOG_STEP * (mel - BREAK_MEL)))


def mel_edges(n_mels: int, fmin_hz: float, fmax_hz: float) -> np.ndarray:
    """Return the corners of the triangles, evenly spaced in mel: (n_mels + 2,) Hz; band m spans m, m + 1, m + 2."""
    return hz_of_mel(np.linspace(mel_of_hz(fmin_hz), mel_of_hz(fmax_hz), n_mels + 2))


def check_range(sample_rate: int, fmin_hz: float, fmax_hz: float) -> None:
    """Raise FeatureError where the range is no range."""
    if not 0 <= fmin_hz < fmax_hz <= sample_rate / 2:
        raise FeatureError(
            f"params.yaml: extract.families.*.fmax_hz is {fmax_hz} and fmin_hz is {fmin_hz}, expected 0 <= fmin_hz < "
            f"fmax_hz <= {sample_rate / 2:g}, half the sample rate; change either"
        )


def mel_filters(sample_rate: int, n_fft: int, n_mels: int, fmin_hz: float, fmax_hz: float) -> np.ndarray:
    """Return the weights from power bins to mel bands: (1 + n_fft // 2, n_mels) float64.

    Raises FeatureError where the range is no range, or a band is so narrow that no bin falls into it.
    """
    check_range(sample_rate, fmin_hz, fmax_hz)
    edges = mel_edges(n_mels, fmin_hz, fmax_hz)
    bins = bin_frequencies(sample_rate, n_fft)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.maximum(np.minimum(rising, falling), 0) * (2 / (edges[2:] - edges[:-2]))
    empty = np.flatnonzero(weights.sum(axis=0) == 0)
    if len(empty):
        raise FeatureError(
            f"params.yaml: extract.families.*.n_mels is {n_mels}, but {len(empty)} bands from "
            f"{edges[empty[0]]:.0f} Hz hold no bin of n_fft {n_fft}; take fewer bands or a larger n_fft"
        )
    return weights


def cosines(n_mels: int, n_mfcc: int) -> np.ndarray:
    """Return the first columns of the orthonormal DCT-II: (n_mels, n_mfcc) float64."""
    angles = np.pi / n_mels * (np.arange(n_mels)[:, None] + 0.5) * np.arange(n_mfcc)
    matrix = np.cos(angles) * np.sqrt(2 / n_mels)
    matrix[:, 0] /= np.sqrt(2)
    return matrix
