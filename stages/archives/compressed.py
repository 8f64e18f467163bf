"""Compressed streams, inflated a block at a time; each of the kinds checks its own sums."""

import bz2
import lzma
from collections.abc import Callable, Iterator
from typing import IO, Protocol

from isal import igzip_lib

from stages.archives.member import Broken
from stages.files import BLOCK_BYTES

READ_BYTES = 1 << 16  # what is left of them behind a stream is copied, and streams may be tiny
XZ_MEMORY_BYTES = 256 << 20  # xz -9 asks for 65 MiB; a header may ask for 4 GiB


class Inflater(Protocol):
    """What gives the bytes of one stream, as bz2.BZ2Decompressor does."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _gzip() -> Inflater:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _xz() -> Inflater:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY_BYTES)


def deflated() -> Inflater:
    """Return what inflates a member of a zip."""
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)


MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz"}  # how a file begins
KINDS: dict[str, Callable[[], Inflater]] = {"gz": _gzip, "bz2": bz2.BZ2Decompressor, "xz": _xz}
ISAL_ERROR: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # declared as an instance
DAMAGE = (OSError, EOFError, ValueError, lzma.LZMAError, ISAL_ERROR)  # bytes that are no such stream


def stream(inflater: Inflater, take: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield what one stream holds, at most BLOCK_BYTES at a time; raises Broken where it is cut or damaged."""
    while not inflater.eof:
        piece = take() if inflater.needs_input else b""
        if inflater.needs_input and not piece:
            raise Broken("its compressed stream is cut")
        try:
            block = inflater.decompress(piece, BLOCK_BYTES)
        except DAMAGE as error:
            raise Broken(f"its compressed stream is damaged ({error})") from error
        yield block


def streams(file: IO[bytes], new: Callable[[], Inflater]) -> Iterator[bytes]:
    """Yield what a file of one or several streams holds; raises Broken for anything but zeros between and behind."""
    rest = b""

    def take() -> bytes:
        nonlocal rest
        piece, rest = rest or file.read(READ_BYTES), b""
        return piece

    while True:
        inflater = new()
        yield from stream(inflater, take)
        rest = inflater.unused_data
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := file.read(READ_BYTES)):
                return
