"""The broadcast residual block: over bands on the map, over time on its mean band, and back onto every band.

Kim and others 2021, https://arxiv.org/abs/2106.04140. Maps stand as (n_channels, n_bands, n), where
n = n_frames * batch, clips last: a step in time is a slice, and each product reads memory in order.
"""

from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.models.normalised import Normalised, uniform_weight


def shifted(maps: Tensor, steps: int) -> Tensor:
    """Return what stands `steps` frames later in maps (..., n_frames, batch), zeros beyond the ends."""
    if abs(steps) >= maps.shape[-2]:
        return torch.zeros_like(maps)
    return functional.pad(maps, (0, 0, -steps, steps))


def neighbours(n_bands: int, stride: int) -> Tensor:
    """Return (3, n_bands / stride, n_bands) of 0 and 1: where the band below, at and above each output stands."""
    centres = torch.arange(0, n_bands, stride)[:, None]
    return torch.stack([(torch.arange(n_bands) == centres + offset).float() for offset in (-1, 0, 1)])


class Block(nn.Module):
    """(n_in, n_bands, n) -> (n_out, n_bands / stride, n); the first block of a stage has no way around it."""

    neighbours: Tensor
    around: Tensor

    def __init__(
        self, n_in: int, n_out: int, n_bands: int, stride: int, dilation: int, sub_bands: int, dropout: float
    ) -> None:
        super().__init__()
        self.dilation, self.first = dilation, n_in != n_out
        if self.first:
            self.mix, self.mix_norm = uniform_weight(n_out, n_in), Normalised(n_out)
        self.bands, self.bands_norm = uniform_weight(n_out, 3), Normalised(n_out * sub_bands)
        self.times, self.times_norm = uniform_weight(n_out, 3), Normalised(n_out)
        self.broadcast, self.dropout = uniform_weight(n_out, n_out), nn.Dropout(dropout)
        self.register_buffer("neighbours", neighbours(n_bands, stride).flatten(1), persistent=False)
        self.register_buffer("around", (not self.first) * torch.eye(ceil(n_bands / stride), n_bands), persistent=False)

    def forward(self, maps: Tensor, batch: int) -> Tensor:
        if self.first:
            flat = maps.flatten(1)[None]
            matrix, shift = self.mix_norm(self.mix[None], flat)
            maps = torch.baddbmm(shift, matrix, flat).relu_().view(-1, *maps.shape[1:])
        over_bands = (self.bands @ self.neighbours).view(-1, *self.around.shape)
        matrix, shift = self.bands_norm(over_bands, maps)
        mean_band = torch.baddbmm(shift.mean(1, keepdim=True), matrix.mean(1, keepdim=True), maps)
        added = self.temporal(mean_band, batch) + shift
        return added.baddbmm_(matrix + self.around, maps).relu_()

    def temporal(self, mean_band: Tensor, batch: int) -> Tensor:
        """Return what is broadcast: (n_out, 1, n), of the mean over all bands (n_out, 1, n)."""
        n_channels, _, n = mean_band.shape
        lines = mean_band.view(n_channels, n // batch, batch)
        taps = torch.stack([shifted(lines, offset * self.dilation) for offset in (-1, 0, 1)], dim=1).flatten(2)
        matrix, shift = self.times_norm(self.times[:, None], taps)
        lines = self.broadcast @ functional.silu(torch.baddbmm(shift, matrix, taps))[:, 0]
        kept = self.dropout(lines.new_ones(n_channels, 1, batch))  # a whole channel of a clip, or none of it
        return (lines.view(n_channels, -1, batch) * kept).view(n_channels, 1, n)

    def multiply_adds(self) -> int:
        """Return the products of a weight and a value for one frame."""
        n_after, n_before = self.around.shape
        mix = n_before * self.mix.numel() if self.first else 0
        return mix + n_after * self.bands.numel() + self.times.numel() + self.broadcast.numel()
