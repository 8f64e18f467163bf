"""The members of a zip, inflated one behind the other into one file.

No member can fill a disk: its bytes are at most max_expansion times those it takes in the archive, no two members may
share any of those, and not one byte more is written than the directory says.
"""

import bz2
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from stages.archives.compressed import Inflater, deflated, stream
from stages.archives.member import Broken, Limits, Member, checked, readable
from stages.archives.zipdir import Entry, entries
from stages.files import BLOCK_BYTES

LOCAL = struct.Struct("<4s5H3L2H")  # the header before a member's bytes
ENCRYPTED = 1  # bit 0 of the flags
STORED = 0
INFLATERS: dict[int, Callable[[], Inflater]] = {8: deflated, 12: bz2.BZ2Decompressor}


def members(descriptor: int, target: Path, limits: Limits) -> list[Member]:
    """Return the members of an open zip in its directory's order, and write their bytes to `target`.

    Raises Broken where the directory is damaged; a member that is damaged is refused alone.
    """
    found, end = entries(descriptor)
    shared = _overlapping(found, end)
    rows = []
    with target.open("wb") as out:
        for number, entry in enumerate(found):
            if entry.name.endswith(b"/") and not entry.n_bytes:
                continue
            row = _refusal(entry, limits)
            if number in shared:
                row = _refused(entry, "damaged", "its bytes are those of another member too")
            rows.append(row or _written(descriptor, entry, end, out))
    return rows


def _refused(entry: Entry, reason: str, message: str) -> Member:
    return Member(readable(entry.name), entry.n_bytes, 0, reason, message)


def _refusal(entry: Entry, limits: Limits) -> Member | None:
    """Return why the bytes of an entry are not wanted, or None."""
    kind = stat.S_IFMT(entry.mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return _refused(entry, "not_a_file", "a symbolic link" if kind == stat.S_IFLNK else "a FIFO or device")
    if entry.flags & ENCRYPTED:
        return _refused(entry, "encrypted", "needs a password")
    if entry.method != STORED and entry.method not in INFLATERS:
        return _refused(entry, "codec_not_allowed", f"compressed by method {entry.method}, expected 0, 8 or 12")
    if (row := checked(readable(entry.name), entry.n_bytes, 0, limits)).reason:
        return row
    if entry.n_bytes > limits.max_expansion * entry.n_packed:
        return _refused(entry, "expands_too_far", f"{entry.n_bytes:,} bytes come out of {entry.n_packed:,}")
    return None


def _overlapping(found: list[Entry], end: int) -> set[int]:
    """Return the numbers of entries that begin before another one's bytes end, if those end where they can."""
    reach, shared = 0, set()
    for number in sorted(range(len(found)), key=lambda number: found[number].place):
        entry = found[number]
        if entry.place < reach:
            shared.add(number)
        last = entry.place + LOCAL.size + len(entry.name) + entry.n_packed
        reach = max(reach, last) if last <= end else reach
    return shared


def _written(descriptor: int, entry: Entry, end: int, out: IO[bytes]) -> Member:
    """Append the bytes of one entry to `out`; where they are damaged, `out` stays as it was."""
    offset = out.tell()
    try:
        crc = n_bytes = 0
        for block in _blocks(descriptor, entry, end):
            n_bytes += len(block)
            if n_bytes > entry.n_bytes:
                raise Broken(f"more than its {entry.n_bytes:,} bytes")
            crc = zlib.crc32(block, crc)
            out.write(block)
        if n_bytes < entry.n_bytes:
            raise Broken(f"{n_bytes:,} of its {entry.n_bytes:,} bytes")
        if crc != entry.crc:
            raise Broken(f"its checksum is {crc:08x}, expected {entry.crc:08x}")
    except Broken as error:
        out.seek(offset)
        out.truncate()
        return _refused(entry, "damaged", str(error))
    return Member(readable(entry.name), n_bytes, offset, "", "")


def _blocks(descriptor: int, entry: Entry, end: int) -> Iterator[bytes]:
    """Yield what an entry holds; raises Broken where its header or its stream is damaged."""
    fields = os.pread(descriptor, LOCAL.size, entry.place) if entry.place + LOCAL.size <= end else b""
    if not fields.startswith(b"PK\3\4") or len(fields) < LOCAL.size:
        raise Broken(f"no header of a member where one must be, at byte {entry.place:,}")
    _, _, _, method, *_, n_name, n_extra = LOCAL.unpack(fields)
    if os.pread(descriptor, n_name, entry.place + LOCAL.size) != entry.name or method != entry.method:
        raise Broken("its name or method is another in the archive's directory")
    place = entry.place + LOCAL.size + n_name + n_extra
    last = place + entry.n_packed
    if last > end:
        raise Broken(f"ends at byte {last:,}, the members end at {end:,}")

    def take() -> bytes:
        nonlocal place
        piece = os.pread(descriptor, min(BLOCK_BYTES, last - place), place)
        place += len(piece)
        return piece

    if entry.method == STORED:
        yield from iter(take, b"")
        return
    inflater = INFLATERS[entry.method]()
    yield from stream(inflater, take)
    if inflater.unused_data or place < last:
        raise Broken("more bytes behind its compressed stream")
