"""What a source is, and what it tells: facts about itself and the archives it brings.

A source is a module with `INFO`, `Params` (what to bring: section `download.options`), `Layout` (how a path is read:
section `decode.layout`), `INDEX` (which members are lists to read first), and two functions:

    collect(options, folder) -> archives     puts whole archives into `folder`, checked by their sha256
    describe(paths, texts, layout, part)     path -> Origin, for each member that the layout knows as sound
"""

from dataclasses import dataclass
from pathlib import Path

from stages.files import sha256_of


@dataclass(frozen=True)
class Info:
    """What a person must know about a source before using it."""

    title: str
    homepage: str
    licence: str
    citation: str


@dataclass(frozen=True)
class Archive:
    """One archive in data/raw: `part` names the part that all its clips belong to, or is empty."""

    name: str
    url: str
    sha256: str
    n_bytes: int
    part: str = ""


def archive_in(folder: Path, name: str, url: str, part: str = "") -> Archive:
    """Return what is to be said of a file in `folder`."""
    return Archive(name, url, sha256_of(folder / name), (folder / name).stat().st_size, part)
