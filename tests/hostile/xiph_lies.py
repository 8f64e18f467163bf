"""Headers of FLAC and Ogg that lie, their checksums made right again. None may give samples."""

import struct
from collections.abc import Iterator

from hostile.case import BROKEN, Case, lie
from hostile.makers import encoded, mended, pages, patched

N, RATE = 8_000, 16_000
HOUR = 3600 * RATE


def xiph_lies() -> Iterator[Case]:
    """Yield them."""
    yield from _flac()
    yield from _ogg()


def _flac() -> Iterator[Case]:
    plain = encoded("FLAC", "PCM_16", N)
    high = bytes((plain[21] & 0xF0 | 15,))

    def total(n_frames: int) -> bytes:
        return patched(plain, 22, struct.pack(">I", n_frames))

    for n_frames in (N + 1, 10 * N, HOUR, 2**32 - 1):
        yield lie(f"{n_frames}_frames.flac", total(n_frames), *BROKEN, "decoder_error", "too_long")
    yield lie("68719476735_frames.flac", patched(plain, 21, high + b"\xff" * 4), *BROKEN, "decoder_error", "too_long")
    for n_frames in (1, N - 1):
        yield lie(f"{n_frames}_frames.flac", total(n_frames), "damaged", "decoder_error")
    packed = int.from_bytes(plain[18:26], "big")
    for name, shift, wrong in (
        ("rate_0", 44, 0),
        ("rate_655350", 44, 655_350),
        ("8_channels", 41, 7),
        ("24_bits", 36, 23),
    ):
        mask = {44: 0xFFFFF, 41: 7, 36: 31}[shift] << shift
        lying = (packed & ~mask | wrong << shift).to_bytes(8, "big")
        yield lie(f"{name}.flac", patched(plain, 18, lying), "damaged")
    yield lie("md5_of_others.flac", patched(plain, 26, b"\x01" * 16), "damaged")
    yield lie("block_of_16_megabytes.flac", patched(plain, 43, b"\xff\xff\xff"), "truncated")
    yield lie("streaminfo_of_33_bytes.flac", patched(plain, 7, b"\x21"), "damaged")
    yield lie("block_of_type_127.flac", patched(plain, 42, b"\x7f"), "damaged")
    yield lie("second_streaminfo.flac", patched(plain, 42, b"\x00"), "damaged")
    yield lie("head_of_no_frame.flac", plain[:42] + b"\x81\0\0\0" + b"\x12\x34" * 500, "damaged")
    yield lie("no_frames.flac", plain[:42] + b"\x81\0\0\0", "truncated")


def _ogg() -> Iterator[Case]:
    for encoding in ("VORBIS", "OPUS"):
        plain = encoded("OGG", encoding, 40_000)
        for name, place, new, reasons in (
            ("hour", 6, struct.pack("<q", 3 * HOUR), ("truncated", "too_long")),
            ("end_of_time", 6, struct.pack("<q", 2**63 - 1), ("truncated", "too_long")),
            ("before_time", 6, struct.pack("<q", -(2**40)), ("damaged",)),
            ("back_in_time", 6, struct.pack("<q", 5), ("damaged",)),
            ("not_marked_as_last", 5, b"\0", ("truncated",)),
            ("other_stream", 14, b"\x99\x99\x99\x99", ("codec_not_allowed",)),
            ("page_7000", 18, struct.pack("<I", 7000), ("damaged",)),
        ):
            lying = list(pages(plain))
            lying[-1][place : place + len(new)] = new
            yield lie(f"{name}_{encoding}.ogg", mended(lying), *reasons)
        listed = list(pages(plain))
        yield lie(f"page_left_out_{encoding}.ogg", b"".join(listed[:3] + listed[4:]), "damaged")
        yield lie(f"last_page_left_out_{encoding}.ogg", b"".join(listed[:-1]), "truncated")
        yield lie(f"chained_{encoding}.ogg", plain + plain, "codec_not_allowed")
        listed[0][5] = 0
        yield lie(f"not_marked_as_first_{encoding}.ogg", mended(listed), "damaged")
    for name, head in (
        ("speex", b"Speex   1.2.1"),
        ("flac", b"\x7fFLAC\x01\0\0\x01fLaC"),
        ("theora", b"\x80theora\x03\x02\x01"),
        ("short_vorbis", b"\x01vorbis\0\0"),
        ("unknown", b"unknown"),
    ):
        page = bytearray(b"OggS\0\6" + bytes(20) + bytes((1, len(head))) + head)
        yield lie(f"{name}.ogg", mended([page]), "codec_not_allowed")
    for name, encoding, place, new in (
        ("no_channels", "VORBIS", 11, b"\0"),
        ("255_channels", "VORBIS", 11, b"\xff"),
        ("rate_0", "VORBIS", 12, bytes(4)),
        ("no_channels", "OPUS", 9, b"\0"),
        ("208_channels", "OPUS", 9, b"\xd0"),
        ("version_255", "OPUS", 8, b"\xff"),
    ):
        listed = list(pages(encoded("OGG", encoding, N)))
        listed[0][28 + place : 28 + place + len(new)] = new
        reasons = "decoder_error", "damaged", "too_many_channels", "rate_out_of_range"
        yield lie(f"{name}_{encoding}.ogg", mended(listed), *reasons)
