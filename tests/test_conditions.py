"""Conditions in closed form, and the levels that params.yaml may ask for."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from conftest import tone
from scipy.signal import firwin
from sounding_task import RATE, SECTIONS, noise_of, power

from stages.conditions import CONDITIONS, loudness, mu_law, snr, speed, telephone
from stages.conditions.material import CLEAN, trials_of
from stages.conditions.setting import ConditionError, Setting
from stages.params import ParamsError


def setting(noise: np.ndarray | None = None, power: float = 0.0, rate: int = RATE) -> Setting:
    return Setting(rate, np.zeros(0, np.float32) if noise is None else noise.astype(np.float32), power)


def level_db(sound: np.ndarray, hz: float) -> float:
    """The level of a tone in the middle of a sound, where filters have settled."""
    middle = sound[len(sound) // 4 : 3 * len(sound) // 4].astype(np.float64)
    turning = np.exp(-2j * np.pi * hz * np.arange(len(middle)) / RATE)
    return 20 * np.log10(np.abs(np.mean(middle * turning * np.hanning(len(middle)) * 2)) * 2)


@pytest.mark.parametrize("level", [-5.0, 0.0, 20.0])
@pytest.mark.parametrize("n_noise", [8_000, 1_000])
def test_the_ratio_of_sound_to_what_was_added_is_the_level(level: float, n_noise: int) -> None:
    sound = tone(0.5).astype(np.float32)
    mixed = snr.apply(sound, level, setting(noise_of(n_noise), power(sound)))
    assert 10 * np.log10(power(sound) / power(mixed - sound)) == pytest.approx(level, abs=0.01)


def test_a_gain_is_one_and_full_scale_is_the_end() -> None:
    sound = tone(0.1, amplitude=0.5).astype(np.float32)
    np.testing.assert_allclose(loudness.apply(sound, -20.0, setting()), sound / 10, rtol=1e-6)
    np.testing.assert_allclose(loudness.apply(sound, 20.0, setting()), np.clip(sound * 10, -1, 1), rtol=1e-6)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_tone_played_faster_is_higher_and_shorter(factor: float) -> None:
    faster = speed.apply(tone(1.0, hz=1000).astype(np.float32), factor, setting())
    assert len(faster) == pytest.approx(RATE / factor, abs=1)
    spectrum = np.abs(np.fft.rfft(faster * np.hanning(len(faster)), RATE))
    assert spectrum.argmax() == 1000 * factor  # bins of 1 Hz


@pytest.mark.parametrize("hz", [100, 5000])
def test_a_telephone_loses_what_is_outside_its_band(hz: int) -> None:
    sound = tone(1.0, hz=hz).astype(np.float32)
    assert level_db(telephone.apply(sound, "linear", setting()), hz) < level_db(sound, hz) - 40


def test_a_telephone_keeps_what_is_inside_and_its_time() -> None:
    sound = tone(1.0, hz=1000).astype(np.float32)
    heard = telephone.apply(sound, "linear", setting())
    assert level_db(heard, 1000) == pytest.approx(level_db(sound, 1000), abs=0.5)
    np.testing.assert_allclose(heard[4000:12000], sound[4000:12000], atol=0.01)


def test_a_telephone_is_the_filter_that_scipy_designs() -> None:
    theirs = firwin(2 * telephone.HALF + 1, telephone.BAND_HZ, pass_zero=False, fs=telephone.RATE_HZ)
    np.testing.assert_allclose(telephone.TAPS, theirs, atol=1e-7)
    sound = np.random.default_rng(1).normal(size=RATE).astype(np.float32)
    low = soxr.resample(sound, RATE, telephone.RATE_HZ, quality="HQ")
    heard = soxr.resample(np.convolve(low, theirs, "same"), telephone.RATE_HZ, RATE, quality="HQ")
    np.testing.assert_allclose(telephone.apply(sound, "linear", setting()), heard, atol=1e-5)


def test_eight_bits_are_those_that_another_coder_hears(tmp_path: Path) -> None:
    units = np.arange(-8192, 8192) * 4  # every step of 1/8192 of full scale, as int16
    soundfile.write(tmp_path / "a.wav", units.astype(np.int16), 8000, subtype="ULAW")
    theirs, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_array_equal(mu_law.as_heard((units / 32768).astype(np.float32)), theirs)


def test_eight_bits_are_heard_as_noise_38_db_below() -> None:
    sound = tone(1.0, hz=1013.7, amplitude=0.3)
    assert 10 * np.log10(power(sound) / power(mu_law.as_heard(sound) - sound)) == pytest.approx(38, abs=1.5)


def test_a_rate_below_that_of_the_line_is_refused() -> None:
    with pytest.raises(ConditionError, match=r"decode\.sample_rate_hz is 4000, expected at least 8000"):
        telephone.apply(tone(0.1, 4000).astype(np.float32), "linear", setting(rate=4000))


@pytest.mark.parametrize("name", CONDITIONS)
def test_levels_come_in_rising_order_after_clean_sound(name: str) -> None:
    trials = trials_of({name: SECTIONS[name]})
    assert trials[0] == CLEAN
    assert [trial.level for trial in trials[1:]] == sorted(next(iter(SECTIONS[name].values())))


@pytest.mark.parametrize("name", CONDITIONS)
def test_no_level_and_a_level_that_comes_twice_are_refused(name: str) -> None:
    key, given = next(iter(SECTIONS[name].items()))
    for wrong in ([], [given[0], given[0]]):
        with pytest.raises(
            ParamsError, match=rf"evaluate\.conditions\.{name}\.{key} is .*at least one level, each once"
        ):
            trials_of({name: {key: wrong}})


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"speed": {"factors": [0.0]}}, r"speed\.factors\.0 is 0\.0, expected greater than or equal to 0\.25"),
        ({"snr": {"levels_db": [1000.0]}}, r"snr\.levels_db\.0 is 1000\.0, expected less than or equal to 100"),
        ({"loudness": {"gains_db": ["loud"]}}, r"loudness\.gains_db\.0 is 'loud', expected a valid number"),
        ({"telephone": {"codings": ["a_law"]}}, r"telephone\.codings\.0 is 'a_law', expected 'linear' or 'mu_law'"),
        ({"echo": {}}, "conditions.echo is unknown, expected one of snr, loudness, speed, telephone"),
    ],
)
def test_nonsense_is_named(section: dict, words: str) -> None:
    with pytest.raises(ParamsError, match=words):
        trials_of(section)
