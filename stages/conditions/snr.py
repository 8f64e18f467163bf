"""Background noise at a signal-to-noise ratio: y = x + g v with g^2 = P / (10^(L/10) mean(v^2)), at L dB.

P is the mean square of the clip's whole sound x, pauses included and padding left out; v, the noise, is as long as the
sound, and its mean square is of these samples. In silence nobody speaks: it keeps its class, and P is that of the
median speech clip, so that it gets as much noise as that one. The mixture may exceed full scale, for a microphone has
headroom and clipping is another condition. Noise that a recording brings along is part of x.
"""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from stages.conditions.setting import Setting, rising
from stages.params import Section

UNIT = "dB"
NEEDS_NOISE = True


class Params(Section):
    """How loud the sound is beside the noise."""

    levels_db: Annotated[tuple[Annotated[float, Field(ge=-60, le=100)], ...], AfterValidator(rising)]  # dB, SNR


def levels(params: Params) -> tuple[float, ...]:
    """Return the ratios in dB, rising."""
    return params.levels_db


def apply(sound: np.ndarray, level: float, setting: Setting) -> np.ndarray:
    """Return the sound (n,) with noise at `level` dB; a noise that is shorter begins anew."""
    noise = np.resize(setting.noise, len(sound))
    gain = np.sqrt(setting.power / (10 ** (level / 10) * np.mean(np.square(noise, dtype=np.float64))))
    return sound + np.float32(gain) * noise
