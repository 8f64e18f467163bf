"""What a decoder gives, what it may refuse, and how a container is told by its first bytes."""

from dataclasses import dataclass

import numpy as np

MAGIC = (  # container, offset, bytes
    ("wav", 0, b"RIFF"),
    ("wav", 0, b"RF64"),
    ("flac", 0, b"fLaC"),
    ("ogg", 0, b"OggS"),
    ("aiff", 0, b"FORM"),
    ("mp3", 0, b"ID3"),
    ("m4a", 4, b"ftyp"),
    ("webm", 0, b"\x1a\x45\xdf\xa3"),
    ("wma", 0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
)


class Refused(ValueError):
    """A recording cannot be used: `reason` is one of stages/tables/quarantine.py, `message` says more."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Limits:
    """How much a decoder reads before it refuses."""

    max_s: float
    max_channels: int


@dataclass(frozen=True)
class Sound:
    """A decoded recording: `samples` (n_frames, n_channels) float32, full scale 1.0, at `rate_hz`."""

    samples: np.ndarray
    rate_hz: int
    container: str
    codec: str


def container_of(data: bytes) -> str:
    """Return the container of a recording by its magic bytes; raises Refused where none is known."""
    for container, offset, magic in MAGIC:
        if data[offset : offset + len(magic)] == magic:
            return container
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:  # frame sync of MPEG audio
        return "aac" if data[1] & 0x06 == 0 else "mp3"  # layer 0 is ADTS
    raise Refused("not_audio", f"begins with {data[:16]!r}, which no known kind of sound does")
