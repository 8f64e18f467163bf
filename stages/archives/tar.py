"""The members of a tar, found by its headers alone: v7, ustar, GNU and pax; what they hold is passed over.

Nothing is skipped in silence: a header that is missing, cannot be read or contradicts another is an error, and so is an
archive without its end (two blocks of zeros) or with anything but zeros behind it.
"""

import os

from stages.archives.headers import BLOCK, ZEROS, decimal, extension, header, name_of, number, padded, records
from stages.archives.member import Broken, Limits, Member, checked, readable
from stages.files import BLOCK_BYTES

FOLDER = b"5"
NAMES_OF_FOLDER = b"D"  # of GNU's incremental archives: a folder whose bytes are the names in it
SPARSE = b"S"
LINKS = {b"1": "a hard link", b"2": "a symbolic link"}
NOT_FILES = {
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a FIFO or socket",
    b"M": "the rest of a file that begins on another volume",
    b"S": "a sparse file",
    b"V": "the label of a volume",
}
EMPTY = (FOLDER, b"1", b"2", b"3", b"4", b"6")  # no bytes follow, whatever the size says
LONG = {b"L": b"path", b"K": b"linkpath"}  # headers that give the next member's long name, or its target's
EXTENSIONS = (b"L", b"K", b"x", b"X", b"g")
FOR_ALL = b"g"
KEYWORDS = (b"path", b"linkpath", b"size")
SPARSE_KEYWORD = b"GNU.sparse."
Told = dict[bytes, bytes]


def members(descriptor: int, limits: Limits) -> list[Member]:
    """Return the members of an open tar in its order; raises Broken where it cannot be followed to its end."""
    found = []
    place, told = 0, Told()
    n_bytes = os.fstat(descriptor).st_size
    while (block := header(descriptor, place)) != ZEROS:
        kind = block[156:157]
        place += BLOCK
        if kind in EXTENSIONS:
            size = number(block[124:136])
            told = _extended(told, kind, extension(descriptor, place, size))
            place += padded(size)
            continue
        name = told.get(b"path") or name_of(block)
        size = 0 if kind in EMPTY else decimal(told[b"size"]) if b"size" in told else number(block[124:136])
        start = place + (_sparse_map(descriptor, place, block) if kind == SPARSE else 0)
        place = start + padded(size)
        if place > n_bytes:
            raise Broken(f"{readable(name)} ends at byte {place:,} of {n_bytes:,}")
        if not (kind in (FOLDER, NAMES_OF_FOLDER) or (kind == b"\0" and name.endswith(b"/"))):
            reason = _no_file(kind, block, told)
            path = readable(name)
            found.append(
                Member(path, size, start, "not_a_file", reason) if reason else checked(path, size, start, limits)
            )
        if told:
            told = Told()
    if told:
        raise Broken(f"a name or record at its end without the member that it belongs to, at byte {place:,}")
    _check_end(descriptor, place)
    return found


def _extended(told: Told, kind: bytes, text: bytes) -> Told:
    """Return what is told of the next member after one more header that speaks of it."""
    if kind in LONG:
        more = {LONG[kind]: text.partition(b"\0")[0]}
    else:
        more = {key: value for key, value in records(text).items() if key in KEYWORDS or key.startswith(SPARSE_KEYWORD)}
    if kind == FOR_ALL:
        if more:
            raise Broken(f"a record that gives all members one {min(more).decode('ascii', 'backslashreplace')}")
        return told
    if kind in told:
        raise Broken(f"two headers of type {kind.decode()} before one member")
    return {**more, **told, kind: b"seen"} if kind in LONG else {**told, **more, kind: b"seen"}


def _no_file(kind: bytes, block: bytes, told: Told) -> str:
    """Return what a member is that is no file, or nothing."""
    if kind in LINKS:
        target = told.get(b"linkpath") or block[157:257].partition(b"\0")[0]
        return f"{LINKS[kind]} to {readable(target)}"
    if told and any(key.startswith(SPARSE_KEYWORD) for key in told):
        return NOT_FILES[SPARSE]
    return NOT_FILES.get(kind, "")


def _sparse_map(descriptor: int, place: int, block: bytes) -> int:
    """Return the bytes of the blocks that go on with the map of a sparse file in `block`."""
    n_bytes = 0
    more = block[482]
    while more:
        part = extension(descriptor, place + n_bytes, BLOCK)
        n_bytes += BLOCK
        more = part[504]
    return n_bytes


def _check_end(descriptor: int, place: int) -> None:
    """Raise Broken where two blocks of zeros, and nothing but zeros, do not stand from `place` to the end."""
    n_zeros = 0
    while piece := os.pread(descriptor, BLOCK_BYTES, place + n_zeros):
        if piece.strip(b"\0"):
            where = place + n_zeros + len(piece) - len(piece.lstrip(b"\0"))
            raise Broken(f"more behind its end, at byte {where:,}: some blocks were lost, or two archives are in one")
        n_zeros += len(piece)
    if n_zeros < 2 * BLOCK:
        raise Broken(f"no end where one must be, at byte {place:,}")
