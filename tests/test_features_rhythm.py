"""The family rhythm against closed forms, invariants and librosa."""

import librosa
import numpy as np
import pytest
from feature_sounds import BANDS, FRAMING, RATE, SOUNDS

from stages.features import mel, rhythm
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames
from stages.features.family import FeatureError
from stages.features.onset import Peaks, onsets
from stages.features.rhythm.tempogram import tempogram
from stages.features.stft import Frame, Framing

PEAKS = {"greatest_before_s": 0.03, "greatest_after_s": 0.0, "mean_before_s": 0.1, "mean_after_s": 0.1, "wait_s": 0.03}
TEMPI = {"min_bpm": 60.0, "max_bpm": 320.0, "n_tempo_bands": 6, "usual_bpm": 120.0, "usual_octaves": 1.0}
PARAMS = rhythm.Params(
    **BANDS, autocorrelation_s=2.0, **TEMPI, onsets=rhythm.PeakParams(**PEAKS, delta=0.07), keep_frames=True
)
MEL = mel.Params(**BANDS, keep_frames=True)
ONSET = 0  # the first number of a frame
TEMPO, ONSETS, CLARITY = range(3)


def frames_of(sounds: np.ndarray, framing: Framing = FRAMING, **change: float) -> np.ndarray:
    return batch_frames(sounds, rhythm.computation(PARAMS.model_copy(update=change), framing))


def numbers_of(sounds: np.ndarray, n_sounding: int | None = None, **change: float) -> np.ndarray:
    """Return tempo, onsets a second and pulse clarity of each clip."""
    numbers = rhythm.clip_computation(PARAMS.model_copy(update=change), FRAMING)
    counts = np.full(len(sounds), sounds.shape[1] if n_sounding is None else n_sounding)
    return numbers(as_float(sounds), frames_of(sounds, **change), counts)


def clicks(at_s: np.ndarray, length_s: float) -> np.ndarray:
    """Return a clip of clicks of a decaying tone in quiet noise: (1, n_samples) float32."""
    sound = 1e-4 * np.random.default_rng(7).standard_normal(round(length_s * RATE))
    ring = np.exp(-np.arange(800) / 80) * np.sin(2 * np.pi * 1500 * np.arange(800) / RATE)
    for start in np.rint(at_s * RATE).astype(int):
        sound[start : start + 800] += 0.5 * ring[: len(sound) - start]
    return sound.astype(np.float32)[None]


def librosa_strength(framing: Framing, log_mel: np.ndarray) -> np.ndarray:
    return librosa.onset.onset_strength(S=log_mel.T, sr=framing.sample_rate, n_fft=512, hop_length=framing.hop)


