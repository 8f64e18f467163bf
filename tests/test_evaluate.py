"""evaluate: predictions, scores and tables of a model trained on planted classes."""

import csv
import sys
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.special import log_softmax
from sklearn import metrics

from stages import evaluate, train
from stages.files import read_json, sha256_of
from stages.scores import pictures, rejection, temperature
from stages.scores.report import in_words, scored
from stages.tables import labels, predictions
from stages.tables.parquet import TableError, read_table, write_table

SEEDS = (2, 5)
TABLES = ("classes", "confusion", "coverage", "detection", "errors")
RESULTS = ["data/predictions/dnn.parquet", "metrics/evaluate/dnn.json"]
RESULTS += [f"metrics/evaluate/dnn_{name}.csv" for name in TABLES]


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


def small(
    labels_of: list[int], groups: list[str], n_seeds: int = 1, words: list[str] | None = None
) -> tuple[pa.Table, np.ndarray]:
    """Clips of the planted classes, and log-probabilities that are a little better than chance."""
    names = [planted_task.CLASSES[number] for number in labels_of]
    rows = pa.table({"label_id": labels_of, "label": names, "group": groups, "word": words or names})
    logits = np.random.default_rng(1).normal(size=(len(labels_of), len(planted_task.CLASSES)))
    logits[np.arange(len(labels_of)), labels_of] += 1
    return rows, np.repeat(log_softmax(logits, axis=1)[None], n_seeds, axis=0)


def scores_of(rows: pa.Table, nats: np.ndarray, trained_words: tuple[str, ...] = planted_task.CLASSES) -> dict:
    params = evaluate.Params(**planted_task.EVALUATE)
    return scored(rows, nats, nats, planted_task.CLASSES, range(len(nats)), trained_words, params)


def test_one_speaker_gives_scores_and_no_interval() -> None:
    rows, nats = small([0, 1, 2, 3, 3], ["ann"] * 5)
    scores = scores_of(rows, nats)
    for name in ("accuracy", "ece", "aurc", "auroc_unknown"):
        assert scores[name]["value"] is not None
        assert (scores[name]["low"], scores[name]["high"]) == (None, None)
    assert in_words({"value": 2 / 3, "low": None, "high": None}) == "0.667 [no interval: one group]"
    table = pictures.class_rows(rows, nats, planted_task.CLASSES, evaluate.Params(**planted_task.EVALUATE))
    assert {row[pictures.CLASS_COLUMNS.index("recall_low")] for row in table} == {""}


def test_a_seed_that_comes_twice_changes_no_score() -> None:
    rows, once = small([0, 1, 2, 3, 4] * 6, [f"s{number % 5}" for number in range(30)])
    alone, both = scores_of(rows, once), scores_of(rows, np.repeat(once, 2, axis=0))
    for name, score in alone.items():
        if isinstance(score, dict) and score["value"] is not None:
            assert both[name] == score | {"sd": 0.0, "seed_1": score["seed_0"]}


def test_the_order_of_clips_changes_no_score() -> None:
    rows, nats = small([0, 1, 2, 3, 4] * 6, [f"s{number % 5}" for number in range(30)])
    order = np.random.default_rng(2).permutation(30)
    there, here = scores_of(rows.take(order), nats[:, order]), scores_of(rows, nats)
    for name, score in here.items():
        if isinstance(score, dict) and score["value"] is not None:
            assert there[name] == pytest.approx(score, abs=2e-6), name


def test_words_that_training_lacks_are_told_from_those_it_has() -> None:
    """Clips 0 to 2 are keywords, 3 to 5 unknowns; `cat` is in part train and `dog` is not."""
    words = ["left", "right", "up", "cat", "dog", "dog"]
    rows, nats = small([0, 1, 2, 3, 3, 3], ["a", "b", "c", "a", "b", "c"], words=words)
    scores = scores_of(rows, nats, ("left", "right", "up", "cat"))
    known, unknown = rejection.keyword_score(nats[0], planted_task.CLASSES)[:3], nats[0, 3:, :3].max(axis=1)
    for name, others in (("auroc_unknown", unknown), ("auroc_new_words", unknown[1:])):
        expected = metrics.roc_auc_score([1] * 3 + [0] * len(others), [*known, *others])
        assert scores[name]["value"] == pytest.approx(expected, abs=1e-6)
        assert (scores[name]["n_known"], scores[name]["n_other"]) == (3, len(others))


@pytest.mark.parametrize(
    ("label_ids", "words", "name", "why"),
    [
        ([0, 1], ["left", "right"], "auroc_unknown", "no clip of the part is _unknown_"),
        ([3, 4], ["cat", "_silence_"], "auroc_unknown", "no clip of the part is a keyword"),
        ([0, 3], ["left", "cat"], "auroc_new_words", "each of the 1 words of _unknown_ is in part train too"),
        ([0, 3], ["left", "_unknown_"], "auroc_new_words", "the words of _unknown_ are not told"),
    ],
)
def test_where_no_word_can_be_rejected_the_reason_stands_for_the_number(
    label_ids: list[int], words: list[str], name: str, why: str
) -> None:
    rows, nats = small(label_ids, ["a", "b"], words=words)
    score = scores_of(rows, nats, ("left", "right", "cat"))[name]
    assert (score["value"], score["why"]) == (None, why)


def test_a_class_without_a_clip_leaves_cells_empty_and_has_no_curve() -> None:
    """No clip is `up`; of all others there are six."""
    rows, nats = small([0, 1, 3, 4] * 6, [f"s{number % 4}" for number in range(24)])
    params = evaluate.Params(**planted_task.EVALUATE)
    table = {row[0]: row for row in pictures.class_rows(rows, nats, planted_task.CLASSES, params)}
    recall, n_clips = pictures.CLASS_COLUMNS.index("recall"), pictures.CLASS_COLUMNS.index("n_clips")
    assert (table["up"][n_clips], table["up"][recall]) == (0, "")
    assert table["left"][n_clips] == 6
    shares = [row[3] for row in pictures.confusion_rows(rows, nats, planted_task.CLASSES) if row[0] == "up"]
    assert shares == [""] * 5
    curves = {row[0] for row in pictures.detection_rows(rows, nats, planted_task.CLASSES)}
    assert curves == {"left", "right", pictures.MEAN}
    assert scores_of(rows, nats)["n_classes"] == 4


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


def table_of(name: str) -> list[dict[str, str]]:
    with Path(f"metrics/evaluate/dnn_{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("key", planted_task.SIZES)
def test_weights_read_back_score_as_they_did_in_training(
    key: str, in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted_task.write_task(in_folder)
    content = planted_task.sections()
    content["train"]["models"][key]["epochs"] = 1
    planted_task.write_params(in_folder, content)
    for stage in (train, evaluate):
        run(stage, monkeypatch, key)
    trained, scores = read_json(Path(f"metrics/train/{key}.json")), read_json(Path(f"metrics/evaluate/{key}.json"))
    loss = scores["val"]["log_loss_nats_uncalibrated"]["value"]
    assert loss == pytest.approx(trained["seed_1"]["val_loss_nats"], abs=1e-5)


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
