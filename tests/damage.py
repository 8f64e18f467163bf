"""What the index says of an archive of given bytes, for those tests that damage it."""

from pathlib import Path

from stages.archives import ArchiveError, Limits, index
from stages.archives.member import Member

LIMITS = Limits(1_000_000, 100.0)


def told(path: Path, data: bytes) -> list[Member] | None:
    path.write_bytes(data)
    try:
        return index(path, path.parent / "scratch", LIMITS)[1]
    except ArchiveError:
        return None
