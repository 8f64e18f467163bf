"""Tables as Parquet: what every table of earmark shares.

A small table is one file. A large one is a folder of shards `part-00000.parquet` and a `manifest.json`, written
last, that lists them; readers take the list from the manifest. Files are zstd level 1, byte-stream split on float
columns, no dictionary but on strings that may repeat, page checksums written and verified. Names and types are checked
on reading, and each part's number of bytes.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stages.files import read_json, whole, write_json

ROWS_PER_GROUP = 1024
ROWS_PER_PART = 8192
BYTES_PER_SPAN = 64 << 20
ZSTD_LEVEL = 1
MANIFEST = "manifest.json"
PART = re.compile(r"part-\d{5,}(-\d+)?\.parquet")  # the second number where one shard fills several files


class TableError(ValueError):
    """A table on disk is not what its module says it is."""


@dataclass(frozen=True)
class Table:
    """What a table holds: its name, the columns that identify a row, its schema.

    `sized` names columns whose width params decide (fixed-size binary, tensors): their kind alone is checked. `raw`
    names columns that are stored as they are, where compression costs more time than it saves bytes.
    """

    name: str
    key: tuple[str, ...]
    schema: pa.Schema
    sized: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()


def column(name: str, kind: pa.DataType, unit: str, meaning: str) -> pa.Field:
    """Return a field, never null, that carries its unit ("" for none) and meaning as metadata."""
    return pa.field(name, kind, nullable=False, metadata={"unit": unit, "meaning": meaning})


@contextmanager
def writing(path: Path, schema: pa.Schema, table: Table) -> Iterator[pq.ParquetWriter]:
    """Open a whole Parquet file to write rows of `schema` to; raises TableError where they do not fit `table`."""
    check(schema, table, str(path))
    leaves = {_leaf(field): field for field in schema}
    compression = {leaf: "none" if field.name in table.raw else "zstd" for leaf, field in leaves.items()}
    with (
        whole(path) as temporary,
        pq.ParquetWriter(
            temporary,
            schema,
            compression=compression,
            compression_level={leaf: ZSTD_LEVEL for leaf, codec in compression.items() if codec == "zstd"},
            use_dictionary=[leaf for leaf, field in leaves.items() if _repeats(field, table)],
            use_byte_stream_split=[leaf for leaf, field in leaves.items() if _is_float(field)],
            write_statistics=[leaf for leaf, field in leaves.items() if not _is_of_a_clip(field)],
            write_page_checksum=True,
        ) as writer,
    ):
        yield writer


def write_table(path: Path, rows: pa.Table, table: Table) -> None:
    """Write `rows` as one whole Parquet file; raises TableError where they do not fit `table`."""
    with writing(path, rows.schema, table) as writer:
        writer.write_table(rows, row_group_size=ROWS_PER_GROUP)


def read_table(path: Path, table: Table, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of a Parquet file, or some of its columns; raises TableError where it does not fit `table`."""
    if not path.exists():
        raise TableError(f"{path}: is missing; run `dvc repro` or `dvc pull`")
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        check(file.schema_arrow, table, str(path), columns)
        return file.read(columns=None if columns is None else list(columns))


