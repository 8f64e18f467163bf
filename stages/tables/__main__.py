"""The data dictionary: every column of every table, its type, unit and meaning, as params.yaml makes them.

Nothing needs to have run. `selected` holds columns of features/<family> and is left out.

Run  python -m stages.tables [TABLE ...]      all tables, or those named: clips, features/mel, ...
"""

import argparse
import inspect
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pydantic import ConfigDict, PositiveFloat, PositiveInt

from stages.features import FAMILIES
from stages.features.schema import described, table_of
from stages.features.statistics import Statistics
from stages.features.stft import Frame, Framing
from stages.params import PARAMS_FILE, ParamsError, Section, names_of, read_section
from stages.tables import TABLES

HEADER = ("column", "type", "unit", "meaning")


class Clip(Section):
    """What of section decode the shape of a table follows from."""

    model_config = ConfigDict(extra="ignore")

    sample_rate_hz: PositiveInt
    clip_s: PositiveFloat


def family_table(family: str, path: Path) -> pa.Schema:
    """Return the schema of features/<family> by the params in `path`."""
    clip = read_section("decode", Clip, path)
    rate_hz, n_samples = clip.sample_rate_hz, round(clip.clip_s * clip.sample_rate_hz)
    framing = Framing.of(read_section("extract.frame", Frame, path), rate_hz)
    names = read_section("extract.statistics", Statistics, path).names
    params = read_section(f"extract.families.{family}", FAMILIES[family].Params, path)
    n_frames = framing.n_frames(n_samples) if params.keep_frames else None
    dimensions, of_clip = described(FAMILIES[family], params, rate_hz)
    return table_of(family, dimensions, of_clip, names, framing, n_frames).schema


def tables(path: Path) -> Iterator[tuple[str, str, pa.Schema]]:
    """Yield the name of each table, what it is, and its schema."""
    for name, module in TABLES.items():
        yield name, about(module), module.TABLE.schema
    for family in names_of("extract.families", path):
        if family not in FAMILIES:
            raise ParamsError(f"{path}: extract.families.{family} is unknown, expected one of {', '.join(FAMILIES)}")
        yield f"features/{family}", about(FAMILIES[family]), family_table(family, path)


def about(module: object) -> str:
    """Return the first sentence or so of a module's docstring, without the name that it begins with."""
    return (inspect.getdoc(module) or "").split("\n\n")[0].partition(": ")[2].replace("\n", " ")


def lines(schema: pa.Schema) -> Iterator[str]:
    """Yield a line a column, aligned, under a header."""
    rows = [HEADER]
    for field in schema:
        told = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        rows.append((field.name, _type(field.type), told.get("unit", ""), told.get("meaning", "")))
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADER) - 1)]
    for *cells, meaning in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), meaning]).rstrip()


def _type(kind: pa.DataType) -> str:
    if isinstance(kind, pa.FixedShapeTensorType):
        return f"{kind.value_type} ({' x '.join(map(str, kind.shape))})"
    return str(kind)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.tables", description="Print what every column holds.")
    known = {name: (what, schema) for name, what, schema in tables(PARAMS_FILE)}
    parser.add_argument("table", nargs="*", help=", ".join(known))
    chosen = parser.parse_args(arguments).table
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error(f"{unknown[0]!r} is no table, expected one of {', '.join(known)}")
    for name in chosen or known:
        what, schema = known[name]
        print(f"{name}: {what}\n")
        print("\n".join(f"  {line}" for line in lines(schema)) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # piped to `head`
    main()
