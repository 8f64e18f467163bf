"""Blank stretches of time and bands of frequency, so that no single moment or band decides.

After SpecAugment (Park et al., 2019, https://arxiv.org/abs/1904.08779), stated in milliseconds and hertz: the same
params mean the same at another hop or number of bands.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from stages.augmentations.setting import Setting
from stages.params import Section

NEEDS_NOISE = False


class Params(Section):
    """How many and how wide."""

    n_times: Annotated[int, Field(ge=0)]  # stretches of time a clip
    time_ms: Annotated[float, Field(ge=0)]  # ms, the widest stretch
    n_bands: Annotated[int, Field(ge=0)]  # bands a clip
    band_hz: Annotated[float, Field(ge=0)]  # Hz, the widest band


def apply(frames: Tensor, params: Params, setting: Setting, generator: Generator) -> Tensor:
    """Return `frames` (batch, n_frames, n_dims) with each clip's own stretches and bands at the clip's mean.

    Widths are uniform between 0 and the widest. A stretch begins at a uniform moment; a band begins at the frequency of
    a uniformly drawn dimension, so that the dense low bands of a mel scale are met as often as the wide high ones.
    """
    batch, n_frames, n_dims = frames.shape
    times_s = torch.arange(n_frames, device=frames.device) * setting.hop_s
    no_time = frames.new_zeros(batch, n_frames, dtype=torch.bool)
    no_band = frames.new_zeros(batch, n_dims, dtype=torch.bool)
    for _ in range(params.n_times):
        start_s, width_s = torch.rand(2, batch, 1, generator=generator, device=frames.device)
        start_s, width_s = start_s * times_s[-1], width_s * params.time_ms / 1000
        no_time |= (times_s >= start_s) & (times_s < start_s + width_s)
    for _ in range(params.n_bands):
        start_hz = setting.dims_hz[torch.randint(n_dims, (batch, 1), generator=generator, device=frames.device)]
        width_hz = torch.rand(batch, 1, generator=generator, device=frames.device) * params.band_hz
        no_band |= (setting.dims_hz >= start_hz) & (setting.dims_hz < start_hz + width_hz)
    return torch.where(no_time[:, :, None] | no_band[:, None, :], frames.mean(dim=(1, 2), keepdim=True), frames)
