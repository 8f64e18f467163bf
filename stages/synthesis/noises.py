"""Noises of places and machines: a random generator -> samples (n,) float32 of unit root mean square.

Coloured noise is drawn as a spectrum and transformed once: independent normal bins times the wanted magnitude.
"""

from collections.abc import Callable

import numpy as np
from scipy.fft import next_fast_len

Shape = Callable[[np.ndarray], np.ndarray]

LOWEST_HZ = 40.0  # below it, pink and brown noise would be inaudible power alone


def unit(samples: np.ndarray) -> np.ndarray:
    """Return samples with a root mean square of 1; silence stays silence."""
    level = rms(samples)
    return (samples / level if level > 0 else samples).astype(np.float32)


def rms(samples: np.ndarray) -> float:
    """Return the root mean square, summed in float64."""
    return float(np.sqrt(np.mean(np.square(samples), dtype=np.float64)))


def coloured(n: int, sample_rate: int, rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Return noise whose spectrum has the magnitude `shape(frequency in Hz)`."""
    n_padded = next_fast_len(n + n % 2, real=True)
    bins = rng.standard_normal(2 * (n_padded // 2 + 1), dtype=np.float32).view(np.complex64)
    magnitude = shape(np.fft.rfftfreq(n_padded, 1 / sample_rate)).astype(np.float32)
    return unit(np.fft.irfft(bins * magnitude, n_padded)[:n])


def power_law(exponent: float) -> Shape:
    """Return the magnitude of noise whose power falls as 1 / frequency^exponent."""
    return lambda hz: np.maximum(hz, LOWEST_HZ) ** (-exponent / 2) * (hz >= LOWEST_HZ)


def white(n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise of equal power at all frequencies."""
    return coloured(n, sample_rate, rng, power_law(0))


def pink(n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise of equal power in all octaves."""
    return coloured(n, sample_rate, rng, power_law(1))


def brown(n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return noise that falls by 6 dB an octave, like a distant road."""
    return coloured(n, sample_rate, rng, power_law(2))


def fan(n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return a band of noise about an octave wide and the tone of the blades."""
    centre_hz, blade_hz = rng.uniform(150, 900), rng.uniform(60, 220)
    air = coloured(n, sample_rate, rng, lambda hz: np.exp(-0.5 * np.log2(np.maximum(hz, 1) / centre_hz) ** 2))
    return unit(air + 0.5 * harmonics(n, sample_rate, rng, blade_hz, 4))


def hum(n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return mains hum, 50 or 60 Hz and its harmonics, over faint pink noise."""
    return unit(harmonics(n, sample_rate, rng, rng.choice((50.0, 60.0)), 12) + 0.2 * pink(n, sample_rate, rng))


def rain(n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return hundreds of drops a second: short impulses, bright, of all strengths."""
    drops = impulses(n, rng, rng.uniform(200, 800) / sample_rate)
    return unit(_ringing(drops, sample_rate, 3000.0, 0.002) + 0.05 * rng.standard_normal(n, dtype=np.float32))


def clicks(n: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return a few clicks a second, as of keys and dishes, over pink noise."""
    struck = _ringing(impulses(n, rng, rng.uniform(3, 10) / sample_rate), sample_rate, rng.uniform(800, 3000), 0.015)
    return unit(unit(struck) + 0.5 * pink(n, sample_rate, rng))


def harmonics(n: int, sample_rate: int, rng: np.random.Generator, f0_hz: float, n_harmonics: int) -> np.ndarray:
    """Return a tone of `n_harmonics` harmonics that fall as 1 / number, each with its own phase."""
    fundamental = np.exp(2j * np.pi * f0_hz / sample_rate * np.arange(n)).astype(np.complex64)
    harmonic, tone = np.ones(n, np.complex64), np.zeros(n, np.float32)
    for number, phase in enumerate(rng.uniform(0, 2 * np.pi, n_harmonics), start=1):
        harmonic *= fundamental  # exp(i number w t)
        tone += (harmonic.real * float(np.cos(phase)) - harmonic.imag * float(np.sin(phase))) / number
    return unit(tone)


def impulses(n: int, rng: np.random.Generator, share: float) -> np.ndarray:
    """Return samples of which about `share` are impulses, exponentially distributed, of either sign; at least one."""
    places = rng.integers(n, size=max(1, rng.poisson(share * n)))
    samples = np.zeros(n, np.float32)
    samples[places] = rng.laplace(size=len(places))
    return samples


def _ringing(samples: np.ndarray, sample_rate: int, centre_hz: float, decay_s: float) -> np.ndarray:
    """Samples through a resonance that rings at `centre_hz` and falls to 1/e in `decay_s`."""
    time_s = np.arange(int(6 * decay_s * sample_rate)) / sample_rate
    response = (np.exp(-time_s / decay_s) * np.sin(2 * np.pi * centre_hz * time_s)).astype(np.float32)
    return convolved(samples, response)


def convolved(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return samples (n,) through a filter of a finite response, cut to n."""
    n_padded = next_fast_len(len(samples) + len(response) - 1, real=True)
    return np.fft.irfft(np.fft.rfft(samples, n_padded) * np.fft.rfft(response, n_padded), n_padded)[: len(samples)]


NOISES: dict[str, Callable[[int, int, np.random.Generator], np.ndarray]] = {
    "white": white,
    "pink": pink,
    "brown": brown,
    "fan": fan,
    "hum": hum,
    "rain": rain,
    "clicks": clicks,
}
