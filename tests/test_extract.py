"""The stage `extract` on small tables of clips: what it writes, and that neither workers nor shards change a byte."""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feature_sounds import PARAMS, RATE, SOUNDS, frames_of
from ruamel.yaml import YAML
from sharding import write_shards

from stages import extract
from stages.features import FAMILIES
from stages.features.schema import described
from stages.features.statistics import NAMES
from stages.features.stft import Frame, Framing
from stages.files import read_json
from stages.tables import clips, features
from stages.tables.parquet import Table, TableError, read_shards, shard_paths

N_CLIPS = 21
FEW = ("mean", "p90", "slope")  # of the statistics; a column takes a while to write and to read
TABLE = Table(clips.TABLE.name, clips.TABLE.key, clips.with_shape(RATE, RATE), clips.TABLE.sized)
LENGTHS_S = (1.0, 0.5, 0.013, 0.0)


def clip_rows(n_clips: int = N_CLIPS, lengths_s: Sequence[float] = LENGTHS_S, sounding_s: float = 1.0) -> pa.Table:
    """Return clips that state the given lengths in turn; zeros follow after that or after `sounding_s`."""
    schema = clips.with_shape(RATE, RATE)
    rows: dict[str, list] = {field.name: [] for field in schema}
    for number in range(n_clips):
        sound = np.roll(SOUNDS[number % len(SOUNDS)], 37 * number)
        seconds = lengths_s[number % len(lengths_s)]
        sound[round(min(seconds, sounding_s) * RATE) :] = 0
        known = {"clip_id": f"word/{number:03d}.wav", "seconds": seconds, "samples": sound.tobytes(), "is_noise": False}
        for field in schema:
            rows[field.name].append(known.get(field.name, "" if pa.types.is_string(field.type) else 0))
    return pa.table(rows, schema=schema)


def write_clips(rows: pa.Table, rows_per_shard: int, names: Sequence[str] = NAMES) -> None:
    """Write data/clips and params.yaml into the current folder."""
    shards = [rows.slice(start, rows_per_shard) for start in range(0, rows.num_rows, rows_per_shard)]
    write_shards(Path("data/clips"), shards, TABLE)
    section = {
        "frame": {"window_s": 0.025, "hop_s": 0.02},
        "statistics": {"names": list(names)},
        "families": {name: params.model_dump() for name, params in PARAMS.items()},
    }
    section["families"]["level"]["keep_frames"] = False
    YAML(typ="safe", pure=True).dump({"extract": section}, Path("params.yaml"))


def run(family: str, monkeypatch: pytest.MonkeyPatch, workers: int = 2) -> pa.Table:
    """Run the stage in the current folder; return all rows that it wrote."""
    monkeypatch.setenv("EARMARK_WORKERS", str(workers))
    monkeypatch.setattr(sys, "argv", ["extract", family])
    extract.main()
    folder = Path("data/features") / family
    return read_shards(folder, features.of_schema(pq.read_schema(shard_paths(folder)[0]), family))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_a_row_for_each_clip_in_its_order_and_shards(family, in_folder, monkeypatch) -> None:
    write_clips(clip_rows(), rows_per_shard=10)
    rows = run(family, monkeypatch)
    assert rows["clip_id"].to_pylist() == clip_rows()["clip_id"].to_pylist()
    manifest = read_json(Path("data/features") / family / "manifest.json")
    assert [part["rows"] for part in manifest["parts"]] == [10, 10, 1]
    dimensions, of_clip = described(FAMILIES[family], PARAMS[family], RATE)
    n_dims, n_columns = len(dimensions), len(dimensions) * len(NAMES) + len(of_clip)
    assert len(rows.schema) - 1 - ("frames" in rows.schema.names) == n_columns
    assert read_json(Path("metrics/extract") / f"{family}.json") == {
        "n_clips": N_CLIPS,
        "n_columns": n_columns,
        "n_frames": 51,
        "n_dims": n_dims,
        "frames_stored": family not in ("level", "modulation"),
        "n_values_missing": sum(rows.column(name).null_count for name in rows.column_names),
        "n_values_not_finite": 0,
    }
    assert all(rows.column(field.name).null_count == 0 for field in rows.schema if not field.nullable)
    if family in ("level", "modulation"):
        assert "frames" not in rows.schema.names
    else:
        assert features.frames(rows).shape == (N_CLIPS, 51, n_dims)


