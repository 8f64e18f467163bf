"""Your own sounds: `data/own/<label>/<any name>`, with an optional metadata.csv, packed whole into one tar.

Only regular files give bytes; a link, FIFO or device is packed as what it is and never opened.
"""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from stages.files import sha256_of, whole
from stages.params import Section
from stages.sources.metadata import INDEX, Layout, describe
from stages.sources.origin import Archive, Info, SourceError

__all__ = ["INDEX", "INFO", "Layout", "Params", "collect", "describe"]

INFO = Info(title="your own sounds", homepage="", licence="yours", citation="")
OWN = Path("data/own")
NAME = "own.tar"
NOT_SOUNDS = ("README.md", ".gitignore", ".dvc")  # beside the labels: ours, and those of `dvc add data/own/*/`
TYPES = {stat.S_IFREG: tarfile.REGTYPE, stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFIFO: tarfile.FIFOTYPE}


class Params(Section):
    """Nothing to choose: the folder is data/own."""


def collect(options: Params, folder: Path) -> tuple[Archive, ...]:
    """Pack data/own into one tar whose bytes depend on names and contents alone."""
    paths = sorted(_files(OWN), key=os.fsencode)
    if not any(path.parent != OWN for path in paths):
        raise SourceError(f"{OWN}: holds no sounds; put them there as {OWN}/<label>/<any name>, see {OWN}/README.md")
    with whole(folder / NAME) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in paths:
            _add(tar, path)
    return (Archive(NAME, str(OWN), sha256_of(folder / NAME), (folder / NAME).stat().st_size),)


def _files(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif folder != OWN or not entry.name.endswith(NOT_SOUNDS):
                yield Path(entry.path)


def _add(tar: tarfile.TarFile, path: Path) -> None:
    status = path.lstat()
    info = tarfile.TarInfo(str(path.relative_to(OWN)))
    info.type = TYPES.get(stat.S_IFMT(status.st_mode), tarfile.CHRTYPE)
    if info.type == tarfile.SYMTYPE:
        info.linkname = str(path.readlink())
    if info.type != tarfile.REGTYPE:
        tar.addfile(info)
        return
    info.size = status.st_size
    with path.open("rb") as file:
        tar.addfile(info, file)
