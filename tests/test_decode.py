"""A recording becomes sound that is what was recorded: of any kind, at one rate, in one channel, however long."""

import io

import numpy as np
import pytest
import soundfile
from conftest import encoded, tone
from decoding import KINDS, decoded_rows

from stages.decoders import DECODERS, libsndfile
from stages.decoders import mono as mono_module
from stages.decoders.contents import container_of
from stages.decoders.mono import mono_pieces
from stages.structures import STRUCTURES
from stages.tables import clips


def mono_of(samples: np.ndarray, rate_hz: int, target_hz: int, n_blocks: int = 1) -> np.ndarray:
    """One channel at `target_hz` of samples (n, n_channels), given in blocks."""
    return np.concatenate(list(mono_pieces(iter(np.array_split(samples, n_blocks)), rate_hz, target_hz)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_by_content_and_decodes_to_the_tone_it_holds(kind: str) -> None:
    rows, _ = decoded_rows(KINDS[kind])
    row = rows[0]
    assert row["container"] == kind.split("_")[0].replace("opus", "ogg")
    sound = np.frombuffer(row["samples"], "<i2").astype(float) / clips.FULL_SCALE
    spectrum = np.abs(np.fft.rfft(sound[2000:14_000] * np.hanning(12_000)))
    assert abs(np.argmax(spectrum) * 16_000 / 12_000 - 440) < 2
    assert abs(row["rms_dbfs"] - -9.03) < 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_of_any_kind_is_one_clip(kind: str) -> None:
    rows, _ = decoded_rows(KINDS[kind])
    assert [row["recording_s"] for row in rows] == [1.0]


@pytest.mark.parametrize("sound", ["faint", "opposite"])
def test_sound_that_comes_out_as_zeros_is_silent(sound: str) -> None:
    opposite = np.stack([tone(0.5), -tone(0.5)], axis=1)
    data = encoded(opposite) if sound == "opposite" else encoded(tone(0.5, amplitude=1e-6), subtype="PCM_24")
    rows, tally = decoded_rows(data)
    assert not rows
    assert [row["reason"] for row in tally.refusals] == ["silent"]


def test_16_bit_mono_at_the_same_rate_comes_back_to_the_bit() -> None:
    samples = np.random.default_rng(1).integers(-32768, 32768, 16_000).astype(np.int16)
    for kind in ("WAV", "FLAC", "AIFF"):
        rows, _ = decoded_rows(encoded(samples, kind=kind))
        assert np.array_equal(np.frombuffer(rows[0]["samples"], "<i2"), samples)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_long_recording_read_in_blocks_is_that_read_at_once_and_nobody_complains(
    kind: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(1).standard_normal(22_050 * 12) * 0.1
    data = encoded(noise, 22_050, kind, {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(kind, "PCM_24"))
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    for n_frames in (libsndfile.BLOCK_SAMPLES, 1000):
        monkeypatch.setattr(libsndfile, "BLOCK_SAMPLES", n_frames)
        with libsndfile.stream(data, container_of(data)) as stream:
            assert np.abs(np.concatenate(list(stream.blocks)) - whole).max() < 1e-6
    assert capfd.readouterr().err == ""


def test_containers_are_known_and_each_has_a_decoder_and_a_structure() -> None:
    assert {container_of(data) for data in KINDS.values()} <= set(DECODERS)
    assert set(STRUCTURES) == set(DECODERS)


def test_channels_are_averaged_and_rates_become_one() -> None:
    both = np.stack([tone(1.0, 44_100), tone(1.0, 44_100, amplitude=0.1)], axis=1)
    for samples in (both.astype(np.float32), np.rint(both * 32768).astype(np.int16)):
        mono = mono_of(samples, 44_100, 16_000)
        assert len(mono) == 16_000
        assert np.abs(mono[200:-200] - 0.6 * tone(1.0)[200:-200]).max() < 2e-4


def test_resampling_leaves_no_alias() -> None:
    mono = mono_of(tone(1.0, 44_100, hz=12_000.0).astype(np.float32)[:, None], 44_100, 16_000)
    assert 20 * np.log10(np.abs(mono[500:-500]).max() / 0.5) < -100


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_a_recording_too_long_to_be_held_is_the_same_sound(rate_hz: int, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(1).standard_normal((rate_hz * 5, 1)).astype(np.float32)
    at_once = mono_of(samples, rate_hz, 16_000)
    monkeypatch.setattr(mono_module, "HELD_FRAMES", rate_hz)
    in_blocks = mono_of(samples, rate_hz, 16_000, n_blocks=50)
    assert len(in_blocks) == len(at_once)
    assert np.abs(in_blocks - at_once).max() < 1e-5
