"""Move each clip in time: the word comes earlier or later."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from stages.augmentations.setting import Setting
from stages.params import Section

NEEDS_NOISE = False


class Params(Section):
    """How far."""

    most_ms: Annotated[float, Field(ge=0)]  # each clip moves by up to this much either way, in whole hops


def apply(frames: Tensor, params: Params, setting: Setting, generator: Generator) -> Tensor:
    """Return `frames` (batch, n_frames, n_dims), each clip moved by its own whole number of hops.

    The number is uniform in -n..n with n = round(most_ms / hop). The frame at the edge is repeated where the clip has
    moved away: background goes on, where a fill of zeros would mark the clip as moved.
    """
    batch, n_frames, _ = frames.shape
    most = round(params.most_ms / 1000 / setting.hop_s)
    moves = torch.randint(-most, most + 1, (batch, 1), generator=generator, device=frames.device)
    source = (torch.arange(n_frames, device=frames.device) - moves).clamp(0, n_frames - 1)
    rows = source + n_frames * torch.arange(batch, device=frames.device)[:, None]
    return frames.flatten(0, 1).index_select(0, rows.flatten()).view(frames.shape)
