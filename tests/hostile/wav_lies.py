"""Headers of WAV and AIFF that lie: sizes, rates, channels, encodings. None may give samples."""

import struct
from collections.abc import Iterator

from hostile.case import BROKEN, Case, lie
from hostile.makers import chunk, encoded, extensible, form, muxed, patched, pcm, riff

N, RATE = 8_000, 16_000
HOUR = 3600 * RATE


def wav_lies() -> Iterator[Case]:
    """Yield them."""
    yield from _wav_formats()
    yield from _wav_sizes()
    yield from _aiff()


def _wav_formats() -> Iterator[Case]:
    data = chunk(b"data", pcm(N))
    for rate_hz in (0, 1, 2**32 - 1):
        yield lie(f"rate_{rate_hz}.wav", riff(form(rate_hz=rate_hz), data), "rate_out_of_range", "decoder_error")
    for n_channels in (208, 4_000):
        many = riff(form(n_channels=n_channels, align=2 * n_channels), data)
        yield lie(f"{n_channels}_channels.wav", many, "too_many_channels")
    for name, wrong in (
        ("no_channels", form(n_channels=0)),
        ("65535_channels", form(n_channels=65_535)),
        ("align_0", form(align=0)),
        ("align_1", form(align=1)),
        ("align_4", form(align=4)),
        ("24_bits_in_4_bytes", form(align=4, bits=24)),
        ("align_65535", form(align=65_535)),
        ("format_of_4_bytes", chunk(b"fmt ", bytes(4))),
    ):
        yield lie(f"{name}.wav", riff(wrong, data), "damaged")
    for bits in (0, 64, 255, 65_535):
        yield lie(f"{bits}_bits.wav", riff(form(bits=bits), data), "codec_not_allowed")
    for tag in (0, 2, 0x11, 0x31, 0x38, 0x40, 0x50, 0x55, 0xFF, 0x161, 0x2000, 0xF1AC, 0x1234):
        yield lie(f"tag_{tag:04x}.wav", riff(form(tag), data), "codec_not_allowed")
    yield lie("float_of_16_bits.wav", riff(form(3), data), "codec_not_allowed")
    yield lie("extensible_adpcm.wav", riff(extensible(2, 2, 16, 16), data), "codec_not_allowed")
    unknown = extensible(1, 2, 16, 16)
    yield lie("extensible_unknown.wav", riff(patched(unknown, 40, b"\xff"), data), "codec_not_allowed")
    for encoding in ("IMA_ADPCM", "MS_ADPCM", "GSM610"):
        yield lie(f"{encoding.lower()}.wav", encoded("WAV", encoding, N), "codec_not_allowed")
    yield lie("mp3_inside.wav", muxed("libmp3lame", "wav", N, RATE), "codec_not_allowed")


def _wav_sizes() -> Iterator[Case]:
    kind, samples = form(), pcm(N)
    data = chunk(b"data", samples)
    for size in (2 * N + 1, 2 * N + 2, 4 * N, 2 * HOUR, 2**31 - 1, 2**31, 2**32 - 2):
        yield lie(f"data_of_{size}_bytes.wav", riff(kind, chunk(b"data", samples, size)), "truncated")
    yield lie("half_of_the_data.wav", riff(kind, chunk(b"data", samples, N)), "damaged")
    yield lie("data_twice.wav", riff(kind, data, data), "damaged")
    yield lie("format_twice.wav", riff(kind, kind, data), "damaged")
    yield lie("no_format.wav", riff(data), "damaged")
    yield lie("format_behind_data.wav", riff(data, kind), "damaged")
    yield lie("no_data.wav", riff(kind), "truncated")
    yield lie("empty_data.wav", riff(kind, chunk(b"data", b"")), "empty")
    yield lie("format_of_4_gigabytes.wav", riff(chunk(b"fmt ", kind[8:], 2**32 - 1), data), *BROKEN)
    yield lie("list_of_4_gigabytes.wav", riff(kind, chunk(b"LIST", b"INFO", 2**32 - 1), data), *BROKEN)
    yield lie("many_empty_chunks.wav", riff(kind, chunk(b"JUNK", b"") * 100_000, data), "damaged")
    large = encoded("RF64", "PCM_16", N)
    for n_bytes in (2**40, 2**63 - 1, 2**64 - 1):
        yield lie(f"rf64_of_{n_bytes}_bytes.wav", patched(large, 28, struct.pack("<Q", n_bytes)), "truncated")
    yield lie("rf64_without_ds64.wav", riff(kind, chunk(b"data", samples, 2**32 - 1), magic=b"RF64"), "damaged")


def _aiff() -> Iterator[Case]:
    plain = encoded("AIFF", "PCM_16", N)
    common, sound = plain.index(b"COMM"), plain.index(b"SSND")
    for n_frames in (N + 1, HOUR, 2**32 - 1):
        yield lie(f"{n_frames}_frames.aiff", patched(plain, common + 10, struct.pack(">I", n_frames)), "truncated")
    for n_frames in (0, N // 2):
        yield lie(f"{n_frames}_frames.aiff", patched(plain, common + 10, struct.pack(">I", n_frames)), "damaged")
    for name, place, new, reason in (
        ("no_channels", common + 8, b"\0\0", "damaged"),
        ("208_channels", common + 8, b"\0\xd0", "truncated"),
        ("no_bits", common + 14, b"\0\0", "codec_not_allowed"),
        ("64_bits", common + 14, b"\0\x40", "codec_not_allowed"),
        ("sound_of_4_gigabytes", sound + 4, b"\xff\xff\xff\xff", "truncated"),
        ("sound_far_away", sound + 8, b"\x7f\xff\xff\xff", "damaged"),
        ("no_common", common, b"NONE", "truncated"),
    ):
        yield lie(f"{name}.aiff", patched(plain, place, new), reason)
    yield lie("ima.aiff", encoded("AIFF", "IMA_ADPCM", N), "codec_not_allowed")
