"""The numbers of the family `spectral` that librosa has not, and the blocks and extremes behind them."""

import librosa
import numpy as np
import pytest
import torch
from feature_sounds import FRAMING, PARAMS, RATE, SOUNDS, TIME_S, frames_of, named

from stages.features import magnitude, spectral
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames
from stages.features.filterbank import mel_filters
from stages.features.magnitude import Bands, Magnitudes
from stages.features.spectral.contrast import contrast_bands, fill_extremes
from stages.features.stft import Frame, Framing, bin_frequencies

WHOLE_WINDOW = Framing.of(Frame(window_s=0.032, hop_s=0.01), RATE)
SPECTRUM = {"n_fft": 512, "hop_length": 160, "win_length": 400, "pad_mode": "constant"}
MIDDLE = 50
FROM_MIDDLE_S = TIME_S - MIDDLE * 0.01


def of_middle(name: str, sound: np.ndarray, framing: Framing = FRAMING) -> float:
    """Return a number of the frame in the middle of a sound."""
    return named("spectral", name, sound.astype(np.float32), framing)[0, MIDDLE]


def test_a_bell_of_frequencies_has_no_skewness_and_a_kurtosis_of_three() -> None:
    # The spectrum of a Gaussian pulse is Gaussian, of standard deviation 1 / (2 pi times that of the pulse).
    pulse = np.exp(-0.5 * (FROM_MIDDLE_S / 5e-4) ** 2) * np.cos(2 * np.pi * 4000 * FROM_MIDDLE_S)
    assert of_middle("bandwidth", pulse) == pytest.approx(1 / (2 * np.pi * 5e-4), rel=0.01)
    assert of_middle("skewness", pulse) == pytest.approx(0, abs=1e-3)
    assert of_middle("kurtosis", pulse) == pytest.approx(3, abs=0.01)


def test_a_spectrum_that_decays_exponentially_has_a_skewness_of_two_and_a_kurtosis_of_nine() -> None:
    # exp(-f / 400 Hz) is the spectrum of 1 / (1 + (2 pi 400 t)^2).
    pulse = 1 / (1 + (2 * np.pi * 400 * FROM_MIDDLE_S) ** 2)
    assert of_middle("skewness", pulse, WHOLE_WINDOW) == pytest.approx(2, abs=0.1)
    assert of_middle("kurtosis", pulse, WHOLE_WINDOW) == pytest.approx(9, abs=0.5)
    assert of_middle("decrease", pulse, WHOLE_WINDOW) < -0.1


def test_the_magnitudes_of_a_click_are_uniform() -> None:
    click = np.zeros(RATE)
    click[MIDDLE * 160] = 1.0
    assert of_middle("skewness", click) == pytest.approx(0, abs=1e-5)
    # Of n equally likely values: 3 (3 n^2 - 7) / (5 (n^2 - 1)).
    assert of_middle("kurtosis", click) == pytest.approx(3 * (3 * 257**2 - 7) / (5 * (257**2 - 1)), abs=1e-4)
    assert of_middle("poly_0", click) == pytest.approx(0, abs=1e-9)
    assert of_middle("poly_1", click) == pytest.approx(1, abs=1e-5)
    assert of_middle("decrease", click) == pytest.approx(0, abs=1e-6)
    # Its one step is the last, down to nothing.
    assert of_middle("irregularity", click) == pytest.approx(1 / 257, rel=1e-5)


def test_a_tone_on_a_bin_has_the_irregularity_of_its_three_bins() -> None:
    # Magnitudes 1, 2, 1: four steps of 1, squares that sum to 6.
    tone = np.sin(2 * np.pi * 2000 * TIME_S)
    assert of_middle("irregularity", tone, WHOLE_WINDOW) == pytest.approx(4 / 6, abs=1e-4)
    weights, bins = np.array([1, 2, 1]), np.array([63, 64, 65])
    assert of_middle("decrease", tone, WHOLE_WINDOW) == pytest.approx((weights / bins).sum() / 4, abs=1e-5)


def test_the_line_through_magnitudes_equals_librosa() -> None:
    each = [librosa.feature.poly_features(y=sound, sr=RATE, order=1, **SPECTRUM) for sound in as_float(SOUNDS)]
    slope, offset = np.stack(each, axis=1)
    found = named("spectral", "poly_0", SOUNDS)
    # Where the spectrum is flat the slope is but what rounding leaves of the magnitudes' differences.
    assert (np.abs(found - slope) <= 1e-4 * np.abs(slope) + 1e-6 * offset / (RATE / 2)).all()
    np.testing.assert_allclose(named("spectral", "poly_1", SOUNDS), offset, rtol=1e-4)


