"""What benchmarks share: interleaved timing, and a table on the terminal that can be kept as JSON."""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from stages.files import write_json

Rows = Mapping[str, Mapping[str, float]]


def medians(works: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each of `works`; all are run once untimed, then in turn `repeats` times.

    Taking turns spreads a disturbance of the machine over all of them. One that returns a float has timed itself.
    """
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter()
            own = work()
            seconds[name].append(own if isinstance(own, float) else time.perf_counter() - start)
    return {name: median(taken) for name, taken in seconds.items()}


def load() -> float:
    """Return how many processes wanted to run during the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def report(rows: Rows, json_file: Path | None) -> None:
    """Print `rows` as a table, a line a row, and write them to `json_file` where one is given."""
    fields = list(dict.fromkeys(field for row in rows.values() for field in row))
    lines = [["", *fields]]
    for name, row in rows.items():
        lines.append([name, *(f"{row[field]:,.4g}" if field in row else "" for field in fields)])
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for name, *cells in lines:
        print("  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]).rstrip())
    if json_file is not None:
        write_json(json_file, rows)


def parse(description: str) -> Path | None:
    """Return the file named by `--json` on the command line, if any."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write {row: {field: number}} there")
    return parser.parse_args().json
