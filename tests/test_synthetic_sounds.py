"""What synthetic recordings are made of: utterances, rooms, noises, kinds of file."""

import io

import numpy as np
import pytest
import soundfile
from synthetic_options import params

from stages.origin import SourceError
from stages.synthesis import noises, rooms, voices
from stages.synthesis.containers import KINDS, encode, page_crc, with_serial
from stages.synthesis.espeak import Synthesizer


def test_an_utterance_lies_whole_in_its_recording() -> None:
    lengths, rng = params().lengths, np.random.default_rng(0)
    quiet = params(rooms={"reverberant_share": 0, "band_share": 0, "snr_db": [200, 200]}).rooms
    utterance = np.ones(int(lengths.utterance_s * rooms.RENDER_HZ), np.float32)
    for _ in range(50):
        recording = rooms.render(utterance, quiet, lengths, rng)
        assert np.isclose(np.sum(recording > 1e-3), len(utterance), atol=4)


def test_noise_has_the_drawn_ratio_to_the_words() -> None:
    plain = params(rooms={"reverberant_share": 0, "band_share": 0, "snr_db": [12, 12]}).rooms
    utterance = np.random.default_rng(5).standard_normal(12000).astype(np.float32)
    clean = params(rooms={"reverberant_share": 0, "band_share": 0, "snr_db": [200, 200]}).rooms
    lengths = params().lengths
    noisy, silent = (rooms.render(utterance, room, lengths, np.random.default_rng(3)) for room in (plain, clean))
    spoken = silent[np.abs(silent) > 1e-6]
    assert 20 * np.log10(noises.rms(spoken) / noises.rms(noisy - silent)) == pytest.approx(12, abs=0.1)


def test_a_level_is_that_of_the_sound_below_its_edge() -> None:
    time_s = np.arange(rooms.RENDER_HZ) / rooms.RENDER_HZ
    low, high = np.sin(2 * np.pi * 1000 * time_s), np.sin(2 * np.pi * 9000 * time_s)
    assert rooms.level_below(low + high, rooms.RENDER_HZ, 8000) == pytest.approx(np.sqrt(0.5), rel=1e-6)
    stereo = rooms.recorded(low, KINDS["flac_16khz_stereo"], -20.0, 3.0)
    assert noises.rms(stereo.mean(axis=1)) == pytest.approx(0.1, rel=1e-3)
    assert 20 * np.log10(noises.rms(stereo[:, 0]) / noises.rms(stereo[:, 1])) == pytest.approx(3.0, abs=1e-6)


def test_a_room_decays_by_60_db_in_the_decay_time() -> None:
    click = np.zeros(rooms.RENDER_HZ, np.float32)
    click[0] = 1
    response = rooms.reverberant(click, 0.5, 6.0, np.random.default_rng(0))
    early, late = (noises.rms(response[int(s * rooms.RENDER_HZ) :][:2400]) for s in (0.05, 0.30))
    assert 20 * np.log10(early / late) == pytest.approx(30, abs=1.5)  # a quarter of a second is half of 60 dB
    assert 10 * np.log10(1 / np.sum(np.square(response[1:]))) == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize(("name", "slope_db"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)])
def test_coloured_noise_falls_as_its_name_says(name: str, slope_db: float) -> None:
    power = np.square(np.abs(np.fft.rfft(noises.NOISES[name](1 << 18, 16000, np.random.default_rng(0)))))
    octaves = [10 * np.log10(power[1 << k : 2 << k].mean()) for k in range(11, 17)]
    assert np.diff(octaves).mean() == pytest.approx(slope_db, abs=0.2)


@pytest.mark.parametrize("name", noises.NOISES)
def test_every_noise_has_unit_level_and_follows_its_generator(name: str) -> None:
    first, again, other = (noises.NOISES[name](24001, 24000, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (24001,)
    assert noises.rms(first) == pytest.approx(1, rel=1e-5)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_ogg_page_keeps_the_crc_its_writer_gave_it() -> None:
    written = io.BytesIO()
    soundfile.write(written, np.zeros((4000, 1)), 8000, format="OGG", subtype="VORBIS")
    page = bytearray(written.getvalue()[: written.getvalue().index(b"OggS", 4)])
    stored = int.from_bytes(page[22:26], "little")
    page[22:26] = bytes(4)
    assert page_crc(bytes(page)) == stored
    assert with_serial(with_serial(written.getvalue(), 1), 7)[14:18] == (7).to_bytes(4, "little")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_gives_the_same_bytes_and_the_sound_back(name: str) -> None:
    kind = KINDS[name]
    time_s = np.arange(kind.sample_rate_hz) / kind.sample_rate_hz
    tone = np.tile(0.1 * np.sin(2 * np.pi * 440 * time_s)[:, None], (1, kind.n_channels))
    written = encode(tone, kind, 5)
    assert written == encode(tone, kind, 5)
    heard, sample_rate = soundfile.read(io.BytesIO(written), always_2d=True)
    assert (sample_rate, heard.shape) == (kind.sample_rate_hz, tone.shape)
    assert noises.rms(heard - tone) < 0.1 * noises.rms(tone)


def test_a_word_too_long_is_said_faster_and_a_phrase_too_long_is_refused() -> None:
    options = params()
    speaker = voices.cast(options.voices, 1)[0]
    engine = Synthesizer()
    engine.set_voice(speaker.accent, speaker.variant)
    for longest_s in (0.6, 0.3):
        said = voices.utter(engine, speaker, "marvin", options.voices, longest_s, 24000, np.random.default_rng(0))
        assert 0.5 * longest_s < len(said) / 24000 <= longest_s + 1e-3
    with pytest.raises(SourceError, match=r"'the quick .* at the fastest, expected at most 0.30 s; shorten it"):
        voices.utter(engine, speaker, "the quick brown fox jumps", options.voices, 0.3, 24000, np.random.default_rng(0))
