"""Louder or softer: y = 10^(G/20) x, cut off at full scale as a recorder does, at a gain of G dB."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from stages.conditions.setting import Setting, rising
from stages.params import Section

UNIT = "dB"
NEEDS_NOISE = False


class Params(Section):
    """How much louder."""

    gains_db: Annotated[tuple[Annotated[float, Field(ge=-100, le=60)], ...], AfterValidator(rising)]  # dB


def levels(params: Params) -> tuple[float, ...]:
    """Return the gains in dB, rising."""
    return params.gains_db


def apply(sound: np.ndarray, level: float, setting: Setting) -> np.ndarray:
    """Return the sound (n,) with a gain of `level` dB; what would exceed full scale is at full scale."""
    return np.clip(sound * np.float32(10 ** (level / 20)), -1, 1)
