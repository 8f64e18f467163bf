"""What an archive holds, member by member, and what makes it unreadable."""

from dataclasses import dataclass
from typing import NamedTuple


class ArchiveError(ValueError):
    """An archive cannot be read to its end."""


class Broken(ValueError):
    """What is wrong within an archive, in words that do not name the archive."""


class Member(NamedTuple):
    """One member that is no folder: `n_bytes` at `offset` of the indexed file, or else the reason why they are not."""

    path: str
    n_bytes: int
    offset: int
    reason: str  # "" or a reason of stages.tables.quarantine
    message: str


@dataclass(frozen=True)
class Limits:
    """How much one member may hold in bytes, and how many bytes may come out of one compressed byte."""

    max_bytes: int
    max_expansion: float


def readable(name: bytes) -> str:
    """Return a stored name as text: no leading `./`, bytes that are not UTF-8 as `\\xNN`; else whatever it holds."""
    return name.decode("utf-8", "backslashreplace").removeprefix("./")


def checked(path: str, n_bytes: int, offset: int, limits: Limits) -> Member:
    """Return a member whose bytes lie at `offset`, refused where they are too many."""
    if n_bytes > limits.max_bytes:
        return Member(path, n_bytes, offset, "too_large", f"{n_bytes:,} bytes, at most {limits.max_bytes:,}")
    return Member(path, n_bytes, offset, "", "")
