"""Archives of a few kilobytes that would fill a disk or never come to an end."""

import bz2
import gzip
import io
import lzma
import struct
import zlib
from collections.abc import Iterator

from hostile.attack import Attack
from hostile.tar_attacks import END, block, file
from hostile.zip_attacks import Entry, deflated, end, header, in_directory, zipped

PIECE = bytes(1 << 20)
N_PIECES = 80
KERNEL_BYTES = 90_000


def archive_bombs() -> Iterator[Attack]:
    """Yield them. Those that are one stream inflate to 80 MiB, more than a limit of 100 times allows."""
    head = block(b"a/1.wav", N_PIECES * len(PIECE))
    gzipped = _packed(zlib.compressobj(9, wbits=31), head)
    yield Attack("zeros.tar.gz", gzipped, None)
    yield Attack("zeros.tar.bz2", _packed(bz2.BZ2Compressor(9), head), None)
    yield Attack("zeros.tar.xz", _packed(lzma.LZMACompressor(preset=0), head), None)
    yield Attack("gz_in_gz.tar.gz", gzip.compress(gzipped, mtime=0), None)
    yield Attack("xz_in_bz2.tar.bz2", bz2.compress(lzma.compress(file(b"a/1.wav") + END)), None)
    yield Attack("bz2_in_a_tar.tar.xz", lzma.compress(file(b"a/1.wav", _zeros_bz2()) + END), (("a/1.wav", ""),))
    yield Attack("streams_of_nothing.tar.gz", gzip.compress(b"", mtime=0) * 20_000 + gzip.compress(b"x", mtime=0), None)
    yield Attack("dictionary_of_gigabytes.tar.xz", _wide_xz(), None)
    bomb = Entry(b"bomb.wav", bytes(99_999))
    yield Attack("deflate.zip", zipped(bomb, Entry(b"a/2.wav")), (("bomb.wav", "expands_too_far"), ("a/2.wav", "")))
    yield Attack("told_smaller.zip", zipped(Entry(b"bomb.wav", PIECE * 50, n_bytes=900)), (("bomb.wav", "damaged"),))
    zips = zipped(*(Entry(b"%d.zip" % number, zipped(bomb)) for number in range(10)))
    yield Attack("zips_in_a_zip.zip", zips, tuple((f"{number}.zip", "") for number in range(10)))
    yield _overlapping(200)


def _packed(packer: object, head: bytes) -> bytes:
    target = io.BytesIO()
    for piece in (head, *[PIECE] * N_PIECES, END):
        target.write(packer.compress(piece))  # type: ignore[attr-defined]
    return target.getvalue() + packer.flush()  # type: ignore[attr-defined]


def _zeros_bz2() -> bytes:
    return bz2.compress(PIECE * 8)


def _wide_xz() -> bytes:
    """Return a stream whose header asks for a dictionary of 4 GiB; its own checksum is right."""
    whole = bytearray(lzma.compress(file(b"a/1.wav") + END, check=lzma.CHECK_CRC32))
    size = 4 * (whole[12] + 1)
    place = whole.index(b"\x21\x01", 12) + 2
    whole[place] = 40
    whole[12 + size - 4 : 12 + size] = struct.pack("<L", zlib.crc32(whole[12 : 12 + size - 4]))
    return bytes(whole)


def _overlapping(n_entries: int) -> Attack:
    """Return a zip whose members all end in one kernel, each quoting the headers of those behind it.

    D. Fifield, "A better zip bomb", WOOT 2019.
    """
    data = bytes(KERNEL_BYTES)
    stream = deflated(data)
    entries: list[Entry] = []
    for number in reversed(range(n_entries)):
        entries.append(Entry(b"%04d" % number, data, n_packed=len(stream)))
        head = header(entries[-1])
        data = head + data
        body = head + stream
        stream = b"\0" + struct.pack("<2H", len(head), len(head) ^ 0xFFFF) + body  # a stored block, not the last
    entries.reverse()
    places = [len(body) - entry.n_packed - len(header(entry)) for entry in entries if entry.n_packed is not None]
    lines = b"".join(in_directory(entry, place) for entry, place in zip(entries, places, strict=True))
    rows = [("0000", "")] + [(entry.name.decode(), "damaged") for entry in entries[1:]]
    return Attack("overlapping.zip", body + lines + end(n_entries, len(lines), len(body)), tuple(rows))
