"""summarize: models side by side, from scores and predictions as evaluate leaves them."""

import csv
import sys
from itertools import combinations
from pathlib import Path

import planted_task
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import ROOT
from dag import resolved
from evaluated_models import KEYS, WRONG, write_models, write_predictions

from stages import summarize
from stages.files import LeftoverError, read_json, sha256_of, write_json
from stages.params import ParamsError
from stages.tables import predictions
from stages.tables.parquet import TableError, write_table

RESULTS = ("scores.json", "scores.csv", "pairs.json", "pairs.csv", "suspects.csv")
ENSEMBLE = Path("metrics/ensemble/scores.json")


def summarized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["summarize"])
    summarize.main()


def written(name: str) -> list[dict[str, str]]:
    with (Path("metrics/summarize") / name).open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def evaluated(in_folder: Path) -> pa.Table:
    """The clips on which three models are evaluated, two of them for one seed."""
    write_models(KEYS)
    labels = planted_task.label_rows()
    rows = labels.filter(pc.not_equal(labels.column("part"), "train"))
    for place, key in enumerate(KEYS):
        scores = {
            name: {"value": 0.5 + place / 10, "low": 0.4, "high": 0.9, "seed_1": 0.5} for name in ("accuracy", "ece")
        }
        if key == "dnn":
            scores["accuracy"] |= {"sd": 0.01, "seed_2": 0.5}
        scores["auroc_new_words"] = {
            "value": None,
            "low": None,
            "high": None,
            "why": "no clip of the part is _unknown_",
        }
        part = {"n_clips": 90, "n_groups": 6, **scores}
        write_json(Path(f"metrics/evaluate/{key}.json"), {"temperature": {"value": 2.0}, "test": part, "val": {}})
    for key in KEYS:
        write_predictions(key, rows, (1, 2) if key == "dnn" else (1,))
    write_json(ENSEMBLE, {"temperature": {"value": 1.5}, "test": part, "val": {}})
    write_predictions("ensemble", rows, (0,), Path("data"))
    return rows


