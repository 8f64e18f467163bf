"""The family harmonic and its running medians against closed forms, invariants, numpy and librosa."""

import librosa
import numpy as np
import pytest
from feature_sounds import FRAMING, RATE, SOUNDS, TIME_S

from stages.features import harmonic
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames
from stages.features.harmonic.medians import network, running_medians
from stages.features.stft import Frame, Framing

WIDTH = 31  # frames and bins, as librosa has it
PARAMS = harmonic.Params(
    n_fft=512, median_s=WIDTH * 0.01, median_hz=WIDTH * RATE / 512, floor_db=-120.0, keep_frames=True
)
WHOLE_WINDOW = Framing.of(Frame(window_s=0.032, hop_s=0.01), RATE)
INNER = slice(3, -3)


def frames_of(sounds: np.ndarray, framing: Framing = FRAMING, **change: float) -> np.ndarray:
    return batch_frames(sounds, harmonic.computation(PARAMS.model_copy(update=change), framing))


def click_at(frame: int) -> np.ndarray:
    """Return a clip of a single full-scale sample at the middle of a frame: (1, RATE) float32."""
    click = np.zeros((1, RATE), np.float32)
    click[0, frame * FRAMING.hop] = 1.0
    return click


def librosa_of(samples: np.ndarray, framing: Framing, n_fft: int) -> np.ndarray:
    """Return the energies in dBFS of librosa's harmonic and percussive part, and the share of the first."""
    spectrum = {"n_fft": n_fft, "hop_length": framing.hop, "win_length": framing.window, "pad_mode": "constant"}
    parts = librosa.decompose.hpss(np.abs(librosa.stft(samples, **spectrum)), kernel_size=WIDTH)
    window = librosa.filters.get_window("hann", framing.window)
    both_sides = np.full((1 + n_fft // 2, 1), 2.0)
    both_sides[[0, -1]] = 1.0
    energies = [(both_sides * part.astype(np.float64) ** 2).sum(axis=0) / n_fft / (window**2).sum() for part in parts]
    decibels = [10 * np.log10(np.maximum(energy, 1e-12)) for energy in energies]
    return np.stack([*decibels, energies[0] / (energies[0] + energies[1])], axis=1)


@pytest.mark.parametrize("width", [1, 3, 5, 7, 9, 13, 15, 17, 31, 33, 63])
@pytest.mark.parametrize("shape", [(1, 3), (2, 17), (7, 20), (101, 257), (40, 600)])
def test_running_medians_are_the_medians_of_the_mirrored_rows(width, shape) -> None:
    values = np.random.default_rng(shape).random(shape, np.float32).round(2)
    padded = np.pad(values, ((width // 2, width // 2), (0, 0)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    np.testing.assert_array_equal(running_medians(values, network(width)), np.median(windows, axis=2))


def test_sixteen_medians_of_31_share_their_comparisons() -> None:
    # To put 31 values in order, odd-even merges take 186.
    shared = network(31)
    assert len(shared.exchanges) / len(shared.results) < 22


def test_a_steady_tone_is_harmonic_at_its_level() -> None:
    tone = np.float32(np.sin(2 * np.pi * 1000 * TIME_S + 0.01))[None]
    found = frames_of(tone, WHOLE_WINDOW)[0, INNER]
    assert found[:, 0] == pytest.approx(-3.0103, abs=1e-3)
    assert found[:, 1].max() < -100
    assert found[:, 2].min() > 1 - 1e-6


def test_a_click_is_percussive_at_its_level() -> None:
    found = frames_of(click_at(50))[0, 50]
    # The window is 1 in its middle, and the sum of its squares is 3 / 8 of its length.
    assert found[1] == pytest.approx(10 * np.log10(1 / (3 / 8 * FRAMING.window)), abs=1e-3)
    assert found[0] == -120
    assert found[2] < 1e-6


def test_a_tone_and_a_click_on_it_are_told_apart() -> None:
    tone = np.float32(0.05 * np.sin(2 * np.pi * 1000 * TIME_S))[None]
    both, alone, click = frames_of(tone + click_at(50))[0], frames_of(tone)[0], frames_of(click_at(50))[0]
    assert both[50, 0] == pytest.approx(alone[50, 0], abs=0.5)
    assert both[50, 1] == pytest.approx(click[50, 1], abs=0.5)
    assert both[30] == pytest.approx(alone[30], abs=1e-3)


def test_white_noise_is_half_harmonic_and_half_percussive() -> None:
    noise = 0.1 * np.random.default_rng(3).standard_normal((8, RATE)).astype(np.float32)
    assert frames_of(noise)[:, INNER, 2].mean() == pytest.approx(0.5, abs=0.05)


def test_silence_is_at_the_floor_and_neither() -> None:
    assert (frames_of(np.zeros((1, RATE), np.int16)) == np.float32([-120, -120, 0.5])).all()


@pytest.mark.parametrize(
    ("width", "step", "odd"), [(0.31, 0.01, 31), (0.31, 0.02, 15), (0.001, 0.01, 1), (969, 31.25, 31)]
)
def test_widths_are_the_nearest_odd_number_of_steps(width, step, odd) -> None:
    assert harmonic.odd_width(width, step) == odd


def test_energies_equal_librosa() -> None:
    expected = np.stack([librosa_of(sound, FRAMING, 512) for sound in as_float(SOUNDS)])
    found = frames_of(SOUNDS)
    # librosa's spectrum is float64 inside: in what lies far below the clip's loudest frame, ours shows its float32.
    loud = expected[:, :, :2] > expected[:, :, :2].max(axis=(1, 2), keepdims=True) - 40
    off_db = np.abs(found - expected)[:, :, :2]
    assert off_db[loud].max() < 3e-4
    assert off_db.max() < 5e-3
    np.testing.assert_allclose(found[:, :, 2], expected[:, :, 2], rtol=0, atol=2e-4)


def test_an_odd_hop_another_rate_and_a_clip_of_many_blocks_equal_librosa_too() -> None:
    framing = Framing.of(Frame(window_s=0.023, hop_s=0.0131), 22_050)
    sound = np.resize(as_float(SOUNDS)[[1, 2, 5]].ravel(), (1, 5 * 22_050 + 17))
    widths = {"median_s": WIDTH * framing.hop_s, "median_hz": WIDTH * 22_050 / 1024}
    expected = librosa_of(sound[0], framing, 1024)
    np.testing.assert_allclose(frames_of(sound, framing, n_fft=1024, **widths)[0], expected, rtol=0, atol=1e-3)


def test_a_clip_has_the_same_energies_wherever_it_stands_in_a_batch() -> None:
    alone = frames_of(SOUNDS[2:3])[0].tobytes()
    batch = np.resize(SOUNDS[0], (CLIPS_PER_BATCH, RATE)).copy()
    for place in range(CLIPS_PER_BATCH):
        batch[place] = SOUNDS[2]
        assert frames_of(batch)[place].tobytes() == alone
