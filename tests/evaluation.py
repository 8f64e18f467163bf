"""What evaluate writes of dnn, trained for two seeds."""

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

SEEDS = (2, 5)
TABLES = ("classes", "confusion", "coverage", "detection", "errors")
RESULTS = ["data/predictions/dnn.parquet", "metrics/evaluate/dnn.json"]
RESULTS += [f"metrics/evaluate/dnn_{name}.csv" for name in TABLES]


def part_of(table: pa.Table, seed: int, part: str = "test") -> pa.Table:
    return table.filter(pc.and_(pc.equal(table.column("seed"), seed), pc.equal(table.column("part"), part)))


def table_of(name: str) -> list[dict[str, str]]:
    with Path(f"metrics/evaluate/dnn_{name}.csv").open() as file:
        return list(csv.DictReader(file))
