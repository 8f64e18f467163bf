"""Feature families against closed forms and invariants, on sound made here."""

import numpy as np
import pytest
from feature_sounds import FRAMING, PARAMS, RATE, SOUNDS, TIME_S, frames_of, named

from stages.features import FAMILIES, blocks, cepstra, formants, frontend, magnitude, mel, rhythm
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames, clips_at_once, computed, extract
from stages.features.filterbank import mel_edges
from stages.features.pitch import yin
from stages.features.statistics import NAMES
from stages.features.stft import Frame, Framing

BLOCKS = (
    *((module, "BLOCK_SAMPLES") for module in (frontend, blocks, magnitude)),
    *((module, "SAMPLES_AT_ONCE") for module in (cepstra, formants)),
    (rhythm, "SHORT_SAMPLES"),
    (yin, "ROWS"),
)
WHOLE_WINDOW = Framing.of(Frame(window_s=0.032, hop_s=0.01), RATE)


@pytest.mark.parametrize("frequency_hz", [500.0, 2000.0, 5000.0])
def test_the_spectrum_of_a_tone_is_centred_on_it_and_narrow(frequency_hz) -> None:
    tone = np.sin(2 * np.pi * frequency_hz * TIME_S).astype(np.float32)
    inner = slice(2, -3)
    assert named("spectral", "centroid", tone, WHOLE_WINDOW)[0, inner] == pytest.approx(frequency_hz, abs=0.1)
    # A Hann window spreads a bin's tone over three bins of weights 1, 2, 1: a variance of half a bin squared.
    spread_hz = RATE / 512 / np.sqrt(2)
    assert named("spectral", "bandwidth", tone, WHOLE_WINDOW)[0, inner] == pytest.approx(spread_hz, abs=0.5)
    assert named("spectral", "flatness", tone, WHOLE_WINDOW)[0, inner].max() < 1e-6


def test_a_tone_is_loudest_in_the_band_around_it() -> None:
    centres_hz = mel_edges(40, 20.0, 7600.0)[1:-1]
    for band in (5, 20, 38):
        tone = 0.5 * np.sin(2 * np.pi * centres_hz[band] * TIME_S)
        assert (frames_of("mel", tone.astype(np.float32))[0, 3:-3].argmax(axis=1) == band).all()


def test_white_noise_is_as_flat_as_theory_says() -> None:
    # The power of a bin of Gaussian noise is exponential; its geometric over its arithmetic mean is exp(-gamma).
    noise = 0.1 * np.random.default_rng(3).standard_normal((8, RATE)).astype(np.float32)
    flatness = named("spectral", "flatness", noise)[:, 3:-3].mean()
    assert flatness == pytest.approx(np.exp(-np.euler_gamma), abs=0.02)


def test_a_click_has_a_flat_spectrum() -> None:
    click = np.zeros(RATE, np.float32)
    click[1600] = 1.0
    expected = {"flatness": 1.0, "entropy": 1.0, "slope": 0.0, "crest": 0.0, "contrast_03": 0.0, "centroid": 4000.0}
    for name, value in expected.items():
        assert named("spectral", name, click)[0, 10] == pytest.approx(value, abs=2e-3)


def test_flux_is_zero_for_a_steady_sound_and_root_two_between_two_distant_tones() -> None:
    steady = np.sin(2 * np.pi * 1000 * TIME_S).astype(np.float32)
    assert named("spectral", "flux", steady, WHOLE_WINDOW)[0, 4:-4].max() < 1e-4
    # Each tone's unit-sum spectrum is (1, 2, 1) / 4: of squared length 3 / 8, and they do not overlap.
    hop_over_window = Framing(RATE, window=512, hop=512)
    switched = np.where(
        np.arange(RATE) < 4 * 512 + 256, np.sin(2 * np.pi * 500 * TIME_S), np.sin(2 * np.pi * 4000 * TIME_S)
    )
    flux = named("spectral", "flux", switched.astype(np.float32), hop_over_window)[0]
    assert flux[5] == pytest.approx(np.sqrt(2 * 3 / 8), abs=1e-3)


