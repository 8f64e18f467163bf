"""Pitch, voicing and harmonicity against closed forms, librosa and Praat, on sound made here."""

import librosa
import numpy as np
import parselmouth
import pytest
from feature_sounds import FRAMING, RATE, SOUNDS, TIME_S
from parselmouth.praat import call
from pitched import OF_PITCH, frames_of, numbers_of, pulses, vowel

from stages.features import pitch
from stages.features.engine import as_float
from stages.features.family import FeatureError
from stages.features.pitch import yin
from stages.features.stft import Frame, Framing

INNER = slice(5, -5)


def tone_in_noise(f0_hz: float, ratio_db: float) -> np.ndarray:
    noise = np.random.default_rng(int(f0_hz)).standard_normal(RATE)
    return 0.4 * np.sin(2 * np.pi * f0_hz * TIME_S) + 0.4 * np.sqrt(0.5 * 10 ** (-ratio_db / 10)) * noise


@pytest.mark.parametrize(
    ("rate", "hop", "frame", "fmin_hz", "fmax_hz"),
    [
        (16_000, 160, 640, 60.0, 500.0),
        (16_000, 320, 1024, 75.0, 600.0),
        (16_000, 160, 2048, 65.4, 2093.0),
        (22_050, 289, 1280, 50.0, 400.0),
        (8_000, 80, 512, 60.0, 4000.0),
    ],
)
def test_f0_equals_librosa_in_every_frame(rate, hop, frame, fmin_hz, fmax_hz) -> None:
    change = {"frame_s": frame / rate, "fmin_hz": fmin_hz, "fmax_hz": fmax_hz, "hnr_window_s": 0.08}
    framing = Framing.of(Frame(window_s=0.025, hop_s=hop / rate), rate)
    found = frames_of(SOUNDS, framing, OF_PITCH.model_copy(update=change))["f0"]
    settings = {"sr": rate, "fmin": fmin_hz, "fmax": fmax_hz, "frame_length": frame, "hop_length": hop}
    # In float32 the frames where two lags tie to seven digits are decided by librosa's rounding.
    expected = librosa.yin(as_float(SOUNDS).astype(np.float64), **settings, pad_mode="constant")
    assert (framing.hop, found.shape) == (hop, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=0)


def test_a_clip_longer_than_a_stretch_of_work_equals_librosa() -> None:
    sound = np.concatenate([SOUNDS[2], SOUNDS[0], SOUNDS[5], SOUNDS[2]])
    assert len(sound) > yin.ROWS
    settings = {"sr": RATE, "fmin": 60, "fmax": 500, "frame_length": 640, "hop_length": 160}
    expected = librosa.yin(as_float(sound).astype(np.float64), **settings, pad_mode="constant")
    np.testing.assert_allclose(frames_of(sound)["f0"][0], expected, rtol=1e-6, atol=0)


def test_more_or_fewer_clips_than_lanes_have_the_periods_they_have_alone() -> None:
    clips = as_float(np.concatenate([SOUNDS, SOUNDS[::-1]]))[:11, :4000]
    together = yin.periods(clips, 640, 160, 32, 267, 0.1)
    for clip in range(len(clips)):
        assert yin.periods(clips[clip : clip + 1], 640, 160, 32, 267, 0.1).tobytes() == together[clip].tobytes()


@pytest.mark.parametrize("period", [40, 83, 160])
def test_a_sound_that_repeats_is_voiced_harmonic_and_of_its_frequency(period) -> None:
    cycle = np.random.default_rng(period).standard_normal(period)
    frames = frames_of(0.1 * np.resize(cycle - cycle.mean(), RATE))
    assert frames["f0"][0, INNER] == pytest.approx(RATE / period, rel=2e-3)
    assert frames["aperiodicity"][0, INNER].max() < 1e-6
    assert (frames["voiced"] == 1).all()
    assert frames["hnr"][0, INNER].min() > 25


def test_silence_and_noise_are_not_voiced() -> None:
    noise = 0.1 * np.random.default_rng(2).standard_normal(RATE)
    frames = frames_of(np.stack([np.zeros(RATE), np.full(RATE, 0.5), noise]))
    assert (frames["voiced"] == 0).all()
    assert np.isnan(frames["f0_voiced"]).all()
    assert np.isnan(frames["hnr"]).all()
    assert (frames["aperiodicity"][0] == 1).all()
    assert (frames["aperiodicity"][1, INNER] == 1).all()
    assert frames["aperiodicity"][2, INNER].mean() > 0.6
    assert (frames["f0"][0] == RATE / 32).all()


