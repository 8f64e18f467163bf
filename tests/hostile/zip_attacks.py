"""Zips that lie, lead elsewhere or break, written byte by byte as no honest program would."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from hostile.attack import Attack

SOUND = b"a sound" * 100
STORED, DEFLATED, LZMA, AES = 0, 8, 14, 99
LINK = 0o120777 << 16
FIFO = 0o010644 << 16
IN_64 = 0xFFFFFFFF
SIZES_LATER = 8  # a flag


@dataclass(frozen=True)
class Entry:
    """One member, with what its directory says otherwise than is true. None: the truth."""

    name: bytes
    data: bytes = SOUND
    method: int = DEFLATED
    flags: int = 0
    attributes: int = 0
    crc: int | None = None
    n_bytes: int | None = None
    n_packed: int | None = None
    place: int | None = None
    local_name: bytes | None = None
    extra: bytes = b""

    @property
    def packed(self) -> bytes:
        """The bytes as they lie in the archive."""
        return deflated(self.data) if self.method == DEFLATED else self.data


def deflated(data: bytes) -> bytes:
    """Return a raw deflate stream."""
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(data) + packer.flush()


def header(entry: Entry) -> bytes:
    """Return an entry's own header; sizes and checksum stand in the directory alone."""
    name = entry.name if entry.local_name is None else entry.local_name
    fields = struct.pack("<5H3L2H", 20, entry.flags | SIZES_LATER, entry.method, 0, 33, 0, 0, 0, len(name), 0)
    return b"PK\3\4" + fields + name


def local(entry: Entry) -> bytes:
    """Return an entry's own header and bytes."""
    return header(entry) + entry.packed


def in_directory(entry: Entry, place: int) -> bytes:
    """Return an entry's line in the directory."""
    numbers = (
        zlib.crc32(entry.data) if entry.crc is None else entry.crc,
        len(entry.packed) if entry.n_packed is None else entry.n_packed,
        len(entry.data) if entry.n_bytes is None else entry.n_bytes,
        len(entry.name),
        len(entry.extra),
    )
    place = place if entry.place is None else entry.place
    head = struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, 20, entry.flags, entry.method, 0, 33, *numbers, 0, 0, 0, 0, 0)
    return head[:38] + struct.pack("<2L", entry.attributes, place) + entry.name + entry.extra