def iter_spans(path: Path, table: Table, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield some columns of a Parquet file in spans of rows that need little memory, however long a row is."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        check(file.schema_arrow, table, str(path), columns)
        for numbers in _spans(file.metadata):
            yield file.read_row_groups(numbers, columns=list(columns))


def _spans(metadata: pq.FileMetaData) -> Iterator[list[int]]:
    """Yield numbers of neighbouring groups of rows, up to ROWS_PER_GROUP rows and BYTES_PER_SPAN together."""
    span: list[int] = []
    n_rows, n_bytes = 0, 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        n_rows, n_bytes = n_rows + group.num_rows, n_bytes + group.total_byte_size
        if span and (n_rows > ROWS_PER_GROUP or n_bytes > BYTES_PER_SPAN):
            yield span
            span, n_rows, n_bytes = [], group.num_rows, group.total_byte_size
        span.append(number)
    if span:
        yield span


def entry_of(path: Path, n_rows: int) -> dict[str, object]:
    """Return what the manifest says of a part that was written."""
    return {"name": path.name, "rows": n_rows, "bytes": path.stat().st_size}


def write_manifest(folder: Path, entries: Sequence[dict], table: Table) -> int:
    """Write the list of a folder's parts, which makes the folder whole; return its number of rows.

    Parts that it does not list go: an earlier run left them, and DVC would keep them with the rest.
    """
    n_rows = sum(entry["rows"] for entry in entries)
    write_json(folder / MANIFEST, {"table": table.name, "rows": n_rows, "parts": list(entries)})
    listed = {entry["name"] for entry in entries}
    for path in sorted(folder.glob("part-*.parquet")):
        if PART.fullmatch(path.name) and path.name not in listed:
            path.unlink()
    return n_rows


def shard_paths(folder: Path) -> list[Path]:
    """Return the parts of a folder in order, as its manifest lists them; raises TableError where one is another."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        raise TableError(f"{manifest}: is missing, so the folder is not whole; run `dvc repro` or `dvc pull`")
    paths = []
    for entry in read_json(manifest)["parts"]:
        path = folder / entry["name"]
        n_bytes = path.stat().st_size if path.exists() else -1
        if n_bytes != entry["bytes"]:
            found = "is missing" if n_bytes < 0 else f"has {n_bytes:,} bytes, its manifest says {entry['bytes']:,}"
            raise TableError(f"{path}: {found}; run `dvc checkout --force {folder}` or `dvc repro`")
        paths.append(path)
    return paths


def n_rows(folder: Path) -> int:
    """Return how many rows the parts of a folder have together."""
    return read_json(folder / "manifest.json")["rows"]


def iter_shards(folder: Path, table: Table, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of each part of a folder, in order, one part in memory at a time."""
    for path in shard_paths(folder):
        yield read_table(path, table, columns)


def read_shards(folder: Path, table: Table, columns: Sequence[str] | None = None) -> pa.Table:
    """Return all rows of a folder, or some of their columns."""
    return pa.concat_tables(list(iter_shards(folder, table, columns)))


def check(schema: pa.Schema, table: Table, where: str, columns: Sequence[str] | None = None) -> None:
    """Raise TableError where `schema` lacks a column of `table` or has it in another type.

    With `columns`, those alone are looked at. A column that `table` does not know is refused.
    """
    for name in columns if columns is not None else table.schema.names:
        if name not in schema.names:
            raise TableError(f"{where}: {table.name}.{name} is missing; the file holds {', '.join(schema.names[:20])}")
    for field in schema:
        if columns is not None and field.name not in columns:
            continue
        if field.name not in table.schema.names:
            raise TableError(f"{where}: {table.name}.{field.name} is not a column of {table.name}")
        expected = table.schema.field(field.name).type
        same = type(field.type) is type(expected) if field.name in table.sized else field.type == expected
        if not same:
            raise TableError(f"{where}: {table.name}.{field.name} is {field.type}, expected {expected}")


def _leaf(field: pa.Field) -> str:
    """The name of a column's values inside Parquet."""
    return f"{field.name}.list.element" if isinstance(field.type, pa.FixedShapeTensorType) else field.name


def _is_float(field: pa.Field) -> bool:
    return pa.types.is_floating(field.type) or isinstance(field.type, pa.FixedShapeTensorType)


def _is_of_a_clip(field: pa.Field) -> bool:
    """Tell whether a value is a whole clip's sound or frames, whose smallest and greatest nobody asks for."""
    return isinstance(field.type, pa.FixedShapeTensorType) or pa.types.is_fixed_size_binary(field.type)


def _repeats(field: pa.Field, table: Table) -> bool:
    return pa.types.is_string(field.type) and field.name not in table.key
