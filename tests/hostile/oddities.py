"""Valid files that programs really write and that careless readers get wrong: all must decode to the right length."""

import struct
from collections.abc import Iterator

from hostile.case import Case, odd
from hostile.makers import (
    chunk,
    encoded,
    extensible,
    form,
    glide,
    id3,
    mended,
    mpeg_frames,
    muxed,
    pages,
    patched,
    pcm,
    riff,
    uncounted,
)

N, RATE = 1_601, 16_000
DELAY = 529  # frames that an MP3 decoder cuts off the front
INFO = b"INFOISFT\x05\0\0\0abcde"  # a LIST body of odd length
EMPTY_ID3V1 = b"TAG" + bytes(125)


def oddities() -> Iterator[Case]:
    """Yield all valid oddities."""
    yield from _wav_encodings()
    yield from _wav_chunks()
    yield from _wav_sizes()
    yield from _flac()
    yield from _ogg()
    yield from _mp3()
    yield from _aiff()
    yield from _ffmpeg()


def _wav_encodings() -> Iterator[Case]:
    for n_bytes in (1, 2, 3, 4):
        kind = form(align=n_bytes, bits=8 * n_bytes)
        yield odd(f"pcm_{8 * n_bytes}.wav", riff(kind, chunk(b"data", pcm(N, n_bytes))), N, RATE)
    for tag, kind, align in ((3, "<f4", 4), (3, "<f8", 8)):
        samples = (0.5 * glide(N)).astype(kind).tobytes()
        yield odd(
            f"float_{8 * align}.wav", riff(form(tag, align=align, bits=8 * align), chunk(b"data", samples)), N, RATE
        )
    for name, tag in (("alaw", 6), ("ulaw", 7)):
        samples = bytes(place * 37 % 256 for place in range(N))
        kind = form(tag, align=1, bits=8, more=bytes(2))
        fact = chunk(b"fact", struct.pack("<I", N))
        yield odd(f"{name}.wav", riff(kind, fact, chunk(b"data", samples)), N, RATE)
        yield odd(f"extensible_{name}.wav", riff(extensible(tag, 1, 8, 8), chunk(b"data", samples)), N, RATE)
    yield odd("extensible.wav", riff(extensible(1, 2, 16, 16), chunk(b"data", pcm(N))), N, RATE)
    yield odd("extensible_20_in_24.wav", riff(extensible(1, 3, 24, 20), chunk(b"data", pcm(N, 3))), N, RATE)
    yield odd("12_bits.wav", riff(form(bits=12), chunk(b"data", pcm(N))), N, RATE)
    yield odd("8_channels.wav", riff(form(n_channels=8, align=16), chunk(b"data", pcm(N, 2, 8))), N, RATE)
    yield odd("one_sample.wav", riff(form(), chunk(b"data", pcm(1))), 1, RATE)
    for rate_hz in (8_000, 11_025, 44_100, 96_000, 192_000):
        yield odd(f"{rate_hz}_hz.wav", riff(form(rate_hz=rate_hz), chunk(b"data", pcm(N))), N, rate_hz)


def _wav_chunks() -> Iterator[Case]:
    kind, data, info = form(), chunk(b"data", pcm(N)), chunk(b"LIST", INFO)
    yield odd("odd_list_before.wav", riff(kind, info, data), N, RATE)
    yield odd("odd_list_after.wav", riff(kind, data, info), N, RATE)
    broadcast = [chunk(b"JUNK", bytes(27)), chunk(b"bext", bytes(602)), kind, chunk(b"PAD ", bytes(4000)), data]
    yield odd("broadcast.wav", riff(*broadcast), N, RATE)
    odd_data = riff(form(align=1, bits=8), chunk(b"data", pcm(N, 1)), info)
    yield odd("odd_data.wav", odd_data, N, RATE)
    place = odd_data.index(b"LIST") - 1
    yield odd("odd_data_unpadded.wav", odd_data[:place] + odd_data[place + 1 :], N, RATE)
    yield odd("format_of_18_bytes.wav", riff(form(more=bytes(2)), data), N, RATE)
    yield odd("zero_chunks_after.wav", riff(kind, data, bytes(512)), N, RATE)
    yield odd("id3_chunk_after.wav", riff(kind, data, chunk(b"id3 ", id3(bytes(40)))), N, RATE)
    yield odd("id3v1_after.wav", riff(kind, data) + EMPTY_ID3V1, N, RATE)
    yield odd("half_a_frame_more.wav", riff(kind, chunk(b"data", pcm(N) + b"\1")), N, RATE)
    yield odd("byte_rate_zero.wav", patched(riff(kind, data), 28, bytes(4)), N, RATE)


