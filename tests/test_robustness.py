"""What a model reads and scores under conditions: on clean sound, what it reads and scores without them."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pytest
import torch
from conftest import tone
from feature_sounds import PARAMS
from safetensors.torch import save_file
from sharding import write_shards
from sounding_task import CLASSES, N_SAMPLES, RATE, SECTIONS, label_rows, noise_of

from stages import evaluate, extract
from stages.conditions import CONDITIONS
from stages.conditions.material import CLEAN, material_of
from stages.features.family import FeatureError
from stages.features.reading import Extract, reading_of
from stages.files import read_json, sha256_of
from stages.models.card import Card, network
from stages.params import check_section
from stages.tables import clips, labels, selected
from stages.tables.features import read_statistics
from stages.tables.inputs import read_inputs
from stages.tables.parquet import Table, write_table
from stages.tables.sounds import read_sounds

FAMILIES = ("mel", "level")
EXTRACT = {
    "frame": {"window_s": 0.025, "hop_s": 0.02},
    "statistics": {"names": ["mean", "std"]},
    "families": {family: json.loads(PARAMS[family].model_dump_json()) for family in FAMILIES},
}
CHOSEN = ["level_rms_std_dbfs", "mel_band_03_mean_db", "level_pause_share"]


def clip_rows(rows: pa.Table, louder: tuple[str, ...] = ()) -> pa.Table:
    """A clip for each label, of differing lengths; those of parts `louder` have twice the amplitude."""
    schema = clips.with_shape(RATE, N_SAMPLES)
    columns: dict[str, list] = {field.name: [] for field in schema}
    for number, row in enumerate(rows.to_pylist()):
        n = N_SAMPLES - 500 * (number % 4)
        sound = noise_of(n, number) / 4 + (row["label_id"] < 2) * tone(n / RATE, hz=300 * (1 + row["label_id"]))[:n] / 4
        stored = np.zeros(N_SAMPLES, np.int16)
        stored[:n] = np.rint(sound * (16_000 if row["part"] in louder else 8_000))
        known = {"clip_id": row["clip_id"], "seconds": n / RATE, "samples": stored.tobytes(), "is_noise": False}
        for field in schema:
            columns[field.name].append(known.get(field.name, "" if pa.types.is_string(field.type) else 0))
    return pa.table(columns, schema)


def write_clips(rows: pa.Table) -> None:
    write_shards(Path("data/clips"), [rows.slice(0, 20), rows.slice(20)], Table("clips", ("clip_id",), rows.schema))


def card_of(source: str, families: tuple[str, ...], names: tuple[str, ...], shape: tuple[int, ...]) -> Card:
    sizes = {"hidden": (8,), "dropout": 0.0}
    scale = {
        "mean": (-40.0,) * len(names),
        "std": (20.0,) * len(names),
        "seeds": (1, 2),
        "classes": CLASSES,
        "centred": False,
    }
    return Card(model="dnn", sizes=sizes, input=source, families=families, input_shape=shape, dims=names, **scale)


SOURCES = {"features/mel": (), "features": FAMILIES, "selected.parquet": ()}


@pytest.fixture
def task(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """Labels of a task whose clips and features lie on disk, as extract leaves them."""
    rows = label_rows()
    write_table(Path("data/labels.parquet"), rows, labels.TABLE)
    write_clips(clip_rows(rows))
    write_params({})
    for family in FAMILIES:
        run(extract, monkeypatch, family)
    table = [read_statistics(Path("data/features") / family) for family in ("level", "mel", "level")]
    columns = [own.column(name) for own, name in zip(table, CHOSEN, strict=True)]
    fields = [own.schema.field(name) for own, name in zip(table, CHOSEN, strict=True)]
    kind = selected.table(fields)
    write_table(
        Path("data/selected.parquet"),
        pa.Table.from_arrays([table[0].column("clip_id"), *columns], schema=kind.schema),
        kind,
    )
    return rows


def write_params(conditions: dict, n_clips: int = 0) -> None:
    section = planted_task.EVALUATE | {"conditions": conditions, "n_condition_clips": n_clips}
    planted_task.write_params(Path(), {"extract": EXTRACT, "evaluate": section})


def run(stage: object, monkeypatch: pytest.MonkeyPatch, argument: str, workers: int = 1) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", argument])
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    monkeypatch.setenv("EARMARK_WORKERS", str(workers))
    stage.main()  # type: ignore[attr-defined]


def with_model(rows: pa.Table, source: str) -> Card:
    """Write a model of drawn weights that reads `source`."""
    inputs = read_inputs(Path("data") / source, rows.column("clip_id").to_pylist()[:1], SOURCES[source])
    card = card_of(source, SOURCES[source], inputs.names, inputs.values.shape[1:])
    folder = Path("data/models/m")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(card.model_dump_json())
    for seed in card.seeds:
        torch.manual_seed(seed)
        save_file(network(card).state_dict(), folder / f"seed-{seed}.safetensors")
    return card


def table_of() -> list[dict[str, str]]:
    with Path("metrics/evaluate/m_robustness.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_model_reads_of_clean_sound_is_what_extract_has_stored(source: str, task: pa.Table) -> None:
    card = with_model(task, source)
    clip_ids = task.column("clip_id").to_pylist()
    stored = read_inputs(Path("data") / source, clip_ids, SOURCES[source]).values
    material = material_of(task, read_sounds(Path("data/clips"), clip_ids), [CLEAN], 1)
    reading = reading_of(source, card.dims, check_section(EXTRACT, "extract", Extract), RATE)
    found = np.concatenate([reading(*material.changed(CLEAN, piece)) for piece in material.pieces()])
    assert found.dtype == stored.dtype
    np.testing.assert_array_equal(found, stored)


def test_a_column_of_no_family_is_named() -> None:
    with pytest.raises(FeatureError, match="column pitch_f0_mean_hz, which the model reads, is of no family"):
        reading_of("selected.parquet", ["pitch_f0_mean_hz"], check_section(EXTRACT, "extract", Extract), RATE)


@pytest.mark.parametrize("source", SOURCES)
def test_accuracy_on_clean_sound_is_that_on_stored_features(
    source: str, task: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_model(task, source)
    write_params(SECTIONS)
    run(evaluate, monkeypatch, "m")
    accuracy = read_json(Path("metrics/evaluate/m.json"))["test"]["accuracy"]
    clean, *others = table_of()
    names = {"accuracy": "value", "accuracy_low": "low", "accuracy_high": "high", "accuracy_sd": "sd"}
    assert {name: float(clean[name]) for name in names} == {name: accuracy[key] for name, key in names.items()}
    assert [row["condition"] for row in others] == [name for name in CONDITIONS for _ in range(2)]
    assert {(row["n_clips"], row["n_groups"], row["n_seeds"]) for row in [clean, *others]} == {("18", "2", "2")}


def test_neither_workers_nor_another_run_nor_sound_of_other_parts_changes_a_byte(
    task: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_model(task, "features/mel")
    write_params(SECTIONS, n_clips=10)
    digests = set()
    for workers, louder in ((1, ()), (2, ()), (2, ("train", "val"))):
        write_clips(clip_rows(task, louder))
        run(evaluate, monkeypatch, "m", workers)
        digests.add(sha256_of(Path("metrics/evaluate/m_robustness.csv")))
    write_clips(clip_rows(task, ("test",)))
    run(evaluate, monkeypatch, "m")
    assert len(digests) == 1
    assert sha256_of(Path("metrics/evaluate/m_robustness.csv")) not in digests


def test_no_condition_gives_no_row_and_needs_no_sound(task: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    with_model(task, "features/mel")
    (Path("data/clips") / "manifest.json").unlink()
    run(evaluate, monkeypatch, "m")
    assert table_of() == []
