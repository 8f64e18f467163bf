"""Headers of MP3, AAC, MP4, ASF and Matroska that lie. None may give samples."""

import struct
from collections.abc import Iterator

from hostile.case import BROKEN, Case, lie
from hostile.makers import encoded, id3, mpeg_frames, muxed, patched

N, RATE = 8_000, 16_000


def mpeg_lies() -> Iterator[Case]:
    """Yield them."""
    yield from _mp3()
    yield from _mp4()
    yield from _asf()
    yield from _matroska()
    yield from _adts()


def _mp3() -> Iterator[Case]:
    plain = encoded("MP3", "MPEG_LAYER_III", RATE)
    at, places = plain.index(b"Xing"), mpeg_frames(plain)
    n_frames = len(places) - 1
    for declared in (n_frames + 2, 10 * n_frames, 1_000_000, 2**31 - 1, 2**32 - 1):
        yield lie(f"{declared}_frames.mp3", patched(plain, at + 8, struct.pack(">I", declared)), "truncated")
    for declared in (0, 1, n_frames // 2, n_frames - 1):
        yield lie(f"{declared}_frames.mp3", patched(plain, at + 8, struct.pack(">I", declared)), "damaged")
    yield lie("frame_left_out.mp3", plain[: places[5]] + plain[places[6] :], "truncated")
    yield lie("joined.mp3", plain + plain, "damaged")
    yield lie("text_between.mp3", plain[: places[9]] + b"text between" * 20 + plain[places[9] :], *BROKEN)
    yield lie("other_rate_between.mp3", plain + encoded("MP3", "MPEG_LAYER_III", N, 24_000), *BROKEN)
    yield lie("tag_of_256_megabytes.mp3", id3(bytes(50), 2**28 - 1) + plain, "truncated")
    yield lie("tag_of_no_size.mp3", b"ID3\x04\0\0\xff\xff\xff\xff" + plain, "damaged")
    yield lie("tag_and_text.mp3", id3(bytes(50)) + b"no frame of MPEG audio at all", "damaged", "not_audio")
    for n_bytes in (0, 31, 2**32 - 1):
        tag = b"APETAGEX" + struct.pack("<4I", 2000, n_bytes, 0, 0) + bytes(8)
        yield lie(f"ape_of_{n_bytes}_bytes.mp3", plain + tag, "damaged")
    yield lie("layer_2.mp3", muxed("mp2", "mp2", N, RATE, kind="s16"), "codec_not_allowed")


def _mp4() -> Iterator[Case]:
    plain = muxed("aac", "mp4", N, RATE)
    moov, rate = plain.index(b"moov"), plain.index(b"mp4a")

    def table(kind: bytes, offset: int, new: bytes) -> bytes:
        return patched(plain, plain.index(kind, moov) + 4 + offset, new)

    for name, data, reasons in (
        ("box_of_4_bytes", patched(plain, 0, struct.pack(">I", 4)), ("damaged",)),
        ("box_of_2_gigabytes", patched(plain, moov - 4, struct.pack(">I", 2**31)), ("truncated",)),
        ("box_of_2_to_63_bytes", patched(plain, 0, struct.pack(">I4sQ", 1, b"ftyp", 2**63)), ("truncated",)),
        ("ftyp_to_the_end", patched(plain, 0, bytes(4)), ("truncated",)),
        ("inner_box_too_long", patched(plain, plain.index(b"mvhd") - 4, struct.pack(">I", 99_999)), BROKEN),
        ("no_moov", patched(plain, moov, b"free"), ("truncated",)),
        ("no_tables", table(b"stbl", -4, b"free"), ("damaged",)),
        ("many_sizes", table(b"stsz", 8, struct.pack(">I", 2**32 - 1)), ("damaged",)),
        ("a_size_too_large", table(b"stsz", 12, struct.pack(">I", 2**31)), ("truncated",)),
        ("one_size_for_all", table(b"stsz", 4, struct.pack(">II", 2**20, 2**20)), ("truncated",)),
        ("chunks_behind_the_end", table(b"stco", 8, struct.pack(">I", 2**31)), ("truncated",)),
        ("many_chunks", table(b"stco", 4, struct.pack(">I", 2**32 - 1)), ("damaged",)),
        ("chunk_0", table(b"stsc", 8, bytes(4)), ("damaged",)),
        ("samples_without_chunk", table(b"stsc", 12, struct.pack(">I", 2**31)), ("damaged",)),
        ("times_of_no_samples", table(b"stts", 8, struct.pack(">I", 2**31)), ("damaged",)),
        ("timescale_0", table(b"mdhd", 12, bytes(4)), ("damaged",)),
        ("hour", table(b"elst", 8, struct.pack(">I", 3_600_000)), ("truncated",)),
        ("no_sound_track", table(b"hdlr", 8, b"vide"), ("empty",)),
        ("ac3", patched(plain, rate, b"ac-3"), ("codec_not_allowed",)),
        ("encrypted", patched(plain, rate, b"enca"), ("codec_not_allowed",)),
        ("picture", patched(plain, 8, b"heic"), ("not_audio",)),
    ):
        yield lie(f"{name}.m4a", data, *reasons)
    yield lie("mp3_inside.m4a", muxed("libmp3lame", "mp4", N, RATE), "codec_not_allowed")


def _asf() -> Iterator[Case]:
    plain = muxed("wmav2", "asf", 44_100, 44_100, 2)
    file, data = plain.index(bytes.fromhex("a1dcab8c")), plain.index(bytes.fromhex("3626b275"))
    sound = plain.index(bytes.fromhex("409e69f8"))
    for name, place, new, reason in (
        ("header_of_4_gigabytes", 16, struct.pack("<Q", 2**32), "truncated"),
        ("object_of_0_bytes", 46, bytes(8), "damaged"),
        ("data_of_4_gigabytes", data + 16, struct.pack("<Q", 2**32), "truncated"),
        ("many_packets", file + 56, struct.pack("<Q", 2**40), "damaged"),
        ("packets_of_2_gigabytes", file + 96, struct.pack("<I", 2**31), "damaged"),
        ("hour", file + 64, struct.pack("<Q", 3600 * 10**7), "truncated"),
        ("professional", sound + 54, b"\x62\x01", "codec_not_allowed"),
        ("no_sound_stream", sound, bytes(4), "empty"),
    ):
        yield lie(f"{name}.wma", patched(plain, place, new), reason)


def _matroska() -> Iterator[Case]:
    plain = muxed("libopus", "webm", N, 48_000, kind="flt")
    duration, cluster = plain.index(b"\x44\x89\x88"), plain.index(b"\x1f\x43\xb6\x75")
    for name, data, reasons in (
        ("hour", patched(plain, duration + 3, struct.pack(">d", 3.6e6)), ("truncated",)),
        ("ac3", plain.replace(b"A_OPUS", b"A_AC3\0"), ("codec_not_allowed",)),
        ("cluster_of_petabytes", patched(plain, cluster + 4, b"\x01\x0f" + b"\xff" * 6), BROKEN),
        ("no_cluster", plain[:cluster], BROKEN),
        ("no_size_at_all", patched(plain, cluster + 4, bytes(8)), ("damaged",)),
        ("other_document", plain.replace(b"webm", b"text"), ("not_audio",)),
        ("no_sound_track", plain.replace(b"\x83\x81\x02", b"\x83\x81\x01"), ("empty",)),
    ):
        yield lie(f"{name}.webm", data, *reasons)


def _adts() -> Iterator[Case]:
    plain = muxed("aac", "adts", N, RATE)
    n_first = (plain[3] & 3) << 11 | plain[4] << 3 | plain[5] >> 5
    yield lie(
        "frame_of_0_bytes.aac", patched(plain, n_first + 3, bytes((plain[n_first + 3] & 0xFC, 0, 0x1F))), "not_audio"
    )
    yield lie("other_rate.aac", patched(plain, 2, bytes((plain[2] ^ 4,))), "damaged")
    yield lie("cut.aac", plain[:-5], "truncated")