def test_onset_strength_equals_librosa() -> None:
    expected = []
    for sound in as_float(SOUNDS):
        power = librosa.feature.melspectrogram(y=sound, sr=RATE, n_mels=spectral.N_ONSET_BANDS, **SPECTRUM)
        decibels = librosa.power_to_db(power)
        expected.append(librosa.onset.onset_strength(S=decibels, sr=RATE, n_fft=512, hop_length=160))
    np.testing.assert_allclose(named("spectral", "onset", SOUNDS), np.stack(expected), rtol=0, atol=1e-4)


def test_contrast_equals_librosa_in_the_nulls_of_a_spectrum_too() -> None:
    glide = as_float(SOUNDS[0])
    expected = librosa.feature.spectral_contrast(y=glide, sr=RATE, **SPECTRUM).T
    np.testing.assert_allclose(frames_of("spectral", glide)[0, :, -7:], expected, rtol=0, atol=1e-4)


def test_silence_has_no_shape() -> None:
    silence = np.zeros(RATE, np.int16)
    for name in ("skewness", "kurtosis", "poly_0", "poly_1", "decrease", "irregularity", "onset", "contrast_02"):
        assert (named("spectral", name, silence) == 0).all()


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_extremes_are_the_means_of_sorted_bins_where_some_are_equal_too(share) -> None:
    generator = np.random.default_rng(17)
    spectra = generator.exponential(size=(30, 257)).astype(np.float32)
    spectra[10:20] = np.rint(spectra[10:20])
    spectra[20:] = 0.0
    spectra[25:, 130:] = 1.0
    bands = contrast_bands(bin_frequencies(RATE, 512), 200.0, 6, share)
    high, low = np.empty((2, 30, len(bands)), np.float32)
    fill_extremes(spectra, bands, high, low)
    for band, (first, stop, n) in enumerate(bands):
        ascending = np.sort(spectra[:, first:stop].astype(np.float64), axis=1)
        np.testing.assert_allclose(high[:, band], ascending[:, -n:].mean(axis=1), rtol=1e-6)
        np.testing.assert_allclose(low[:, band], ascending[:, :n].mean(axis=1), rtol=1e-6)


def test_frames_do_not_depend_on_where_a_block_of_them_ends(monkeypatch) -> None:
    whole = frames_of("spectral", SOUNDS)
    monkeypatch.setattr(magnitude, "BLOCK_SAMPLES", 7 * 512)
    np.testing.assert_allclose(frames_of("spectral", SOUNDS), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-9)])
def test_magnitudes_and_bands_are_those_of_librosa(precision, tolerance) -> None:
    sounds = [*as_float(SOUNDS), as_float(SOUNDS[2])[:99], np.zeros(0, np.float32)]
    n_frames = [FRAMING.n_frames(len(sound)) for sound in sounds]
    found = [np.empty((n, 257), np.float32) for n in n_frames]
    for sound, frames, block in Magnitudes(FRAMING, 512, precision).blocks(sounds, n_frames):
        found[sound][frames] = block
    weights = mel_filters(RATE, 512, 40, 20.0, 7600.0)
    for sound, ours in zip(sounds, found, strict=True):
        padded = np.pad(sound, (0, max(512 - len(sound), 0))).astype(np.float64)
        expected = np.abs(librosa.stft(padded, **SPECTRUM)).T[: len(ours)]
        np.testing.assert_allclose(ours, expected, rtol=3e-7, atol=tolerance * max(expected.max(), 1e-9))
        bands = np.empty((len(ours), 40), np.float32)
        Bands(weights).fill(ours, bands)
        np.testing.assert_allclose(bands, ours.astype(np.float64) ** 2 @ weights, rtol=1e-5)


@pytest.mark.parametrize(("rate", "n_fft", "n_octaves"), [(8000, 256, 4), (22_050, 1024, 6), (44_100, 2048, 6)])
def test_other_rates_are_computed_alike_and_wherever_a_clip_stands(rate, n_fft, n_octaves) -> None:
    framing = Framing.of(Frame(window_s=0.025, hop_s=0.02), rate)
    params = PARAMS["spectral"].model_copy(update={"n_fft": n_fft, "contrast_bands": n_octaves})
    computation = spectral.computation(params, framing)
    clip = as_float(np.resize(SOUNDS[2], rate))
    alone = batch_frames(clip[None], computation)[0]
    assert np.isfinite(alone).all()
    batch = np.random.default_rng(1).uniform(-1, 1, (CLIPS_PER_BATCH, rate)).astype(np.float32)
    for place in range(CLIPS_PER_BATCH):
        batch[place] = clip
        assert batch_frames(batch, computation)[place].tobytes() == alone.tobytes()