def test_a_full_scale_sine_has_an_rms_of_minus_three_decibels() -> None:
    sine = np.sin(2 * np.pi * 1000 * TIME_S + 0.01).astype(np.float32)
    inner = slice(3, -3)
    assert named("level", "rms", sine)[0, inner] == pytest.approx(-3.0103, abs=1e-3)
    assert named("level", "peak", sine)[0, inner] == pytest.approx(0.0, abs=0.01)
    assert named("level", "crest", sine)[0, inner] == pytest.approx(3.01, abs=0.01)
    assert named("level", "zero_crossings", sine)[0, inner] == pytest.approx(2 * 1000 / RATE, abs=1 / 400)


@pytest.mark.parametrize("family", FAMILIES)
def test_numbers_of_a_clip_are_of_its_sound_alone_wherever_it_stands(family) -> None:
    _, of_clip = computed(FAMILIES[family], PARAMS[family], FRAMING)
    if of_clip is None:
        return
    n_sounding = 9000
    short = as_float(SOUNDS[2]).copy()
    short[n_sounding:] = 0

    def numbers(batch: np.ndarray, place: int) -> bytes:
        counts = np.full(len(batch), len(batch[0]))
        counts[place] = n_sounding
        return of_clip(batch, batch_frames(batch, FAMILIES[family].computation(PARAMS[family], FRAMING)), counts)[
            place
        ].tobytes()

    alone = numbers(short[None], 0)
    loud = np.resize(as_float(SOUNDS[0]), (CLIPS_PER_BATCH, RATE)).copy()
    for place in range(CLIPS_PER_BATCH):
        batch = loud.copy()
        batch[place] = short
        assert numbers(batch, place) == alone


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n_samples", [1601, 4000, 5 * RATE])
def test_clips_of_any_length_have_as_many_frames_as_the_framing_says(family, n_samples) -> None:
    frames = frames_of(family, np.resize(SOUNDS[2], n_samples))
    dimensions = FAMILIES[family].dimensions(PARAMS[family], RATE)
    assert frames.shape == (1, FRAMING.n_frames(n_samples), len(dimensions))
    assert frames.dtype == np.float32
    assert len({dimension.name for dimension in dimensions}) == len(dimensions)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_clip_has_the_same_frames_wherever_it_stands_in_a_batch_and_whoever_is_beside_it(family) -> None:
    alone = frames_of(family, SOUNDS[5]).tobytes()
    loud = np.resize(SOUNDS[0], (CLIPS_PER_BATCH, RATE)).copy()
    for place in range(CLIPS_PER_BATCH):
        batch = loud.copy()
        batch[place] = SOUNDS[5]
        assert frames_of(family, batch)[place].tobytes() == alone


@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_clip_in_blocks_has_the_numbers_of_the_whole(family, monkeypatch) -> None:
    long = np.tile(SOUNDS[[2, 0]].ravel(), 6)[None, : 11 * RATE + 77]

    def numbers() -> tuple[np.ndarray, np.ndarray]:
        computation, of_clip = computed(FAMILIES[family], PARAMS[family], FRAMING)
        return extract(long, np.array([long.shape[1]]), computation, FRAMING, NAMES, of_clip)

    found = []
    for size in (1 << 14, 1 << 30):
        for module, name in BLOCKS:
            monkeypatch.setattr(module, name, size)
        found.append(numbers())
    (frames_of_blocks, of_blocks), (frames_of_whole, of_whole) = found
    np.testing.assert_allclose(frames_of_blocks, frames_of_whole, rtol=2**-10, atol=2e-4)
    np.testing.assert_allclose(of_blocks, of_whole, rtol=1e-5, atol=2e-4)


def test_longer_clips_go_in_smaller_batches() -> None:
    assert [clips_at_once(n) for n in (1, RATE, 8 * RATE, 9 * RATE, 600 * RATE)] == [8, 8, 8, 7, 1]
    sounds = np.tile(SOUNDS, (1, 30))
    alone = [frames_of("mel", sound[None]) for sound in sounds]
    frames, _ = extract(sounds, np.full(6, 30 * RATE), mel.computation(PARAMS["mel"], FRAMING), FRAMING, NAMES)
    np.testing.assert_array_equal(frames, np.concatenate(alone).astype(np.float16))
