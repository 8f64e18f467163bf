"""ensemble: models that vote, as evaluate leaves their predictions."""

import csv
import sys
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.special import log_softmax

from stages import ensemble
from stages.files import LeftoverError, read_json, sha256_of
from stages.params import ParamsError
from stages.tables import labels as labels_table
from stages.tables import predictions
from stages.tables.parquet import TableError, read_table, write_table
from stages.tables.parts import held_out

KEYS = ("dnn", "cnn", "lstm")
SKILL = {"dnn": 1.0, "cnn": 3.0, "lstm": 2.0}  # nats by which the true class stands out
RESULTS = ("data/ensemble.parquet", "metrics/ensemble/scores.json", "metrics/ensemble/weights.csv")


def run(monkeypatch: pytest.MonkeyPatch, **section: object) -> None:
    content = planted_task.sections()
    content["train"]["models"] = {key: content["train"]["models"][key] for key in KEYS}
    content["ensemble"].update(section)
    planted_task.write_params(Path(), content)
    monkeypatch.setattr(sys, "argv", ["ensemble"])
    ensemble.main()


def write_predictions(key: str, rows: pa.Table, seeds: tuple[int, ...] = (1,)) -> None:
    tables = []
    for seed in seeds:
        logits = np.random.default_rng([seed, KEYS.index(key)]).normal(size=(len(rows), len(planted_task.CLASSES)))
        logits[np.arange(len(rows)), rows.column("label_id").to_numpy()] += SKILL[key]
        nats = log_softmax(logits, axis=1).astype(np.float32)
        tables.append(predictions.rows(rows, seed, nats, planted_task.CLASSES))
    write_table(Path(f"data/predictions/{key}.parquet"), pa.concat_tables(tables), predictions.TABLE)


@pytest.fixture
def evaluated(in_folder: Path) -> pa.Table:
    """The clips of val and test on which three models are evaluated, one of them for two seeds."""
    rows = planted_task.label_rows()
    write_table(Path("data/labels.parquet"), rows, labels_table.TABLE)
    held = held_out(rows, planted_task.CLASSES)
    for key in KEYS:
        write_predictions(key, held, (1, 2) if key == "dnn" else (1,))
    return held


def weights() -> dict[str, dict[str, str]]:
    with Path("metrics/ensemble/weights.csv").open() as file:
        return {row["member"]: row for row in csv.DictReader(file)}


def test_the_ensemble_predicts_every_clip_once_and_better_than_each_member(
    evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch)
    table = read_table(Path("data/ensemble.parquet"), predictions.TABLE)
    assert table.column("clip_id").to_pylist() == evaluated.column("clip_id").to_pylist()
    assert set(table.column("seed").to_pylist()) == {ensemble.SEED}
    scores = read_json(Path("metrics/ensemble/scores.json"))
    assert scores["val"]["log_loss_nats"]["value"] < min(float(row["val_log_loss_nats"]) for row in weights().values())
    accuracy = scores["test"]["accuracy"]
    assert 0 < accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
    assert (scores["test"]["n_clips"], scores["test"]["n_groups"]) == (90, 6)


def test_seeds_of_a_member_share_its_weight(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, members=["dnn"])
    table = read_table(Path("data/predictions/dnn.parquet"), predictions.TABLE)
    each = [predictions.log_probabilities(table.filter(pc.equal(table.column("seed"), seed))) for seed in (1, 2)]
    weight = float(weights()["dnn"]["weight"])
    expected = log_softmax(weight * np.mean(each, axis=0, dtype=np.float64), axis=1)
    found = predictions.log_probabilities(read_table(Path("data/ensemble.parquet"), predictions.TABLE))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert weights()["dnn"]["n_seeds"] == "2"


def test_the_temperature_is_one_over_the_sum_of_weights(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    total = sum(float(row["weight"]) for row in weights().values())
    told = read_json(Path("metrics/ensemble/scores.json"))["temperature"]
    assert told["value"] == pytest.approx(1 / total, abs=1e-5)
    assert (told["n_clips"], told["n_groups"]) == (60, 4)


def test_other_test_clips_change_no_weight(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    before = weights()
    for key in KEYS:
        path = Path(f"data/predictions/{key}.parquet")
        table = read_table(path, predictions.TABLE)
        nats = predictions.log_probabilities(table)
        other = np.where(pc.equal(table.column("part"), "test").to_numpy()[:, None], nats[:, ::-1], nats)
        seeds = sorted(set(table.column("seed").to_pylist()))
        halves = np.split(other, len(seeds))
        written = [
            predictions.rows(evaluated, seed, half, planted_task.CLASSES)
            for seed, half in zip(seeds, halves, strict=True)
        ]
        write_table(path, pa.concat_tables(written), predictions.TABLE)
    run(monkeypatch)
    assert weights() == before


def test_a_second_ensemble_gives_the_same_bytes(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    first = [sha256_of(Path(name)) for name in RESULTS]
    run(monkeypatch)
    assert [sha256_of(Path(name)) for name in RESULTS] == first


def test_members_vote_in_the_order_of_the_models_however_they_are_listed(
    evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, members=["dnn", "cnn", "lstm"])
    first = [sha256_of(Path(name)) for name in RESULTS]
    run(monkeypatch, members=["lstm", "dnn", "cnn"])
    assert [sha256_of(Path(name)) for name in RESULTS] == first


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            ["cnn", "rnn"],
            r"ensemble\.members: 'rnn' is unknown, expected `all` or some of train\.models: dnn",
        ),
        ([], r"ensemble\.members is \[\], expected `all` or at least one name, each once"),
        (["cnn", "cnn"], r"ensemble\.members is \['cnn', 'cnn'\], expected"),
        ("cnn", r"ensemble\.members.* is 'cnn', expected"),
    ],
)
def test_members_that_cannot_be_are_named(
    members: object, words: str, evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ParamsError, match=words):
        run(monkeypatch, members=members)


def test_a_member_without_val_clips_is_named(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    write_predictions("cnn", evaluated.filter(pc.equal(evaluated.column("part"), "test")))
    with pytest.raises(TableError, match=r"cnn\.parquet: clips .* not those of labels\.parquet.*\(0 of 90 "):
        run(monkeypatch)


def test_a_member_of_another_task_is_named(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    nats = np.full((len(evaluated), 5), np.log(0.2), np.float32)
    rows = predictions.rows(evaluated, 1, nats, planted_task.CLASSES[::-1])
    write_table(Path("data/predictions/lstm.parquet"), rows, predictions.TABLE)
    with pytest.raises(TableError, match=r"lstm\.parquet: clips or classes are not those of labels\.parquet"):
        run(monkeypatch)


def test_what_a_model_that_is_gone_has_left_stops_the_ensemble(
    evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("data/predictions/gone.parquet").touch()
    with pytest.raises(LeftoverError, match=r"^data/predictions/gone\.parquet: "):
        run(monkeypatch)
