"""The bytes of one recording: in memory where they are few, else read from the file as they are asked for."""

import io
import os
from typing import Protocol

from stages.files import BLOCK_BYTES

IN_MEMORY_BYTES = 8 * BLOCK_BYTES  # a recording no longer is held


class Octets(Protocol):
    """`len(data)` bytes, of which `data[a:b]` gives some, as those of `bytes` do."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: slice, /) -> bytes: ...


class ShrunkError(OSError):
    """A file ends before what was found in it."""


class Extent:
    """Part of an open file: `n_bytes` from `offset` on, none of them held in memory."""

    def __init__(self, descriptor: int, offset: int, n_bytes: int) -> None:
        self._descriptor, self._offset, self._n_bytes = descriptor, offset, n_bytes

    def __len__(self) -> int:
        return self._n_bytes

    def __getitem__(self, place: slice, /) -> bytes:
        start, stop, _ = place.indices(self._n_bytes)
        data, n_bytes = b"", max(stop - start, 0)
        while len(data) < n_bytes:  # a network's disk may give less than is asked for
            more = os.pread(self._descriptor, n_bytes - len(data), self._offset + start + len(data))
            if not more:
                raise ShrunkError("an archive became shorter while it was read; run `dvc repro` when nothing writes it")
            data += more
        return data


class Reader(io.RawIOBase):
    """A binary file that reads `data` and can be sought in."""

    def __init__(self, data: Octets) -> None:
        self._data, self._place = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: len(self._data)}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        piece = self._data[self._place : self._place + len(buffer)]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)


def octets(descriptor: int, offset: int, n_bytes: int) -> Octets:
    """Return `n_bytes` of an open file from `offset` on."""
    extent = Extent(descriptor, offset, n_bytes)
    return extent[0:n_bytes] if n_bytes <= IN_MEMORY_BYTES else extent


def opened(data: Octets) -> io.BytesIO | Reader:
    """Return a file that reads `data`."""
    return io.BytesIO(data) if isinstance(data, bytes) else Reader(data)
