"""Feature families equal librosa 0.11, frame by frame, within stated tolerances, on dithered sound."""

import librosa
import numpy as np
import pytest
import torch
from feature_sounds import BANDS, FRAMING, PARAMS, RATE, SOUNDS, frames_of, named

from stages.features import mel
from stages.features.engine import as_float, batch_frames
from stages.features.stft import Frame, Framing

SPECTRUM = {"n_fft": 512, "hop_length": 160, "win_length": 400, "pad_mode": "constant"}


def librosa_each(function, **options) -> np.ndarray:
    """Return a librosa feature of every made sound: (n_clips, n_dims, n_frames)."""
    return np.stack([function(y=sound, **options) for sound in as_float(SOUNDS)])


def librosa_log_mel() -> list[np.ndarray]:
    power = librosa_each(librosa.feature.melspectrogram, sr=RATE, n_mels=40, fmin=20, fmax=7600, **SPECTRUM)
    return [librosa.power_to_db(clip) for clip in power]


def test_log_mel_equals_librosa() -> None:
    expected = np.stack(librosa_log_mel()).transpose(0, 2, 1)
    np.testing.assert_allclose(frames_of("mel", SOUNDS), expected, rtol=0, atol=2e-3)
    learned_through = mel.computation(PARAMS["mel"], FRAMING)(torch.from_numpy(as_float(SOUNDS)))
    np.testing.assert_allclose(learned_through.numpy(), expected, rtol=0, atol=2e-3)


def test_mfcc_and_its_differences_equal_librosa() -> None:
    coefficients = [librosa.feature.mfcc(S=clip, n_mfcc=13) for clip in librosa_log_mel()]
    orders = [[clip, librosa.feature.delta(clip), librosa.feature.delta(clip, order=2)] for clip in coefficients]
    expected = np.stack([np.concatenate(kinds) for kinds in orders]).transpose(0, 2, 1)
    found = frames_of("mfcc", SOUNDS)
    np.testing.assert_allclose(found[:, :, :13], expected[:, :, :13], rtol=0, atol=1e-3)
    np.testing.assert_allclose(found[:, :, 13:], expected[:, :, 13:], rtol=0, atol=2e-4)


@pytest.mark.parametrize(
    ("name", "function", "tolerance"),
    [
        ("centroid", "spectral_centroid", 0.05),  # by name: librosa compiles for seconds when it is first looked into
        ("bandwidth", "spectral_bandwidth", 0.05),
        ("flatness", "spectral_flatness", 1e-5),
    ],
)
def test_spectral_numbers_equal_librosa(name, function, tolerance) -> None:
    rate = {} if name == "flatness" else {"sr": RATE}
    expected = librosa_each(getattr(librosa.feature, function), **SPECTRUM, **rate)[:, 0]
    np.testing.assert_allclose(named("spectral", name, SOUNDS), expected, rtol=0, atol=tolerance)


def test_rolloff_equals_librosa_but_for_a_bin_in_one_of_a_thousand_frames() -> None:
    expected = librosa_each(librosa.feature.spectral_rolloff, sr=RATE, **SPECTRUM)[:, 0]
    off_hz = np.abs(named("spectral", "rolloff", SOUNDS) - expected)
    assert off_hz.max() <= RATE / 512
    assert np.mean(off_hz > 0) <= 1e-3


def test_contrast_equals_librosa_on_dithered_and_on_padded_sound() -> None:
    padded = SOUNDS.copy()
    padded[:, 9000:] = 0
    for sounds in (SOUNDS, padded):
        clips = [librosa.feature.spectral_contrast(y=sound, sr=RATE, **SPECTRUM).T for sound in as_float(sounds)]
        np.testing.assert_allclose(frames_of("spectral", sounds)[:, :, -7:], np.stack(clips), rtol=0, atol=0.1)


def test_level_equals_librosa() -> None:
    frame = {"frame_length": 400, "hop_length": 160}
    rms = librosa_each(librosa.feature.rms, **frame)[:, 0]
    np.testing.assert_allclose(named("level", "rms", SOUNDS), 20 * np.log10(rms), rtol=0, atol=1e-4)
    crossings = librosa_each(librosa.feature.zero_crossing_rate, **frame)[:, 0]
    np.testing.assert_array_equal(named("level", "zero_crossings", SOUNDS), crossings.astype(np.float32))


def test_the_slope_of_a_spectrum_is_that_of_the_line_through_its_decibels() -> None:
    samples = as_float(SOUNDS[2])
    power = np.abs(librosa.stft(samples.astype(np.float64), **SPECTRUM)) ** 2
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    expected = np.polyfit(np.arange(257) * RATE / 512 / 1000, decibels, 1)[0]
    np.testing.assert_allclose(named("spectral", "slope", samples)[0], expected, rtol=0, atol=1e-3)


def test_an_odd_hop_and_another_rate_equal_librosa_too() -> None:
    framing = Framing.of(Frame(window_s=0.023, hop_s=0.0131), 22_050)
    params = mel.Params(**{**BANDS, "n_fft": 1024, "n_mels": 64, "fmax_hz": 11_025.0}, keep_frames=True)
    found = batch_frames(SOUNDS[2:3], mel.computation(params, framing))[0]
    spectrum = {"n_fft": 1024, "hop_length": framing.hop, "win_length": framing.window, "pad_mode": "constant"}
    power = librosa.feature.melspectrogram(
        y=as_float(SOUNDS[2]), sr=22_050, n_mels=64, fmin=20, fmax=11_025, **spectrum
    )
    np.testing.assert_allclose(found, librosa.power_to_db(power).T, rtol=0, atol=2e-3)
