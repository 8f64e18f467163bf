"""The plain layout: `<label>/<any name>`, told more exactly by an optional metadata.csv.

The label is the name of the folder that holds the file. metadata.csv lies anywhere above its files and has the columns
path (from its own folder) and label, and optionally speaker, group, part (train, val, test or empty) and sha256 (of the
file's bytes; another one is refused). A recording whose speaker nobody names is a speaker of its own. Hidden files are
not sound.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from stages.origin import METADATA_COLUMNS, NOISE_FOLDER, Origin, SourceError, folder_and_name
from stages.params import Section
from stages.tables.labels import PARTS, SILENCE

INDEX = re.compile(r"(^|/)metadata\.csv$")
SHA256 = re.compile(r"^[0-9a-f]{64}$")


def _one_group(pattern: str) -> str:
    try:
        n_groups = re.compile(pattern).groups
    except re.error:
        n_groups = 0
    if pattern and n_groups != 1:
        raise ValueError("a regular expression with one group, e.g. '^(\\w+)_', or an empty string")
    return pattern


class Layout(Section):
    """How a path tells who speaks, where metadata.csv does not: group 1 of a pattern searched in the file's name."""

    speaker_pattern: Annotated[str, AfterValidator(_one_group)]


def describe(paths: Sequence[str], texts: Mapping[str, str], layout: Layout, part: str) -> dict[str, Origin]:
    """Return the origin of each of `paths` that is sound by this layout; `texts` holds the metadata.csv files.

    Raises SourceError for a metadata.csv that lacks a column, names a part there is not, or a file that is not there.
    """
    told = {path: row for name, text in texts.items() for path, row in _rows(name, text)}
    missing = sorted(set(told) - set(paths))
    if missing:
        raise SourceError(
            f"metadata.csv: names {len(missing)} files that are not in the archive, first {missing[0]!r}; "
            "write paths from the folder of metadata.csv"
        )
    origins = {}
    for path in paths:
        folder, name = folder_and_name(path)
        if path in texts or name.startswith("."):
            continue
        row = told.get(path, {})
        label = row.get("label") or folder
        if label:
            origins[path] = _origin(path, name, label, row, layout, part)
    return origins


def _origin(path: str, name: str, label: str, row: Mapping[str, str], layout: Layout, part: str) -> Origin:
    found = re.search(layout.speaker_pattern, name) if layout.speaker_pattern else None
    speaker = row.get("speaker") or (found.group(1) if found else path)
    is_noise = label == NOISE_FOLDER
    return Origin(
        word=SILENCE if is_noise else label,
        speaker=speaker,
        group=row.get("group") or speaker,
        part=part or row.get("part") or "",
        is_noise=is_noise,
        sha256=row.get("sha256") or "",
    )


def _rows(name: str, text: str) -> Iterator[tuple[str, dict[str, str]]]:
    folder = PurePosixPath(name).parent
    reader = csv.DictReader(io.StringIO(text))
    header = reader.fieldnames or []
    for needed in METADATA_COLUMNS[:2]:
        if needed not in header:
            raise SourceError(
                f"{name}: column {needed!r} is missing, it has {header}; columns are {', '.join(METADATA_COLUMNS)}"
            )
    for unknown in [found for found in header if found not in METADATA_COLUMNS]:
        raise SourceError(f"{name}: column {unknown!r} is unknown; columns are {', '.join(METADATA_COLUMNS)}")
    seen = set()
    for row in reader:
        where = f"{name}: line {reader.line_num}"
        if None in row or None in row.values():
            raise SourceError(f"{where}: has another number of fields than the header; quote values that hold a comma")
        if row.get("part") and row["part"] not in PARTS:
            raise SourceError(f"{where}: part is {row['part']!r}, expected {', '.join(PARTS)} or nothing")
        if row.get("sha256") and not SHA256.match(row["sha256"]):
            raise SourceError(f"{where}: sha256 is {row['sha256']!r}, expected 64 of 0-9 and a-f, or nothing")
        if row["path"] in seen:
            raise SourceError(f"{where}: {row['path']} is named a second time; keep one of the lines")
        seen.add(row["path"])
        yield str(folder / row["path"]), row