def _wav_sizes() -> Iterator[Case]:
    unknown = 0xFFFFFFFF
    for name, size, riff_size in (
        ("zero", 0, 0),
        ("zero_header_written_first", 0, 36),
        ("unknown", unknown, unknown),
        ("unknown_in_zero", unknown, 0),
    ):
        for n_bytes in (2, 3):
            data = chunk(b"data", pcm(N - 1, n_bytes), size)
            whole = riff(form(align=n_bytes, bits=8 * n_bytes), data, size=riff_size)
            yield odd(f"streamed_{name}_{8 * n_bytes}.wav", whole, N - 1, RATE)
    plain = riff(form(), chunk(b"data", pcm(N)))
    for name, size in (("small", 36), ("of_the_file", len(plain)), ("large", 10 * len(plain))):
        yield odd(f"riff_size_{name}.wav", patched(plain, 4, struct.pack("<I", size)), N, RATE)
    large = encoded("RF64", "PCM_16", N)
    yield odd("rf64.wav", large, N, RATE)
    yield odd("rf64_24.wav", encoded("RF64", "PCM_24", N), N, RATE)


def _flac() -> Iterator[Case]:
    plain = encoded("FLAC", "PCM_16", 8_000)
    for encoding in ("PCM_S8", "PCM_16", "PCM_24"):
        yield odd(f"{encoding.lower()}.flac", encoded("FLAC", encoding, 8_000), 8_000, RATE)
    streamed = patched(plain, 21, bytes((plain[21] & 0xF0,)) + bytes(4 + 16))
    yield odd("streamed.flac", streamed, 8_000, RATE)
    yield odd("no_md5.flac", patched(plain, 26, bytes(16)), 8_000, RATE)
    yield odd("no_total.flac", patched(plain, 21, bytes((plain[21] & 0xF0,)) + bytes(4)), 8_000, RATE)
    yield odd("id3_before.flac", id3(bytes(300)) + plain, 8_000, RATE)
    more = b"\x01" + (8_192).to_bytes(3, "big") + bytes(8_192) + b"\x02\0\0\x04test"
    yield odd("padding_and_application.flac", plain[:42] + more + plain[42:], 8_000, RATE)
    yield odd("one_sample.flac", encoded("FLAC", "PCM_16", 1), 1, RATE)
    yield odd("8_channels.flac", encoded("FLAC", "PCM_16", N, RATE, 8), N, RATE)
    yield odd("192_khz.flac", encoded("FLAC", "PCM_24", N, 192_000), N, 192_000)
    yield odd("11025_hz.flac", encoded("FLAC", "PCM_16", N, 11_025), N, 11_025)


def _ogg() -> Iterator[Case]:
    for rate_hz in (8_000, 44_100, 96_000):
        yield odd(f"{rate_hz}_hz.ogg", encoded("OGG", "VORBIS", N, rate_hz), N, rate_hz)
    for rate_hz in (8_000, 12_000, 24_000, 48_000):
        yield odd(f"{rate_hz}_hz.opus", encoded("OGG", "OPUS", N, rate_hz), N, rate_hz)
    for encoding in ("VORBIS", "OPUS"):
        plain = encoded("OGG", encoding, 40_000)
        yield odd(f"one_sample_{encoding}.ogg", encoded("OGG", encoding, 1), 1, RATE)
        yield odd(f"stereo_{encoding}.ogg", encoded("OGG", encoding, N, RATE, 2), N, RATE)
        yield odd(f"bytes_behind_{encoding}.ogg", plain + EMPTY_ID3V1, 40_000, RATE)
        late = list(pages(plain))
        for page in late[2:]:
            page[6:14] = (int.from_bytes(page[6:14], "little") + 10_000_000).to_bytes(8, "little")
        yield odd(f"cut_out_of_a_longer_{encoding}.ogg", mended(late), 40_000, RATE)


