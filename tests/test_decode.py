"""A recording becomes clips that are what was recorded, or is refused with its reason."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import encoded, tone
from decoding import CUTTING, KINDS, decoded_rows
from pydantic import ValidationError

from stages.archives import Member
from stages.decode import Noise
from stages.decoders import DECODERS, libsndfile, parts, shard
from stages.decoders import mono as mono_module
from stages.decoders.clip import as_clip, level, window_starts
from stages.decoders.contents import container_of
from stages.decoders.mono import mono_pieces
from stages.decoders.octets import ShrunkError, octets
from stages.origin import Origin
from stages.structures import STRUCTURES
from stages.tables import clips
from stages.tables.labels import SILENCE


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


def test_clips_of_a_recording_too_long_to_be_held_are_the_same_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(np.random.default_rng(1).uniform(-0.5, 0.5, 16_000 * 15))
    rows, _ = decoded_rows(data)
    monkeypatch.setattr(mono_module, "HELD_FRAMES", 20_000)
    monkeypatch.setattr("stages.decoders.recording.BLOCK_BYTES", 10_000)
    again, _ = decoded_rows(data)
    assert again == rows
    assert len(rows) == 29


def test_clips_of_a_long_recording_lie_in_parts_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    hum = Origin(SILENCE, "hum", "hum", is_noise=True)
    monkeypatch.setattr(parts, "ROWS_PER_PART", 128)
    rows, tally = decoded_rows(encoded(tone(10.0)), hum, replace(CUTTING, noise_hop=500))
    assert [(part["name"], part["rows"]) for part in tally.parts] == [
        ("part-00000.parquet", 128),
        ("part-00000-1.parquet", 128),
        ("part-00000-2.parquet", 33),
    ]
    assert [row["clip_id"] for row in rows] == [f"x#{number:05d}" for number in range(289)]


def test_a_short_recording_is_padded_at_its_end_and_its_length_kept() -> None:
    rows, _ = decoded_rows(encoded(tone(0.25)))
    sound = np.frombuffer(rows[0]["samples"], "<i2")
    assert (rows[0]["seconds"], rows[0]["recording_s"], rows[0]["clip_id"]) == (0.25, 0.25, "x")
    assert not sound[4000:].any()
    assert rows[0]["rms_dbfs"] == pytest.approx(-9.03, abs=0.01)


@pytest.mark.parametrize(("n_members", "n_bytes", "sizes"), [(3, 10**9, [3, 3, 1]), (10, 5000, [2, 2, 2, 1])])
def test_shards_are_bounded_in_members_and_in_bytes(
    n_members: int, n_bytes: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard, "MEMBERS_PER_SHARD", n_members)
    monkeypatch.setattr(shard, "BYTES_PER_SHARD", n_bytes)
    items = [(Member(str(number), 3000, 0, "", ""), None) for number in range(7)]
    found = list(shard.in_shards(items))
    assert [len(held) for held in found] == sizes
    assert [item for held in found for item in held] == items


def test_one_sample_is_a_clip() -> None:
    rows, _ = decoded_rows(encoded(np.array([0.5])))
    assert rows[0]["seconds"] == pytest.approx(1 / 16_000)


def test_a_long_recording_is_cut_to_its_last_sample() -> None:
    rows, _ = decoded_rows(encoded(tone(2.3)))
    assert [row["start_s"] for row in rows] == pytest.approx([0.0, 0.5, 1.0, 1.3])
    assert [row["clip_id"] for row in rows] == [f"x#0000{i}" for i in range(4)]
    assert {row["source_path"] for row in rows} == {"x"}


@pytest.mark.parametrize(("n", "starts"), [(10, [0]), (9, [0]), (11, [0, 1]), (20, [0, 5, 10]), (22, [0, 5, 10, 12])])
def test_windows_cover_a_recording(n: int, starts: list[int]) -> None:
    assert window_starts(n, 10, 5) == starts


def test_only_the_start_is_taken_where_params_say_so() -> None:
    rows, tally = decoded_rows(encoded(tone(2.3)), cutting=replace(CUTTING, longer="start"))
    assert [(row["start_s"], row["seconds"]) for row in rows] == [(0.0, 1.0)]
    assert tally.n_cropped == 1


def test_noise_is_cut_with_a_gain_of_its_own_that_depends_on_nothing_else() -> None:
    hum = Origin(SILENCE, "hum", "hum", is_noise=True)
    rows, _ = decoded_rows(encoded(tone(5.0)), hum)
    gains = [row["gain_db"] for row in rows]
    assert len(set(gains)) == len(rows) == 17
    assert all(-20 <= gain <= 0 for gain in gains)
    assert [row["rms_dbfs"] for row in rows] == pytest.approx([-9.03 + gain for gain in gains], abs=0.05)
    assert decoded_rows(encoded(tone(5.0)), hum)[0] == rows


def test_level_of_full_scale_and_of_silence() -> None:
    peak, rms_dbfs, clipped = level(as_clip(np.tile(np.array([1.0, -1.0], np.float32), 50)))
    assert (peak, clipped) == (1.0, 1.0)
    assert rms_dbfs == pytest.approx(0.0, abs=1e-3)
    assert level(as_clip(np.zeros(10, np.float32))) == (0.0, -120.0, 0.0)


def test_a_gain_is_the_same_for_whole_numbers_and_for_fractions() -> None:
    whole = np.random.default_rng(1).integers(-32768, 32768, 1000).astype(np.int16)
    assert np.array_equal(as_clip(whole, 3.0), as_clip(whole / np.float32(32768), 3.0))


REFUSED = {
    "not_audio": b"this is no sound, only text",
    "empty": b"",
    "silent": encoded(np.zeros(1000)),
    "truncated": KINDS["wav"][:6000],
    "too_long": encoded(tone(21.0)),
    "too_many_channels": encoded(np.zeros((100, 9)) + 0.1),
    "rate_out_of_range": encoded(tone(1.0, 2000, 100.0), 2000),
    "not_finite": encoded(np.array([0.1, np.nan, 0.2]), subtype="FLOAT"),
    "out_of_range": encoded(np.array([0.1, 32767.0, 0.2]), subtype="FLOAT"),
    "codec_not_allowed": encoded(tone(1.0), subtype="IMA_ADPCM"),
    "web_page": b"<!DOCTYPE html><html><body>404</body></html>",
    "playlist": b"#EXTM3U\n/etc/passwd\n",
    "lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_used_is_refused_with_its_reason(reason: str) -> None:
    rows, tally = decoded_rows(REFUSED[reason])
    assert not rows
    assert [row["reason"] for row in tally.refusals] == [reason]
    assert tally.refusals[0]["message"]


def test_another_sha256_than_that_of_the_metadata_is_refused() -> None:
    _, tally = decoded_rows(KINDS["wav"], Origin("yes", "ann", "ann", sha256="0" * 64))
    assert [row["reason"] for row in tally.refusals] == ["wrong_sha256"]


def test_a_changed_sample_of_a_flac_is_found_by_its_md5() -> None:
    data = encoded(np.random.default_rng(1).uniform(-0.5, 0.5, 16_000), kind="FLAC")
    place = data.index(bytes.fromhex("fff8"))  # the first frame; before it lies the MD5 of the samples
    md5_at = 4 + 4 + 18
    damaged = data[:md5_at] + bytes([data[md5_at] ^ 1]) + data[md5_at + 1 :]
    assert md5_at + 16 < place
    _, tally = decoded_rows(damaged)
    assert [(row["reason"], row["n_declared"], row["n_decoded"]) for row in tally.refusals] == [
        ("damaged", 16_000, 16_000)
    ]


def test_digital_silence_around_a_sound_is_left_out() -> None:
    rows, tally = decoded_rows(encoded(np.concatenate([tone(1.0), np.zeros(48_000)])))
    assert [row["start_s"] for row in rows] == [0.0, 0.5]
    assert tally.n_silent_windows == 5


def test_a_gain_from_high_to_low_is_refused() -> None:
    with pytest.raises(ValidationError, match="low <= high"):
        Noise(hop_s=0.25, gain_db=(0.0, -20.0), seed=1)


def test_an_archive_that_becomes_shorter_while_it_is_read_stops_the_stage(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(1000))
    with path.open("rb") as file:
        assert octets(file.fileno(), 500, 500) == bytes(500)
        with pytest.raises(ShrunkError, match="became shorter while it was read"):
            octets(file.fileno(), 500, 501)
