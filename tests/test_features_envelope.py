"""The numbers of a clip's envelope, in the family `level`, against closed forms and invariants."""

import numpy as np
import pytest
from feature_sounds import FRAMING, PARAMS, RATE, SOUNDS, TIME_S

from stages.features import level
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames, extract
from stages.features.level.envelope import STEP_S
from stages.features.stft import Frame, Framing

TONE = 0.5 * np.sin(2 * np.pi * 1000 * TIME_S + 0.01)
NAMES = [dimension.name for dimension in level.clip_dimensions(PARAMS["level"], RATE)]


def numbers(sounds: np.ndarray, n_sounding: int | list[int], framing: Framing = FRAMING) -> np.ndarray:
    """Return the numbers of each sound: (n_sounds, n_numbers)."""
    samples = np.atleast_2d(sounds).astype(np.float32)
    frames = batch_frames(samples, level.computation(PARAMS["level"], framing))
    counts = np.broadcast_to(np.asarray(n_sounding, np.int64), len(samples))
    return level.clip_computation(PARAMS["level"], framing)(samples, frames, counts)


def named(name: str, sound: np.ndarray, n_sounding: int = RATE) -> float:
    return numbers(sound, n_sounding)[0, NAMES.index(name)]


@pytest.mark.parametrize("ramp_s", [0.1, 0.3, 0.8])
def test_a_linear_rise_takes_seven_tenths_of_its_length_from_a_fifth_to_nine_tenths(ramp_s) -> None:
    rise = TONE * np.minimum(TIME_S / ramp_s, 1)
    assert 10 ** named("log_attack_time", rise) == pytest.approx(0.7 * ramp_s, abs=0.004)


def test_a_rise_that_comes_to_nothing_is_no_attack() -> None:
    fails_first = TONE * np.where(TIME_S < 0.3, 0.5 * TIME_S / 0.3, np.clip((TIME_S - 0.5) / 0.2, 0, 1))
    assert 10 ** named("log_attack_time", fails_first) == pytest.approx(0.14, abs=0.004)


def test_a_sound_that_begins_loud_has_the_shortest_attack() -> None:
    assert named("log_attack_time", TONE) == pytest.approx(np.log10(STEP_S), abs=1e-5)


def test_the_attack_of_a_burst_is_shorter_than_the_window() -> None:
    burst = TONE * (TIME_S > 0.4)
    assert 10 ** named("log_attack_time", burst) < FRAMING.window / RATE


def test_the_energy_of_a_decay_is_centred_at_half_its_time_constant() -> None:
    # The square of exp(-t / tau) decays in tau / 2, which is its mean time.
    decay = np.exp(-TIME_S / 0.1) * TONE
    assert named("temporal_centroid", decay) == pytest.approx(0.05, abs=1e-3)
    assert named("temporal_centroid", TONE) == pytest.approx(0.5, abs=1e-3)


def test_a_decay_lasts_until_it_has_fallen_to_two_fifths() -> None:
    decay = np.exp(-TIME_S / 0.2) * TONE
    assert named("effective_duration", decay) == pytest.approx(0.2 * np.log(1 / 0.4), abs=0.01)
    assert named("effective_duration", TONE) == pytest.approx(1.0)


def test_the_dynamic_range_of_a_sound_of_two_levels_is_their_difference() -> None:
    two_levels = TONE * np.where(TIME_S < 0.6, 1, 10 ** (-12 / 20))
    assert named("dynamic_range", two_levels) == pytest.approx(12, abs=0.01)
    assert named("pause_share", two_levels) == 0


def test_pauses_are_shared_out_and_do_not_widen_the_dynamic_range() -> None:
    quarter = TONE * (np.arange(RATE) >= RATE // 4)
    assert named("pause_share", quarter) == pytest.approx(0.25, abs=0.02)
    hum = quarter + 1e-3 * TONE
    assert named("pause_share", hum) == pytest.approx(0.25, abs=0.02)
    # The frames that the beginning falls into are neither.
    assert named("dynamic_range", hum) < 1


def test_silence_and_no_sample_at_all_have_the_numbers_declared() -> None:
    expected = np.array([np.log10(STEP_S), 0, 0, 0, 1], np.float32)
    for n_sounding in (0, 1, 100, RATE):
        np.testing.assert_allclose(numbers(np.zeros(RATE), n_sounding)[0], expected, rtol=1e-6)


def test_a_sound_of_few_samples_has_finite_numbers() -> None:
    sounds = as_float(SOUNDS)
    for n_sounding in (0, 1, 2, 15, 16, 17, 399, 401):
        assert np.isfinite(numbers(sounds, n_sounding)).all()


def test_numbers_do_not_depend_on_the_level_or_on_the_padding() -> None:
    sound = np.where(TIME_S < 0.7, as_float(SOUNDS[2]), 0)
    n_sounding = round(0.7 * RATE)
    found = numbers(sound, n_sounding)
    np.testing.assert_allclose(numbers(0.1 * sound, n_sounding), found, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(numbers(np.pad(sound, (0, RATE)), n_sounding), found)


def test_numbers_are_the_same_wherever_a_clip_stands_and_after_its_statistics() -> None:
    computation = level.computation(PARAMS["level"], FRAMING)
    of_clip = level.clip_computation(PARAMS["level"], FRAMING)
    alone = numbers(as_float(SOUNDS[2]), RATE)[0]
    for place in range(CLIPS_PER_BATCH + 1):
        batch = np.resize(SOUNDS[0], (CLIPS_PER_BATCH + 2, RATE)).copy()
        batch[place] = SOUNDS[2]
        _, found = extract(batch, np.full(len(batch), RATE), computation, FRAMING, ["mean"], of_clip)
        assert found[place, -len(NAMES) :].tobytes() == alone.tobytes()


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000])
def test_the_envelope_is_one_of_seconds_whatever_the_rate(rate) -> None:
    framing = Framing.of(Frame(window_s=0.025, hop_s=0.02), rate)
    time_s = np.arange(rate) / rate
    rise = np.sin(2 * np.pi * 1000 * time_s) * np.minimum(time_s / 0.3, 1)
    attack, centroid, duration, *_ = numbers(rise, rate, framing)[0]
    assert 10**attack == pytest.approx(0.21, abs=0.005)
    assert centroid == pytest.approx((0.3 / 4 * 0.3 + 0.7 * 0.65) / (0.3 / 3 + 0.7), abs=1e-3)
    assert duration == pytest.approx(1 - 0.4 * 0.3, abs=0.005)
