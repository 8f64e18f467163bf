"""The short-time magnitude spectrum on a CPU, what surrounds the FFT fused: faster than through PowerSpectrum.

The frames of stft.py. A family that looks at single bins takes it in float64: float32 leaves an error of 1e-7 of the
loudest bin in every other, which is a few per cent of a bin in a null.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numba import njit

from stages.features.arithmetic import FINITE_SUMS, SMALLEST
from stages.features.stft import Framing, PowerSpectrum

# In the windows of a block: with its spectra half a second-level cache of 2 MiB in float64.
BLOCK_SAMPLES = 1 << 16


class Magnitudes:
    """Spectra of one clip after the other, in `precision`; holds the window, nothing of a clip."""

    def __init__(self, framing: Framing, n_fft: int, precision: torch.dtype) -> None:
        self.hop, self.n_fft = framing.hop, n_fft
        self.window = PowerSpectrum(framing, n_fft, precision).window.numpy()

    def blocks(self, sounds: Sequence[np.ndarray], n_frames: Sequence[int]) -> Iterator[tuple[int, slice, np.ndarray]]:
        """Yield which sound, which of its frames, and their magnitudes (n, 1 + n_fft // 2) float32.

        The first `n_frames` of each sound (n_samples,) float32, in order and in blocks. The array is workspace: the
        next block overwrites it.
        """
        return self._filled(_fill_magnitude, sounds, n_frames)

    def powers(self, sounds: Sequence[np.ndarray], n_frames: Sequence[int]) -> Iterator[tuple[int, slice, np.ndarray]]:
        """Yield the same with squared magnitudes."""
        return self._filled(_fill_power, sounds, n_frames)

    def _filled(
        self, fill: Callable[[np.ndarray, np.ndarray], None], sounds: Sequence[np.ndarray], n_frames: Sequence[int]
    ) -> Iterator[tuple[int, slice, np.ndarray]]:
        n_most = min(max(n_frames), max(BLOCK_SAMPLES // self.n_fft, 1))
        windowed = np.empty((n_most, self.n_fft), self.window.dtype)
        filled = np.empty((n_most, 1 + self.n_fft // 2), np.float32)
        for clip, (samples, n_of_clip) in enumerate(zip(sounds, n_frames, strict=True)):
            for first in range(0, n_of_clip, n_most):
                n = min(n_most, n_of_clip - first)
                _fill_windowed(samples, self.window, self.hop, first, windowed[:n])
                fill(torch.fft.rfft(torch.from_numpy(windowed[:n])).numpy(), filled[:n])
                yield clip, slice(first, first + n), filled[:n]


class Bands:
    """Weights from power bins to bands, (n_bins, n_bands), most of them 0 outside a range of bins of each band."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = np.ascontiguousarray(weights.T, np.float32)
        some = self.weights != 0
        self.ranges = np.stack([some.argmax(axis=1), some.shape[1] - some[:, ::-1].argmax(axis=1)], axis=1)

    def fill(self, magnitude: np.ndarray, out: np.ndarray) -> None:
        """Fill `out` (n_frames, n_bands) with the power of the bands, from magnitude (n_frames, n_bins)."""
        _fill_bands(magnitude, self.weights, self.ranges, out)


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _fill_windowed(samples: np.ndarray, window: np.ndarray, hop: int, first: int, out: np.ndarray) -> None:
    """Fill `out` (n, n_fft) with windowed frames from number `first` on; zeros outside the samples."""
    n_fft = len(window)
    for row in range(len(out)):
        start = (first + row) * hop - n_fft // 2
        low = min(max(-start, 0), n_fft)
        high = max(min(len(samples) - start, n_fft), low)
        inside, weights, to = samples[start + low : start + high], window[low:high], out[row, low:high]
        out[row, :low] = 0.0
        out[row, high:] = 0.0
        for k in range(len(to)):
            to[k] = weights[k] * inside[k]


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _fill_magnitude(spectrum: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (n, n_bins) float32 from the complex transform (n, n_bins)."""
    for row in range(len(out)):
        here, to = spectrum[row], out[row]
        for k in range(len(to)):
            power = here[k].real * here[k].real + here[k].imag * here[k].imag
            to[k] = np.sqrt(np.float32(power if power > SMALLEST else 0.0))


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _fill_power(spectrum: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (n, n_bins) float32 from the complex transform (n, n_bins)."""
    for row in range(len(out)):
        here, to = spectrum[row], out[row]
        for k in range(len(to)):
            to[k] = here[k].real * here[k].real + here[k].imag * here[k].imag


@njit(nogil=True, cache=True, fastmath=FINITE_SUMS)
def _fill_bands(magnitude: np.ndarray, weights: np.ndarray, ranges: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (n_frames, n_bands) with sums of weights (n_bands, n_bins) times power over `ranges` of bins."""
    power = np.empty(magnitude.shape[1], np.float32)
    for frame in range(len(magnitude)):
        here = magnitude[frame]
        for k in range(len(power)):
            power[k] = here[k] * here[k]
        for band in range(len(weights)):
            first, stop = ranges[band]
            inside, of_band, total = power[first:stop], weights[band, first:stop], np.float32(0.0)
            for k in range(len(inside)):
                total += of_band[k] * inside[k]
            out[frame, band] = total