def _mp3() -> Iterator[Case]:
    for rate_hz in (8_000, 11_025, 16_000, 48_000):
        yield odd(f"{rate_hz}_hz.mp3", encoded("MP3", "MPEG_LAYER_III", N, rate_hz), N, rate_hz)
    yield odd("one_sample.mp3", encoded("MP3", "MPEG_LAYER_III", 1), 1, RATE)
    yield odd("stereo.mp3", encoded("MP3", "MPEG_LAYER_III", N, 44_100, 2), N, 44_100)
    for mode in ("CONSTANT", "AVERAGE", "VARIABLE"):
        counted = encoded("MP3", "MPEG_LAYER_III", RATE, RATE, bitrate_mode=mode)
        n_sound = 576 * (len(mpeg_frames(counted)) - 1) - DELAY
        yield odd(f"{mode.lower()}.mp3", counted, RATE, RATE)
        yield odd(f"{mode.lower()}_uncounted.mp3", uncounted(counted), n_sound, RATE)
    bare = uncounted(counted)
    yield odd("one_frame.mp3", bare[: mpeg_frames(bare)[1]], 576 - DELAY, RATE)
    picture = b"APIC" + bytes((0, 12, 0, 0)) + bytes(2) + b"\0image/jpeg\0\3\0" + b"\xff\xd8\xff\xfb" * 49_000
    for name, before, after in (
        ("id3v2", id3(bytes(100)), b""),
        ("picture", id3(picture), b""),
        ("two_id3v2", id3(bytes(100)) * 2, b""),
        ("id3v2_and_zeros", id3(bytes(100)) + bytes(300), b""),
        ("id3v1", b"", EMPTY_ID3V1),
        ("ape", b"", b"APETAGEX" + struct.pack("<4I", 2000, 32, 0, 0) + bytes(8)),
        ("lyrics_and_id3v1", b"", b"LYRICSBEGIN000011LYRICS200" + EMPTY_ID3V1),
        ("zeros_behind", b"", bytes(1000)),
    ):
        yield odd(f"{name}.mp3", before + counted + after, RATE, RATE)
        yield odd(f"{name}_uncounted.mp3", before + bare + after, n_sound, RATE)
    place = counted.index(b"Xing")
    yield odd("xing_without_frames.mp3", patched(counted, place + 7, b"\x0e"), n_sound + 576, RATE, tolerance=1152)


def _aiff() -> Iterator[Case]:
    for encoding in ("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW"):
        yield odd(f"{encoding.lower()}.aiff", encoded("AIFF", encoding, N - 1), N - 1, RATE)
    yield odd("sowt.aiff", encoded("AIFF", "PCM_16", N, endian="LITTLE"), N, RATE)
    yield odd("one_sample.aiff", encoded("AIFF", "PCM_16", 1), 1, RATE)
    plain = encoded("AIFF", "PCM_16", N)
    yield odd("odd_chunk.aiff", plain[:12] + chunk(b"NAME", b"bells", order=">") + plain[12:], N, RATE)


def _ffmpeg() -> Iterator[Case]:
    n = 8_000
    yield odd("aac.m4a", muxed("aac", "mp4", n, RATE), n, RATE, tolerance=1024)
    yield odd("itunes.m4a", muxed("aac", "ipod", n, RATE), n, RATE, tolerance=1024)
    yield odd("stereo.m4a", muxed("aac", "mp4", n, 44_100, 2), n, 44_100, tolerance=1024)
    yield odd("no_edit_list.m4a", muxed("aac", "mp4", n, RATE, use_editlist="0"), n, RATE, tolerance=2048)
    fragments = muxed("aac", "mp4", n, RATE, movflags="+frag_keyframe+empty_moov")
    yield odd("fragments.m4a", fragments, n, RATE, tolerance=2048)
    yield odd("alac.m4a", muxed("alac", "mp4", n, RATE, kind="s16p"), n, RATE)
    yield odd("quicktime.mov", muxed("aac", "mov", n, RATE), n, RATE, tolerance=1024)
    yield odd("adts.aac", muxed("aac", "adts", n, RATE), n, RATE, tolerance=2048)
    yield odd("id3_before.aac", id3(bytes(60)) + muxed("aac", "adts", n, RATE), n, RATE, tolerance=2048)
    for codec in ("wmav1", "wmav2"):
        yield odd(f"{codec}.wma", muxed(codec, "asf", 44_100, 44_100, 2), 44_100, 44_100, tolerance=6144)
    yield odd("opus.webm", muxed("libopus", "webm", n, 48_000, kind="flt"), n, 48_000, tolerance=960)
    yield odd("opus_live.webm", muxed("libopus", "webm", n, 48_000, kind="flt", live="1"), n, 48_000, tolerance=960)
    yield odd("aac.mka", muxed("aac", "matroska", n, RATE), n, RATE, tolerance=2048)
