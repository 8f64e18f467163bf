"""The family chroma against closed forms, invariants and librosa."""

import librosa
import numpy as np
import pytest
from feature_sounds import FRAMING, RATE, SOUNDS, TIME_S

from stages.features import chroma
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames
from stages.features.stft import Frame, Framing

PARAMS = chroma.Params(n_fft=2048, tuning=0.0, centre_hz=880.0, width_octaves=2.0, keep_frames=True)
N_NOTES = len(chroma.NOTES)
INNER = slice(7, -7)  # frames whose window of 128 ms lies within a clip of a second


def frames_of(sounds: np.ndarray, framing: Framing = FRAMING, **change: float) -> np.ndarray:
    return batch_frames(sounds, chroma.computation(PARAMS.model_copy(update=change), framing))


def tones(*frequencies_hz: float) -> np.ndarray:
    """Return a clip of equally loud sines: (1, RATE) float32."""
    return np.float32(0.2 * sum(np.sin(2 * np.pi * hz * TIME_S) for hz in frequencies_hz))[None]


def note_hz(note: str, octave: int) -> float:
    return 440.0 * 2 ** (octave - 4 + (chroma.NOTES.index(note) - chroma.A) / 12)


def librosa_of(samples: np.ndarray, framing: Framing, n_fft: int, tuning: float) -> np.ndarray:
    options = {"sr": framing.sample_rate, "n_fft": n_fft, "hop_length": framing.hop, "tuning": tuning}
    notes = librosa.feature.chroma_stft(y=samples, **options)
    return np.concatenate([notes, librosa.feature.tonnetz(chroma=notes, sr=framing.sample_rate)]).T


@pytest.mark.parametrize("notes", [("c", "e", "g"), ("a", "c", "e"), ("f_sharp", "a_sharp", "c_sharp")])
def test_the_notes_of_a_chord_of_sines_are_the_strongest_in_proportion_to_their_weight(notes) -> None:
    frequencies_hz = np.array([note_hz(note, octave=6) for note in notes])
    found = frames_of(tones(*frequencies_hz))[0, INNER, :N_NOTES]
    weights = np.exp(-0.5 * (np.log2(frequencies_hz / 880) / 2) ** 2)
    places = [chroma.NOTES.index(note) for note in notes]
    expected = np.tile(weights / weights.max(), (len(found), 1))
    np.testing.assert_allclose(found[:, places], expected, rtol=0, atol=0.05)
    assert np.delete(found, places, axis=1).max() < 0.3


@pytest.mark.parametrize("note", chroma.NOTES)
def test_a_note_is_the_same_in_every_octave(note) -> None:
    clips = np.concatenate([tones(note_hz(note, octave)) for octave in (4, 5, 6)])
    assert (frames_of(clips)[:, INNER, :N_NOTES].argmax(axis=2) == chroma.NOTES.index(note)).all()


def test_tuning_moves_the_notes() -> None:
    plain = frames_of(tones(1760.0))[0, INNER]
    raised = frames_of(tones(1760.0 * 2 ** (0.3 / 12)), tuning=0.3)[0, INNER]
    np.testing.assert_allclose(raised, plain, rtol=0, atol=0.05)
    assert np.abs(frames_of(tones(1760.0), tuning=0.3)[0, INNER] - plain).max() > 0.2


def test_a_single_c_lies_where_all_circles_begin() -> None:
    out = np.empty((1, 18), np.float32)
    chroma.place(np.eye(1, N_NOTES, dtype=np.float32), chroma.tonnetz(), out)
    assert out[0, N_NOTES:] == pytest.approx([0, 1, 0, 1, 0, 0.5], abs=1e-7)


def test_transposing_a_chord_turns_its_place_on_every_circle() -> None:
    power = np.random.default_rng(5).random((1, N_NOTES), np.float32)
    places = []
    for semitones in (0, 1):
        out = np.empty((1, 18), np.float32)
        chroma.place(np.roll(power, semitones, axis=1), chroma.tonnetz(), out)
        places.append(out[0, N_NOTES + 1 :: 2] + 1j * out[0, N_NOTES::2])
    # A semitone is 7 fifths, 9 minor thirds and 4 major thirds, whole octaves taken off.
    assert places[1] / places[0] == pytest.approx(np.exp(2j * np.pi * np.array([7, 9, 4]) / 12), abs=1e-5)


def test_silence_has_no_notes_and_no_place() -> None:
    half = SOUNDS[:1].copy()
    half[:, RATE // 2 :] = 0
    assert (frames_of(np.zeros((1, RATE), np.int16)) == 0).all()
    assert (frames_of(half)[0, 60:] == 0).all()
    assert (frames_of(half)[0, :50, :N_NOTES].max(axis=1) == 1).all()


def test_every_dimension_has_its_name() -> None:
    names = [dimension.name for dimension in chroma.dimensions(PARAMS, RATE)]
    assert names[:2] + names[-2:] == ["c", "c_sharp", "major_thirds_sine", "major_thirds_cosine"]
    assert len(set(names)) == frames_of(SOUNDS[:1]).shape[2]


@pytest.mark.parametrize(("n_fft", "tuning"), [(1024, 0.0), (2048, 0.0), (2048, -0.37), (4096, 0.2)])
def test_chroma_and_tonnetz_equal_librosa(n_fft, tuning) -> None:
    found = frames_of(SOUNDS, n_fft=n_fft, tuning=tuning)
    expected = np.stack([librosa_of(sound, FRAMING, n_fft, tuning) for sound in as_float(SOUNDS)])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_an_odd_hop_another_rate_and_a_clip_of_many_blocks_equal_librosa_too() -> None:
    framing = Framing.of(Frame(window_s=0.023, hop_s=0.0131), 22_050)
    sound = np.resize(as_float(SOUNDS).ravel(), (1, 6 * 22_050 + 17))
    expected = librosa_of(sound[0], framing, 2048, 0.0)
    np.testing.assert_allclose(frames_of(sound, framing)[0], expected, rtol=0, atol=1e-5)


def test_a_clip_has_the_same_chroma_wherever_it_stands_in_a_batch() -> None:
    alone = frames_of(SOUNDS[2:3])[0].tobytes()
    batch = np.resize(SOUNDS[0], (CLIPS_PER_BATCH, RATE)).copy()
    for place in range(CLIPS_PER_BATCH):
        batch[place] = SOUNDS[2]
        assert frames_of(batch)[place].tobytes() == alone
