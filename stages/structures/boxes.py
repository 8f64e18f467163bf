"""Boxes (ISO 14496-12), of which MP4 and QuickTime files consist: what they hold, and the tables within."""

import sys
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused

MAX_BOXES = 65_536  # side by side
MAX_ENTRIES = 1 << 22  # of a table: a day of AAC
TABLE_AT = 8  # version and flags, number of entries


class Box(NamedTuple):
    """The body of a box, from `start` to `stop` of the file."""

    kind: bytes
    start: int
    stop: int


def boxes(data: Octets, start: int, stop: int) -> Iterator[Box]:
    """Yield the boxes side by side from `start` to `stop`."""
    place = start
    for _ in range(MAX_BOXES):
        if place == stop:
            return
        head = data[place : min(place + 16, stop)]
        size, n_head = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, n_head = int.from_bytes(head[8:16], "big"), 16
        elif size == 0 and stop == len(data):  # to the end of the file
            size = stop - place
        if len(head) < n_head:
            if start > 0 and not any(head):  # QuickTime ends some lists of boxes with four zeros
                return
            raise Refused("truncated", f"ends within the head of the box at byte {place:,}")
        if size < n_head:
            raise Refused("damaged", f"the box {head[4:8]!r} at byte {place:,} declares {size:,} bytes")
        if place + size > stop:
            reason = "truncated" if stop == len(data) else "damaged"
            raise Refused(reason, f"the box {head[4:8]!r} ends at byte {place + size:,}, what holds it at {stop:,}")
        yield Box(head[4:8], place + n_head, place + size)
        place += size
    raise Refused("damaged", f"more than {MAX_BOXES:,} boxes side by side")


def only(data: Octets, parent: Box, kind: bytes) -> Box:
    """Return the first box of a kind in `parent`, which must have one."""
    for box in boxes(data, parent.start, parent.stop):
        if box.kind == kind:
            return box
    raise Refused("damaged", f"no {kind.decode()} box in {parent.kind.decode('latin-1')}")


def units_hz(data: Octets, box: Box) -> int:
    """Return the units of time a second of a mvhd or mdhd box."""
    at = box.start + (20 if data[box.start : box.start + 1] == b"\1" else 12)
    units = int.from_bytes(data[at : min(at + 4, box.stop)], "big")
    if units == 0:
        raise Refused("damaged", f"the timescale in {box.kind.decode()} is 0")
    return units


def entries(data: Octets, box: Box, kind: str, n_fields: int) -> array:
    """Return the fields of a table, one entry after another."""
    fields = array(kind)
    n_entries = int.from_bytes(data[box.start + 4 : box.start + 8], "big")
    n_bytes = n_entries * n_fields * fields.itemsize
    at = box.start + TABLE_AT
    if n_bytes > box.stop - at:
        raise Refused("damaged", f"the table {box.kind.decode()} declares more entries than it holds")
    refuse_many(n_entries)
    fields.frombytes(data[at : at + n_bytes])
    if sys.byteorder == "little":
        fields.byteswap()
    return fields


def refuse_many(n_entries: int) -> None:
    """Refuse an index that would fill the memory."""
    if n_entries > MAX_ENTRIES:
        raise Refused("too_long", f"an index of {n_entries:,} entries, at most {MAX_ENTRIES:,}")
