"""Sounds and settings that the tests of features share."""

import numpy as np
from ruamel.yaml import YAML

from stages.features import FAMILIES
from stages.features.engine import batch_frames
from stages.features.stft import Frame, Framing

RATE = 16_000
FRAMING = Framing.of(Frame(window_s=0.025, hop_s=0.01), RATE)
BANDS = {"n_fft": 512, "n_mels": 40, "fmin_hz": 20.0, "fmax_hz": 7600.0, "amin": 1e-10, "top_db": 80.0}
FAMILY_PARAMS = """
mel: {n_fft: 512, n_mels: 40, fmin_hz: 20.0, fmax_hz: 7600.0, amin: 1e-10, top_db: 80.0}
mfcc: {n_fft: 512, n_mels: 40, fmin_hz: 20.0, fmax_hz: 7600.0, amin: 1e-10, top_db: 80.0, n_mfcc: 13, delta_width: 9}
cepstra: {n_fft: 512, fmin_hz: 20.0, fmax_hz: 7600.0, amin: 1e-10, n_gammatone: 32, gammatone_compression: cube_root,
  n_gfcc: 13, n_linear: 40, n_lfcc: 20, plp_order: 12, n_plp: 13}
spectral: {n_fft: 512, amin: 1e-10, rolloff_share: 0.85, contrast_bands: 6, contrast_fmin_hz: 200.0,
  contrast_share: 0.02, contrast_top_db: 80.0}
chroma: {n_fft: 1024, tuning: 0.0, centre_hz: 880.0, width_octaves: 2.0}
level: {floor_db: -120.0}
pitch: {frame_s: 0.04, fmin_hz: 60.0, fmax_hz: 500.0, trough_threshold: 0.1, voiced_aperiodicity: 0.45,
  voiced_floor_dbfs: -70.0, voiced_range_db: 25.0, hnr_window_s: 0.06, period_factor: 1.3, amplitude_factor: 1.6}
formants: {max_formant_hz: 5500.0, n_poles: 10, window_s: 0.025, pre_emphasis_hz: 50.0, margin_hz: 50.0,
  max_bandwidth_hz: 1000.0, n_lpcc: 12}
harmonic: {n_fft: 512, median_s: 0.31, median_hz: 970.0, floor_db: -120.0}
rhythm: {n_fft: 512, n_mels: 40, fmin_hz: 20.0, fmax_hz: 7600.0, amin: 1e-10, top_db: 80.0, autocorrelation_s: 2.0,
  min_bpm: 60.0, max_bpm: 480.0, n_tempo_bands: 6, usual_bpm: 120.0, usual_octaves: 1.0,
  onsets: {greatest_before_s: 0.03, greatest_after_s: 0.0, mean_before_s: 0.1, mean_after_s: 0.1, delta: 0.07,
    wait_s: 0.03}}
modulation: {n_fft: 512, n_bands: 8, fmin_hz: 20.0, fmax_hz: 7600.0, slowest_hz: 1.0, n_octaves: 4, floor_db: -60.0}
"""
PARAMS = {
    family: FAMILIES[family].Params.model_validate({**values, "keep_frames": family != "modulation"})
    for family, values in YAML(typ="safe", pure=True).load(FAMILY_PARAMS).items()
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