def rough_strength(seed: int, n_frames: int) -> np.ndarray:
    """Return made-up onset strength with peaks, plateaus and gaps: (n_frames,) float32."""
    generator = np.random.default_rng([17, seed])
    strength = np.maximum(generator.standard_normal(n_frames), 0).round(1).astype(np.float32)
    strength[n_frames // 3 : n_frames // 2] = 0
    return strength


@pytest.mark.parametrize("bpm", [75.0, 100.0, 120.0, 150.0])
def test_a_click_track_has_its_tempo_its_rate_and_a_clear_pulse(bpm) -> None:
    n_beats = round(10 * bpm / 60)
    found = numbers_of(clicks(0.3 + np.arange(n_beats) * 60 / bpm, 0.3 + n_beats * 60 / bpm))[0]
    assert found[TEMPO] == pytest.approx(bpm, abs=1e-3)
    assert found[ONSETS] == pytest.approx(bpm / 60, rel=0.05)
    # One of n beats has none a beat later.
    assert found[CLARITY] == pytest.approx(1 - 1 / n_beats, abs=0.03)


def test_irregular_clicks_have_a_less_clear_pulse_than_regular_ones() -> None:
    regular_s = 0.3 + 0.5 * np.arange(16)
    irregular_s = regular_s + np.random.default_rng(3).uniform(-0.2, 0.2, 16)
    assert numbers_of(clicks(irregular_s, 9.0))[0, CLARITY] < numbers_of(clicks(regular_s, 9.0))[0, CLARITY] / 2


def test_an_onset_is_where_a_click_is() -> None:
    strength = frames_of(clicks(np.array([0.5]), 1.0))[0, :, ONSET]
    assert abs(strength.argmax() * FRAMING.hop_s - 0.5) <= FRAMING.hop_s
    assert strength[:40].max() < strength.max() / 5


def test_a_beat_is_in_the_band_of_its_period() -> None:
    found = frames_of(clicks(0.2 + 0.5 * np.arange(16), 8.0))[0, 200:-200, 1:]
    # Bands from 60 to 320 bpm are 0.40 octaves wide: 120 is the third, and its double the fifth.
    assert found.mean(axis=0)[[2, 4]].argmax() == 0
    assert (found.argmax(axis=1) == 2).all()


def test_silence_has_no_tempo_no_onsets_and_no_pulse() -> None:
    silence = np.zeros((1, RATE), np.int16)
    assert (frames_of(silence) == 0).all()
    np.testing.assert_array_equal(numbers_of(silence), [[np.nan, 0, 0]])
    assert rhythm.clip_dimensions(PARAMS, RATE)[TEMPO].missing


def test_a_sound_of_no_sample_has_the_numbers_of_silence() -> None:
    np.testing.assert_array_equal(numbers_of(SOUNDS, n_sounding=0), [[np.nan, 0, 0]] * len(SOUNDS))


def test_zeros_after_a_sound_change_none_of_its_numbers() -> None:
    sound = clicks(0.1 + 0.25 * np.arange(8), 2.0)
    padded = np.pad(sound, ((0, 0), (0, 20_000)))
    np.testing.assert_allclose(numbers_of(padded, n_sounding=sound.shape[1]), numbers_of(sound), rtol=1e-4)


def test_onset_strength_equals_librosa() -> None:
    log_mel = batch_frames(SOUNDS, mel.computation(MEL, FRAMING))
    expected = np.stack([librosa_strength(FRAMING, clip) for clip in log_mel])
    np.testing.assert_allclose(frames_of(SOUNDS)[:, :, ONSET], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("hop_s", [0.02, 0.0131, 0.001])
def test_onset_strength_equals_librosa_at_other_hops(hop_s) -> None:
    framing = Framing.of(Frame(window_s=0.025, hop_s=hop_s), RATE)
    log_mel = batch_frames(SOUNDS[2:3], mel.computation(MEL, framing))
    found = frames_of(SOUNDS[2:3], framing, n_tempo_bands=3)[0, :, ONSET]
    np.testing.assert_allclose(found, librosa_strength(framing, log_mel[0]), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("n_frames", "window"), [(101, 200), (51, 37), (7, 101), (900, 200), (400, 800)])
def test_the_tempogram_equals_librosa(n_frames, window) -> None:
    strength = rough_strength(0, n_frames)
    each_lag = np.stack([np.arange(window), np.arange(window) + 1], axis=1)
    found, mean = tempogram(strength, window, each_lag, window)
    expected = librosa.feature.tempogram(onset_envelope=strength, win_length=window).T
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(mean, expected.mean(axis=0), rtol=0, atol=1e-6)


def test_what_was_loud_before_leaves_the_tempogram_when_it_leaves_the_window() -> None:
    strength = 1e-3 * rough_strength(1, 600)
    strength[:100] *= 1e5
    found, _ = tempogram(strength, 100, np.array([[20, 40], [40, 80]]), 80)
    expected, _ = tempogram(strength[200:], 100, np.array([[20, 40], [40, 80]]), 80)
    np.testing.assert_allclose(found[300:], expected[100:], rtol=0, atol=1e-5)


def test_the_bands_are_means_of_the_tempogram() -> None:
    strength = frames_of(SOUNDS[3:4])[0, :, ONSET]
    expected = librosa.feature.tempogram(onset_envelope=strength, win_length=200)
    bands = rhythm.tempo_bands(PARAMS, FRAMING)
    means = np.stack([expected[first:stop].mean(axis=0) for first, stop in bands], axis=1)
    np.testing.assert_allclose(frames_of(SOUNDS[3:4])[0, :, 1:], means, rtol=0, atol=1e-4)
    assert (bands[:-1, 0] == bands[1:, 1]).all()


@pytest.mark.parametrize("autocorrelation_s", [2.0, 8.0])
def test_tempo_and_onsets_equal_librosa(autocorrelation_s) -> None:
    sounds = np.concatenate([as_float(SOUNDS), clicks(np.array([0.11, 0.33, 0.6]), 1.0)])
    found = numbers_of(sounds, autocorrelation_s=autocorrelation_s)
    options = {"sr": RATE, "hop_length": FRAMING.hop}
    for numbers, strength in zip(found, frames_of(sounds)[:, :-1, ONSET], strict=True):
        tempo = librosa.feature.tempo(onset_envelope=strength, ac_size=autocorrelation_s, **options)
        n_onsets = len(librosa.onset.onset_detect(onset_envelope=strength, **options))
        assert numbers[[TEMPO, ONSETS]] == pytest.approx([tempo[0], n_onsets], rel=1e-5)


@pytest.mark.parametrize("reach", [(3, 0, 10, 10, 3), (1, 2, 5, 0, 0), (0, 0, 0, 0, 1), (5, 5, 30, 30, 20)])
def test_onsets_are_those_that_librosa_picks(reach) -> None:
    names = ("pre_max", "post_max", "pre_avg", "post_avg", "wait")
    # librosa's ranges leave out their last frame.
    options = dict(zip(names, np.add(reach, [0, 1, 0, 1, 0]), strict=True))
    for seed in range(20):
        strength = rough_strength(seed, 150)
        expected = librosa.onset.onset_detect(onset_envelope=strength, delta=0.07, **options)
        np.testing.assert_array_equal(onsets(strength, Peaks(*reach, delta=0.07)), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_bpm": 400.0}, "min_bpm is 400.0, expected below max_bpm, 320.0"),
        ({"autocorrelation_s": 1.0}, "autocorrelation_s is 1.0, expected at least 1.02"),
        ({"n_tempo_bands": 60}, "n_tempo_bands is 60, but no period of whole hops lies between"),
    ],
)
def test_tempi_that_cannot_be_told_apart_are_refused_by_name(change, message) -> None:
    with pytest.raises(FeatureError) as error:
        rhythm.computation(PARAMS.model_copy(update=change), FRAMING)
    assert message in str(error.value)


def test_a_clip_has_the_same_rhythm_wherever_it_stands_in_a_batch() -> None:
    alone = frames_of(SOUNDS[2:3])[0].tobytes()
    batch = np.resize(SOUNDS[0], (CLIPS_PER_BATCH, RATE)).copy()
    for place in range(CLIPS_PER_BATCH):
        batch[place] = SOUNDS[2]
        assert frames_of(batch)[place].tobytes() == alone
