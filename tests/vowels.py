"""Vowels of known resonances, and the settings they are analysed with, that tests of formants share."""

import numpy as np
from scipy.signal import lfilter

from stages.features import formants

PARAMS = formants.Params(
    max_formant_hz=5500.0,
    n_poles=10,
    window_s=0.025,
    pre_emphasis_hz=50.0,
    margin_hz=50.0,
    max_bandwidth_hz=1000.0,
    n_lpcc=12,
    keep_frames=True,
)
VOWELS = {
    "a": ((730, 80), (1090, 90), (2440, 120), (3400, 150), (4500, 200)),
    "i": ((270, 60), (2290, 90), (3010, 140), (3600, 180), (4500, 220)),
    "u": ((300, 60), (870, 80), (2240, 120), (3300, 160), (4400, 200)),
}


def polynomial(resonances, rate_hz: float) -> np.ndarray:
    """Return 1, a_1, a_2, ... of the all-pole filter with these frequencies and bandwidths in Hz."""
    poles = [np.exp(np.pi / rate_hz * (-width_hz + 2j * hz)) for hz, width_hz in resonances]
    return np.real(np.poly(poles + np.conj(poles).tolist()))


def vowel(resonances, source: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the source through the resonances, after a slope that pre-emphasis takes away: (1, n_samples) float32."""
    kept = np.exp(-2 * np.pi * PARAMS.pre_emphasis_hz / rate_hz)
    sound = lfilter([1.0], np.convolve(polynomial(resonances, rate_hz), [1, -kept]), source)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)[None]
