"""What a recording's container says of the sound within, before any of it is decoded."""

from typing import NamedTuple

from stages.decoders.octets import Octets


class Pcm(NamedTuple):
    """Where 16-bit little-endian samples lie, whole and interleaved, so that no decoder is needed."""

    offset: int
    n_bytes: int
    n_channels: int
    rate_hz: int


class Declared(NamedTuple):
    """What the container declares, and what its decoder must be given.

    `n_frames` per channel at the rate that the decoder gives, None where nothing is declared; an honest decode may give
    up to `slack` fewer. `codec` is a short name; `md5` that of the samples of `n_bits` as FLAC hashes them, or empty.
    `sound` is given to the decoder in place of the file where the file's own header would mislead it.
    """

    n_frames: int | None
    slack: int
    codec: str
    md5: bytes = b""
    n_bits: int = 0
    pcm: Pcm | None = None
    sound: Octets | None = None
