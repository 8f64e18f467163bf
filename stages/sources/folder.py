"""Your own sounds: `data/own/<label>/<any name>`, with an optional metadata.csv, packed whole into one tar.

Only regular files give bytes; a link, FIFO or device is packed as what it is and never opened.
"""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from stages.files import NO_ROOM, whole
from stages.origin import SourceError
from stages.params import Section
from stages.sources.metadata import INDEX, Layout, describe
from stages.sources.source import Archive, Info, archive_in

__all__ = ["INDEX", "INFO", "Layout", "Params", "collect", "describe"]

INFO = Info(title="your own sounds", homepage="", licence="yours", citation="")
OWN = Path("data/own")
NAME = "own.tar"
NOT_SOUNDS = ("README.md", ".gitignore", ".dvc")  # beside the labels: ours, and those of `dvc add data/own/*/`
TYPES = {  # of tar; it has none for a socket
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
    stat.S_IFSOCK: tarfile.FIFOTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
}


class Params(Section):
    """Nothing to choose: the folder is data/own."""


def collect(options: Params, folder: Path) -> tuple[Archive, ...]:
    """Pack data/own into one tar whose bytes depend on names and contents alone.

    Raises SourceError where it holds nothing, more than the disk has room for, or a file that cannot be read or changes
    meanwhile.
    """
    try:
        files = {path: path.lstat() for path in sorted(_files(OWN), key=os.fsencode)}
    except OSError as error:
        raise SourceError(f"{error.filename}: cannot be read ({error.strerror}); mend or remove it") from error
    if not any(path.parent != OWN for path in files):
        raise SourceError(f"{OWN}: holds no sounds; put them there as {OWN}/<label>/<any name>, see {OWN}/README.md")
    with whole(folder / NAME) as temporary:
        n_bytes, free = sum(status.st_size for status in files.values()), shutil.disk_usage(folder).free
        if n_bytes > free:
            raise SourceError(f"{OWN}: holds {n_bytes:,} bytes, {free:,} are free for {folder / NAME}; make room")
        with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
            for path, status in files.items():
                try:
                    _add(tar, path, status)
                except OSError as error:
                    if error.errno in NO_ROOM:
                        raise
                    raise SourceError(f"{path}: cannot be packed ({error}); mend or remove it") from error
                tar.members = []  # type: ignore[attr-defined]  # else it remembers all
    return (archive_in(folder, NAME, str(OWN)),)


def _files(top: Path) -> Iterator[Path]:
    folders = [top]
    while folders:
        with os.scandir(folder := folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif folder != OWN or not entry.name.endswith(NOT_SOUNDS):
                    yield Path(entry.path)


def _add(tar: tarfile.TarFile, path: Path, status: os.stat_result) -> None:
    info = tarfile.TarInfo(str(path.relative_to(OWN)))
    if not stat.S_ISREG(status.st_mode):
        info.type = TYPES[stat.S_IFMT(status.st_mode)]
        info.linkname = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else ""
        tar.addfile(info)
        return
    info.size = status.st_size
    with os.fdopen(_opened(path), "rb") as file:
        if _state(os.fstat(file.fileno())) == _state(status):
            tar.addfile(info, file)
        if _state(os.fstat(file.fileno())) != _state(status):
            raise SourceError(f"{path}: changed while it was packed; run again when nothing writes to {OWN}")


def _opened(path: Path) -> int:
    """Open a file that may by now be something else, which would hang or lead elsewhere."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns
