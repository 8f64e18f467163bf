"""Pitch, voicing, harmonicity, jitter and shimmer against closed forms, librosa and Praat, on sound made here."""

import librosa
import numpy as np
import parselmouth
import pytest
from feature_sounds import FRAMING, RATE, SOUNDS, TIME_S
from parselmouth.praat import call

from stages.features import pitch
from stages.features.engine import as_float, batch_frames
from stages.features.family import FeatureError
from stages.features.pitch import yin
from stages.features.stft import Frame, Framing

PARAMS = pitch.Params(
    frame_s=0.04,
    fmin_hz=60.0,
    fmax_hz=500.0,
    trough_threshold=0.1,
    voiced_aperiodicity=0.45,
    voiced_floor_dbfs=-70.0,
    voiced_range_db=25.0,
    hnr_window_s=0.06,
    period_factor=1.3,
    amplitude_factor=1.6,
    keep_frames=True,
)
INNER = slice(5, -5)


def frames_of(samples: np.ndarray, framing: Framing = FRAMING, params: pitch.Params = PARAMS) -> dict[str, np.ndarray]:
    """Return the frames of clips by name: (n_clips, n_frames) each."""
    frames = batch_frames(np.atleast_2d(samples), pitch.computation(params, framing))
    names = [dimension.name for dimension in pitch.dimensions(params, framing.sample_rate)]
    return dict(zip(names, np.moveaxis(frames, 2, 0), strict=True))


def numbers_of(samples: np.ndarray, n_sounding: int | None = None) -> dict[str, float]:
    """Return the numbers of one clip by name and unit."""
    batch = as_float(np.atleast_2d(samples))
    frames = batch_frames(batch, pitch.computation(PARAMS, FRAMING))
    counts = np.array([batch.shape[1] if n_sounding is None else n_sounding])
    numbers = pitch.clip_computation(PARAMS, FRAMING)(batch, frames, counts)[0]
    names = [f"{dimension.name}{dimension.unit}" for dimension in pitch.clip_dimensions(PARAMS, RATE)]
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
    found = frames_of(SOUNDS, framing, PARAMS.model_copy(update=change))["f0"]
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


@pytest.mark.parametrize(("period_s", "jitter"), [(1 / 100, 0.003), (1 / 137.3, 0.01), (1 / 210, 0.01)])
def test_alternating_periods_have_the_jitter_of_closed_form(period_s, jitter) -> None:
    # A period is off the mean of w neighbours by j (1 - 1 / w), since of an odd w all but one cancel.
    numbers = numbers_of(pulses(period_s, jitter=jitter))
    assert numbers["jitter_local"] == pytest.approx(2 * jitter, rel=2e-3)
    assert numbers["jitter_rap"] == pytest.approx(4 / 3 * jitter, rel=2e-3)
    assert numbers["jitter_ppq5"] == pytest.approx(4 / 5 * jitter, rel=2e-3)
    assert numbers["shimmer_local"] < 2e-3
    assert numbers["n_periods"] == pytest.approx(0.9 / period_s, abs=3)


@pytest.mark.parametrize(("period_s", "shimmer"), [(1 / 100, 0.03), (1 / 137.3, 0.05), (1 / 210, 0.05)])
def test_alternating_amplitudes_have_the_shimmer_of_closed_form(period_s, shimmer) -> None:
    numbers = numbers_of(pulses(period_s, shimmer=shimmer))
    assert numbers["shimmer_local"] == pytest.approx(2 * shimmer, rel=2e-3)
    assert numbers["shimmer_apq3"] == pytest.approx(4 / 3 * shimmer, rel=2e-2)
    assert numbers["shimmerdB"] == pytest.approx(20 * np.log10((1 + shimmer) / (1 - shimmer)), rel=2e-3)
    assert numbers["jitter_local"] < 1e-4


def test_steady_pulses_have_neither_jitter_nor_shimmer() -> None:
    numbers = numbers_of(pulses(1 / 137.3))
    for name in ("jitter_local", "jitter_rap", "jitter_ppq5", "shimmer_local", "shimmer_apq3"):
        assert numbers[name] < 1e-4


def test_jitter_and_shimmer_of_vowels_are_close_to_praats() -> None:
    generator = np.random.default_rng(8)
    for f0_hz, jitter, shimmer in ((105.0, 0.005, 0.02), (150.0, 0.01, 0.05), (220.0, 0.004, 0.08)):
        sound = vowel(generator, f0_hz, jitter, shimmer)
        found, expected = numbers_of(sound), praat_numbers(sound)
        assert found["n_periods"] == pytest.approx(expected["n_periods"], abs=3)
        for name in ("jitter_local", "jitter_rap", "jitter_ppq5"):
            assert found[name] == pytest.approx(expected[name], rel=0.1)
        for name in ("shimmer_local", "shimmer_apq3", "shimmerdB"):
            assert found[name] == pytest.approx(expected[name], rel=0.25)


def praat_numbers(sound: np.ndarray) -> dict[str, float]:
    """Return Praat's numbers, with its standard settings but for the range of pitch."""
    of_praat = parselmouth.Sound(sound, RATE)
    track = call(of_praat, "To Pitch (ac)", 0.0, 60, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 500)
    marks = call([of_praat, track], "To PointProcess (cc)")
    limits = (0, 0, 0.0001, 0.02, 1.3)
    numbers = {f"jitter_{name}": call(marks, f"Get jitter ({name})", *limits) for name in ("local", "rap", "ppq5")}
    for name, title in (("shimmer_local", "local"), ("shimmer_apq3", "apq3"), ("shimmerdB", "local_dB")):
        numbers[name] = call([of_praat, marks], f"Get shimmer ({title})", *limits, 1.6)
    return numbers | {"n_periods": call(marks, "Get number of periods", *limits)}


def test_an_offset_changes_nothing_but_f0() -> None:
    sound = 0.5 * pulses(1 / 137.3, 0.005, 0.03)
    plain, shifted = frames_of(np.stack([sound, sound + 0.2]))["aperiodicity"][:, 8:85]
    np.testing.assert_allclose(shifted, plain, atol=5e-3)
    assert numbers_of(sound + 0.2)["jitter_local"] == pytest.approx(numbers_of(sound)["jitter_local"], rel=0.02)


def test_zeros_after_the_sound_do_not_change_the_numbers_of_a_clip() -> None:
    sound = pulses(1 / 137.3, 0.005, 0.03)[:8000]
    padded = np.concatenate([sound, np.zeros(8000)])
    assert numbers_of(padded, n_sounding=8000) == numbers_of(sound)


def test_a_clip_without_voice_has_no_jitter() -> None:
    for sound, n_sounding in ((np.zeros(RATE), RATE), (pulses(0.01), 0), (pulses(0.01), 100)):
        numbers = numbers_of(sound, n_sounding)
        assert numbers.pop("n_periods") == 0
        assert np.isnan(list(numbers.values())).all()


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
        pitch.computation(PARAMS.model_copy(update=change), FRAMING)
    assert message in str(error.value)
