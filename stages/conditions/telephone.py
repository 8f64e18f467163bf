"""A telephone line: 300 to 3400 Hz at 8 kHz, where asked with the eight bits of G.711, and back to the clip's rate.

The band is cut by a linear-phase filter of 32 ms (Hamming's window, -6 dB at both ends), without delay.
"""

from typing import Annotated, Literal

import numpy as np
import soxr
from pydantic import AfterValidator
from scipy.signal import fftconvolve, firwin

from stages.conditions.mu_law import as_heard
from stages.conditions.setting import ConditionError, Setting, rising
from stages.params import Section

UNIT = ""
NEEDS_NOISE = False
RATE_HZ = 8000
BAND_HZ = (300, 3400)
HALF = 128  # taps on either side of the middle one
TAPS = firwin(2 * HALF + 1, BAND_HZ, pass_zero=False, fs=RATE_HZ).astype(np.float32)


class Params(Section):
    """How samples are coded on the line."""

    codings: Annotated[tuple[Literal["linear", "mu_law"], ...], AfterValidator(rising)]  # in float, or as G.711


def levels(params: Params) -> tuple[str, ...]:
    """Return the codings."""
    return params.codings


def apply(sound: np.ndarray, level: str, setting: Setting) -> np.ndarray:
    """Return the sound (n,) as it comes out of the line; raises ConditionError where its rate is below the line's."""
    if setting.sample_rate < RATE_HZ:
        raise ConditionError(
            f"params.yaml: decode.sample_rate_hz is {setting.sample_rate}, expected at least {RATE_HZ} for "
            "evaluate.conditions.telephone; take that out"
        )
    low = soxr.resample(sound, setting.sample_rate, RATE_HZ, quality="HQ")
    if not len(low):
        return np.zeros_like(sound)
    narrow = fftconvolve(low, TAPS)[HALF : HALF + len(low)]
    heard = as_heard(narrow) if level == "mu_law" else narrow
    back = soxr.resample(heard, RATE_HZ, setting.sample_rate, quality="HQ")[: len(sound)]
    return np.pad(back, (0, len(sound) - len(back)))
