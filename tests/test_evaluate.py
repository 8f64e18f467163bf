"""evaluate: predictions, scores and tables of a model trained on planted classes."""

from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from evaluation import RESULTS, SEEDS, part_of, table_of
from in_process import run
from sklearn import metrics

from stages import evaluate, train
from stages.files import read_json, sha256_of
from stages.scores import temperature
from stages.tables import labels, predictions
from stages.tables.parquet import TableError, read_table, write_table


@pytest.fixture
def trained(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """Labels of a task on which dnn is trained for two seeds, briefly, so that it errs now and then."""
    rows = planted_task.write_task(in_folder)
    content = planted_task.sections()
    content["train"]["models"]["dnn"] |= {"seeds": list(reversed(SEEDS)), "epochs": 2}
    planted_task.write_params(in_folder, content)
    run(train, monkeypatch, "dnn")
    return rows


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
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss_nats", "brier", "aurc", "auroc_unknown"):
        assert 0 <= scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"]


def test_each_score_has_its_spread_over_seeds(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(evaluate, monkeypatch, "dnn")
    content = read_json(Path("metrics/evaluate/dnn.json"))
    for score in (content["temperature"], content["test"]["brier"], content["val"]["aurc"]):
        two = [score[f"seed_{seed}"] for seed in SEEDS]
        assert score["value"] == pytest.approx(np.mean(two), abs=1e-6)
        assert score["sd"] == pytest.approx(np.std(two, ddof=1), abs=1e-5)


def test_the_temperature_is_that_of_val_alone_and_predictions_are_at_it(
    trained: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calibrated once more on val there is nothing left to do; and another test part changes no temperature."""
    run(evaluate, monkeypatch, "dnn")
    before = read_json(Path("metrics/evaluate/dnn.json"))["temperature"]
    table = read_table(Path("data/predictions/dnn.parquet"), predictions.TABLE)
    for seed in SEEDS:
        val = part_of(table, seed, "val")
        true = np.array([planted_task.CLASSES.index(label) for label in val.column("label").to_pylist()])
        assert before[f"seed_{seed}"] != 1
        assert temperature.fitted(true, predictions.log_probabilities(val)) == pytest.approx(1, abs=1e-4)
    first = {row["group"] for row in trained.to_pylist() if row["part"] == "test"}
    fewer = trained.filter(pc.not_equal(trained.column("group"), min(first)))
    write_table(Path("data/labels.parquet"), fewer, labels.TABLE)
    run(evaluate, monkeypatch, "dnn")
    assert read_json(Path("metrics/evaluate/dnn.json"))["temperature"] == before
    assert before["n_clips"] == 4 * 5 * 3
    assert before["n_groups"] == 4


def test_a_temperature_lowers_the_loss_on_val_and_leaves_accuracy(
    trained: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(evaluate, monkeypatch, "dnn")
    val = read_json(Path("metrics/evaluate/dnn.json"))["val"]
    assert val["log_loss_nats"]["value"] < val["log_loss_nats_uncalibrated"]["value"]
    assert val["accuracy"]["value"] == pytest.approx(val["balanced_accuracy"]["value"])  # classes of equal size


def test_the_confusion_and_class_tables_agree_with_the_scores(
    trained: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(evaluate, monkeypatch, "dnn")
    scores = read_json(Path("metrics/evaluate/dnn.json"))["test"]
    pairs, classes = table_of("confusion"), table_of("classes")
    right = [row for row in pairs if row["actual"] == row["predicted"]]
    n_clips = sum(int(row["n_clips"]) for row in pairs)
    assert n_clips == scores["n_clips"] * len(SEEDS)
    assert sum(int(row["n_clips"]) for row in right) / n_clips == pytest.approx(scores["accuracy"]["value"], abs=1e-6)
    assert np.mean([float(row["share"]) for row in right]) == pytest.approx(
        scores["balanced_accuracy"]["value"], abs=1e-5
    )
    assert [row["label"] for row in classes] == list(planted_task.CLASSES)
    assert sum(int(row["n_clips"]) for row in classes) == scores["n_clips"]
    assert sum(float(row["n_said"]) for row in classes) == pytest.approx(scores["n_clips"])
    for ratio in ("precision", "recall", "f1"):
        for row in classes:
            assert float(row[f"{ratio}_low"]) <= float(row[ratio]) <= float(row[f"{ratio}_high"])


def test_risk_at_full_coverage_is_the_share_of_errors(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(evaluate, monkeypatch, "dnn")
    scores = read_json(Path("metrics/evaluate/dnn.json"))["test"]
    last = table_of("coverage")[-1]
    assert (float(last["coverage"]), int(last["n_clips"])) == (1, scores["n_clips"])
    assert float(last["risk"]) == pytest.approx(1 - scores["accuracy"]["value"], abs=2e-6)


def test_the_errors_listed_are_the_most_confident_ones(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(evaluate, monkeypatch, "dnn")
    table = read_table(Path("data/predictions/dnn.parquet"), predictions.TABLE).to_pylist()
    wrong = [row for row in table if row["part"] == "test" and row["label"] != row["predicted"]]
    surest: dict[str, float] = {}
    for row in wrong:
        surest[row["clip_id"]] = max(surest.get(row["clip_id"], 0), row["confidence"])
    listed = table_of("errors")
    assert len(listed) == min(planted_task.EVALUATE["n_listed"], len(surest)) > 1
    expected = sorted(surest.values(), reverse=True)[: len(listed)]
    assert [float(row["confidence"]) for row in listed] == pytest.approx(expected, abs=1e-6)
    for row in listed:
        assert surest[row["clip_id"]] == pytest.approx(float(row["confidence"]), abs=1e-6)
        assert int(row["n_seeds_wrong"]) == sum(one["clip_id"] == row["clip_id"] for one in wrong)


def test_a_second_evaluation_gives_the_same_bytes(trained: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(evaluate, monkeypatch, "dnn")
    first = [sha256_of(Path(path)) for path in RESULTS]
    run(evaluate, monkeypatch, "dnn")
    assert [sha256_of(Path(path)) for path in RESULTS] == first


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
