"""One file to try, and what may become of it."""

from dataclasses import dataclass

BROKEN = frozenset({"truncated", "damaged"})


@dataclass(frozen=True)
class Right:
    """What a decode must give: frames per channel, within `tolerance`, at a rate."""

    n_frames: int
    rate_hz: int
    tolerance: int = 0


@dataclass(frozen=True)
class Case:
    """A file that decodes to `right`, is refused for one of `reasons`, or gives the samples of `original` unchanged.

    What is None or empty may not happen. `group` is odd, lie, cut, flip, text or bomb.
    """

    group: str
    name: str
    data: bytes
    right: Right | None = None
    reasons: frozenset[str] = frozenset()
    original: bytes = b""


def odd(name: str, data: bytes, n_frames: int, rate_hz: int, tolerance: int = 0) -> Case:
    """Return a case that must decode."""
    return Case("odd", name, data, Right(n_frames, rate_hz, tolerance))


def lie(name: str, data: bytes, *reasons: str) -> Case:
    """Return a case that must be refused."""
    return Case("lie", name, data, reasons=frozenset(reasons))
