"""Where the bytes of each member of a tar, tar.gz, tar.bz2, tar.xz or zip lie; nothing is unpacked by name."""

import os
from pathlib import Path
from typing import IO

from stages.archives import compressed, tar, zipdir, zipped
from stages.archives.headers import header
from stages.archives.member import ArchiveError, Broken, Limits, Member
from stages.files import whole

__all__ = ["ArchiveError", "Limits", "Member", "index"]

FREE_BYTES = 64 << 20  # may always come out of an archive, however small it is


def index(archive: Path, scratch: Path, limits: Limits) -> tuple[Path, list[Member]]:
    """Return the file that holds the members' bytes, and the members in the archive's order.

    That file is a plain tar itself; else it is written, whole, into `scratch`: the inflated tar, or the members of the
    zip. Its name is the archive's with another ending, and no name from within the archive is used for anything.
    Raises ArchiveError where the archive is none of these, is cut or damaged, or inflates to more than FREE_BYTES and
    `limits.max_expansion` times its own bytes.
    """
    try:
        with archive.open("rb") as file:
            kind = _kind(file)
            if kind == "zip":
                target = scratch / f"{archive.name}.members"
                with whole(target) as temporary:
                    return target, zipped.members(file.fileno(), temporary, limits)
            if kind == "tar":
                return archive, tar.members(file.fileno(), limits)
            target = scratch / f"{archive.name}.tar"
            with whole(target) as temporary:
                _inflate(file, kind, temporary, limits)
                with temporary.open("rb") as plain:
                    return target, tar.members(plain.fileno(), limits)
    except Broken as error:
        raise ArchiveError(
            f"{archive}: cannot be read to its end as tar, tar.gz or zip: {error}; it is cut or damaged, fetch it "
            "again, or make it again and put its sha256 into download.options"
        ) from error


def _kind(file: IO[bytes]) -> str:
    """Return tar, zip or a kind of compressed stream, told by content."""
    beginning = file.read(8)
    file.seek(0)
    for magic, kind in compressed.MAGIC.items():
        if beginning.startswith(magic):
            return kind
    try:
        header(file.fileno(), 0)
    except Broken:
        return "zip" if beginning.startswith(b"PK") or zipdir.closes(file.fileno()) else "tar"
    return "tar"


def _inflate(file: IO[bytes], kind: str, target: Path, limits: Limits) -> None:
    n_packed = os.fstat(file.fileno()).st_size
    most = max(FREE_BYTES, limits.max_expansion * n_packed)
    n_bytes = 0
    with target.open("wb") as out:
        for block in compressed.streams(file, compressed.KINDS[kind]):
            n_bytes += len(block)
            if n_bytes > most:
                raise ArchiveError(
                    f"{file.name}: inflates to more than {most:,.0f} bytes from {n_packed:,}, decode.max_expansion is "
                    f"{limits.max_expansion:g}; raise it in params.yaml if that is right"
                )
            out.write(block)
