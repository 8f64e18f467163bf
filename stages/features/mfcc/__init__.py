"""mfcc: mel-frequency cepstral coefficients with their first and second differences, equal to librosa.

Coefficients are the orthonormal DCT-II of the log-mel dB of a frame, from 0 (loudness) on, unliftered. Differences
are those of `librosa.feature.delta`: the first and second derivative, per frame, of a polynomial of order one and two
fitted to `delta_width` frames (Savitzky and Golay, 1964); near the ends, of the polynomial of the outermost frames.
"""

import math

import numpy as np
import torch
from pydantic import PositiveInt

from stages.features.family import Computation, Dimension, FeatureError, numbered
from stages.features.filterbank import cosines
from stages.features.frontend import LogMel, LogMelParams
from stages.features.stft import Framing


class Params(LogMelParams):
    """Section extract.families.mfcc."""

    n_mfcc: PositiveInt
    delta_width: PositiveInt
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number is: coefficients, then first, then second differences."""
    kinds = (
        ("coefficient", "dB", "cepstral coefficient {}"),
        ("delta", "dB/frame", "change over time of cepstral coefficient {}"),
        ("delta2", "dB/frame^2", "curvature over time of cepstral coefficient {}"),
    )
    return tuple(
        Dimension(numbered(what, number, params.n_mfcc), unit, meaning.format(number))
        for what, unit, meaning in kinds
        for number in range(params.n_mfcc)
    )


def computation(params: Params, framing: Framing) -> Computation:
    """Return coefficients and their differences as a torch module."""
    return torch.nn.Sequential(Cepstrum(params, framing), WithDifferences(params.delta_width))


class Cepstrum(torch.nn.Module):
    """samples (n_clips, n_samples) float32 in -1..1 -> (n_clips, n_frames, n_mfcc) float32, dB."""

    cosines: torch.Tensor

    def __init__(self, params: Params, framing: Framing) -> None:
        super().__init__()
        if params.n_mfcc > params.n_mels:
            raise FeatureError(
                f"params.yaml: extract.families.mfcc.n_mfcc is {params.n_mfcc}, expected at most n_mels, "
                f"{params.n_mels}"
            )
        self.log_mel = LogMel(params, framing)
        self.register_buffer("cosines", torch.from_numpy(cosines(params.n_mels, params.n_mfcc)).float())

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.log_mel(samples) @ self.cosines


class WithDifferences(torch.nn.Module):
    """(n_clips, n_frames, n) -> (n_clips, n_frames, 3 n): the frames, their first and their second differences."""

    slopes: torch.Tensor
    curvatures: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        if width < 3 or width % 2 == 0:
            raise FeatureError(
                f"params.yaml: extract.families.mfcc.delta_width is {width}, expected an odd number from 3"
            )
        self.width = width
        self.register_buffer("slopes", torch.from_numpy(derivative_weights(width, order=1)).float())
        self.register_buffer("curvatures", torch.from_numpy(derivative_weights(width, order=2)).float())

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        if frames.shape[1] < self.width:
            raise FeatureError(
                f"params.yaml: extract.families.mfcc.delta_width is {self.width}, but a clip has only "
                f"{frames.shape[1]} frames; lower delta_width or extract.frame.hop_s"
            )
        return torch.cat(
            [frames, self._derivative(frames, self.slopes), self._derivative(frames, self.curvatures)], dim=2
        )

    def _derivative(self, frames: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        half, n_inner = self.width // 2, frames.shape[1] - self.width + 1
        inner = weights[0] * frames[:, :n_inner]
        for place in range(1, self.width):
            inner = inner + weights[place] * frames[:, place : place + n_inner]
        first, last = inner[:, :1].expand(-1, half, -1), inner[:, -1:].expand(-1, half, -1)
        return torch.cat([first, inner, last], dim=1)


def derivative_weights(width: int, order: int) -> np.ndarray:
    """Return (width,) weights of neighbouring frames whose sum is their derivative of `order` 1 or 2, per frame.

    The least-squares polynomial of degree `order` through frames at t = -h..h has the coefficients pinv(V) x, V the
    Vandermonde matrix of 1, t, t^2. Its derivative of that same order is `order!` times the last coefficient, which
    does not depend on t: so the frames near the ends take the value of the outermost polynomial.
    """
    places = np.arange(width) - width // 2
    coefficients = np.linalg.pinv(np.vander(places, order + 1, increasing=True))
    return coefficients[order] * math.factorial(order)
