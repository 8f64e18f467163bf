"""The rank stage on made data of which the truth is known."""

import math
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_columns import damaged_columns, write_data, written

from stages import rank
from stages.files import LeftoverError, read_json
from stages.params import ParamsError
from stages.rankers import probes
from stages.rankers.columns import ColumnsError
from stages.rankers.ranking import n_behind_probes
from stages.tables import labels, ranking, selected
from stages.tables.parquet import TableError, read_table, write_table


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with labels, features and params, made the working directory."""
    monkeypatch.chdir(tmp_path)
    columns, label_ids, speakers = damaged_columns()
    write_data(columns, label_ids, speakers, np.where(np.arange(400) % 40 < 30, "train", "test"))
    return tmp_path


def test_unusable_columns_are_reported_and_never_selected(project: Path) -> None:
    rank.main()
    rows = {row["column"]: row for row in read_table(Path("data/ranking.parquet"), ranking.TABLE).to_pylist()}
    missing, constant = rows["c_13_mean"], rows["c_14_mean"]
    assert missing["missing_fraction"] == pytest.approx(0.8, abs=0.05)
    assert math.isnan(missing["information_bits"])
    assert constant["is_constant"]
    assert constant["information_bits"] == 0
    assert {missing["order_rank"], constant["order_rank"]} == {0}
    assert not missing["is_selected"] | constant["is_selected"]
    metrics = read_json(Path("metrics/rank/families.json"))
    counts = [metrics[f"n_{name}"] for name in ("columns", "constant", "with_missing_values", "unmeasured")]
    assert counts == [24, 1, 2, 1]


def test_a_column_that_tells_and_misses_a_tenth_of_its_values_is_selected_with_its_nulls(project: Path) -> None:
    rank.main()
    rows = read_table(Path("data/ranking.parquet"), ranking.TABLE).to_pylist()
    found = next(row for row in rows if row["column"] == "c_15_mean")
    assert (found["order_rank"], found["stability"]) == (1, 1.0)
    stored = pq.read_table("data/selected.parquet").column("c_15_mean")
    assert stored.null_count == np.isnan(damaged_columns()[0].values[:, 15]).sum()


def test_nothing_that_val_and_test_hold_changes_the_ranking(project: Path) -> None:
    rank.main()
    before, chosen = written(), pq.read_table("data/selected.parquet")
    columns, label_ids, speakers = damaged_columns()
    outside = np.arange(400) % 40 >= 30
    random = np.random.default_rng(99)
    columns.values[outside] = random.choice(
        np.array([np.nan, 1e9, -1e9, np.inf], np.float32), columns.values[outside].shape
    )
    label_ids[outside] = random.integers(50, size=outside.sum())
    write_data(columns, label_ids, speakers, np.where(outside, random.choice(["val", "test"], 400), "train"))
    rank.main()
    after = written()
    assert [path for path in before if before[path] != after[path]] == ["data/selected.parquet"]
    assert chosen.filter(pa.array(~outside)).equals(pq.read_table("data/selected.parquet").filter(pa.array(~outside)))


def test_a_family_that_has_left_params_is_named_with_the_command_that_removes_it(project: Path) -> None:
    (project / "data/features/gone").mkdir()
    with pytest.raises(LeftoverError, match=r"^data/features/gone: nothing .*run `rm -r data/features/gone`"):
        rank.main()


def test_each_cause_is_selected_once_and_neither_its_twins_nor_noise(project: Path) -> None:
    rank.main()
    names = pq.read_schema("data/selected.parquet").names[1:]
    cause_of = {f"a_{at:02d}_mean": at for at in range(3)} | {f"b_{at:02d}_mean": (at - 3) // 3 for at in range(3, 12)}
    assert names[0] == "c_15_mean"
    assert sorted(cause_of[name] for name in names[1:]) == [0, 1, 2]


def test_fewer_than_twenty_probes_are_refused(project: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8").replace("n_probes: 20", "n_probes: 19")
    Path("params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"rank.n_probes is 19, expected .*20"):
        rank.main()


def test_the_planted_copy_stands_in_the_ranking_beside_its_original_and_is_not_selected(project: Path) -> None:
    rank.main()
    rows = {row["column"]: row for row in read_table(Path("data/ranking.parquet"), ranking.TABLE).to_pylist()}
    found, copy = read_json(Path("metrics/rank/families.json"))["planted_copy"], rows[probes.COPY]
    assert copy["cluster"] == rows[found["of"]]["cluster"] > 0
    assert copy["order_rank"] > rows[found["of"]]["order_rank"]
    assert not copy["is_selected"]
    assert {row["cluster"] > 0 for row in rows.values()} == {True, False}
    assert all((row["cluster"] > 0) == (row["order_rank"] > 0) for row in rows.values())


def test_a_second_run_and_another_number_of_workers_give_the_same_bytes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    for workers in ("1", "1", "2"):
        monkeypatch.setenv("EARMARK_WORKERS", workers)
        rank.main()
        runs.append(written())
    assert runs[0] == runs[1] == runs[2]


def test_selected_columns_behind_the_first_probe_are_counted() -> None:
    names = ["a", "probe", "b", "c", "probe_2"]
    families = ["mel", "probes", "mel", "mel", "probes"]
    chosen = [True, False, True, False, False]
    table = pa.table({"column": names, "family": families, "order_rank": [1, 2, 3, 4, 5], "is_selected": chosen})
    assert n_behind_probes(table) == 1


def test_selected_holds_the_columns_of_every_labelled_clip_in_the_order_of_the_ranking(project: Path) -> None:
    rank.main()
    ranks = read_table(Path("data/ranking.parquet"), ranking.TABLE).to_pylist()
    chosen = sorted((row for row in ranks if row["is_selected"]), key=lambda row: row["order_rank"])
    columns = damaged_columns()[0]
    table = selected.table(columns.fields)
    rows = pq.read_table("data/selected.parquet")
    assert rows.schema.names == ["clip_id", *(row["column"] for row in chosen)]
    assert all(field.equals(table.schema.field(field.name), check_metadata=True) for field in rows.schema)
    assert rows.column("clip_id").to_pylist() == [f"clip_{number:04d}" for number in range(400)]
    made = {field.name: values for field, values in zip(columns.fields, columns.values.T, strict=True)}
    for name in rows.schema.names[1:]:
        assert np.array_equal(rows.column(name).to_numpy(), made[name], equal_nan=True)


def test_a_family_without_a_folder_is_named(project: Path) -> None:
    shutil.rmtree("data/features/c")
    text = Path("params.yaml").read_text(encoding="utf-8").replace("    c: {}", "    pitch: {}")
    Path("params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=r"data/features/pitch/manifest\.json: is missing"):
        rank.main()


def test_clips_that_features_lack_are_counted_and_the_first_three_named(project: Path) -> None:
    rows = read_table(Path("data/labels.parquet"), labels.TABLE).to_pylist()
    for number in range(5):
        rows[number]["clip_id"] = f"absent_{number}"
    write_table(Path("data/labels.parquet"), pa.Table.from_pylist(rows, labels.TABLE.schema), labels.TABLE)
    with pytest.raises(ColumnsError, match=r"5 of the 400 clips .* \(absent_0, absent_1, absent_2, \.\.\.\)"):
        rank.main()


def test_more_selected_columns_than_there_are_is_refused_with_the_numbers(project: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8").replace("n_selected: 4", "n_selected: 23")
    Path("params.yaml").write_text(text, encoding="utf-8")
    expected = "rank.n_selected is 23, expected at most 22, .* of 24 in data/features 1 are constant and 1 miss more"
    with pytest.raises(ColumnsError, match=expected):
        rank.main()


def test_an_unknown_order_is_refused_by_name(project: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8").replace('["information"]', '["gini"]')
    Path("params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"rank.curve.against.0 is 'gini', expected one of effect, information, mrmr"):
        rank.main()
