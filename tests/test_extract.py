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
import torch
from feature_sounds import PARAMS, RATE, SOUNDS
from ruamel.yaml import YAML
from sharding import write_shards

from stages import extract
from stages.features import FAMILIES
from stages.features.engine import as_float
from stages.features.schema import described
from stages.features.statistics import NAMES
from stages.features.stft import Frame, Framing
from stages.files import read_json
from stages.tables import clips, features
from stages.tables.parquet import Table, read_shards, shard_paths

N_CLIPS = 21
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


def write_clips(rows: pa.Table, rows_per_shard: int) -> None:
    """Write data/clips and params.yaml into the current folder."""
    table = Table(clips.TABLE.name, clips.TABLE.key, rows.schema, clips.TABLE.sized)
    shards = [rows.slice(start, rows_per_shard) for start in range(0, rows.num_rows, rows_per_shard)]
    write_shards(Path("data/clips"), shards, table)
    section = {
        "frame": {"window_s": 0.025, "hop_s": 0.02},
        "statistics": {"names": list(NAMES)},
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
    write_clips(clip_rows(), rows_per_shard=11)
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
        write_clips(clip_rows(), rows_per_shard)
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


@pytest.mark.parametrize("family", ["mel", "mfcc"])
def test_the_front_end_gives_the_stored_frames_from_an_exported_model_and_on_a_gpu(
    family, in_folder, monkeypatch
) -> None:
    write_clips(clip_rows(), rows_per_shard=N_CLIPS)
    stored = features.frames(run(family, monkeypatch))
    sound = torch.from_numpy(as_float(clips.samples(clip_rows())))
    framing = Framing.of(Frame(window_s=0.025, hop_s=0.02), RATE)
    module = FAMILIES[family].computation(PARAMS[family], framing)
    exported = torch.export.export(module, (sound[:2],), dynamic_shapes=({0: torch.export.Dim("n_clips", max=1024)},))
    found = {"exported": exported.module()(sound)}
    if torch.cuda.is_available():
        found["cuda"] = module.cuda()(sound.cuda()).cpu()
    for where, frames in found.items():
        # float16 keeps eleven bits of what is stored; the rest is of another size of batch.
        np.testing.assert_allclose(stored, frames.numpy(), rtol=2**-11, atol=2e-3, err_msg=where)
