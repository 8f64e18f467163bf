"""evaluate and summarize: predictions, scores and tables of models trained on planted classes."""

import csv
import sys
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn import metrics

from stages import evaluate, summarize, train
from stages.files import LeftoverError, read_json, sha256_of, write_json
from stages.tables import labels, predictions
from stages.tables.parquet import TableError, read_table, write_table

SEEDS = (2, 5)
RESULTS = ["data/predictions/dnn.parquet", "metrics/evaluate/dnn.json", "metrics/evaluate/dnn_confusion.csv"]


def run(stage: object, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    stage.main()  # type: ignore[attr-defined]


@pytest.fixture
def trained(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """Labels of a task on which dnn is trained for two seeds, briefly, so that it errs now and then."""
    rows = planted_task.write_task(in_folder)
    content = planted_task.sections()
    content["train"]["models"]["dnn"] |= {"seeds": list(reversed(SEEDS)), "epochs": 2}
    planted_task.write_params(in_folder, content)
    run(train, monkeypatch, "dnn")
    return rows


def part_of(table: pa.Table, seed: int, part: str = "test") -> pa.Table:
    return table.filter(pc.and_(pc.equal(table.column("seed"), seed), pc.equal(table.column("part"), part)))


def test_predictions_hold_each_clip_of_val_and_test_once_a_seed(
    trained: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(evaluate, monkeypatch, "dnn")
    table = read_table(Path("data/predictions/dnn.parquet"), predictions.TABLE)
    held_out = [row for row in trained.to_pylist() if row["part"] != "train"]
    expected = [(seed, row["clip_id"], row["label"]) for seed in SEEDS for row in held_out]
    found = [
        (row["seed"], row["clip_id"], row["label"]) for row in table.select(["seed", "clip_id", "label"]).to_pylist()
    ]
    assert found == sorted(expected)
    assert predictions.classes(table.schema) == list(planted_task.CLASSES)


def test_confidence_and_class_are_those_of_the_log_probabilities(
    trained: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(evaluate, monkeypatch, "dnn")
    table = read_table(Path("data/predictions/dnn.parquet"), predictions.TABLE)
    nats = predictions.log_probabilities(table)
    np.testing.assert_allclose(np.exp(nats).sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(table.column("confidence").to_numpy(), np.exp(nats.max(axis=1)), rtol=1e-6)
    said = [planted_task.CLASSES[number] for number in nats.argmax(axis=1)]
    assert table.column("predicted").to_pylist() == said


def test_scores_are_the_means_over_seeds_of_scikit_learn_s(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(evaluate, monkeypatch, "dnn")
    table = read_table(Path("data/predictions/dnn.parquet"), predictions.TABLE)
    scores = read_json(Path("metrics/evaluate/dnn.json"))
    for part in ("test", "val"):
        accuracies, losses = [], []
        for seed in SEEDS:
            rows = part_of(table, seed, part)
            true = [planted_task.CLASSES.index(label) for label in rows.column("label").to_pylist()]
            nats = predictions.log_probabilities(rows)
            accuracies.append(metrics.accuracy_score(true, nats.argmax(axis=1)))
            probabilities = np.exp(nats.astype(np.float64))
            losses.append(metrics.log_loss(true, probabilities / probabilities.sum(axis=1, keepdims=True)))
            assert scores[part]["accuracy"][f"seed_{seed}"] == pytest.approx(accuracies[-1], abs=1e-6)
        assert scores[part]["accuracy"]["value"] == pytest.approx(np.mean(accuracies), abs=1e-6)
        assert scores[part]["log_loss_nats"]["value"] == pytest.approx(np.mean(losses), abs=1e-5)
    assert scores["test"]["n_clips"] == 6 * 5 * 3
    assert scores["test"]["n_groups"] == 6


def test_an_interval_holds_its_value(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(evaluate, monkeypatch, "dnn")
    scores = read_json(Path("metrics/evaluate/dnn.json"))["test"]
    for name in ("accuracy", "macro_f1", "log_loss_nats"):
        assert 0 <= scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"]


def test_one_speaker_gives_a_score_and_no_interval() -> None:
    params = evaluate.Params(**planted_task.EVALUATE)
    nats = np.log(np.array([[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]]))
    rows = pa.table({"label_id": [0, 1, 1], "group": ["ann", "ann", "ann"]})
    accuracy = evaluate.scored(rows, nats, [7], params)["accuracy"]
    assert accuracy == {"value": 0.666667, "low": None, "high": None, "seed_7": 0.666667}
    assert evaluate.in_words(accuracy) == "0.667 [no interval: one group]"


def test_the_confusion_and_class_tables_agree_with_the_scores(
    trained: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(evaluate, monkeypatch, "dnn")
    scores = read_json(Path("metrics/evaluate/dnn.json"))["test"]
    with Path("metrics/evaluate/dnn_confusion.csv").open() as file:
        pairs = [(row["actual"], row["predicted"]) for row in csv.DictReader(file)]
    with Path("metrics/evaluate/dnn_classes.csv").open() as file:
        classes = list(csv.DictReader(file))
    assert len(pairs) == scores["n_clips"] * len(SEEDS)
    assert np.mean([true == said for true, said in pairs]) == pytest.approx(scores["accuracy"]["value"], abs=1e-6)
    assert [row["label"] for row in classes] == list(planted_task.CLASSES)
    assert sum(int(row["n_clips"]) for row in classes) == scores["n_clips"]
    recalls = [float(row["recall"]) for row in classes]
    assert np.mean(recalls) == pytest.approx(scores["accuracy"]["value"], abs=1e-5)  # as many clips in each class


def test_a_second_evaluation_gives_the_same_bytes(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(evaluate, monkeypatch, "dnn")
    first = [sha256_of(Path(path)) for path in RESULTS]
    run(evaluate, monkeypatch, "dnn")
    assert [sha256_of(Path(path)) for path in RESULTS] == first


def test_a_model_that_is_not_trained_is_named(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_task(in_folder)
    with pytest.raises(TableError, match=r"data/models/dnn/model\.json: is missing; run `dvc repro`"):
        run(evaluate, monkeypatch, "dnn")


def test_a_model_of_another_task_is_refused(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = trained.filter(pc.not_equal(trained.column("label"), labels.SILENCE))
    write_table(Path("data/labels.parquet"), kept, labels.TABLE)
    with pytest.raises(
        TableError, match="classes are left, right, up, _unknown_, expected those the model has learned"
    ):
        run(evaluate, monkeypatch, "dnn")


def test_an_empty_test_part_is_named(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(Path("data/labels.parquet"), trained.filter(pc.not_equal(trained.column("part"), "test")), labels.TABLE)
    with pytest.raises(TableError, match="part test has 0 clips, expected at least 1"):
        run(evaluate, monkeypatch, "dnn")


def test_columns_other_than_the_model_s_are_refused(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_columns(Path(), trained.column("clip_id").to_pylist(), planted_task.frames_of(trained)[:, :, :7])
    with pytest.raises(TableError, match=r"data/selected\.parquet: a clip has shape \(7,\), expected \(10,\)"):
        run(evaluate, monkeypatch, "dnn")


def test_the_summary_puts_the_models_of_params_side_by_side(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_params(in_folder, planted_task.sections())
    keys = list(planted_task.SIZES)
    for place, key in enumerate(keys):
        scores = {
            name: {"value": 0.5 + place / 100, "low": 0.4, "high": 0.9, "seed_1": 0.5} for name in ("accuracy", "ece")
        }
        write_json(Path(f"metrics/evaluate/{key}.json"), {"test": {"n_clips": 90, "n_groups": 6, **scores}, "val": {}})
    run(summarize, monkeypatch)
    summary = read_json(Path("metrics/summarize/scores.json"))
    assert list(summary) == keys
    scores = {"accuracy": 0.51, "accuracy_low": 0.4, "accuracy_high": 0.9, "ece": 0.51}
    assert summary[keys[1]] == {**scores, "n_clips": 90, "n_groups": 6, "n_seeds": 1}
    assert Path("metrics/summarize/scores.csv").read_text().splitlines()[1] == "dnn,0.5,0.4,0.9,0.5,0.4,0.9,90,6,1"


def test_scores_of_a_model_that_has_left_params_stop_the_summary(in_folder: Path, monkeypatch) -> None:
    planted_task.write_params(in_folder, planted_task.sections())
    for key in [*planted_task.SIZES, "gone"]:
        write_json(Path(f"metrics/evaluate/{key}.json"), {})
    Path("metrics/evaluate/cnn_classes.csv").touch()
    with pytest.raises(LeftoverError, match=r"^metrics/evaluate/gone\.json: .*run `rm -r metrics/evaluate/gone\.json`"):
        run(summarize, monkeypatch)


def test_a_summary_without_a_model_s_scores_names_the_file(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_params(in_folder, planted_task.sections())
    with pytest.raises(TableError, match=r"metrics/evaluate/dnn\.json: is missing"):
        run(summarize, monkeypatch)
