"""formants: made vowels whose resonances are known, invariants, then Praat."""

import numpy as np
import parselmouth
import pytest
from feature_sounds import FRAMING, RATE, SOUNDS
from scipy.signal import lfilter
from vowels import PARAMS, VOWELS, vowel

from stages.features import formants
from stages.features.engine import as_float, batch_frames
from stages.features.family import FeatureError
from stages.features.stft import Frame, Framing

NAMES = [dimension.name for dimension in formants.dimensions(PARAMS, RATE)]


def found(sounds: np.ndarray, params: formants.Params = PARAMS, framing: Framing = FRAMING) -> np.ndarray:
    return batch_frames(sounds, formants.computation(params, framing))


@pytest.mark.parametrize("name", VOWELS)
def test_a_vowel_of_noise_has_the_formants_and_bandwidths_it_was_made_with(name) -> None:
    rate_hz = 11_000
    source = np.random.default_rng(2).standard_normal(5 * rate_hz)
    frames = found(vowel(VOWELS[name], source, rate_hz), framing=Framing.of(Frame(window_s=0.025, hop_s=0.01), rate_hz))
    expected_hz, widths_hz = np.array(VOWELS[name][:3]).T
    np.testing.assert_allclose(np.nanmedian(frames[0, 5:-5, :3], axis=0), expected_hz, atol=10)
    # A frame of 25 ms cannot show lines narrower than its own spectrum: bandwidths come out larger.
    wider_hz = np.nanmedian(frames[0, 5:-5, 3:6], axis=0) - widths_hz
    assert (wider_hz > -10).all()
    assert (wider_hz < 35).all()


@pytest.mark.parametrize("name", VOWELS)
def test_a_vowel_of_pulses_keeps_its_formants_through_a_lower_rate(name) -> None:
    pulses = np.zeros(RATE)
    pulses[::160] = 1.0
    frames = found(vowel(VOWELS[name], pulses, RATE))
    expected_hz = np.array(VOWELS[name][:3])[:, 0]
    # Harmonics 100 Hz apart pull an estimate towards the nearest of them.
    np.testing.assert_allclose(np.median(frames[0, 10:-10, :3], axis=0), expected_hz, atol=40)


def test_the_prediction_gain_of_a_first_order_process_is_its_own() -> None:
    coefficient, source = 0.9, np.random.default_rng(5).standard_normal((1, 5 * RATE))
    sound = (0.05 * lfilter([1.0], [1.0, -coefficient], source)).astype(np.float32)
    # Pre-emphasis from far above does nothing; as the highest formant is half the rate, neither does decimation.
    params = PARAMS.model_copy(update={"pre_emphasis_hz": 1e6, "max_formant_hz": RATE / 2})
    gain_db = found(sound, params)[0, 5:-5, NAMES.index("prediction_gain")].mean()
    assert gain_db == pytest.approx(-10 * np.log10(1 - coefficient**2), abs=0.3)


def test_silence_has_no_formants_no_gain_and_no_cepstrum() -> None:
    frames = found(np.zeros((1, RATE), np.int16))[0]
    assert np.isnan(frames[:, :6]).all()
    assert (frames[:, 6:] == 0).all()


def test_wide_resonances_are_no_formants() -> None:
    for limit_hz in (100.0, 300.0, 1000.0):
        frames = found(SOUNDS, PARAMS.model_copy(update={"max_bandwidth_hz": limit_hz}))
        frequencies, bandwidths = frames[..., :3], frames[..., 3:6]
        assert np.nanmax(bandwidths) <= limit_hz
        assert np.nanmin(bandwidths) >= 0
        assert np.nanmin(frequencies) >= 50
        assert np.nanmax(frequencies) <= 5450
        assert np.nanmin(np.diff(frequencies, axis=-1)) >= 0
    assert np.isnan(found(SOUNDS[1:2], PARAMS.model_copy(update={"max_bandwidth_hz": 1.0}))[..., :6]).all()


def test_frames_of_a_block_equal_those_of_the_whole() -> None:
    sound = np.concatenate([SOUNDS[2], SOUNDS[0], SOUNDS[1]])[None]
    start = 30 * 640
    whole, block = found(sound)[0, 120:], found(sound[:, start:])[0]
    np.testing.assert_array_equal(block[6:], whole[6:])


def test_formants_equal_praats() -> None:
    params = PARAMS.model_copy(update={"max_bandwidth_hz": 1e9})
    pulses = np.zeros(RATE)
    pulses[np.cumsum(np.random.default_rng(4).integers(90, 130, 140))] = 1.0
    sounds = [vowel(resonances, pulses, RATE)[0] for resonances in VOWELS.values()] + list(as_float(SOUNDS[1:3]))
    differences = []
    for sound in sounds:
        # So Praat's frames, 5 ms apart from 25 ms on, are centred on samples: every other one is one of ours.
        praat = parselmouth.Sound(np.pad(sound, (8, 9)).astype(np.float64), RATE)
        analysis = praat.to_formant_burg(time_step=0.005, max_number_of_formants=5, maximum_formant=5500)
        times_s = analysis.ts()[1::2]
        places = np.rint((times_s - 8.5 / RATE) * 100).astype(int)
        np.testing.assert_allclose(places / 100, times_s - 8.5 / RATE, atol=1e-9)
        theirs = [
            [analysis.get_value_at_time(n, t) for n in (1, 2, 3)]
            + [analysis.get_bandwidth_at_time(n, t) for n in (1, 2, 3)]
            for t in times_s
        ]
        differences.append(np.abs(found(sound[None], params)[0, places, :6] - np.array(theirs)))
    medians = np.median(np.concatenate(differences), axis=0)
    assert (medians[:3] < [1.0, 2.0, 3.0]).all()
    assert (medians[3:] < 5.0).all()


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 48_000, 12_345])
def test_a_vowel_has_the_same_formants_at_any_rate(rate_hz) -> None:
    source = np.random.default_rng(9).standard_normal(2 * rate_hz)
    frames = found(vowel(VOWELS["a"], source, rate_hz), framing=Framing.of(Frame(window_s=0.025, hop_s=0.01), rate_hz))
    np.testing.assert_allclose(np.nanmedian(frames[0, 5:-5, :2], axis=0), [730, 1090], atol=25)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_formant_hz": 8001.0}, "max_formant_hz is 8001.0, expected at most 8000, half the sample rate"),
        ({"n_poles": 9}, "n_poles is 9, expected an even number up to 20, two for each formant"),
        ({"n_poles": 22}, "n_poles is 22, expected an even number up to 20"),
        ({"window_s": 0.0004}, "window_s is 0.0004: expected a window of more samples than n_poles, 10"),
    ],
)
def test_params_that_cannot_be_computed_are_refused_by_name(change, message) -> None:
    with pytest.raises(FeatureError) as error:
        formants.computation(PARAMS.model_copy(update=change), FRAMING)
    assert message in str(error.value)
