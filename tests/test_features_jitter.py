"""Jitter and shimmer against closed forms and Praat, on voices made here."""

import numpy as np
import parselmouth
import pytest
from feature_sounds import RATE
from parselmouth.praat import call
from pitched import numbers_of, pulses, vowel


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


def test_zeros_after_the_sound_do_not_change_the_numbers_of_a_clip() -> None:
    sound = pulses(1 / 137.3, 0.005, 0.03)[:8000]
    padded = np.concatenate([sound, np.zeros(8000)])
    assert numbers_of(padded, n_sounding=8000) == numbers_of(sound)


def test_a_clip_without_voice_has_no_jitter() -> None:
    for sound, n_sounding in ((np.zeros(RATE), RATE), (pulses(0.01), 0), (pulses(0.01), 100)):
        numbers = numbers_of(sound, n_sounding)
        assert numbers.pop("n_periods") == 0
        assert np.isnan(list(numbers.values())).all()
