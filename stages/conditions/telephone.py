"""A telephone line: 300 to 3400 Hz at 8 kHz, where asked with the eight bits of G.711, and back to the clip's rate.

The band is cut by a linear-phase filter of 32 ms (Hamming's window, -6 dB at both ends), without delay.
"""

from typing import Annotated, Literal

import numpy as np
import soxr
from pydantic import AfterValidator
from scipy.fft import irfft, next_fast_len, rfft

from stages.conditions.mu_law import as_heard
from stages.conditions.setting import ConditionError, Setting, rising
from stages.params import Section

UNIT = ""
NEEDS_NOISE = False
RATE_HZ = 8000
BAND_HZ = (300, 3400)
HALF = 128  # taps on either side of the middle one


def _taps() -> np.ndarray:
    """The windowed response of an ideal band-pass, (2 * HALF + 1,) float32, of gain one in the middle of the band."""
    time_s = np.arange(-HALF, HALF + 1) / RATE_HZ
    below_low, below_high = (2 * hz / RATE_HZ * np.sinc(2 * hz * time_s) for hz in BAND_HZ)
    taps = np.hamming(2 * HALF + 1) * (below_high - below_low)
    return (taps / (taps @ np.cos(np.pi * sum(BAND_HZ) * time_s))).astype(np.float32)


TAPS = _taps()  # what scipy.signal.firwin gives, whose import takes a second


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
    n_padded = next_fast_len(len(low) + 2 * HALF, real=True)
    narrow = irfft(rfft(low, n_padded) * rfft(TAPS, n_padded), n_padded)[HALF : HALF + len(low)]
    heard = as_heard(narrow) if level == "mu_law" else narrow
    back = soxr.resample(heard, RATE_HZ, setting.sample_rate, quality="HQ")[: len(sound)]
    return np.pad(back, (0, len(sound) - len(back)))
