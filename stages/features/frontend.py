"""The log-mel front end, shared by mel and mfcc: one torch module for a CPU, a GPU and an exported model.

Decibels re 1.0 of the unscaled mel power: `10 log10(max(power, amin))`, then raised to at least the clip's own maximum
minus `top_db`. The maximum is of one clip, never of a batch, so a clip's frames do not depend on its neighbours.
"""

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from stages.features.filterbank import mel_filters
from stages.features.stft import Framing, PowerSpectrum
from stages.params import Section


class LogMelParams(Section):
    """What the front end is made of; families add their own."""

    n_fft: PositiveInt
    n_mels: PositiveInt
    fmin_hz: NonNegativeFloat
    fmax_hz: PositiveFloat
    amin: PositiveFloat
    top_db: PositiveFloat


class LogMel(torch.nn.Module):
    """samples (n_clips, n_samples) float32 in -1..1 -> (n_clips, n_frames, n_mels) float32, dB."""

    filters: torch.Tensor

    def __init__(self, params: LogMelParams, framing: Framing) -> None:
        super().__init__()
        self.amin, self.top_db = params.amin, params.top_db
        self.power = PowerSpectrum(framing, params.n_fft)
        filters = mel_filters(framing.sample_rate, params.n_fft, params.n_mels, params.fmin_hz, params.fmax_hz)
        self.register_buffer("filters", torch.from_numpy(filters).float())

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        decibels = 10 * torch.log10((self.power(samples) @ self.filters).clamp(min=self.amin))
        return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - self.top_db)
