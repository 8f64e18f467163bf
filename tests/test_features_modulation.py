"""The family `modulation` against closed forms, invariants and an independent computation."""

import librosa
import numpy as np
import pytest
from feature_sounds import RATE, SOUNDS, TIME_S

from stages.features import modulation
from stages.features.engine import CLIPS_PER_BATCH, as_float, extract
from stages.features.family import FeatureError
from stages.features.stft import Frame, Framing

FRAMING = Framing.of(Frame(window_s=0.025, hop_s=0.02), RATE)
PARAMS = modulation.Params(
    n_fft=512,
    n_bands=8,
    fmin_hz=20.0,
    fmax_hz=7600.0,
    slowest_hz=1.0,
    n_octaves=4,
    floor_db=-60.0,
    keep_frames=False,
)
NAMES = [dimension.name for dimension in modulation.clip_dimensions(PARAMS, RATE)]
LONG_S = np.arange(8 * RATE) / RATE
CARRIER = 0.4 * np.sin(2 * np.pi * 1000 * LONG_S)
# Of the eight bands the one in whose middle the carrier lies.
BAND = "band_02"


def numbers(sounds: np.ndarray, n_sounding: int | list[int], framing: Framing = FRAMING) -> np.ndarray:
    """Return the numbers of each sound: (n_sounds, n_numbers)."""
    samples = np.atleast_2d(sounds).astype(np.float32)
    counts = np.broadcast_to(np.asarray(n_sounding, np.int64), len(samples))
    nothing = np.empty((len(samples), framing.n_frames(samples.shape[1]), 0), np.float32)
    return modulation.clip_computation(PARAMS, framing)(samples, nothing, counts)


