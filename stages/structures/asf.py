"""ASF (Microsoft 2004) with WMA: a header of objects, then a data object of packets of one size."""

import struct
from collections.abc import Iterator
from uuid import UUID

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.structures.declared import Declared

OBJECT = struct.Struct("<16sQ")
HEADER_BYTES = 30  # of the header object, before the objects that it holds
DATA_BYTES = 50  # of the data object, before its packets
HEADER = UUID("75b22630-668e-11cf-a6d9-00aa0062ce6c").bytes_le
DATA = UUID("75b22636-668e-11cf-a6d9-00aa0062ce6c").bytes_le
FILE = UUID("8cabdca1-a947-11cf-8ee4-00c00c205365").bytes_le
STREAM = UUID("b7dc0791-a9b7-11cf-8ee6-00c00c205365").bytes_le
SOUND = UUID("f8699e40-5b4d-11cf-a8fd-00805f5c442b").bytes_le
# 3 packets, 4 time (100 ns), 6 preroll (ms), 7 flags, 9 bytes of a packet
FILE_FIELDS = struct.Struct("<16sQQQQQQIIII")
BROADCAST = 1
CODECS = {0x0160: "wmav1", 0x0161: "wmav2"}
OTHER_CODECS = {0x000A: "WMA Voice", 0x0162: "WMA Professional", 0x0163: "WMA Lossless", 0x0055: "MP3 in ASF"}
MAX_OBJECTS = 4096
SLACK_FRAMES = 3 * 2048  # blocks that overlap: the first and last give less


def declared(data: Octets) -> Declared:
    """Return what the first sound stream declares. Raises Refused: truncated, damaged, codec_not_allowed, empty."""
    kind, size = _object(data, 0)
    if kind != HEADER:
        raise Refused("damaged", "does not begin with an ASF header object")
    if size > len(data):
        raise Refused("truncated", f"the header ends at byte {size:,}, the file at {len(data):,}")
    fields, codec, rate_hz = None, "", 0
    for kind, start, stop in _objects(data, HEADER_BYTES, size):
        body = data[start : min(stop, start + 128)]
        if kind == FILE and len(body) >= FILE_FIELDS.size:
            fields = FILE_FIELDS.unpack_from(body)
        elif kind == STREAM and body[:16] == SOUND and not codec:
            codec, rate_hz = _codec(body)
    if not codec:
        raise Refused("empty", "no sound stream")
    if fields is None:
        raise Refused("damaged", "no file properties")
    is_stored = not fields[7] & BROADCAST
    _refuse_missing_packets(data, size, fields[3], fields[9], is_stored)
    n_frames = round((fields[4] / 1e7 - fields[6] / 1e3) * rate_hz)
    return Declared(max(n_frames, 0) if is_stored else None, SLACK_FRAMES, codec)


def _object(data: Octets, place: int) -> tuple[bytes, int]:
    """Return kind and size of the object at `place`."""
    head = data[place : place + OBJECT.size]
    if len(head) < OBJECT.size:
        raise Refused("truncated", f"ends within the head of the object at byte {place:,}")
    kind, size = OBJECT.unpack(head)
    if size < OBJECT.size:
        raise Refused("damaged", f"the object at byte {place:,} declares {size:,} bytes")
    return kind, size


def _objects(data: Octets, place: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and stop of each object's body between two places."""
    for _ in range(MAX_OBJECTS):
        if place >= stop:
            return
        kind, size = _object(data, place)
        if place + size > stop:
            raise Refused("damaged", f"the object at byte {place:,} ends behind the header")
        yield kind, place + OBJECT.size, place + size
        place += size
    raise Refused("damaged", f"more than {MAX_OBJECTS:,} objects in the header")


def _codec(body: bytes) -> tuple[str, int]:
    if len(body) < 54 + 16:
        raise Refused("damaged", "a sound stream without a format")
    tag, _, rate_hz = struct.unpack_from("<HHI", body, 54)
    if tag not in CODECS:
        name = OTHER_CODECS.get(tag, f"format tag 0x{tag:04x}")
        raise Refused("codec_not_allowed", f"{name}, expected WMA version 1 or 2")
    return CODECS[tag], rate_hz


def _refuse_missing_packets(data: Octets, place: int, n_packets: int, packet_bytes: int, is_stored: bool) -> None:
    kind, size = _object(data, place) if is_stored else (data[place : place + 16], 0)
    if kind != DATA:
        raise Refused("damaged", f"no data object at byte {place:,}, behind the header")
    n_there = len(data) - place
    if size > n_there:
        raise Refused("truncated", f"{n_there:,} bytes of {size:,} that the data object declares")
    if is_stored and n_packets * packet_bytes > size - DATA_BYTES:
        raise Refused("damaged", f"{n_packets:,} packets of {packet_bytes:,} bytes in {size - DATA_BYTES:,}")
