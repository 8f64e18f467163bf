"""A damaged or cut tar, packed or not, is an error in words: never a shorter list."""

import bz2
import gzip
import io
import lzma
import os
import random
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from damage import LIMITS, told

from stages.archives import ArchiveError, index, tar
from stages.archives.member import Broken, Member

BLOCK = 512
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
LONG = {"ustar": "f" * 80 + "/" + "n" * 80, "gnu": "n" * 200, "pax": "ö" * 100}
PACKED: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def a_tar(name: str) -> bytes:
    """A tar with a folder, a link, a FIFO, an empty file and a long name."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=FORMATS[name]) as made:
        for path, kind, size in (
            ("a", tarfile.DIRTYPE, 0),
            ("a/1.wav", tarfile.REGTYPE, 700),
            (LONG[name], tarfile.REGTYPE, 512),
            ("a/link", tarfile.SYMTYPE, 0),
            ("a/pipe", tarfile.FIFOTYPE, 0),
            ("a/empty", tarfile.REGTYPE, 0),
            ("a/2.wav", tarfile.REGTYPE, 100),
        ):
            info = tarfile.TarInfo(path)
            info.type, info.size = kind, size
            info.linkname = "1.wav" if kind == tarfile.SYMTYPE else ""
            made.addfile(info, io.BytesIO(random.Random(size).randbytes(size)))
    return target.getvalue()


class Held:
    """An open file whose bytes can be changed, and the index of the tar in it."""

    def __init__(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.data, self.descriptor = data, os.open(path, os.O_RDWR)

    def members(self) -> list[Member] | None:
        """The members, None for an error."""
        try:
            return tar.members(self.descriptor, LIMITS)
        except Broken:
            return None


@pytest.fixture(params=sorted(FORMATS))
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Held]:
    opened = Held(tmp_path / "archive", a_tar(request.param))
    yield opened
    os.close(opened.descriptor)


def texts(data: bytes) -> set[int]:
    """The places of long names and records: no checksum covers them."""
    places: set[int] = set()
    for start in range(0, len(data), BLOCK):
        if data[start + 257 : start + 262] == b"ustar" and data[start + 156 : start + 157] in (b"L", b"K", b"x"):
            places |= set(range(start + BLOCK, start + BLOCK + int(data[start + 124 : start + 135], 8)))
    return places


def where(members: list[Member]) -> list[tuple[int, int, str]]:
    return [(member.n_bytes, member.offset, member.reason) for member in members]


def test_one_bit_wrong_anywhere_in_a_tar_is_an_error_or_changes_nothing(held: Held) -> None:
    right = held.members()
    assert right is not None
    uncovered = texts(held.data)
    generator = random.Random(1)
    errors = 0
    for place, byte in enumerate(held.data):
        os.pwrite(held.descriptor, bytes([byte ^ 1 << generator.randrange(8)]), place)
        found = held.members()
        os.pwrite(held.descriptor, bytes([byte]), place)
        errors += found is None
        if found is not None and found != right:
            assert place in uncovered
            assert where(found) == where(right)  # a name is another, nothing is lost
    assert errors > 7 * 490  # the headers, all but the checksum's own two last bytes


def test_a_tar_cut_anywhere_before_its_end_is_an_error(held: Held) -> None:
    right = held.members()
    end = len(held.data.rstrip(b"\0"))
    end = end + -end % BLOCK + 2 * BLOCK
    for length in range(len(held.data) - 1, -1, -1):
        os.ftruncate(held.descriptor, length)
        assert held.members() == (right if length >= end else None)


def test_blocks_that_a_disk_lost_are_an_error_wherever_they_were(held: Held) -> None:
    right = held.members()
    assert right is not None
    end = len(held.data.rstrip(b"\0"))
    for place in range(0, end, BLOCK):
        for n_blocks in (1, 2, 8):
            data = held.data[:place] + bytes(n_blocks * BLOCK) + held.data[place + n_blocks * BLOCK :]
            os.pwrite(held.descriptor, data, 0)
            found = held.members()
            if place + n_blocks * BLOCK < end:  # else zeros from there to the end are a right, shorter archive
                assert found is None or where(found) == where(right)
            os.pwrite(held.descriptor, held.data, 0)


def test_a_damaged_header_is_named_by_its_place(tmp_path: Path) -> None:
    data = bytearray(a_tar("ustar"))
    data[512 + 3] ^= 1
    (tmp_path / "archive").write_bytes(data)
    with pytest.raises(ArchiveError, match="no header and no end where one must be, at byte 512; it is cut"):
        index(tmp_path / "archive", tmp_path / "scratch", LIMITS)


@pytest.mark.parametrize("kind", sorted(PACKED))
def test_a_compressed_tar_cut_or_wrong_anywhere_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "archive"
    packed = PACKED[kind](a_tar("gnu"))
    right = told(path, packed)
    assert right is not None
    for length in range(0, len(packed), 7):
        assert told(path, packed[:length]) is None
    assert told(path, packed[:-1]) is None
    generator = random.Random(2)
    errors = 0
    places = range(0, len(packed), 7)
    for place in places:
        damaged = bytearray(packed)
        damaged[place] ^= 1 << generator.randrange(8)
        found = told(path, bytes(damaged))
        errors += found is None
        assert found in (None, right)
    assert errors >= len(places) - 2  # a clock or a comment may be another


@pytest.mark.parametrize("kind", sorted(PACKED))
def test_bytes_behind_a_compressed_tar_are_an_error_and_zeros_or_a_second_stream_are_not(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "archive"
    data = a_tar("gnu")
    pack = PACKED[kind]
    right = told(path, data)
    assert right is not None
    assert told(path, pack(data) + b"more") is None
    assert told(path, pack(data) + bytes(100_000) + b"more") is None
    assert told(path, pack(data) + bytes(100_000)) == right
    assert told(path, pack(data[:1000]) + pack(b"") + pack(data[1000:])) == right


def test_an_error_leaves_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    told(path, gzip.compress(a_tar("gnu")))
    before = (tmp_path / "scratch/archive.tar").read_bytes()
    assert told(path, gzip.compress(a_tar("gnu"))[:-1]) is None
    assert [file.name for file in (tmp_path / "scratch").iterdir()] == ["archive.tar"]
    assert (tmp_path / "scratch/archive.tar").read_bytes() == before
