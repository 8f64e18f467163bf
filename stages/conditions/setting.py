"""What a condition must know about the clip it changes, and how levels are written in params.yaml."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Level = float | str
Each = TypeVar("Each", float, str)


class ConditionError(ValueError):
    """A condition of params.yaml cannot be made of these clips."""


@dataclass(frozen=True)
class Setting:
    """Facts about one clip. `noise` and `power` are for conditions that mix noise in."""

    sample_rate: int  # Hz
    noise: np.ndarray  # (n_noise,) float32: background noise of the same part, its first sample is not 0; may be empty
    power: float  # mean square of what noise is measured against: the clip's own sound; in silence, see material.py


def rising(levels: tuple[Each, ...]) -> tuple[Each, ...]:
    """Return levels in rising order; raises ValueError where there is none, or one comes twice."""
    if not levels or len(set(levels)) < len(levels):
        raise ValueError("at least one level, each once")
    return tuple(sorted(levels))
