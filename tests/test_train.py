"""train: what an epoch draws, how the rate runs, what comes out, and what is said of a mistake."""

import csv
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from sharding import write_shards

from stages import train
from stages.files import read_json, sha256_of
from stages.models import MODELS
from stages.models.parts import Groups
from stages.models.recipe import Recipe, drawn, epoch_rows, rate_factor
from stages.params import ParamsError
from stages.tables import features, labels
from stages.tables.parquet import TableError, write_table

GROUPS = Groups(torch.arange(100), torch.arange(100, 400), torch.arange(400, 405))


def recipe(**changes: float) -> Recipe:
    return Recipe.model_validate({key: planted_task.TRAIN[key] for key in Recipe.model_fields} | changes)


def run(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(sys, "argv", ["train", key])
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    train.main()


def draw(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_an_epoch_holds_every_keyword_once_and_the_shares_of_the_rest() -> None:
    rows = epoch_rows(GROUPS, recipe(unknown_share=0.2, silence_share=0.1), draw()).tolist()
    assert sorted(row for row in rows if row < 100) == list(range(100))
    assert len([row for row in rows if 100 <= row < 400]) == 20
    assert len([row for row in rows if row >= 400]) == 10


def test_unknowns_are_drawn_anew_each_epoch() -> None:
    order = draw()
    first, second = (set(epoch_rows(GROUPS, recipe(unknown_share=0.5), order).tolist()) for _ in range(2))
    assert len({row for row in first - second if row >= 100}) > 20


def test_where_more_are_asked_than_there_are_each_comes_equally_often() -> None:
    counts = np.bincount(drawn(torch.arange(7), 24, draw()).numpy())
    assert counts.sum() == 24
    assert set(counts.tolist()) == {3, 4}


def test_a_task_without_unknowns_and_silence_draws_none() -> None:
    nothing = torch.arange(0)
    rows = epoch_rows(Groups(torch.arange(10), nothing, nothing), recipe(), draw())
    assert sorted(rows.tolist()) == list(range(10))


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine() -> None:
    factors = [rate_factor(step, 100, 0.1) for step in range(100)]
    assert factors[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert factors[10] == 1
    assert factors[55] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))


@pytest.mark.parametrize("key", MODELS)
def test_a_model_learns_the_planted_classes(in_folder: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    planted_task.write_task(in_folder)
    run(monkeypatch, key)
    metrics = read_json(Path(f"metrics/train/{key}.json"))
    assert metrics["n_train_clips"] == 12 * 5 * 3
    assert metrics["n_val_clips"] == 4 * 5 * 3
    assert metrics["seed_1"]["val_accuracy"] > 0.8
    card = read_json(Path(f"data/models/{key}/model.json"))
    assert tuple(card["classes"]) == planted_task.CLASSES


def test_a_second_run_gives_the_same_bytes_and_another_seed_gives_others(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted_task.write_task(in_folder)
    content = planted_task.sections()
    content["train"]["models"]["cnn"] |= {"seeds": [1, 2], "epochs": 2}
    planted_task.write_params(in_folder, content)
    paths = [*(f"data/models/cnn/seed-{seed}.safetensors" for seed in (1, 2)), "metrics/train/cnn.csv"]
    run(monkeypatch, "cnn")
    first = [sha256_of(Path(path)) for path in paths]
    torch.rand(3)  # whatever else draws from torch's own generator does not matter
    run(monkeypatch, "cnn")
    assert [sha256_of(Path(path)) for path in paths] == first
    assert first[0] != first[1]


def test_seeds_do_not_depend_on_the_seeds_beside_them(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_task(in_folder)
    hashes = []
    for seeds in ([1, 2], [2]):
        content = planted_task.sections()
        content["train"]["models"]["lstm"] |= {"seeds": seeds, "epochs": 1}
        planted_task.write_params(in_folder, content)
        run(monkeypatch, "lstm")
        hashes.append(sha256_of(Path("data/models/lstm/seed-2.safetensors")))
    assert hashes[0] == hashes[1]


def test_the_learning_curve_has_a_row_an_epoch(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_task(in_folder)
    run(monkeypatch, "dnn")
    with Path("metrics/train/dnn.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], int(row["epoch"])) for row in rows] == [("1", number) for number in range(1, 13)]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])


def test_the_test_part_is_never_looked_at(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every value of part test made no number, the weights are the same."""
    rows = planted_task.write_task(in_folder)
    run(monkeypatch, "cnn")
    first = sha256_of(Path("data/models/cnn/seed-1.safetensors"))
    frames = planted_task.frames_of(rows)
    frames[np.array(rows.column("part").to_pylist()) == "test"] = np.nan
    planted_task.write_frames(in_folder, rows.column("clip_id").to_pylist(), frames)
    run(monkeypatch, "cnn")
    assert sha256_of(Path("data/models/cnn/seed-1.safetensors")) == first


def test_normalisation_is_of_the_training_part(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    run(monkeypatch, "cnn")
    chosen = np.array(rows.column("part").to_pylist()) == "train"
    frames = planted_task.frames_of(rows)[chosen].astype(np.float64)
    card = read_json(Path("data/models/cnn/model.json"))
    np.testing.assert_allclose(card["mean"], frames.mean(axis=(0, 1)))
    np.testing.assert_allclose(card["std"], frames.std(axis=(0, 1)))


Change = Callable[[dict], object]


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("cnn", lambda model: model.update(model="cn"), r"train\.models\.cnn\.model is 'cn', expected one of dnn, cnn"),
        ("cnn", lambda model: model.update(input="selected.parquet"), "holds one vector a clip; cnn reads frames"),
        (
            "cnn",
            lambda model: model["sizes"].update(chanels=[8]),
            r"train\.models\.cnn\.sizes\.chanels is not a known key",
        ),
        (
            "cnn",
            lambda model: model["augment"].update(shft={}),
            r"augment\.shft is unknown, expected one of shift, noise",
        ),
        ("cnn", lambda model: model["augment"]["shift"].update(most_ms="far"), r"augment\.shift\.most_ms is 'far'"),
        (
            "dnn",
            lambda model: model.update(augment={"shift": {"most_ms": 50}}),
            r"augment\.shift works on log-mel frames",
        ),
        ("dnn", lambda model: model.update(centred=True), r"dnn\.centred is true, but '[^']*' holds no frames in dB"),
        ("cnn", lambda model: model.update(epochs=0), r"train\.models\.cnn\.epochs is 0, expected"),
        ("cnn", lambda model: model.update(seeds=[]), r"train\.models\.cnn\.seeds is \(\), expected"),
        ("rnn", lambda model: None, r"train\.models\.rnn is missing"),
    ],
)
def test_a_mistake_in_params_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, change: Change, message: str
) -> None:
    planted_task.write_task(in_folder)
    content = planted_task.sections()
    change(content["train"]["models"].get(key, {}))
    planted_task.write_params(in_folder, content)
    with pytest.raises(ParamsError, match=message):
        run(monkeypatch, key)


@pytest.mark.parametrize("share", ["unknown_share", "silence_share"])
def test_a_class_that_no_epoch_would_see_is_an_error(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    planted_task.write_task(in_folder)
    content = planted_task.sections()
    content["train"]["models"]["dnn"][share] = 0.0
    planted_task.write_params(in_folder, content)
    with pytest.raises(ParamsError, match=rf"train\.models\.dnn\.{share} is 0, but the task has such a class"):
        run(monkeypatch, "dnn")


def test_noise_without_noise_recordings_is_an_error(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    silent = pa.array([label != labels.SILENCE for label in rows.column("label").to_pylist()])
    write_table(in_folder / "data/labels.parquet", rows.filter(silent), labels.TABLE)
    with pytest.raises(ParamsError, match=r"augment\.noise needs _silence_ clips in part train, which has 0"):
        run(monkeypatch, "cnn")


def test_a_clip_without_features_is_named(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    name = rows.column("clip_id")[rows.column("part").to_pylist().index("train")].as_py()
    kept = rows.filter(pc.not_equal(rows.column("clip_id"), name))
    planted_task.write_frames(in_folder, kept.column("clip_id").to_pylist(), planted_task.frames_of(kept))
    with pytest.raises(TableError, match=f"data/features/mel: clip_id {name} is missing, and 0 more"):
        run(monkeypatch, "cnn")


def test_a_family_without_frames_is_named(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    table = features.table("mel", [pa.field("mel_mean", pa.float32(), False)], None, {})
    values = pa.array(np.zeros(rows.num_rows, np.float32))
    shard = pa.Table.from_arrays([rows.column("clip_id"), values], schema=table.schema)
    write_shards(in_folder / "data/features/mel", [shard], table)
    with pytest.raises(TableError, match=r"frames is missing.*set extract\.families\.mel\.keep_frames to true"):
        run(monkeypatch, "cnn")


def test_frames_that_may_miss_a_number_train_without_it(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    frames, clip_ids = planted_task.frames_of(rows), rows.column("clip_id").to_pylist()
    frames[::3, 3:9, 4] = np.nan
    planted_task.write_frames(in_folder, clip_ids, frames, dims_missing=["band_04"])
    run(monkeypatch, "cnn")
    assert read_json(in_folder / "metrics/train/cnn.json")["seed_1"]["val_accuracy"] > 0.8


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("key", ["dnn", "cnn"])
def test_a_value_that_is_no_number_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: float
) -> None:
    rows = planted_task.write_task(in_folder)
    row = rows.column("part").to_pylist().index("train")
    frames, clip_ids = planted_task.frames_of(rows), rows.column("clip_id").to_pylist()
    frames[row, 3, 4] = value
    planted_task.write_frames(in_folder, clip_ids, frames)
    planted_task.write_columns(in_folder, clip_ids, frames)
    with pytest.raises(TableError, match=f"band_04.* of clip {clip_ids[row]} is {value}, expected a finite number"):
        run(monkeypatch, key)


@pytest.mark.parametrize(
    ("dropped", "message"),
    [
        (lambda part, label: part == "val", "part val has 0 clips, expected at least 1"),
        (lambda part, label: part == "train" and label == "up", "class 'up' has 0 clips in part train"),
    ],
)
def test_a_part_or_class_without_clips_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, dropped: Callable[[str, str], bool], message: str
) -> None:
    rows = planted_task.write_task(in_folder)
    pairs = zip(rows.column("part").to_pylist(), rows.column("label").to_pylist(), strict=True)
    kept = rows.filter(pa.array([not dropped(*pair) for pair in pairs]))
    write_table(in_folder / "data/labels.parquet", kept, labels.TABLE)
    with pytest.raises(TableError, match=message):
        run(monkeypatch, "cnn")