def of_band(found: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return the octaves, the centroid and the syllabic share of the carrier's band."""
    start = NAMES.index(f"{BAND}_octave_00")
    return found[start : start + 4], found[start + 4], found[start + 5]


@pytest.mark.parametrize(("frequency_hz", "octave"), [(1.5, 0), (3.0, 1), (6.0, 2), (12.0, 3)])
@pytest.mark.parametrize("depth", [0.8, 0.3, 0.1])
def test_a_modulated_tone_has_half_its_squared_depth_in_the_octave_that_holds_it(frequency_hz, octave, depth) -> None:
    tone = CARRIER * (1 + depth * np.cos(2 * np.pi * frequency_hz * LONG_S))
    octaves, centroid_hz, syllabic = of_band(numbers(tone, len(tone))[0])
    # The window of a frame smooths what is fast: a Hann window of T passes sinc(f T) / (1 - (f T)^2) of it.
    smoothed = frequency_hz * FRAMING.window / RATE
    passed = np.sinc(smoothed) / (1 - smoothed**2)
    assert octaves.argmax() == octave
    assert octaves[octave] == pytest.approx(10 * np.log10((depth * passed) ** 2 / 2), abs=0.2)
    assert centroid_hz == pytest.approx(frequency_hz, rel=0.03)
    assert syllabic == pytest.approx(float(octave in (1, 2)), abs=0.03)


def test_the_bands_of_a_sound_are_measured_each_for_itself() -> None:
    low = np.sin(2 * np.pi * 300 * LONG_S) * (1 + 0.8 * np.cos(2 * np.pi * 3 * LONG_S))
    high = np.sin(2 * np.pi * 5000 * LONG_S) * (1 + 0.8 * np.cos(2 * np.pi * 12 * LONG_S))
    found = dict(zip(NAMES, numbers(0.3 * (low + high), len(LONG_S))[0], strict=True))
    assert found["band_00_centroid"] == pytest.approx(3, rel=0.05)
    assert found["band_06_centroid"] == pytest.approx(12, rel=0.05)


def test_noise_modulated_at_the_rate_of_syllables_has_more_of_it_than_steady_noise() -> None:
    noise = 0.1 * np.random.default_rng(4).standard_normal(len(LONG_S))
    steady = numbers(noise, len(noise))[0]
    spoken = numbers(noise * (1 + np.cos(2 * np.pi * 4 * LONG_S)), len(noise))[0]
    for band in range(8):
        share = NAMES.index(f"band_{band:02d}_syllabic")
        assert spoken[share] > 0.9
        # 6 of 15 Hz, for the modulation of steady noise is white.
        assert steady[share] == pytest.approx(0.4, abs=0.15)


def test_octaves_equal_an_integral_over_a_fine_grid_of_the_envelopes_that_librosa_has() -> None:
    found = numbers(as_float(SOUNDS), RATE)
    frequencies_hz = np.arange(1.0, 16.0, 0.01) + 0.005
    for clip, sound in enumerate(as_float(SOUNDS)):
        power = librosa.feature.melspectrogram(
            y=np.asarray(sound, np.float64),
            sr=RATE,
            n_fft=512,
            hop_length=320,
            win_length=400,
            pad_mode="constant",
            n_mels=8,
            fmin=20,
            fmax=7600,
        )
        amplitude = np.sqrt(power[:, :50])  # the frames whose centre lies in the sound
        window = np.hanning(52)[1:-1]
        deviation = amplitude / (amplitude @ window / window.sum())[:, None] - 1
        waves = np.exp(-2j * np.pi * frequencies_hz[:, None] * np.arange(50) / 50)
        density = 2 * np.abs((deviation * window) @ waves.T) ** 2 / 50 / (window**2).sum()
        octaves = np.stack(
            [density[:, (frequencies_hz > 2**k) & (frequencies_hz < 2 ** (k + 1))].sum(axis=1) * 0.01 for k in range(4)]
        )
        ours = found[clip].reshape(8, 6)
        np.testing.assert_allclose(ours[:, :4], 10 * np.log10(np.maximum(octaves.T, 1e-6)), rtol=0, atol=0.1)
        some = octaves.sum(axis=0) > 1e-6
        centroid = (density * frequencies_hz).sum(axis=1) / density.sum(axis=1)
        np.testing.assert_allclose(ours[:, 4], np.where(some, centroid, 0), rtol=0.01)
        of_syllables = (frequencies_hz > 2) & (frequencies_hz < 8)
        syllabic = density[:, of_syllables].sum(axis=1) / density.sum(axis=1)
        np.testing.assert_allclose(ours[:, 5], np.where(some, syllabic, 0), rtol=0, atol=0.005)


def test_silence_a_steady_tone_and_a_single_frame_are_not_modulated() -> None:
    steady = CARRIER[: 4 * RATE]
    # From inside the tone, for a frame that reaches over its ends is softer.
    inside = of_band(numbers(np.pad(steady, (0, RATE)), len(steady))[0])[0]
    assert inside.max() < -30
    unmodulated = np.tile(np.array([-60.0] * 4 + [0.0] * 2, np.float32), 8)
    for sound, n_sounding in ((np.zeros(RATE), RATE), (np.zeros(RATE), 0), (as_float(SOUNDS[1]), 100)):
        np.testing.assert_array_equal(numbers(sound, n_sounding)[0], unmodulated)


def test_a_sound_of_few_frames_has_finite_numbers() -> None:
    for n_sounding in (0, 1, 100, 321, 641, 1000):
        assert np.isfinite(numbers(as_float(SOUNDS), n_sounding)).all()


def test_numbers_do_not_depend_on_the_level_or_on_the_padding() -> None:
    sound = np.where(TIME_S < 0.61, as_float(SOUNDS[2]), 0)
    n_sounding = round(0.61 * RATE)
    found = numbers(sound, n_sounding)
    np.testing.assert_allclose(numbers(0.01 * sound, n_sounding), found, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(numbers(np.pad(sound, (0, 4 * RATE)), n_sounding), found)


def test_a_clip_has_the_same_numbers_wherever_it_stands_and_frames_without_one() -> None:
    computation = modulation.computation(PARAMS, FRAMING)
    of_clip = modulation.clip_computation(PARAMS, FRAMING)
    alone = numbers(as_float(SOUNDS[2]), 9000)[0]
    for place in range(CLIPS_PER_BATCH + 1):
        batch = np.resize(SOUNDS[0], (CLIPS_PER_BATCH + 2, RATE)).copy()
        batch[place] = SOUNDS[2]
        counts = np.full(len(batch), RATE)
        counts[place] = 9000
        frames, found = extract(batch, counts, computation, FRAMING, ["mean"], of_clip)
        assert frames.shape == (len(batch), FRAMING.n_frames(RATE), 0)
        assert found.shape == (len(batch), len(NAMES))
        assert found[place].tobytes() == alone.tobytes()


def test_modulations_faster_than_frames_can_tell_are_refused_by_name() -> None:
    params = PARAMS.model_copy(update={"n_octaves": 5})
    with pytest.raises(FeatureError, match=r"n_octaves is 5: the last ends at 32 Hz, expected at most 25 Hz"):
        modulation.clip_computation(params, FRAMING)
    modulation.clip_computation(params, Framing.of(Frame(window_s=0.025, hop_s=0.01), RATE))
