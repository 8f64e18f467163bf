"""Where it is recorded: a place in time, a room, a noise, a microphone's band and a level, drawn for each clip.

Nothing here knows the word: all is drawn from ranges. Rendering happens at RENDER_HZ; levels are measured below
LEVEL_EDGE_HZ, where a decoder at 16 kHz hears them, so that a bright word is not given away by a low level.
"""

from typing import Annotated

import numpy as np
import soxr
from pydantic import Field, ValidationInfo, field_validator
from scipy.fft import next_fast_len

from stages.params import Section
from stages.ranges import Range, drawn, within
from stages.synthesis.containers import Kind
from stages.synthesis.noises import NOISES, convolved, rms, unit

RENDER_HZ = 24000
LEVEL_EDGE_HZ = 8000.0
CEILING = 0.999  # of full scale; what is louder is clipped
BAND_ORDER = 3  # of the Butterworth magnitude
FADE_S = 0.005  # at both ends of an utterance

Share = Annotated[float, Field(ge=0, le=1)]


class Lengths(Section):
    """How long recordings are: most of them clip_s, a share of them shorter."""

    clip_s: Annotated[float, Field(gt=0)]
    shortest_s: Annotated[float, Field(gt=0.1)]
    short_share: Share

    @field_validator("shortest_s")
    @classmethod
    def _at_most_a_clip(cls, shortest_s: float, info: ValidationInfo) -> float:
        if shortest_s > info.data.get("clip_s", shortest_s):
            raise ValueError(f"at most clip_s, {info.data['clip_s']:g}")
        return shortest_s

    @property
    def utterance_s(self) -> float:
        """The longest an utterance may be: it fits every recording, so that lengths do not tell the word."""
        return self.shortest_s - 0.02


class Rooms(Section):
    """What happens to the sound on its way into the file."""

    reverberant_share: Share
    decay_s: Annotated[Range, within(0.01, 5)]
    direct_db: Range
    snr_db: Range
    band_share: Share
    band_low_hz: Annotated[Range, within(1, RENDER_HZ / 2)]
    band_high_hz: Annotated[Range, within(1, RENDER_HZ / 2)]
    level_dbfs: Annotated[Range, within(-90, 0)]
    balance_db: Annotated[Range, within(-40, 40)]


def render(utterance: np.ndarray, options: Rooms, lengths: Lengths, rng: np.random.Generator) -> np.ndarray:
    """Return a recording (n,) float32 at RENDER_HZ of an utterance (m,) at RENDER_HZ, whole and unclipped in it."""
    is_short, short_s = rng.random() < lengths.short_share, drawn((lengths.shortest_s, lengths.clip_s), rng)
    n = int((short_s if is_short else lengths.clip_s) * RENDER_HZ)
    start = rng.integers(n - len(utterance) + 1)
    dry = np.zeros(n, np.float32)
    dry[start : start + len(utterance)] = unit(faded(utterance))
    speech = dry
    if rng.random() < options.reverberant_share:
        speech = reverberant(dry, drawn(options.decay_s, rng), drawn(options.direct_db, rng), rng)
    spoken = speech[start : start + len(utterance)]
    noise = NOISES[str(rng.choice(list(NOISES)))](n, RENDER_HZ, rng)
    noise_gain = rms(spoken) * 10 ** (-drawn(options.snr_db, rng) / 20)
    return through_microphone(speech + noise_gain * noise, options, rng)


def through_microphone(samples: np.ndarray, options: Rooms, rng: np.random.Generator) -> np.ndarray:
    """Return samples at RENDER_HZ, a share of them passed through a telephone's band."""
    low_hz, high_hz = drawn(options.band_low_hz, rng), drawn(options.band_high_hz, rng)
    return band_pass(samples, low_hz, high_hz) if rng.random() < options.band_share else samples


def recorded(samples: np.ndarray, kind: Kind, level_dbfs: float, balance_db: float) -> np.ndarray:
    """Return samples (n,) at RENDER_HZ as (m, n_channels) at the kind's rate, at a level of the mean of channels."""
    resampled = samples if kind.sample_rate_hz == RENDER_HZ else soxr.resample(samples, RENDER_HZ, kind.sample_rate_hz)
    edge_hz = min(LEVEL_EDGE_HZ, kind.sample_rate_hz / 2)
    levelled = resampled * (10 ** (level_dbfs / 20) / level_below(samples, RENDER_HZ, edge_hz))
    ratio = 10 ** (balance_db / 20)
    gains = np.array([1.0] if kind.n_channels == 1 else [2 * ratio / (1 + ratio), 2 / (1 + ratio)])
    return np.clip(levelled[:, None] * gains, -CEILING, CEILING)


def level_below(samples: np.ndarray, sample_rate: int, edge_hz: float) -> float:
    """Return the root mean square of what lies below `edge_hz`, under half the sample rate, by Parseval's theorem."""
    n_padded = next_fast_len(len(samples), real=True)
    power = np.square(np.abs(np.fft.rfft(samples, n_padded)[: int(edge_hz * n_padded / sample_rate)]))
    return float(np.sqrt(2 * power.sum(dtype=np.float64) / n_padded / len(samples)))


def faded(samples: np.ndarray) -> np.ndarray:
    """Return samples with both ends faded, so that trimming leaves no click."""
    n = min(int(FADE_S * RENDER_HZ), len(samples) // 2)
    ramp = np.ones(len(samples))
    ramp[:n] = np.arange(n) / max(n, 1)
    return samples * ramp * ramp[::-1]


def reverberant(dry: np.ndarray, decay_s: float, direct_db: float, rng: np.random.Generator) -> np.ndarray:
    """Return sound in a room: itself and a tail of noise that falls by 60 dB in `decay_s`.

    The direct sound has `direct_db` more energy than the tail, which begins 3 to 15 ms later and is darker than white.
    """
    n_tail = int(decay_s * RENDER_HZ)
    white = rng.standard_normal(n_tail + 1, dtype=np.float32)
    tail = white[1:] + white[:-1]  # magnitude cos(pi f / RENDER_HZ), 3 dB down at a quarter of the rate
    tail = tail * 10 ** (-3 * np.arange(n_tail) / n_tail)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(np.square(tail)))
    n_before = int(drawn((0.003, 0.015), rng) * RENDER_HZ)
    response = np.concatenate([np.ones(1), np.zeros(n_before), tail]).astype(np.float32)
    return convolved(dry, response)


def band_pass(samples: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Return samples through a Butterworth band of zero phase."""
    n_padded = next_fast_len(len(samples) + RENDER_HZ // 10, real=True)
    hz = np.maximum(np.fft.rfftfreq(n_padded, 1 / RENDER_HZ), 1e-3)
    gain = 1 / np.sqrt((1 + (low_hz / hz) ** (2 * BAND_ORDER)) * (1 + (hz / high_hz) ** (2 * BAND_ORDER)))
    return np.fft.irfft(np.fft.rfft(samples, n_padded) * gain.astype(np.float32), n_padded)[: len(samples)]
