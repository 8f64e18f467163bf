"""Played faster or slower, tempo and pitch together: y(t) = x(factor t), by resampling.

Resampled by soxr at HQ, so that what would lie above half the sample rate is filtered out, not folded back.
"""

from typing import Annotated

import numpy as np
import soxr
from pydantic import AfterValidator, Field

from stages.conditions.setting import Setting, rising
from stages.params import Section

UNIT = "times"
NEEDS_NOISE = False


class Params(Section):
    """How fast."""

    factors: Annotated[tuple[Annotated[float, Field(ge=0.25, le=4)], ...], AfterValidator(rising)]  # above 1 is faster


def levels(params: Params) -> tuple[float, ...]:
    """Return the factors, rising."""
    return params.factors


def apply(sound: np.ndarray, level: float, setting: Setting) -> np.ndarray:
    """Return the sound (n,) as (n / level,): a tone of f Hz becomes one of level * f Hz."""
    faster = soxr.resample(sound, setting.sample_rate * level, setting.sample_rate, quality="HQ")
    return faster if len(faster) else sound[:1]  # never fewer than one sample
