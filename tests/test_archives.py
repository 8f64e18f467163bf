"""An index tells where the bytes of every member lie, as other programs find them."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile.archives import MAX_BYTES, MAX_EXPANSION

from stages.archives import Limits, Member, index

LIMITS = Limits(MAX_BYTES, MAX_EXPANSION)
KINDS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}
NAMES = ("1.wav", "ä ö.wav", "x\ny", "\udcff.wav", "n" * 95, "f" * 90 + "/" + "n" * 90, "n" * 101, "m" * 255, "ß" * 60)
LONGEST_IN_USTAR = 6
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def bytes_of(file: Path, members: list[Member]) -> list[tuple[str, bytes]]:
    content = file.read_bytes()
    return [(member.path, content[member.offset : member.offset + member.n_bytes]) for member in members]


def a_tar(name: str) -> tuple[bytes, list[tuple[str, bytes]]]:
    """A tar that tarfile writes in one of FORMATS, with folders between, and the files in it."""
    target, files, generator = io.BytesIO(), [], random.Random(name)
    facts = {"comment": "made by a test"} if name == "pax" else {}
    with tarfile.open(
        fileobj=target, mode="w", format=FORMATS[name], pax_headers=facts, encoding="utf-8", errors="surrogateescape"
    ) as tar:
        for number, path in enumerate(NAMES[: LONGEST_IN_USTAR if name == "ustar" else None]):
            folder = tarfile.TarInfo(f"./{number}")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
            info = tarfile.TarInfo(f"./{number}/{path}")
            info.size = generator.choice([0, 1, 511, 512, 513, 5000])
            info.mtime = number + (0.5 if name == "pax" else 0)  # in a header of its own
            content = generator.randbytes(info.size)
            tar.addfile(info, io.BytesIO(content))
            files.append((f"{number}/{path}".replace("\udcff", "\\xff"), content))
    return target.getvalue(), files


@pytest.mark.parametrize("packing", sorted(KINDS))
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_tar_is_indexed_as_tarfile_reads_it(tmp_path: Path, name: str, packing: str) -> None:
    data, files = a_tar(name)
    (tmp_path / "archive").write_bytes(KINDS[packing](data))
    file, members = index(tmp_path / "archive", tmp_path / "scratch", LIMITS)
    assert bytes_of(file, members) == files
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as tar:
        theirs = [(info.offset_data, info.size) for info in tar if info.isreg()]
    assert [(member.offset, member.n_bytes) for member in members] == theirs
    assert file == (tmp_path / "archive" if packing == "tar" else tmp_path / "scratch/archive.tar")


@pytest.mark.parametrize("name", ["gnu", "pax"])
def test_a_size_that_no_octal_digits_can_hold_is_read(tmp_path: Path, name: str) -> None:
    info = tarfile.TarInfo("a/huge.wav")
    info.size = 1 << 33
    head = info.tobuf(FORMATS[name])
    path = tmp_path / "archive"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + info.size + 1024)  # a hole
    huge = Member("a/huge.wav", info.size, len(head), "", "")
    assert index(path, tmp_path, Limits(info.size, 1.0)) == (path, [huge])


def a_zip(**options: object) -> tuple[bytes, list[tuple[str, bytes]]]:
    target, files = io.BytesIO(), []
    with zipfile.ZipFile(target, "w", **options) as zipped:  # type: ignore[arg-type]
        zipped.comment = b"of a test"
        zipped.mkdir("a")
        for number, name in enumerate(["1.wav", "ä/ö.wav", "n" * 300]):
            content = random.Random(number).randbytes(5000) + bytes(5000 * number)
            with zipped.open(f"a/{name}", "w", force_zip64=bool(number)) as file:
                file.write(content)
            files.append((f"a/{name}", content))
    return target.getvalue(), files


class OneWay(io.RawIOBase):
    """A file that cannot be sought in: the sizes of a member come behind its bytes."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self.data += bytes(data)
        return len(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_is_indexed_as_zipfile_reads_it(tmp_path: Path, method: int) -> None:
    data, files = a_zip(compression=method)
    (tmp_path / "archive").write_bytes(data)
    file, members = index(tmp_path / "archive", tmp_path / "scratch", LIMITS)
    assert bytes_of(file, members) == files
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        assert [(info.filename, zipped.read(info)) for info in zipped.infolist() if not info.is_dir()] == files


def test_a_zip_written_in_one_go_is_read(tmp_path: Path) -> None:
    target = OneWay()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a/1.wav", b"a sound" * 100)
        zipped.writestr("a/2.wav", b"another")
    (tmp_path / "archive").write_bytes(target.data)
    file, members = index(tmp_path / "archive", tmp_path / "scratch", LIMITS)
    assert bytes_of(file, members) == [("a/1.wav", b"a sound" * 100), ("a/2.wav", b"another")]


def test_a_zip_of_more_members_than_16_bits_count_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w") as zipped:
        for number in range(66_000):
            zipped.writestr(zipfile.ZipInfo(f"{number}.wav"), b"x")
    _, members = index(tmp_path / "archive", tmp_path / "scratch", LIMITS)
    assert [member.path for member in members] == [f"{number}.wav" for number in range(66_000)]


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path: Path) -> None:
    data, _ = a_zip()
    with tarfile.open(tmp_path / "archive", "w") as tar:
        info = tarfile.TarInfo("a.zip")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    file, members = index(tmp_path / "archive", tmp_path / "scratch", LIMITS)
    assert bytes_of(file, members) == [("a.zip", data)]


def headers_of(n_members: int) -> bytes:
    return b"".join(tarfile.TarInfo(f"word/{number:08x}_nohash_0.wav").tobuf() for number in range(n_members))


def test_a_member_takes_no_more_than_250_bytes(tmp_path: Path) -> None:
    n_members = 10_000
    path = tmp_path / "archive"
    path.write_bytes(headers_of(n_members) + bytes(1024))
    tracemalloc.start()
    try:
        _, members = index(path, tmp_path, LIMITS)
        assert len(members) == n_members
        assert tracemalloc.get_traced_memory()[0] < 250 * n_members
    finally:
        tracemalloc.stop()
