"""Filter banks on a power spectrum other than mel, built once in float64: matrices (1 + n_fft // 2, n_bands).

    gammatone   |H(f)|^2 = (1 + ((f - centre) / b)^2)^-4 with b = 1.019 ERB(centre), the power response of a gammatone
                filter of order four (Patterson et al., 1992) without its image at -f; 1 at its centre
    linear      triangles of equal width, each to its neighbours' centres; 1 at its centre
    bark        critical bands about one Bark apart, times the ear's sensitivity at their centre (Hermansky, 1990). His
                masking curve falls by 10 dB a Bark above a tone and by 25 dB below it, so a band takes more of what
                lies below its centre than of what lies above

ERB(f) = 24.7 (1 + 0.00437 f) Hz, and bands evenly spaced in 21.4 log10(1 + 0.00437 f) (Glasberg and Moore, 1990).
"""

import numpy as np

from stages.features.family import FeatureError
from stages.features.stft import bin_frequencies

ERB_AT_ZERO_HZ = 24.7
ERB_PER_HZ = 0.00437
GAMMATONE_ORDER = 4
GAMMATONE_WIDTH = 1.019  # of the filter's b, in ERB
BARK_BREAK_HZ = 600.0
BARK_SCALE = 6.0
# The masking curve in Bark from the tone: where it begins, the half width of its flat top, where it ends.
MASK_BEGIN, MASK_SHOULDER, MASK_END = -1.3, 0.5, 2.5


def erb_centres(n_bands: int, fmin_hz: float, fmax_hz: float) -> np.ndarray:
    """Return the centres of gammatone bands: (n_bands,) Hz, the first and the last at the range's ends."""
    first, last = np.log1p(ERB_PER_HZ * np.array([fmin_hz, fmax_hz]))
    return np.expm1(np.linspace(first, last, n_bands)) / ERB_PER_HZ


def gammatone_filters(sample_rate: int, n_fft: int, centres_hz: np.ndarray) -> np.ndarray:
    """Return the weights from power bins to gammatone bands."""
    bandwidths = GAMMATONE_WIDTH * ERB_AT_ZERO_HZ * (1 + ERB_PER_HZ * centres_hz)
    away = (bin_frequencies(sample_rate, n_fft)[:, None] - centres_hz) / bandwidths
    return (1 + away**2) ** -float(GAMMATONE_ORDER)


def linear_corners(n_bands: int, fmin_hz: float, fmax_hz: float) -> np.ndarray:
    """Return the corners of linear bands: (n_bands + 2,) Hz; band m spans m, m + 1, m + 2."""
    return np.linspace(fmin_hz, fmax_hz, n_bands + 2)


def linear_filters(sample_rate: int, n_fft: int, corners_hz: np.ndarray) -> np.ndarray:
    """Return the weights from power bins to linear bands; raises FeatureError where they are too narrow for a bin."""
    away = (bin_frequencies(sample_rate, n_fft)[:, None] - corners_hz[1:-1]) / (corners_hz[1] - corners_hz[0])
    weights = np.maximum(1 - np.abs(away), 0)
    if not weights.any(axis=0).all():
        raise FeatureError(
            f"params.yaml: extract.families.cepstra.n_linear is {len(corners_hz) - 2}, but a band holds no bin of "
            f"n_fft {n_fft}; take fewer bands or a larger n_fft"
        )
    return weights


def bark_of_hz(frequency_hz: np.ndarray) -> np.ndarray:
    """Return the places of frequencies on the Bark scale of Schroeder, as Hermansky takes it."""
    return BARK_SCALE * np.arcsinh(frequency_hz / BARK_BREAK_HZ)


def bark_centres(fmin_hz: float, fmax_hz: float) -> np.ndarray:
    """Return the centres of critical bands in Bark, evenly spaced by at most one, the first and last at the ends."""
    first, last = bark_of_hz(np.array([fmin_hz, fmax_hz]))
    return np.linspace(first, last, 1 + int(np.ceil(last - first)))


def bark_filters(sample_rate: int, n_fft: int, centres_bark: np.ndarray) -> np.ndarray:
    """Return the weights from power bins to critical bands, loudness included.

    The outermost bands take their neighbours' weights, as their own reach beyond the spectrum.
    """
    above = centres_bark - bark_of_hz(bin_frequencies(sample_rate, n_fft))[:, None]
    exponents = np.minimum(np.minimum(2.5 * (above + MASK_SHOULDER), MASK_SHOULDER - above), 0)
    inside = (above >= MASK_BEGIN) & (above <= MASK_END)
    weights = np.where(inside, 10**exponents, 0) * sensitivity(BARK_BREAK_HZ * np.sinh(centres_bark / BARK_SCALE))
    weights[:, 0], weights[:, -1] = weights[:, 1], weights[:, -2]
    return weights


def sensitivity(frequency_hz: np.ndarray) -> np.ndarray:
    """Return the ear's sensitivity at 40 phon, in power (Hermansky, 1990, with his factor for beyond 5 kHz)."""
    square = (2 * np.pi * frequency_hz) ** 2
    low = (square + 56.8e6) * square**2 / ((square + 6.3e6) ** 2 * (square + 0.38e9))
    return low / (1 + square**3 / 9.58e26)
