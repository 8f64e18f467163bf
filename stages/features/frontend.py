"""The log-mel front end, shared by families: one torch module for a CPU, a GPU and an exported model.

Decibels re 1.0 of the unscaled mel power: `10 log10(max(power, amin))`, then raised to at least the clip's own maximum
minus `top_db`. The maximum is of one clip, never of a batch, so a clip's frames do not depend on its neighbours.

Where nothing is learned through it and the sound lies in main memory, what surrounds the FFT is fused, which saves a
third of the time (stages/features/magnitude.py). In float32 a band is off by 1.5e-3 dB at most, on half a million real
frames; in float64 it would be 1.5e-5, for a third more time.
"""

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from stages.features.arithmetic import Amin
from stages.features.filterbank import mel_filters
from stages.features.magnitude import Magnitudes
from stages.features.stft import Framing, PowerSpectrum
from stages.params import Section

BLOCK_SAMPLES = 1 << 16  # in the windows of a block, of each clip: spectra need little room, however long the clip


class LogMelParams(Section):
    """What the front end is made of; families add their own."""

    n_fft: PositiveInt
    n_mels: PositiveInt
    fmin_hz: NonNegativeFloat
    fmax_hz: PositiveFloat
    amin: Amin
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
        self.spectra = Magnitudes(framing, params.n_fft, torch.float32)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        is_fused = samples.is_cpu and torch.is_inference_mode_enabled() and not _is_traced()
        mel = self._fused(samples) if is_fused else self._differentiable(samples)
        decibels = 10 * torch.log10(mel.clamp(min=self.amin))
        return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - self.top_db)

    def _differentiable(self, samples: torch.Tensor) -> torch.Tensor:
        n_frames = 1 + samples.shape[1] // self.power.hop
        n_at_once = max(BLOCK_SAMPLES // self.power.n_fft, 1)
        blocks = [
            self.power.part(samples, first, min(first + n_at_once, n_frames)) @ self.filters
            for first in range(0, n_frames, n_at_once)
        ]
        return torch.cat(blocks, dim=1)

    def _fused(self, samples: torch.Tensor) -> torch.Tensor:
        n_frames = 1 + samples.shape[1] // self.power.hop
        mel = torch.empty(len(samples), n_frames, self.filters.shape[1])
        for clip, frames, power in self.spectra.powers(list(samples.numpy()), [n_frames] * len(samples)):
            torch.mm(torch.from_numpy(power), self.filters, out=mel[clip, frames])
        return mel


def _is_traced() -> bool:
    return torch.jit.is_tracing() or torch.compiler.is_compiling()
