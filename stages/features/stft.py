"""Framing and the short-time power spectrum, as librosa does them with `center=True` and zeros outside the clip.

Frame t is centred on sample `t * hop`, so a clip of n samples has `1 + n // hop` frames. The window is a periodic Hann
of `window` samples, zero-padded on both sides to `n_fft`. The spectrum is not scaled: a full-scale sine of a bin's
frequency has power `(sum(window) / 2)^2` in that bin.
"""

from dataclasses import dataclass

import numpy as np
import torch
from pydantic import PositiveFloat

from stages.features.family import FeatureError
from stages.params import Section


class Frame(Section):
    """Section extract.frame: one framing for all families."""

    window_s: PositiveFloat
    hop_s: PositiveFloat


@dataclass(frozen=True)
class Framing:
    """Frames in samples: `window` and `hop` at `sample_rate` Hz."""

    sample_rate: int
    window: int
    hop: int

    @classmethod
    def of(cls, frame: Frame, sample_rate: int) -> "Framing":
        """Return the framing nearest to `frame` in whole samples; raises FeatureError where it is too short."""
        window, hop = round(frame.window_s * sample_rate), round(frame.hop_s * sample_rate)
        if window < 2:
            raise FeatureError(f"params.yaml: extract.frame.window_s is {frame.window_s}, expected at least 2 samples")
        if hop < 1:
            raise FeatureError(f"params.yaml: extract.frame.hop_s is {frame.hop_s}, expected at least 1 sample")
        return cls(sample_rate, window, hop)

    @property
    def hop_s(self) -> float:
        """The time between neighbouring frames in seconds."""
        return self.hop / self.sample_rate

    def n_frames(self, n_samples: int) -> int:
        """Return the number of frames of a clip of `n_samples`."""
        return 1 + n_samples // self.hop

    def n_sounding(self, n_sounding_samples: np.ndarray) -> np.ndarray:
        """Return how many frames have their centre on a sample of the sound, at least one: (n_clips,) int64."""
        return np.maximum(-(-np.asarray(n_sounding_samples, np.int64) // self.hop), 1)


def bin_frequencies(sample_rate: int, n_fft: int) -> np.ndarray:
    """Return the frequencies of the bins of a real FFT: (1 + n_fft // 2,) float64, Hz."""
    return np.arange(1 + n_fft // 2) * (sample_rate / n_fft)


class PowerSpectrum(torch.nn.Module):
    """samples (n_clips, n_samples) float32 -> squared magnitudes (n_clips, n_frames, 1 + n_fft // 2) float32.

    Computed in `precision`. In float32 a bin's error is about 1e-7 of the loudest bin's magnitude, too little to be
    seen in a sum of bins, but not in the logarithm of one bin where the spectrum has a null.
    """

    window: torch.Tensor

    def __init__(self, framing: Framing, n_fft: int, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        if n_fft < framing.window or n_fft % 2:
            raise FeatureError(
                f"params.yaml: extract.families.*.n_fft is {n_fft}, expected an even number from the window's "
                f"{framing.window} samples"
            )
        self.hop, self.n_fft = framing.hop, n_fft
        window = torch.hann_window(framing.window, periodic=True, dtype=torch.float64)
        before = (n_fft - framing.window) // 2
        padded = torch.nn.functional.pad(window, (before, n_fft - framing.window - before))
        self.register_buffer("window", padded.to(precision))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.part(samples, 0, 1 + samples.shape[-1] // self.hop)

    def part(self, samples: torch.Tensor, first: int, stop: int) -> torch.Tensor:
        """Return frames `first` to `stop` alone, from the samples that they reach to."""
        n_samples = samples.shape[-1]
        begin, end = first * self.hop - self.n_fft // 2, (stop - 1) * self.hop + self.n_fft // 2
        inside = samples[..., max(begin, 0) : min(end, n_samples)].to(self.window.dtype)
        padded = torch.nn.functional.pad(inside, (max(-begin, 0), max(end - n_samples, 0)))
        spectrum = torch.fft.rfft(padded.unfold(-1, self.n_fft, self.hop) * self.window)
        # Squaring the pairs (real, imaginary) where they lie in memory is three times as fast as abs().square().
        squares = torch.view_as_real(spectrum).square_()
        return (squares[..., 0] + squares[..., 1]).float()