@pytest.mark.parametrize("family", FAMILIES)
def test_workers_do_not_change_a_byte(family, in_folder, monkeypatch) -> None:
    write_clips(clip_rows(), rows_per_shard=11, names=FEW)
    digests = []
    for workers in (1, 2, 4):
        run(family, monkeypatch, workers)
        folder = Path("data/features") / family
        digests.append([digest(path) for path in (*shard_paths(folder), folder / "manifest.json")])
    assert digests[0] == digests[1] == digests[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_size_of_a_shard_does_not_change_a_value(family, in_folder, monkeypatch) -> None:
    found = []
    for rows_per_shard in (3, 8, N_CLIPS):
        write_clips(clip_rows(), rows_per_shard, FEW)
        found.append(run(family, monkeypatch).combine_chunks())
    for name in found[0].column_names:
        for other in found[1:]:
            if name == "frames":
                np.testing.assert_array_equal(features.frames(found[0]), features.frames(other))
            else:
                assert found[0][name].equals(other[name]), name


def test_padding_does_not_change_the_statistics_of_a_short_clip(in_folder, monkeypatch) -> None:
    means = []
    for stated_s in (0.25, 1.0):
        write_clips(clip_rows(n_clips=2, lengths_s=[stated_s], sounding_s=0.25), rows_per_shard=8)
        means.append(run("level", monkeypatch)["level_rms_mean_dbfs"][1].as_py())
    # Noise of -20 dBFS; the frame that reaches over the start, by half, has 3 dB less.
    assert means[0] == pytest.approx(-20 - 3 / 13, abs=0.3)
    assert means[1] < -80


def test_columns_keep_their_units_and_frames_their_places_in_time_and_frequency(in_folder, monkeypatch) -> None:
    write_clips(clip_rows(), rows_per_shard=N_CLIPS)
    run("mel", monkeypatch)
    schema = pq.read_schema(shard_paths(Path("data/features/mel"))[0])
    assert schema.field("mel_band_07_slope_db_per_s").metadata[b"unit"] == b"dB/s"
    assert schema.field("mel_band_07_kurtosis").metadata[b"unit"] == b""
    assert b"mel power between" in schema.field("mel_band_07_mean_db").metadata[b"meaning"]
    assert features.hop_s(schema) == 0.02
    assert features.dims(schema)[7] == "band_07"
    bands_hz = json.loads(schema.metadata[b"dims_hz"])
    assert len(bands_hz) == 40
    assert bands_hz == sorted(bands_hz)


def test_stored_statistics_are_those_of_the_stored_frames(in_folder, monkeypatch) -> None:
    write_clips(clip_rows(), rows_per_shard=N_CLIPS)
    rows = run("mel", monkeypatch)
    whole = features.frames(rows)[0, :50].astype(np.float64)
    assert rows["mel_band_11_mean_db"][0].as_py() == pytest.approx(whole[:, 11].mean(), abs=0.02)
    assert rows["mel_band_11_max_db"][0].as_py() == pytest.approx(whole[:, 11].max(), abs=0.04)


def test_an_unknown_family_is_refused_with_the_known_ones(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["extract", "mell"])
    with pytest.raises(SystemExit):
        extract.main()
    assert f"choose from {', '.join(FAMILIES)}" in capsys.readouterr().err.replace("'", "")


@pytest.mark.parametrize("family", FAMILIES)
def test_floats_are_stored_split_by_byte_and_all_is_compressed_with_zstd(family, in_folder, monkeypatch) -> None:
    write_clips(clip_rows(), rows_per_shard=N_CLIPS)
    run(family, monkeypatch)
    metadata = pq.ParquetFile(Path(f"data/features/{family}/part-00000.parquet")).metadata
    leaves = [metadata.row_group(0).column(place) for place in range(metadata.num_columns)]
    assert {leaf.compression for leaf in leaves} == {"ZSTD"}
    floats = [leaf for leaf in leaves if leaf.physical_type in ("FLOAT", "FIXED_LEN_BYTE_ARRAY")]
    assert len(floats) == len(leaves) - 1  # all but clip_id
    for leaf in floats:
        assert "BYTE_STREAM_SPLIT" in leaf.encodings, leaf.path_in_schema
        assert not leaf.has_dictionary_page, leaf.path_in_schema


def test_stored_frames_are_those_of_the_front_end_rounded_to_float16(in_folder, monkeypatch) -> None:
    write_clips(clip_rows(n_clips=6), rows_per_shard=8)
    stored = features.frames(run("mel", monkeypatch))
    framing = Framing.of(Frame(window_s=0.025, hop_s=0.02), RATE)
    np.testing.assert_array_equal(stored, frames_of("mel", clips.samples(clip_rows(n_clips=6)), framing).astype("f2"))


def test_a_shard_without_clips_gives_one_without_rows(in_folder, monkeypatch) -> None:
    rows = clip_rows(n_clips=3)
    write_clips(rows, rows_per_shard=8)
    write_shards(Path("data/clips"), [rows, rows.slice(0, 0)], TABLE)
    assert run("level", monkeypatch).num_rows == 3
    manifest = read_json(Path("data/features/level/manifest.json"))
    assert [part["rows"] for part in manifest["parts"]] == [3, 0]


def test_a_table_without_clips_is_refused(in_folder, monkeypatch) -> None:
    write_clips(clip_rows(n_clips=1), rows_per_shard=1)
    write_shards(Path("data/clips"), [], TABLE)
    with pytest.raises(TableError, match=r"^data/clips: holds no clip, expected at least one"):
        run("level", monkeypatch)
    write_shards(Path("data/clips"), [clip_rows(n_clips=0)], TABLE)
    with pytest.raises(TableError, match=r"^data/clips: holds no clip, expected at least one"):
        run("level", monkeypatch)
