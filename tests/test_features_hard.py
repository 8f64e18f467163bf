"""Sounds that are hard for a feature: silent, extreme, narrow, long, of another rate; what comes out is a number."""

from pathlib import Path

import numpy as np
import pytest
import soxr
from feature_sounds import FRAMING, PARAMS, RATE, SOUNDS, frames_of, named, quantized

from stages.features import FAMILIES
from stages.features.engine import as_float, computed, extract
from stages.features.schema import described
from stages.features.statistics import NAMES
from stages.features.stft import Frame, Framing


def hard_sounds() -> dict[str, np.ndarray]:
    one_sample = np.zeros(RATE, np.int16)
    one_sample[0] = 1
    square = np.where(np.arange(RATE) % 2, 32767, -32768).astype(np.int16)
    return {
        "silence": np.zeros(RATE, np.int16),
        "one sample": one_sample,
        "full scale": square,
        "a constant": np.full(RATE, 20_000, np.int16),
        "the smallest noise": np.random.default_rng(5).integers(-1, 2, RATE).astype(np.int16),
    }


def assert_numbers(family: str, samples: np.ndarray, n_sounding: int, framing: Framing) -> None:
    """Assert that clips of one rate have finite frames and numbers, NaN where the family says when there is none."""
    params = PARAMS[family]
    dimensions, of_clip = described(FAMILIES[family], params, framing.sample_rate)
    computation, clip_computation = computed(FAMILIES[family], params, framing)
    never_missing = np.array([not dimension.missing for dimension in dimensions], bool)
    needed = np.append(np.repeat(never_missing, len(NAMES)), [not dimension.missing for dimension in of_clip])
    frames, numbers = extract(samples, np.full(len(samples), n_sounding), computation, framing, NAMES, clip_computation)
    assert frames.shape[:2] == (len(samples), framing.n_frames(samples.shape[1]))
    assert np.isfinite(frames[:, :, never_missing]).all()
    assert np.isfinite(numbers[:, needed.astype(bool)]).all()
    assert not np.isinf(numbers).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_hard_sounds_give_finite_numbers_but_where_a_family_says_that_there_is_none(family) -> None:
    for n_sounding in (0, 1, 100, RATE):
        assert_numbers(family, np.stack(list(hard_sounds().values())), n_sounding, FRAMING)


@pytest.mark.parametrize("family", FAMILIES)
def test_music_at_44_khz_gives_finite_numbers(family) -> None:
    # Three notes of five harmonics, struck one after the other, over 5 s.
    time_s = np.arange(5 * 44_100) / 44_100
    sound = np.zeros(len(time_s))
    for start_s, note_hz in ((0.0, 261.6), (1.5, 329.6), (3.0, 392.0)):
        since = np.maximum(time_s - start_s, 0)
        for harmonic in range(1, 6):
            sound += 0.2 / harmonic * np.sin(2 * np.pi * harmonic * note_hz * since) * np.exp(-2 * since) * (since > 0)
    framing = Framing.of(Frame(window_s=0.0116, hop_s=0.01), 44_100)  # as wide as the shortest n_fft, 512 samples
    assert_numbers(family, quantized(sound, 1)[None], len(time_s), framing)


@pytest.mark.parametrize("family", FAMILIES)
def test_ten_minutes_take_bounded_memory_and_give_finite_numbers(family) -> None:
    framing = Framing.of(Frame(window_s=0.025, hop_s=0.02), RATE)
    ten_minutes = np.tile(SOUNDS.ravel(), 100)[None]
    assert_numbers(family, ten_minutes[:, :RATE], RATE, framing)  # what is compiled and built once is not measured
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before_mb = memory_mb("VmRSS")
    assert_numbers(family, ten_minutes, ten_minutes.shape[1], framing)
    assert memory_mb("VmHWM") - before_mb < 250  # the samples as float32 are 38


def memory_mb(key: str) -> float:
    """A number of this process, MB: VmRSS, what it holds, or VmHWM, the most that it held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(key))


@pytest.mark.parametrize("family", FAMILIES)
def test_narrow_band_sound_padded_with_zeros_gives_finite_numbers(family) -> None:
    # The spectrum above 4 kHz holds nothing but the steps of 16 bits, or nothing at all.
    for sound in SOUNDS[[0, 1, 2]]:
        narrow = soxr.resample(soxr.resample(as_float(sound), RATE, 8000), 8000, RATE)
        dithered, plain = quantized(narrow, 1), np.rint(narrow * 32767).astype(np.int16)
        padded = np.stack([dithered, plain])
        padded[:, 9000:] = 0
        assert_numbers(family, padded, 9000, FRAMING)


def test_silence_has_the_values_its_family_declares() -> None:
    silence = hard_sounds()["silence"]
    spectrum = {
        "centroid": 0,
        "bandwidth": 0,
        "rolloff": 0,
        "flatness": 1,
        "entropy": 1,
        "flux": 0,
        "slope": 0,
        "crest": 0,
    }
    for name, value in spectrum.items():
        assert named("spectral", name, silence)[0] == pytest.approx(value, abs=1e-5)
    assert (named("level", "rms", silence) == -120).all()
    assert (named("level", "crest", silence) == 0).all()
    assert frames_of("mel", silence) == pytest.approx(-100, abs=1e-4)
