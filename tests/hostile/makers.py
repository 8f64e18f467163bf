"""Whole files of each kind, the same each time: a glide in noise, its random serials and clocks patched out."""

import io
import struct
from collections.abc import Iterator
from functools import cache

import numpy as np
import soundfile

from benchmarks import containers
from stages.structures.mpeg import FAMILIES
from stages.synthesis.containers import page_crc, with_serial


def glide(n_frames: int, n_channels: int = 1) -> np.ndarray:
    """Return samples (n_frames, n_channels) float64: a rising tone in noise, another in each channel."""
    generator = np.random.default_rng([n_frames, n_channels])
    time = np.arange(n_frames)[:, None] * (1.0 + np.arange(n_channels))
    return 0.3 * np.sin(0.05 * time + 1e-6 * time**2) + 0.02 * generator.standard_normal((n_frames, n_channels))


@cache
def encoded(container: str, encoding: str, n: int, rate_hz: int = 16_000, n_channels: int = 1, **options: str) -> bytes:
    """Return a file of `n` frames that libsndfile writes; `options` are those of soundfile.write."""
    file = io.BytesIO()
    soundfile.write(file, glide(n, n_channels), rate_hz, format=container, subtype=encoding, **options)
    return with_serial(file.getvalue(), 1) if container == "OGG" else file.getvalue()


@cache
def muxed(
    codec: str, container: str, n: int, rate_hz: int, n_channels: int = 1, kind: str = "fltp", **options: str
) -> bytes:
    """Return a file of `n` frames that FFmpeg writes; `options` are those of its muxer."""
    bit_rate = 64_000 if rate_hz > 16_000 else 32_000
    return containers.muxed(glide(n, n_channels), codec, container, rate_hz, kind, bit_rate, **options)


def chunk(name: bytes, body: bytes, size: int | None = None, order: str = "<") -> bytes:
    """Return a chunk, of AIFF with order ">", padded to even length; `size` is declared in place of the right one."""
    return name + struct.pack(f"{order}I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def form(
    tag: int = 1, n_channels: int = 1, rate_hz: int = 16_000, align: int = 2, bits: int = 16, more: bytes = b""
) -> bytes:
    """Return the fmt chunk of a WAV."""
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, n_channels, rate_hz, rate_hz * align % 2**32, align, bits) + more)


def extensible(tag: int, align: int, bits: int, valid_bits: int) -> bytes:
    """Return the fmt chunk of a WAVE_FORMAT_EXTENSIBLE with the sub-format of a tag."""
    tail = bytes.fromhex("000000001000800000aa00389b71")
    return form(0xFFFE, align=align, bits=bits, more=struct.pack("<HHIH", 22, valid_bits, 4, tag) + tail)


def riff(*chunks: bytes, size: int | None = None, magic: bytes = b"RIFF") -> bytes:
    """Return a WAV of chunks; `size` is declared in place of the right one."""
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body) if size is None else size) + body


def pcm(n: int, n_bytes: int = 2, n_channels: int = 1) -> bytes:
    """Return samples as they lie in a WAV: 1 to 4 bytes each, interleaved."""
    whole = np.rint(glide(n, n_channels) * (2 ** (8 * n_bytes - 1) - 1)).astype("<i8")
    if n_bytes == 1:
        whole += 128
    return np.ascontiguousarray(whole[:, :, None].view(np.uint8)[:, :, :n_bytes]).tobytes()


def patched(data: bytes, place: int, new: bytes) -> bytes:
    """Return `data` with `new` in place of as many bytes."""
    return data[:place] + new + data[place + len(new) :]


def pages(ogg: bytes) -> Iterator[bytearray]:
    """Yield the pages of an Ogg."""
    place = 0
    while place < len(ogg):
        lengths = ogg[place + 27 : place + 27 + ogg[place + 26]]
        stop = place + 27 + len(lengths) + sum(lengths)
        yield bytearray(ogg[place:stop])
        place = stop


def mended(pages_of: list[bytearray]) -> bytes:
    """Return an Ogg of pages whose checksums are made right."""
    for page in pages_of:
        page[22:26] = bytes(4)
        page[22:26] = page_crc(bytes(page)).to_bytes(4, "little")
    return b"".join(pages_of)


def mpeg_frames(data: bytes) -> list[int]:
    """Return where each frame of an MP3 without tags begins."""
    places, place = [], 0
    while place < len(data):
        places.append(place)
        place += FAMILIES[data[place : place + 3]].sizes[data[place : place + 3]]
    return places


def uncounted(mp3: bytes) -> bytes:
    """Return an MP3 without its first frame, which holds the count of the others."""
    return mp3[mpeg_frames(mp3)[1] :]


def id3(body: bytes = b"", declared: int | None = None) -> bytes:
    """Return an ID3v2 tag around frames or zeros; `declared` bytes are declared in place of the right number."""
    size = len(body) if declared is None else declared
    return b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + body