def test_the_summary_puts_the_models_of_params_side_by_side(
    evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    summarized(monkeypatch)
    summary = read_json(Path("metrics/summarize/scores.json"))
    assert list(summary) == [*KEYS, "ensemble"]
    accuracy = {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.9, "accuracy_sd": 0.01}
    others = {"ece": 0.5, "auroc_new_words": None, "temperature": 2.0}
    assert summary["dnn"] == {**accuracy, **others, "n_clips": 90, "n_groups": 6, "n_seeds": 2}
    assert summary["cnn"]["accuracy_sd"] is None
    rows = written("scores.csv")
    assert [row["model"] for row in rows] == [*KEYS, "ensemble"]
    assert (rows[0]["ece_low"], rows[0]["accuracy_sd"], rows[1]["accuracy_sd"]) == ("0.4", "0.01", "")


def test_pairs_are_compared_on_the_clips_of_test_alone(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    summarized(monkeypatch)
    pairs = read_json(Path("metrics/summarize/pairs.json"))
    assert list(pairs) == [f"{one} - {other}" for one, other in combinations([*KEYS, "ensemble"], 2)]
    assert [row["pair"] for row in written("pairs.csv")] == list(pairs)
    for pair in pairs.values():
        assert (pair["n_clips"], pair["n_groups"]) == (90, 6)
        assert pair["difference_low"] <= pair["difference"] <= pair["difference_high"]
        assert pair["p"] <= pair["p_holm"]
    assert pairs["dnn - cnn"]["difference"] < 0 < pairs["cnn - lstm"]["difference"]


def test_the_label_that_no_model_believes_comes_first(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    summarized(monkeypatch)
    listed = written("suspects.csv")
    assert len(listed) == planted_task.EVALUATE["n_listed"]
    assert (listed[0]["clip_id"], listed[0]["label"], listed[0]["predicted"]) == (WRONG, "up", "left")
    assert float(listed[0]["label_probability"]) < 1e-6
    doubts = [float(row["label_probability"]) for row in listed]
    assert doubts == sorted(doubts)


def test_a_second_summary_gives_the_same_bytes(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    summarized(monkeypatch)
    first = [sha256_of(Path("metrics/summarize") / name) for name in RESULTS]
    summarized(monkeypatch)
    assert [sha256_of(Path("metrics/summarize") / name) for name in RESULTS] == first


def test_a_model_alone_is_compared_with_its_ensemble(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    write_models(["cnn"])
    for path in [*Path("metrics/evaluate").iterdir(), *Path("data/predictions").iterdir()]:
        if path.stem != "cnn":
            path.unlink()
    summarized(monkeypatch)
    assert [row["pair"] for row in written("pairs.csv")] == ["cnn - ensemble"]


def test_a_student_stands_between_the_models_and_their_ensemble(
    evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = planted_task.sections()
    content["train"]["models"] = {key: content["train"]["models"][key] for key in KEYS}
    content["distill"] = {"pupil": {}}
    planted_task.write_params(Path(), content)
    write_json(Path("metrics/evaluate/pupil.json"), read_json(Path("metrics/evaluate/cnn.json")))
    write_predictions("pupil", evaluated, (1,))
    summarized(monkeypatch)
    assert list(read_json(Path("metrics/summarize/scores.json"))) == [*KEYS, "pupil", "ensemble"]
    assert "pupil - ensemble" in [row["pair"] for row in written("pairs.csv")]
    assert {row["n_models"] for row in written("suspects.csv")} == {"4"}  # not the ensemble, which is of the others


@pytest.mark.parametrize(("section", "name"), [("train", "ensemble"), ("distill", "ensemble"), ("distill", "cnn")])
def test_two_of_one_name_are_refused(
    section: str, name: str, evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = planted_task.sections()
    (content["distill"] if section == "distill" else content["train"]["models"])[name] = {}
    planted_task.write_params(Path(), content)
    with pytest.raises(ParamsError, match=rf"{section}[a-z.]*\.{name} has the name of .*; rename it"):
        summarized(monkeypatch)


@pytest.mark.parametrize("path", ["metrics/evaluate/dnn.json", "data/predictions/dnn.parquet"])
def test_what_a_model_that_has_left_params_left_behind_stops_the_summary(
    path: str, evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_models(["cnn", "lstm"])
    for other in {"metrics/evaluate/dnn.json", "data/predictions/dnn.parquet"} - {path}:
        Path(other).unlink()
    with pytest.raises(LeftoverError, match=rf"^{path}: .*run `rm -r {path}`"):
        summarized(monkeypatch)


def test_all_that_evaluate_writes_of_a_model_is_known(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    for out in next(stage for stage in resolved(ROOT) if stage.name == "evaluate@dnn").outs:
        if out.startswith("metrics/") and not Path(out).exists():
            Path(out).touch()
    summarized(monkeypatch)


def test_models_evaluated_on_different_clips_are_refused(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    write_predictions("cnn", evaluated.slice(1), (1,))
    with pytest.raises(TableError, match=r"predictions/cnn\.parquet: clips or classes are not those of dnn\.parquet"):
        summarized(monkeypatch)


def test_a_seed_without_all_clips_is_refused(evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("data/predictions/dnn.parquet")
    rows = summarize.read_table(path, predictions.TABLE)
    write_table(path, rows.slice(0, rows.num_rows - 1), predictions.TABLE)
    with pytest.raises(TableError, match=r"dnn\.parquet: seed 2 has other clips than seed 1, expected the same"):
        summarized(monkeypatch)


@pytest.mark.parametrize(
    "path",
    [
        "metrics/evaluate/dnn.json",
        "data/predictions/dnn.parquet",
        "metrics/ensemble/scores.json",
        "data/ensemble.parquet",
    ],
)
def test_a_summary_without_a_model_s_results_names_the_file(
    path: str, evaluated: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(path).unlink()
    with pytest.raises(TableError, match=rf"{path}: is missing"):
        summarized(monkeypatch)
