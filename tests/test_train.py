"""train: what an epoch draws, how the rate runs, and what comes out."""

import csv
import math
from pathlib import Path

import numpy as np
import planted_task
import pytest
import torch
from in_process import run

from stages import train
from stages.files import read_json, sha256_of
from stages.models import MODELS
from stages.models.parts import Groups
from stages.models.recipe import Recipe, drawn, epoch_rows, rate_factor

GROUPS = Groups(torch.arange(100), torch.arange(100, 400), torch.arange(400, 405))


def recipe(**changes: float) -> Recipe:
    return Recipe.model_validate({key: planted_task.TRAIN[key] for key in Recipe.model_fields} | changes)


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
    run(train, monkeypatch, key)
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
    run(train, monkeypatch, "cnn")
    first = [sha256_of(Path(path)) for path in paths]
    torch.rand(3)  # whatever else draws from torch's own generator does not matter
    run(train, monkeypatch, "cnn")
    assert [sha256_of(Path(path)) for path in paths] == first
    assert first[0] != first[1]


def test_seeds_do_not_depend_on_the_seeds_beside_them(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_task(in_folder)
    hashes = []
    for seeds in ([1, 2], [2]):
        content = planted_task.sections()
        content["train"]["models"]["lstm"] |= {"seeds": seeds, "epochs": 1}
        planted_task.write_params(in_folder, content)
        run(train, monkeypatch, "lstm")
        hashes.append(sha256_of(Path("data/models/lstm/seed-2.safetensors")))
    assert hashes[0] == hashes[1]


def test_the_learning_curve_has_a_row_an_epoch(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_task(in_folder)
    run(train, monkeypatch, "dnn")
    with Path("metrics/train/dnn.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], int(row["epoch"])) for row in rows] == [("1", number) for number in range(1, 13)]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])


def test_the_test_part_is_never_looked_at(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every value of part test made no number, the weights are the same."""
    rows = planted_task.write_task(in_folder)
    run(train, monkeypatch, "cnn")
    first = sha256_of(Path("data/models/cnn/seed-1.safetensors"))
    frames = planted_task.frames_of(rows)
    frames[np.array(rows.column("part").to_pylist()) == "test"] = np.nan
    planted_task.write_frames(in_folder, rows.column("clip_id").to_pylist(), frames)
    run(train, monkeypatch, "cnn")
    assert sha256_of(Path("data/models/cnn/seed-1.safetensors")) == first


def test_normalisation_is_of_the_training_part(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    run(train, monkeypatch, "cnn")
    chosen = np.array(rows.column("part").to_pylist()) == "train"
    frames = planted_task.frames_of(rows)[chosen].astype(np.float64)
    card = read_json(Path("data/models/cnn/model.json"))
    np.testing.assert_allclose(card["mean"], frames.mean(axis=(0, 1)))
    np.testing.assert_allclose(card["std"], frames.std(axis=(0, 1)))


def test_frames_that_may_miss_a_number_train_without_it(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    frames, clip_ids = planted_task.frames_of(rows), rows.column("clip_id").to_pylist()
    frames[::3, 3:9, 4] = np.nan
    planted_task.write_frames(in_folder, clip_ids, frames, dims_missing=["band_04"])
    run(train, monkeypatch, "cnn")
    assert read_json(in_folder / "metrics/train/cnn.json")["seed_1"]["val_accuracy"] > 0.8
