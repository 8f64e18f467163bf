"""Tables are what their modules say, whole, and checked when read."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sharding import write_shards

from stages.files import whole, write_json
from stages.tables import TABLES, clips, parquet
from stages.tables.parquet import Table, TableError, column, read_shards, read_table, shard_paths, write_table

TABLE = Table(
    "things", ("name",), pa.schema([column("name", pa.string(), "", "a name"), column("x", pa.float32(), "s", "x")])
)


def rows(n: int, start: int = 0) -> pa.Table:
    names = [f"{i:05d}" for i in range(start, start + n)]
    return pa.Table.from_pydict({"name": names, "x": np.arange(n, dtype=np.float32)}, schema=TABLE.schema)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_column_of_every_table_has_a_unit_and_a_meaning_and_the_key_is_a_column(name: str) -> None:
    table = TABLES[name].TABLE
    assert table.name == name
    assert set(table.key) <= set(table.schema.names)
    for field in table.schema:
        assert b"unit" in field.metadata, field.name
        assert field.metadata[b"meaning"], field.name


def test_a_table_read_is_the_table_written(tmp_path: Path) -> None:
    write_table(tmp_path / "things.parquet", rows(3000), TABLE)
    assert read_table(tmp_path / "things.parquet", TABLE).equals(rows(3000))


def test_a_wrong_type_is_named_with_file_table_and_column(tmp_path: Path) -> None:
    wrong = rows(3).set_column(1, "x", pa.array([1, 2, 3]))
    pq.write_table(wrong, tmp_path / "things.parquet")
    with pytest.raises(TableError, match=r"things\.parquet: things\.x is int64, expected float"):
        read_table(tmp_path / "things.parquet", TABLE)


def test_a_missing_and_an_unknown_column_are_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"things\.x is missing"):
        write_table(tmp_path / "a.parquet", rows(3).drop_columns("x"), TABLE)
    with pytest.raises(TableError, match=r"things\.y is not a column"):
        write_table(tmp_path / "a.parquet", rows(3).append_column("y", pa.array([1, 2, 3])), TABLE)
    assert list(tmp_path.iterdir()) == []


def test_a_flipped_byte_is_caught_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "things.parquet"
    write_table(path, rows(3000), TABLE)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(OSError, match="CRC"):
        read_table(path, TABLE)


def test_shards_are_listed_by_the_manifest_and_not_by_the_folder(tmp_path: Path) -> None:
    n_rows = write_shards(tmp_path / "things", [rows(5), rows(5, 5), rows(2, 10)], TABLE)
    write_table(tmp_path / "things" / "part-00003.parquet", rows(1), TABLE)
    assert n_rows == 12
    assert [path.name for path in shard_paths(tmp_path / "things")] == [f"part-0000{i}.parquet" for i in range(3)]
    assert read_shards(tmp_path / "things", TABLE, ["name"]).column("name").to_pylist() == [
        f"{i:05d}" for i in range(12)
    ]


def test_parts_that_an_earlier_run_left_go_with_the_manifest_and_nothing_else_does(tmp_path: Path) -> None:
    strangers = ["part-1.parquet", "part-00000.parquet.bak", "part-00001-x.parquet", "my-part-00000.parquet", "notes"]
    left = ["part-00001.parquet", "part-00000-1.parquet", "part-123456.parquet"]
    for name in [*strangers, *left]:
        (tmp_path / name).write_text("from earlier")
    write_shards(tmp_path, [rows(5)], TABLE)
    assert {path.name for path in tmp_path.iterdir()} == {*strangers, "part-00000.parquet", "manifest.json"}
    assert read_shards(tmp_path, TABLE).equals(rows(5))


def test_a_folder_without_its_manifest_is_not_whole(tmp_path: Path) -> None:
    write_shards(tmp_path / "things", [rows(5)], TABLE)
    (tmp_path / "things" / "manifest.json").unlink()
    with pytest.raises(TableError, match="not whole"):
        read_shards(tmp_path / "things", TABLE)


def test_clips_give_back_their_samples_also_from_a_slice() -> None:
    sound = np.arange(40, dtype=np.int16).reshape(10, 4)
    array = pa.array([clip.tobytes() for clip in sound], pa.binary(8))
    table = pa.table({"samples": array})
    assert np.array_equal(clips.samples(table), sound)
    assert np.array_equal(clips.samples(table.slice(3, 4)), sound[3:7])


def test_a_file_that_fails_half_way_leaves_nothing_and_keeps_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    write_json(path, {"a": 1})
    with pytest.raises(ZeroDivisionError), whole(path) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["numbers.json"]


def test_a_file_is_read_in_spans_of_few_rows_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("numbers", ("id",), pa.schema([column("id", pa.int64(), "", "counts up")]))
    path = tmp_path / "a.parquet"
    with parquet.writing(path, table.schema, table) as writer:
        for start in range(0, 1000, 100):
            writer.write_table(pa.table({"id": range(start, start + 100)}, schema=table.schema))
    for limits, spans in (({"ROWS_PER_GROUP": 250}, [200] * 5), ({"BYTES_PER_SPAN": 1}, [100] * 10), ({}, [1000])):
        with monkeypatch.context() as patched:
            for name, value in limits.items():
                patched.setattr(parquet, name, value)
            read = list(parquet.iter_spans(path, table, ["id"]))
        assert [rows.num_rows for rows in read] == spans
        assert pa.concat_tables(read).column("id").to_pylist() == list(range(1000))
