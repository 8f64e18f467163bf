"""Sound becomes clips: where they begin, what they are padded with, how loud they are, and in which files they lie."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import encoded, tone
from decoding import CUTTING, decoded_rows
from pydantic import ValidationError

from stages.archives import Member
from stages.decode import Noise
from stages.decoders import mono as mono_module
from stages.decoders import parts, shard
from stages.decoders.clip import as_clip, level, window_starts
from stages.origin import Origin
from stages.tables.labels import SILENCE


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


def test_digital_silence_around_a_sound_is_left_out() -> None:
    rows, tally = decoded_rows(encoded(np.concatenate([tone(1.0), np.zeros(48_000)])))
    assert [row["start_s"] for row in rows] == [0.0, 0.5]
    assert tally.n_silent_windows == 5


def test_a_gain_from_high_to_low_is_refused() -> None:
    with pytest.raises(ValidationError, match="low <= high"):
        Noise(hop_s=0.25, gain_db=(0.0, -20.0), seed=1)
