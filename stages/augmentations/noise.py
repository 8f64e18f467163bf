"""Mix background noise into clips, in the power domain.

The power of a sum of two independent waves is, in expectation, the sum of their powers: with bands a and b in dB and a
gain g in dB, the mixture is 10 log10(10^(a/10) + 10^((b+g)/10)), without going back to the waveforms.
"""

from math import log
from typing import Annotated

import torch
from pydantic import Field, model_validator
from torch import Generator, Tensor

from stages.augmentations.setting import Setting
from stages.params import Section

NEEDS_NOISE = True
NEPERS_PER_DB = log(10) / 10  # of power: exp(NEPERS_PER_DB * x) = 10^(x/10)


class Params(Section):
    """How often and how loud."""

    probability: Annotated[float, Field(ge=0, le=1)]  # that a clip gets noise
    gain_db: tuple[float, float]  # dB, lowest and highest: the noise as stored, made louder by this

    @model_validator(mode="after")
    def _rising(self) -> "Params":
        if self.gain_db[0] > self.gain_db[1]:
            raise ValueError("gain_db as lowest, highest")
        return self


def apply(frames: Tensor, params: Params, setting: Setting, generator: Generator) -> Tensor:
    """Return `frames` (batch, n_frames, n_dims) in dB; each clip with `probability` mixed with a noise of its own."""
    batch, device = len(frames), frames.device
    lowest, highest = params.gain_db
    which = torch.randint(len(setting.noise), (batch,), generator=generator, device=device)
    gain = lowest + (highest - lowest) * torch.rand(batch, generator=generator, device=device)
    chosen = torch.rand(batch, generator=generator, device=device) < params.probability
    rows = chosen.nonzero()[:, 0]  # exponentials of the rest would be thrown away
    louder = setting.noise.index_select(0, which[rows]).to(frames.dtype) + gain[rows, None, None]
    mixed = torch.logaddexp(frames.index_select(0, rows) * NEPERS_PER_DB, louder * NEPERS_PER_DB) / NEPERS_PER_DB
    return frames.index_copy(0, rows, mixed)