def end(n_entries: int, n_bytes: int, start: int, comment: bytes = b"") -> bytes:
    """Return the end of a zip."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, n_entries, n_entries, n_bytes, start, len(comment)) + comment


def zipped(*entries: Entry) -> bytes:
    """Return a zip of all entries."""
    body, directory = b"", b""
    for entry in entries:
        directory += in_directory(entry, len(body))
        body += local(entry)
    return body + directory + end(len(entries), len(directory), len(body))


def zip_attacks() -> Iterator[Attack]:
    """Yield them; each holds `a/1.wav` first and `a/2.wav` last."""
    for name, entry, shown, reason in _members():
        rows = (("a/1.wav", ""), (entry.name.decode() if shown is None else shown, reason), ("a/2.wav", ""))
        yield Attack(f"{name}.zip", zipped(Entry(b"a/1.wav"), entry, Entry(b"a/2.wav")), rows)
    for name, data, rows in _archives():
        yield Attack(f"{name}.zip", data, rows)


def _members() -> Iterator[tuple[str, Entry, str | None, str]]:
    for name, stored in (
        ("absolute_path", b"/etc/earmark_was_here"),
        ("path_upwards", b"../../earmark_was_here"),
        ("path_upwards_backslashes", b"..\\..\\earmark_was_here"),
        ("name_with_nul", b"a/x.wav\0.txt"),
        ("name_with_a_newline", b"a/x\ny.wav"),
        ("name_of_60_kilobytes", b"n" * 60_000),
        ("name_of_nothing", b""),
        ("same_name_twice", b"a/1.wav"),
        ("folder_with_bytes", b"a/folder/"),
    ):
        yield name, Entry(stored), None, ""
    yield "name_not_utf8", Entry(b"a/\xff.wav", flags=0x800), "a/\\xff.wav", ""
    yield "symbolic_link", Entry(b"way", b"/etc/passwd", attributes=LINK), None, "not_a_file"
    yield "fifo", Entry(b"pipe", b"", attributes=FIFO), None, "not_a_file"
    yield "encrypted", Entry(b"x.wav", flags=1), None, "encrypted"
    yield "encrypted_by_aes", Entry(b"x.wav", flags=1, method=AES), None, "encrypted"
    yield "packed_by_lzma", Entry(b"x.wav", method=LZMA), None, "codec_not_allowed"
    yield "wrong_checksum", Entry(b"x.wav", crc=1), None, "damaged"
    yield "wrong_checksum_stored", Entry(b"x.wav", crc=1, method=STORED), None, "damaged"
    yield "more_bytes_than_told", Entry(b"x.wav", n_bytes=10), None, "damaged"
    yield "fewer_bytes_than_told", Entry(b"x.wav", n_bytes=800), None, "damaged"
    yield "cut_stream", Entry(b"x.wav", n_packed=9), None, "damaged"
    yield "fewer_bytes_than_packed", Entry(b"x.wav", n_bytes=0, crc=0), None, "damaged"
    yield "other_name_before_its_bytes", Entry(b"x.wav", local_name=b"y.exe"), None, "damaged"
    yield "nothing_at_its_place", Entry(b"x.wav", place=5), None, "damaged"
    yield "beyond_the_end", Entry(b"x.wav", place=2**31), None, "damaged"
    yield "too_large", Entry(b"x.wav", bytes(200_000)), None, "too_large"
    wide = struct.pack("<2H2Q", 1, 16, 2**62, 2**61)
    yield "exabytes", Entry(b"x.wav", n_bytes=IN_64, n_packed=IN_64, extra=wide), None, "too_large"
    few = struct.pack("<2H2Q", 1, 16, 700, 2**61)
    yield "exabytes_packed", Entry(b"x.wav", n_bytes=IN_64, n_packed=IN_64, extra=few), None, "damaged"
    far = struct.pack("<2HQ", 1, 8, 2**63)
    yield "exabytes_away", Entry(b"x.wav", place=IN_64, extra=far), None, "damaged"
    yield "extra_field_without_end", Entry(b"x.wav", extra=struct.pack("<2H", 1, 65_535)), None, ""


def _archives() -> Iterator[tuple[str, bytes, tuple[tuple[str, str], ...] | None]]:
    plain = zipped(Entry(b"a/1.wav"), Entry(b"a/2.wav"))
    rows = (("a/1.wav", ""), ("a/2.wav", ""))
    first = local(Entry(b"a/1.wav"))
    line = in_directory(Entry(b"a/1.wav"), 0)
    yield "program_before_it", b"#!/bin/sh\n" * 50 + plain, rows
    yield "comment", plain[:-2] + struct.pack("<H", 5) + b"PK\5\6!", rows
    yield "empty", zipped(), ()
    yield "same_bytes_twice", first + line * 2 + end(2, 2 * len(line), len(first)), (rows[0], ("a/1.wav", "damaged"))
    yield "text_behind_it", plain + b"more", None
    yield "count_too_high", plain[:-14] + struct.pack("<2H", 3, 3) + plain[-10:], None
    yield "count_too_low", plain[:-14] + struct.pack("<2H", 1, 1) + plain[-10:], None
    yield "directory_of_4_gigabytes", plain[:-10] + struct.pack("<L", IN_64 - 1) + plain[-6:], None
    yield "directory_elsewhere", plain[:-6] + struct.pack("<L", IN_64 - 1) + plain[-2:], None
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2**60, 2**60, 2**62, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(first), 1)
    yield "directory_of_exabytes", first + wide + locator + end(0xFFFF, IN_64, IN_64), None
    yield "cut_in_its_end", plain[:-1], None
    yield "cut_in_its_directory", plain[:-60], None
    yield "cut_in_a_sound", plain[:50], None
