"""Members of tar, tar.gz and zip archives as bytes, in the archive's order; nothing is ever unpacked by name."""

import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from stages.files import BLOCK_BYTES

# What the standard library raises on bytes that are no archive, or a cut or damaged or encrypted one.
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


class ArchiveError(ValueError):
    """An archive cannot be read to its end."""


@dataclass(frozen=True)
class Member:
    """One member that is no folder. `data` is None where it has no bytes of its own or they were not asked for."""

    path: str
    is_file: bool
    n_bytes: int
    data: bytes | None


def read_members(archive: Path, wanted: Callable[[str, int], bool]) -> Iterator[Member]:
    """Yield the members of `archive`; their bytes are read where `wanted(path, n_bytes)` says so.

    Paths are as stored, without a leading `./`; bytes of a name that are not UTF-8 appear as `\\xNN`. Raises
    ArchiveError where the file is neither tar nor zip, or is cut or damaged.
    """
    try:
        if zipfile.is_zipfile(archive):
            yield from _zip_members(archive, wanted)
        else:
            yield from _tar_members(archive, wanted)
    except DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArchiveError(
            f"{archive}: cannot be read to its end as tar, tar.gz or zip: {reason}; it is cut or damaged, fetch it "
            "again, or make it again and put its sha256 into download.options"
        ) from error


class Strict(tarfile.TarInfo):
    """A header that tarfile may not skip: it takes any header that it cannot read for the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "Strict":
        """Return the next header; raises ReadError for one that is damaged, cut or missing."""
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise  # a block of zeros, as an archive ends
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(
                f"no header and no end where one must be, at byte {archive.offset:,} ({error})"
            ) from None


def _tar_members(archive: Path, wanted: Callable[[str, int], bool]) -> Iterator[Member]:
    with tarfile.open(archive, mode="r:*", tarinfo=Strict, errors="surrogateescape") as tar:
        for info in tar:
            if info.isdir():
                continue
            path = _readable(info.name)
            file = tar.extractfile(info) if info.isreg() and wanted(path, info.size) else None
            yield Member(path, info.isreg(), info.size, None if file is None else _all(file, info.size, path))
            tar.members = []  # type: ignore[attr-defined]  # keep memory constant: tarfile remembers every member otherwise
        while tar.fileobj.read(BLOCK_BYTES):  # a compressed stream is checked at its end
            pass


def _zip_members(archive: Path, wanted: Callable[[str, int], bool]) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            if info.is_dir():
                continue
            path = _readable(info.filename)
            data = None
            if wanted(path, info.file_size):
                with zipped.open(info) as file:
                    data = _all(file, info.file_size, path)
            yield Member(path, True, info.file_size, data)


def _all(file: IO[bytes], n_bytes: int, path: str) -> bytes:
    data = file.read(n_bytes)
    if len(data) != n_bytes:
        raise ArchiveError(f"{path} has {len(data):,} of its {n_bytes:,} bytes")
    return data


def _readable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace").removeprefix("./")
