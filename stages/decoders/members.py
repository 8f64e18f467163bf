"""The members of one archive: each becomes rows of clips or one row of quarantine, in the archive's order."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice

from stages.archives import Member
from stages.decoders.recording import Cutting, Row, rows_of
from stages.decoders.sound import Refused
from stages.executors import map_in_order, n_workers, threads
from stages.sources.origin import Origin

MEMBERS_PER_TASK = 64


@dataclass(frozen=True)
class Outcome:
    """What became of a member: the rows of clips it gave, or else its row of quarantine."""

    rows: list[Row]
    n_silent_windows: int
    refusal: Row | None


def outcomes(
    members: Iterable[Member], origins: Mapping[str, Origin], prefix: str, cutting: Cutting
) -> Iterator[Outcome]:
    """Yield the outcome of each of `members`, decoded by threads a batch at a time.

    `origins` tells whose sound a member is; one without is refused as not_in_layout. `prefix` is put before each path.
    """
    work = partial(_batch, prefix=prefix, cutting=cutting)
    sounds = _first_of_each_path(members, origins)
    batches = iter(lambda: list(islice(sounds, MEMBERS_PER_TASK)), [])
    with threads() as executor:
        for batch in map_in_order(executor, work, batches, ahead=2 * n_workers()):
            yield from batch


def _first_of_each_path(
    members: Iterable[Member], origins: Mapping[str, Origin]
) -> Iterator[tuple[Member, Origin | Refused]]:
    seen = set()
    for member in members:
        twice = member.path in seen
        seen.add(member.path)
        if twice:
            yield member, Refused("same_path_twice", "an earlier member of the archive has this path")
        else:
            yield member, origins.get(member.path, Refused("not_in_layout", "no recording by the source's layout"))


def _batch(batch: list[tuple[Member, Origin | Refused]], prefix: str, cutting: Cutting) -> list[Outcome]:
    return [_outcome(member, origin, prefix + member.path, cutting) for member, origin in batch]


def _outcome(member: Member, origin: Origin | Refused, path: str, cutting: Cutting) -> Outcome:
    try:
        return Outcome(*_rows(member, origin, path, cutting), None)
    except Refused as refused:
        digest = "" if member.data is None else hashlib.sha256(member.data).hexdigest()
        row = {"source_path": path, "reason": refused.reason, "message": refused.message}
        return Outcome([], 0, row | {"n_bytes": member.n_bytes, "sha256": digest})


def _rows(member: Member, origin: Origin | Refused, path: str, cutting: Cutting) -> tuple[list[Row], int]:
    if isinstance(origin, Refused):
        raise origin
    if not member.is_file:
        raise Refused("not_a_file", "a link, FIFO or device")
    if member.data is None:
        raise Refused("too_large", f"{member.n_bytes:,} bytes, at most {cutting.max_bytes:,}")
    return rows_of(path, member.data, origin, cutting)
