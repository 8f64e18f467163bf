"""Kinds of file: samples -> bytes, the same for the same samples.

Float WAV and AIFF are left out, for libsndfile writes the clock into them. Ogg carries a random serial number, which is
replaced here; each page's CRC (RFC 3533: polynomial 0x04c11db7, nothing inverted) is computed anew.
"""

import io
import zlib
from dataclasses import dataclass

import numpy as np
import soundfile


@dataclass(frozen=True)
class Kind:
    """A kind of file; container and encoding as libsndfile calls them."""

    container: str
    encoding: str
    sample_rate_hz: int
    n_channels: int
    extension: str


KINDS = {
    "wav_16bit_16khz_mono": Kind("WAV", "PCM_16", 16000, 1, "wav"),
    "wav_16bit_44khz_mono": Kind("WAV", "PCM_16", 44100, 1, "wav"),
    "wav_16bit_32khz_mono": Kind("WAV", "PCM_16", 32000, 1, "wav"),
    "wav_16bit_11khz_stereo": Kind("WAV", "PCM_16", 11025, 2, "wav"),
    "wav_24bit_16khz_mono": Kind("WAV", "PCM_24", 16000, 1, "wav"),
    "wav_8bit_16khz_mono": Kind("WAV", "PCM_U8", 16000, 1, "wav"),
    "wav_ulaw_8khz_mono": Kind("WAV", "ULAW", 8000, 1, "wav"),
    "flac_22khz_mono": Kind("FLAC", "PCM_16", 22050, 1, "flac"),
    "flac_16khz_stereo": Kind("FLAC", "PCM_16", 16000, 2, "flac"),
    "flac_8khz_mono": Kind("FLAC", "PCM_16", 8000, 1, "flac"),
    "mp3_22khz_mono": Kind("MP3", "MPEG_LAYER_III", 22050, 1, "mp3"),
    "vorbis_48khz_mono": Kind("OGG", "VORBIS", 48000, 1, "ogg"),
    "vorbis_16khz_stereo": Kind("OGG", "VORBIS", 16000, 2, "ogg"),
    "opus_12khz_mono": Kind("OGG", "OPUS", 12000, 1, "opus"),
}

REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def encode(samples: np.ndarray, kind: Kind, serial: int) -> bytes:
    """Return samples (n, n_channels) in -1..1 at the kind's rate as a file; `serial` marks an Ogg stream."""
    file = io.BytesIO()
    soundfile.write(file, samples, kind.sample_rate_hz, format=kind.container, subtype=kind.encoding)
    written = file.getvalue()
    return with_serial(written, serial) if kind.container == "OGG" else written


def with_serial(ogg: bytes, serial: int) -> bytes:
    """Return an Ogg file of one stream under another serial number."""
    pages = bytearray(ogg)
    start = 0
    while start < len(pages):
        n_segments = pages[start + 26]
        end = start + 27 + n_segments + sum(pages[start + 27 : start + 27 + n_segments])
        pages[start + 14 : start + 18] = serial.to_bytes(4, "little")
        pages[start + 22 : start + 26] = bytes(4)
        pages[start + 22 : start + 26] = page_crc(bytes(pages[start:end])).to_bytes(4, "little")
        start = end
    return bytes(pages)


def page_crc(page: bytes) -> int:
    """Return the CRC-32 of an Ogg page whose CRC field is zero.

    zlib knows the same polynomial, but reads bits from the other end and inverts first and last: bits are turned
    around on the way in and out, and both inversions are undone.
    """
    turned = zlib.crc32(page.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2)
