"""A new header before part of a file, so that a decoder is told what was counted instead of guessing."""

from stages.decoders.octets import Octets


class Spliced:
    """`head`, then `data[start:stop]`, none of it copied until it is asked for."""

    def __init__(self, head: bytes, data: Octets, start: int, stop: int) -> None:
        self._head, self._data, self._start, self._stop = head, data, start, stop

    def __len__(self) -> int:
        return len(self._head) + self._stop - self._start

    def __getitem__(self, place: slice) -> bytes:
        start, stop, _ = place.indices(len(self))
        first, last = (self._start + max(place - len(self._head), 0) for place in (start, stop))
        return self._head[start:stop] + self._data[first : max(first, last)]


def spliced(head: bytes, data: Octets, start: int, stop: int) -> Octets:
    """Return `head` followed by `data[start:stop]`: bytes where `data` are bytes."""
    return head + data[start:stop] if isinstance(data, bytes) else Spliced(head, data, start, stop)
