"""Whether what a run left in data/ and metrics/ is whole."""

import csv
import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open


def half_written(folder: Path) -> list[str]:
    """Files with a real name in data/ and metrics/ that cannot be read to their end."""
    found = []
    for path in sorted(path for top in ("data", "metrics") for path in (folder / top).rglob("*")):
        if path.is_dir() or path.name.startswith("."):
            continue
        try:
            read_to_the_end(path)
        except (OSError, ValueError, SafetensorError, subprocess.CalledProcessError) as error:
            found.append(f"{path.relative_to(folder)}: {error}")
    return found


def read_to_the_end(path: Path) -> None:
    """Raise an error where a file is not whole."""
    if path.suffix == ".parquet":
        pq.ParquetFile(path, page_checksum_verification=True).read()
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".csv":
        widths = {len(row) for row in csv.reader(path.read_text().splitlines())}
        if len(widths) != 1 or not path.read_text().endswith("\n"):
            raise ValueError(f"rows of {sorted(widths)} columns")
    elif path.suffix == ".safetensors":
        with safe_open(path, "np") as weights:
            for name in weights.keys():  # noqa: SIM118  # no mapping
                weights.get_tensor(name)
    elif path.suffix == ".tar":
        subprocess.run(["tar", "--list", "--file", path], check=True, capture_output=True)


def temporaries(folder: Path) -> list[str]:
    return [path.name for top in ("data", "metrics") for path in (folder / top).rglob(".*.tmp")]
