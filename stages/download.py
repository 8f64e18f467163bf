"""Bring the raw sound: whole archives, checked, never unpacked.

Reads   what `download.source` points at: the built-in synthesiser, an address, or data/own
Writes  data/raw/<archives>, data/raw/source.json (what they are, licence, citation)
Params  download
Run     python -m stages.download
"""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from stages.files import write_json
from stages.params import Section, check_section, read_section
from stages.sources import SOURCES

RAW = Path("data/raw")


class Params(Section):
    """Which source, and what its module asks for."""

    source: Literal[*SOURCES]  # type: ignore[valid-type]
    options: dict[str, object]


def main() -> None:
    """Download the archives of the chosen source."""
    params = read_section("download", Params)
    source = SOURCES[params.source]
    options = check_section(params.options, "download.options", source.Params)

    archives = source.collect(options, RAW)

    facts = {"source": params.source, **asdict(source.INFO), "archives": [asdict(archive) for archive in archives]}
    write_json(RAW / "source.json", facts)
    n_bytes = sum(archive.n_bytes for archive in archives)
    print(f"download: {len(archives)} archives, {n_bytes / 1e6:,.1f} MB from {params.source}, in {RAW}")


if __name__ == "__main__":
    main()
