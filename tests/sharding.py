"""A folder of shards, as a stage writes one."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from stages.tables.parquet import Table, entry_of, write_manifest, write_table


def write_shards(folder: Path, shards: Iterable[pa.Table], table: Table) -> int:
    """Write each of `shards` as a part of `folder`, then the manifest; return the number of rows."""
    entries = []
    for number, rows in enumerate(shards):
        path = folder / f"part-{number:05d}.parquet"
        write_table(path, rows, table)
        entries.append(entry_of(path, rows.num_rows))
    return write_manifest(folder, entries, table)
