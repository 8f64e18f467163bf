"""Voices made here, and what `pitch` finds in them, by name."""

import numpy as np
from feature_sounds import FRAMING, PARAMS, RATE, TIME_S

from stages.features import pitch
from stages.features.engine import as_float, batch_frames
from stages.features.stft import Framing

OF_PITCH = PARAMS["pitch"]


def frames_of(
    samples: np.ndarray, framing: Framing = FRAMING, params: pitch.Params = OF_PITCH
) -> dict[str, np.ndarray]:
    """Return the frames of clips by name: (n_clips, n_frames) each."""
    frames = batch_frames(np.atleast_2d(samples), pitch.computation(params, framing))
    names = [dimension.name for dimension in pitch.dimensions(params, framing.sample_rate)]
    return dict(zip(names, np.moveaxis(frames, 2, 0), strict=True))


def numbers_of(samples: np.ndarray, n_sounding: int | None = None) -> dict[str, float]:
    """Return the numbers of one clip by name and unit."""
    batch = as_float(np.atleast_2d(samples))
    frames = batch_frames(batch, pitch.computation(OF_PITCH, FRAMING))
    counts = np.array([batch.shape[1] if n_sounding is None else n_sounding])
    numbers = pitch.clip_computation(OF_PITCH, FRAMING)(batch, frames, counts)[0]
    names = [f"{dimension.name}{dimension.unit}" for dimension in pitch.clip_dimensions(OF_PITCH, RATE)]
    return dict(zip(names, numbers.tolist(), strict=True))


def pulses(period_s: float, jitter: float = 0.0, shimmer: float = 0.0) -> np.ndarray:
    """Return smooth pulses whose periods are T (1 + j), T (1 - j), ... and amplitudes 1 + s, 1 - s, ...

    A pulse is the slope of a Gaussian 0.3 ms wide, so that nothing of it lies above half the sample rate.
    """
    turns = (-1.0) ** np.arange(int(0.9 / period_s))
    places_s = 0.03 + np.cumsum(period_s * (1 + jitter * turns))
    u = (TIME_S[:, None] - places_s) / 0.0003
    return 0.9 * ((1 + shimmer * turns) * -u * np.exp(-u * u)).sum(axis=1)


def vowel(generator: np.random.Generator, f0_hz: float, jitter: float, shimmer: float) -> np.ndarray:
    """Return a vowel of three formants with random periods and amplitudes of the given standard deviations."""
    fine, n_pulses = 8, int(0.95 * f0_hz)
    periods_s = (1 + jitter * generator.standard_normal(n_pulses)) / f0_hz
    amplitudes = 1 + shimmer * generator.standard_normal(n_pulses)
    train = np.zeros(RATE * fine)
    train[np.rint((0.01 + np.cumsum(periods_s[:-2])) * RATE * fine).astype(int)] = amplitudes[:-2]
    time_s, sound = np.arange(RATE * fine) / (RATE * fine), 0.0
    for formant_hz, width_hz, gain in ((650, 90, 1.0), (1100, 110, 0.7), (2500, 160, 0.3)):
        ring = gain * np.exp(-np.pi * width_hz * time_s) * np.sin(2 * np.pi * formant_hz * time_s)
        sound = sound + np.fft.irfft(np.fft.rfft(train, 2 * len(train)) * np.fft.rfft(ring, 2 * len(train)))
    spectrum = np.fft.rfft(sound)[: RATE + 1]
    slow = np.fft.irfft(spectrum * (np.arange(RATE + 1) < 0.95 * RATE))[:RATE]
    return 0.5 * slow / np.abs(slow).max()
