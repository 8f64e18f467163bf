"""ensemble: weights of a pool in closed form, and models that vote, as evaluate leaves their predictions."""

import csv
import sys
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.special import log_softmax

from stages import ensemble, pool
from stages.files import LeftoverError, read_json, sha256_of
from stages.params import ParamsError
from stages.scores.checks import ScoreError
from stages.tables import labels as labels_table
from stages.tables import predictions
from stages.tables.parquet import TableError, read_table, write_table
from stages.tables.parts import held_out

KEYS = ("dnn", "cnn", "lstm")
SKILL = {"dnn": 1.0, "cnn": 3.0, "lstm": 2.0}  # nats by which the true class stands out
RESULTS = ("data/ensemble.parquet", "metrics/ensemble/scores.json", "metrics/ensemble/weights.csv")


def drawn(nats: np.ndarray, seed: int) -> np.ndarray:
    """Labels by the very probabilities (n, n_classes) that are given."""
    draw = np.random.default_rng(seed).random((len(nats), 1))
    return (draw > np.exp(nats).cumsum(axis=1)).sum(axis=1).clip(max=nats.shape[1] - 1)


def noise(n: int, seed: int, scale: float = 2.0) -> np.ndarray:
    return log_softmax(scale * np.random.default_rng(seed).normal(size=(n, 5)), axis=1)


def loss(labels: np.ndarray, nats: np.ndarray) -> float:
    return float(-nats[np.arange(len(labels)), labels].mean())


# The pool


@pytest.mark.parametrize("shrinkage", [0.0, 0.5, 1.0])
def test_two_equal_members_have_equal_weights(shrinkage: float) -> None:
    nats = noise(400, 1)
    weights = pool.fitted(drawn(nats, 2), [nats, nats], shrinkage)
    assert weights[0] == pytest.approx(weights[1], abs=1e-9)


@pytest.mark.parametrize("planted", [0.5, 1.0, 3.0])
def test_a_single_member_s_weight_is_one_over_its_temperature(planted: float) -> None:
    nats = noise(50_000, 1)
    weights = pool.fitted(drawn(nats, 2), [log_softmax(planted * nats, axis=1)], 0.0)
    assert weights == pytest.approx([1 / planted], rel=0.03)


def test_planted_weights_of_two_members_are_found() -> None:
    one, other = noise(50_000, 1), noise(50_000, 2)
    labels = drawn(pool.pooled([one, other], np.array([0.7, 0.2])), 3)
    assert pool.fitted(labels, [one, other], 0.0) == pytest.approx([0.7, 0.2], abs=0.02)


def test_noise_gets_no_weight_beside_a_member_that_knows() -> None:
    """By chance it helps a little or hinders a little; where it hinders, its weight is 0."""
    nats = noise(5_000, 1)
    labels = drawn(nats, 2)
    found = np.array([pool.fitted(labels, [nats, noise(5_000, seed)], 0.0) for seed in range(3, 9)])
    assert found == pytest.approx(np.tile([1.0, 0.0], (6, 1)), abs=0.05)
    assert 0 < (found[:, 1] == 0).sum() < 6


@pytest.mark.parametrize("seed", range(4))
def test_without_shrinkage_no_weights_nearby_nor_any_member_has_a_smaller_loss(seed: int) -> None:
    truth = noise(600, seed)
    labels = drawn(truth, seed + 10)
    members = [log_softmax(truth + noise(600, 100 * seed + k, scale), axis=1) for k, scale in enumerate((1, 2, 3, 1))]
    weights = pool.fitted(labels, members, 0.0)
    least = loss(labels, pool.pooled(members, weights))
    assert least < min(loss(labels, member) for member in members)
    near = np.random.default_rng(seed).normal(0, 0.02, (50, 4))
    assert all(loss(labels, pool.pooled(members, (weights + step).clip(min=0))) > least for step in near)


def test_all_shrinkage_gives_equal_weights_and_some_gives_weights_between() -> None:
    truth = noise(600, 1)
    labels = drawn(truth, 2)
    members = [log_softmax(truth + noise(600, 3 + k, scale), axis=1) for k, scale in enumerate((0.5, 3))]
    free, half, equal = (pool.fitted(labels, members, shrinkage) for shrinkage in (0.0, 0.5, 1.0))
    assert equal[0] == pytest.approx(equal[1])
    shares = [weights[0] / weights.sum() for weights in (free, half, equal)]
    assert shares[0] > shares[1] > shares[2] == pytest.approx(0.5)


def test_members_that_know_nothing_together_are_all_but_silent() -> None:
    nats = noise(2_000, 1)
    wrong = log_softmax(-nats, axis=1)
    assert pool.fitted(drawn(nats, 2), [wrong, wrong], 0.0).sum() == pytest.approx(0.02)


def test_where_every_clip_is_right_weights_add_up_to_one_and_are_the_best_that_do() -> None:
    nats = noise(50, 1)
    sure = nats.argmax(axis=1)
    assert pool.fitted(sure, [nats, nats], 0.0) == pytest.approx([0.5, 0.5])
    meek = log_softmax(0.2 * nats, axis=1)
    assert pool.fitted(sure, [nats, meek], 0.0) == pytest.approx([1, 0], abs=1e-9)


def test_a_probability_of_zero_cannot_be_weighted() -> None:
    impossible = np.log(np.array([[1.0, 0.0], [0.5, 0.5]]), where=[[True, False]] * 2, out=np.full((2, 2), -np.inf))
    with pytest.raises(ScoreError, match=r"probabilities of row 1|minus infinity"):
        pool.fitted(np.array([0, 1]), [impossible], 0.0)


# The stage


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
