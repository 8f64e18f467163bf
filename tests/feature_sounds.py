"""Sounds and settings that the tests of features share."""

import numpy as np

from stages.features import FAMILIES, level, mel, mfcc, spectral
from stages.features.engine import batch_frames
from stages.features.stft import Frame, Framing

RATE = 16_000
FRAMING = Framing.of(Frame(window_s=0.025, hop_s=0.01), RATE)
BANDS = {"n_fft": 512, "n_mels": 40, "fmin_hz": 20.0, "fmax_hz": 7600.0, "amin": 1e-10, "top_db": 80.0}
CONTRAST = {"contrast_bands": 6, "contrast_fmin_hz": 200.0, "contrast_share": 0.02, "contrast_top_db": 80.0}
PARAMS = {
    "mel": mel.Params(**BANDS, keep_frames=True),
    "mfcc": mfcc.Params(**BANDS, n_mfcc=13, delta_width=9, keep_frames=True),
    "spectral": spectral.Params(n_fft=512, amin=1e-10, rolloff_share=0.85, **CONTRAST, keep_frames=True),
    "level": level.Params(floor_db=-120.0, keep_frames=True),
}
TIME_S = np.arange(RATE) / RATE


def quantized(sound: np.ndarray, seed: int) -> np.ndarray:
    """Return a sound in -1..1 as int16 with triangular dither of two steps, as recordings have it."""
    generator = np.random.default_rng([7, seed])
    dither = generator.random(len(sound)) - generator.random(len(sound))
    return np.rint(np.clip(sound * 32767 + 2 * dither, -32768, 32767)).astype(np.int16)


def made_sounds() -> np.ndarray:
    """Return a glide, white noise, a vowel, clicks, a tone that stops, quiet noise: (6, RATE) int16."""
    generator = np.random.default_rng(11)
    pulses = np.zeros(RATE)
    pulses[::123] = 1.0
    vowel = np.zeros(RATE)
    for formant_hz, width_hz in ((700, 90), (1200, 110), (2600, 160)):
        ring = np.exp(-np.pi * width_hz * TIME_S[:800]) * np.sin(2 * np.pi * formant_hz * TIME_S[:800])
        vowel += np.convolve(pulses, ring)[:RATE]
    clicks = np.zeros(RATE)
    clicks[generator.integers(0, RATE, 25)] = generator.uniform(-0.9, 0.9, 25)
    sounds = [
        0.7 * np.sin(2 * np.pi * (100 * TIME_S + 3500 * TIME_S**2)),
        0.1 * generator.standard_normal(RATE),
        0.5 * vowel / np.abs(vowel).max(),
        clicks,
        0.4 * np.sin(2 * np.pi * 440 * TIME_S) * (TIME_S < 0.6),
        0.001 * generator.standard_normal(RATE),
    ]
    return np.stack([quantized(sound, seed) for seed, sound in enumerate(sounds)])


SOUNDS = made_sounds()


def frames_of(family: str, samples: np.ndarray, framing: Framing = FRAMING) -> np.ndarray:
    """Return frames (n_clips, n_frames, n_dims) of at most eight clips."""
    return batch_frames(np.atleast_2d(samples), FAMILIES[family].computation(PARAMS[family], framing))


def named(family: str, name: str, samples: np.ndarray, framing: Framing = FRAMING) -> np.ndarray:
    """Return one dimension of a family: (n_clips, n_frames)."""
    names = [dimension.name for dimension in FAMILIES[family].dimensions(PARAMS[family], RATE)]
    return frames_of(family, samples, framing)[:, :, names.index(name)]
