"""What a container declares against what is there: decoders read a cut file to its end without a word."""

import struct

UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # written by programs that stream and never return to the header


def missing_bytes(data: bytes, container: str) -> int:
    """Return how many bytes of sound the header promises beyond the end of `data`; 0 where it promises no more.

    A wav whose sample chunk has no size, as streams are written, promises nothing. Only wav is looked at.
    """
    if container != "wav" or data[:4] != b"RIFF":
        return 0
    place = 12  # after RIFF, size, WAVE
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        if name == b"data":
            return 0 if size in UNKNOWN_SIZES else max(place + 8 + size - len(data), 0)
        place += 8 + size + size % 2  # chunks begin at even places
    return 0
