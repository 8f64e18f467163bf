"""A whole sound at a lower sample rate, so that an all-pole model spends its poles below half of that.

Output m lies at input sample m M / L and is y[m] = sum over n of x[n] h(n - m M / L), the band-limited interpolation of
Smith and Gossett (1984): h(t) = L / M sinc(t L / M) kaiser(t), whose gain at half the lower rate is 1/2 and which
reaches over ZERO_CROSSINGS output samples to either side. Zeros outside the sound. The weights repeat after L outputs,
or M inputs, so the whole is one product of overlapping pieces of the sound with one matrix.
"""

from fractions import Fraction

import numpy as np
import torch

ZERO_CROSSINGS = 24
KAISER_BETA = 5.0  # 53 dB down in the stop band, which begins 1.07 times as high as half the lower rate
OUTPUTS_PER_PIECE = 40  # at least; fewer make a product too narrow to be fast
LARGEST_PERIOD = 512


class Decimation(torch.nn.Module):
    """samples (n_clips, n_samples) float32 -> (n_clips, n_outputs) float32, as many as reach its end or a few more.

    `rate_hz`, which is `ratio` times the sample rate, is the nearest to the wanted rate of those with weights that
    repeat within LARGEST_PERIOD samples, and at most the sample rate.
    """

    weights: torch.Tensor

    def __init__(self, sample_rate: int, wanted_rate_hz: float) -> None:
        super().__init__()
        nearest = Fraction(wanted_rate_hz / sample_rate).limit_denominator(LARGEST_PERIOD)
        self.ratio = min(max(nearest, Fraction(1, LARGEST_PERIOD)), Fraction(1))
        self.rate_hz = float(sample_rate * self.ratio)
        n_periods = -(-OUTPUTS_PER_PIECE // self.ratio.numerator)
        self.n_in, self.n_out = n_periods * self.ratio.denominator, n_periods * self.ratio.numerator
        self.reach = int(ZERO_CROSSINGS / self.ratio)
        self.register_buffer("weights", torch.from_numpy(self._weights()).float())

    def _weights(self) -> np.ndarray:
        """Weights from the `n_in + 2 reach` samples around a piece to its outputs; an output's weights sum to 1."""
        ratio = float(self.ratio)
        inputs = np.arange(-self.reach, self.n_in + self.reach)[:, None]
        places = (inputs - np.arange(self.n_out) / ratio) * ratio / ZERO_CROSSINGS
        taper = np.where(np.abs(places) < 1, np.i0(KAISER_BETA * np.sqrt(np.maximum(1 - places**2, 0))), 0)
        weights = np.sinc(places * ZERO_CROSSINGS) * taper
        return weights / weights.sum(axis=0)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        if self.ratio == 1:
            return samples
        n_samples = samples.shape[-1]
        n_pieces = -(-n_samples // self.n_in)
        after = n_pieces * self.n_in - n_samples + self.reach
        padded = torch.nn.functional.pad(samples, (self.reach, after))
        pieces = padded.unfold(-1, self.n_in + 2 * self.reach, self.n_in)
        return (pieces @ self.weights).flatten(1)
