"""Small files that would become large, and files that would keep a reader busy."""

import io
import struct
from collections.abc import Iterator

import numpy as np
import soundfile

from hostile.case import BROKEN, Case, Right
from hostile.makers import chunk, encoded, form, id3, muxed, pcm, riff

HOUR_HZ = 8_000
DEPTH = 5_000


def bombs() -> Iterator[Case]:
    """Yield all of them."""
    hour = Case("bomb", "hour_of_one_value.flac", _hour(), Right(3600 * HOUR_HZ, HOUR_HZ), frozenset({"too_long"}))
    yield hour
    terabytes = struct.pack("<QQQI", 2**42, 2**42 - 80, 2**41, 0)
    head = chunk(b"ds64", terabytes) + form() + chunk(b"data", pcm(100), 2**32 - 1)
    yield _bomb("terabytes.wav", riff(head, size=2**32 - 1, magic=b"RF64"), *BROKEN)
    yield _bomb(
        "gigabytes_in_8_channels.wav",
        riff(form(n_channels=8, rate_hz=192_000, align=16), chunk(b"data", b"", 2**31)),
        *BROKEN,
    )
    plain = muxed("aac", "mp4", 8_000, 16_000)
    for kind in (b"moov", b"trak", b"udta"):
        yield _bomb(f"nested_{kind.decode()}.m4a", plain[:28] + _nested_boxes(kind), *BROKEN)
    webm = muxed("libopus", "webm", 8_000, 48_000, kind="flt")
    segment = webm.index(b"\x18\x53\x80\x67")
    for name, kind in (
        ("segment", b"\x18\x53\x80\x67"),
        ("cluster", b"\x1f\x43\xb6\x75"),
        ("tracks", b"\x16\x54\xae\x6b"),
    ):
        yield _bomb(f"nested_{name}.webm", webm[:segment] + _nested_elements(kind), *BROKEN, "empty")
        yield _bomb(f"open_{name}.webm", webm[:segment] + (kind + b"\xff") * DEPTH, *BROKEN, "empty")
    yield _bomb("many_boxes.m4a", plain[:28] + b"\0\0\0\x08free" * 200_000, *BROKEN)
    yield _bomb("many_tags.mp3", id3() * 100_000, *BROKEN, "empty", "not_audio")
    yield _bomb("many_blocks.flac", encoded("FLAC", "PCM_16", 100)[:42] + b"\1\0\0\0" * 100_000, *BROKEN)
    yield _bomb("many_pages.ogg", encoded("OGG", "VORBIS", 100)[:58] * 10_000, *BROKEN, "codec_not_allowed")


def _hour() -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", HOUR_HZ, 1, format="FLAC", subtype="PCM_16") as target:
        for _ in range(60):
            target.write(np.full(60 * HOUR_HZ, 1000, np.int16))
    return file.getvalue()


def _nested_boxes(kind: bytes) -> bytes:
    return b"".join(struct.pack(">I", 8 * depth) + kind for depth in range(DEPTH, 0, -1))


def _nested_elements(kind: bytes) -> bytes:
    each = len(kind) + 8
    return b"".join(kind + struct.pack(">Q", 1 << 56 | each * depth) for depth in range(DEPTH - 1, -1, -1))


def _bomb(name: str, data: bytes, *reasons: str) -> Case:
    return Case("bomb", name, data, reasons=frozenset(reasons))