def test_voiced_frames_have_f0_and_harmonicity_and_others_have_not() -> None:
    frames = frames_of(SOUNDS)
    is_voiced = frames["voiced"] == 1
    assert 0.05 < is_voiced.mean() < 0.95
    np.testing.assert_array_equal(frames["f0_voiced"][is_voiced], frames["f0"][is_voiced])
    for name in ("f0_voiced", "hnr"):
        np.testing.assert_array_equal(np.isfinite(frames[name]), is_voiced)
    for name in ("f0", "aperiodicity"):
        assert np.isfinite(frames[name]).all()


def test_a_voice_is_unvoiced_below_the_floor_and_far_below_the_loudest_frame() -> None:
    # The level of a sine of amplitude a is 20 log10(a) - 3.01 dBFS.
    steps_db = np.repeat([-20.0, -42.0, -48.0, -20.0], RATE // 4)
    sine = np.sin(2 * np.pi * 200 * TIME_S)
    is_voiced = frames_of(10 ** (steps_db / 20) * sine)["voiced"][0].reshape(-1)[:100].reshape(4, 25)[:, INNER]
    assert is_voiced.mean(axis=1) == pytest.approx([1, 1, 0, 1])
    quiet = frames_of(np.stack([10 ** (level_db / 20) * sine for level_db in (-66.5, -67.5)]))["voiced"]
    assert quiet[:, INNER].mean(axis=1) == pytest.approx([1, 0])


@pytest.mark.parametrize("ratio_db", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("f0_hz", [110.3, 237.1])
def test_a_tone_in_noise_has_the_aperiodicity_and_harmonicity_of_their_powers(f0_hz, ratio_db) -> None:
    frames = frames_of(tone_in_noise(f0_hz, ratio_db))
    share = 1 / (1 + 10 ** (ratio_db / 10))
    assert frames["aperiodicity"][0, INNER].mean() == pytest.approx(share, rel=0.12)
    assert np.nanmean(frames["hnr"][0, INNER]) == pytest.approx(ratio_db, abs=0.5)


@pytest.mark.parametrize("ratio_db", [5.0, 15.0, 25.0])
def test_harmonicity_is_close_to_praats(ratio_db) -> None:
    generator = np.random.default_rng(int(ratio_db))
    clean = vowel(generator, 140.0, 0.0, 0.0)
    sound = clean + clean.std() * 10 ** (-ratio_db / 20) * generator.standard_normal(RATE)
    praat = call(parselmouth.Sound(sound, RATE), "To Harmonicity (ac)", 0.01, 75, 0.1, 4.5)
    expected = call(praat, "Get mean", 0.1, 0.9)
    assert np.nanmean(frames_of(sound)["hnr"][0, 10:91]) == pytest.approx(expected, abs=0.6)


def test_an_offset_changes_nothing_but_f0() -> None:
    sound = 0.5 * pulses(1 / 137.3, 0.005, 0.03)
    plain, shifted = frames_of(np.stack([sound, sound + 0.2]))["aperiodicity"][:, 8:85]
    np.testing.assert_allclose(shifted, plain, atol=5e-3)
    assert numbers_of(sound + 0.2)["jitter_local"] == pytest.approx(numbers_of(sound)["jitter_local"], rel=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fmax_hz": 9000.0}, "fmax_hz is 9000.0, expected above fmin_hz, 60.0, and at most 8000"),
        ({"fmin_hz": 600.0}, "fmax_hz is 500.0, expected above fmin_hz, 600.0"),
        ({"frame_s": 0.03}, "frame_s is 0.03, expected at least two periods of fmin_hz, 0.03333 s"),
        ({"hnr_window_s": 0.03}, "hnr_window_s is 0.03, expected at least two periods"),
    ],
)
def test_params_that_cannot_be_computed_are_refused_by_name(change, message) -> None:
    with pytest.raises(FeatureError) as error:
        pitch.computation(OF_PITCH.model_copy(update=change), FRAMING)
    assert message in str(error.value)
