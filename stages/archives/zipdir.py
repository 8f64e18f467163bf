"""The directory at the end of a zip: what each entry says of itself (APPNOTE 6.3.10)."""

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

from stages.archives.member import Broken

END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64 = struct.Struct("<4sLQL")
ENTRY = struct.Struct("<4s6H3L5H2L")
LONGEST_COMMENT = 0xFFFF
IN_64 = 0xFFFFFFFF  # the number stands in the extra field of type 1
COUNT_IN_64 = 0xFFFF
EXTRA_64 = 1
UNIX = 3


class Entry(NamedTuple):
    """One entry. Places are bytes from the beginning of the file."""

    name: bytes
    flags: int
    method: int
    crc: int
    n_packed: int
    n_bytes: int
    place: int  # of the entry's own header
    mode: int  # of Unix, or 0


def entries(descriptor: int) -> tuple[list[Entry], int]:
    """Return the entries of an open zip and the place where its directory begins; raises Broken where it is damaged."""
    end_at, end = end_of(descriptor)
    _, _, _, here, count, n_bytes, start, _ = end
    modulus = COUNT_IN_64 + 1  # of the count, as some write it for more entries
    if COUNT_IN_64 in (here, count) or IN_64 in (n_bytes, start):
        end_at, count, n_bytes, start = _end_64(descriptor, end_at, (count, n_bytes, start))
        modulus = 1 << 64
    first = end_at - n_bytes
    shift = first - start  # bytes before the zip, as a program that unpacks itself has
    if shift < 0:
        raise Broken(f"its directory of {n_bytes:,} bytes cannot begin at byte {start:,}, as its end says")
    found = list(_parsed(descriptor, first, end_at, shift))
    if (len(found) - count) % modulus:
        raise Broken(f"its directory holds {len(found):,} entries, its end says {count:,}")
    return found, first


def end_of(descriptor: int) -> tuple[int, tuple]:
    """Return the place and the fields of the end record; raises Broken where a file has none that closes it."""
    size = os.fstat(descriptor).st_size
    before = max(size - END.size - LONGEST_COMMENT, 0)
    tail = os.pread(descriptor, size - before, before)
    place = len(tail)
    while (place := tail.rfind(b"PK\5\6", 0, place)) >= 0:
        if place + END.size <= len(tail):
            fields = END.unpack_from(tail, place)
            if place + END.size + fields[-1] == len(tail):
                return before + place, fields
    raise Broken("a zip's directory does not close it")


def _end_64(descriptor: int, end_at: int, numbers: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return the place of the 64-bit end record and its count, bytes and start, or what the plain end says."""
    locator_at = end_at - LOCATOR_64.size
    locator = os.pread(descriptor, LOCATOR_64.size, max(locator_at, 0))
    if not locator.startswith(b"PK\6\7"):
        return end_at, *numbers
    place = locator_at - END_64.size  # without the optional data that nobody writes
    fields = END_64.unpack(os.pread(descriptor, END_64.size, place).ljust(END_64.size)) if place >= 0 else (b"",)
    if fields[0] != b"PK\6\6":
        raise Broken(f"no 64-bit end of its directory at byte {place:,}")
    return place, *fields[-3:]


def _parsed(descriptor: int, place: int, end: int, shift: int) -> Iterator[Entry]:
    while place < end:
        fixed = os.pread(descriptor, min(ENTRY.size, end - place), place)
        if len(fixed) < ENTRY.size or not fixed.startswith(b"PK\1\2"):
            raise Broken(f"no entry of its directory where one must be, at byte {place:,}")
        _, made_by, _, flags, method, _, _, crc, n_packed, n_bytes, *rest = ENTRY.unpack(fixed)
        *lengths, _, _, attributes, start = rest
        text = os.pread(descriptor, sum(lengths), place + ENTRY.size)
        place += ENTRY.size + sum(lengths)
        if place > end:
            raise Broken(f"an entry of its directory is cut, at byte {end:,}")
        name, extra = text[: lengths[0]], text[lengths[0] : lengths[0] + lengths[1]]
        n_bytes, n_packed, start = _numbers_64(extra, (n_bytes, n_packed, start))
        mode = attributes >> 16 if made_by >> 8 == UNIX else 0
        yield Entry(name, flags, method, crc, n_packed, n_bytes, start + shift, mode)


def _numbers_64(extra: bytes, numbers: tuple[int, int, int]) -> list[int]:
    """Return `numbers`, those that stand in the 64-bit extra field taken from there."""
    place, wide = 0, b""
    while place + 4 <= len(extra):
        kind, n_bytes = struct.unpack_from("<2H", extra, place)
        if kind == EXTRA_64:
            wide = extra[place + 4 : place + 4 + n_bytes]
        place += 4 + n_bytes
    found = []
    for number in numbers:
        if number == IN_64 and len(wide) >= 8:
            number, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        found.append(number)
    return found


def closes(descriptor: int) -> bool:
    """Return whether a file ends as a zip does."""
    try:
        end_of(descriptor)
    except Broken:
        return False
    return True
