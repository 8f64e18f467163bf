"""A stage run in this process, on the CPU, and what evaluate writes of dnn, trained for two seeds."""

import csv
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

SEEDS = (2, 5)
TABLES = ("classes", "confusion", "coverage", "detection", "errors")
RESULTS = ["data/predictions/dnn.parquet", "metrics/evaluate/dnn.json"]
RESULTS += [f"metrics/evaluate/dnn_{name}.csv" for name in TABLES]


def run(stage: object, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    stage.main()  # type: ignore[attr-defined]


def part_of(table: pa.Table, seed: int, part: str = "test") -> pa.Table:
    return table.filter(pc.and_(pc.equal(table.column("seed"), seed), pc.equal(table.column("part"), part)))


def table_of(name: str) -> list[dict[str, str]]:
    with Path(f"metrics/evaluate/dnn_{name}.csv").open() as file:
        return list(csv.DictReader(file))
