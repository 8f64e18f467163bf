"""AIFF and AIFF-C (Apple 1989, 1991): big-endian chunks, of which COMM says what SSND holds."""

import struct

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.structures.declared import Declared

CHUNK = struct.Struct(">4sI")
COMMON = struct.Struct(">HIH10s")  # channels, frames, bits, rate as an 80-bit float
OFFSETS_BYTES = 8  # at the beginning of SSND: where the samples begin, and the size of blocks
MAX_CHUNKS = 4096
CODECS = {
    (b"NONE", 1): "pcm_s8",
    (b"NONE", 2): "pcm_16",
    (b"NONE", 3): "pcm_24",
    (b"NONE", 4): "pcm_32",
    (b"twos", 1): "pcm_s8",
    (b"twos", 2): "pcm_16",
    (b"twos", 3): "pcm_24",
    (b"twos", 4): "pcm_32",
    (b"sowt", 1): "pcm_s8",
    (b"sowt", 2): "pcm_16",
    (b"sowt", 3): "pcm_24",
    (b"sowt", 4): "pcm_32",
    (b"raw ", 1): "pcm_u8",
    (b"fl32", 4): "float",
    (b"FL32", 4): "float",
    (b"fl64", 8): "double",
    (b"FL64", 8): "double",
}
LOGARITHMIC = {b"alaw": "alaw", b"ALAW": "alaw", b"ulaw": "ulaw", b"ULAW": "ulaw"}  # a byte each, said to be of 16 bits


def declared(data: Octets) -> Declared:
    """Return what an AIFF declares. Raises Refused: truncated, damaged, codec_not_allowed."""
    common, size, n_there = _chunks(data, compressed=data[8:12] == b"AIFC")
    n_channels, n_frames, n_bits, _ = COMMON.unpack_from(common)
    kind = common[COMMON.size : COMMON.size + 4] or b"NONE"
    codec, sample_bytes = LOGARITHMIC.get(kind), 1
    if codec is None:
        sample_bytes = (n_bits + 7) // 8
        codec = CODECS.get((kind, sample_bytes))
    if codec is None:
        name = kind.decode("latin-1")
        raise Refused("codec_not_allowed", f"{name!r} of {n_bits} bits, expected PCM, float, A-law or mu-law")
    if n_channels == 0:
        raise Refused("damaged", "no channels")
    frame_bytes = n_channels * sample_bytes
    n_present = min(size, n_there) // frame_bytes
    if size > n_there or n_frames > n_present:
        raise Refused("truncated", f"{n_present:,} frames of {n_frames:,} declared", n_frames, n_present)
    if n_frames < n_present:
        raise Refused("damaged", f"COMM declares {n_frames:,} frames, SSND holds {n_present:,}", n_frames, n_present)
    return Declared(n_frames, 0, codec)


def _chunks(data: Octets, compressed: bool) -> tuple[bytes, int, int]:
    """Return the COMM chunk, the bytes of samples that SSND declares, and how many bytes follow its head."""
    n_common = COMMON.size + (4 if compressed else 0)
    common, size, n_there = b"", -1, 0
    place = 12  # after FORM, size, AIFF
    for _ in range(MAX_CHUNKS):
        head = data[place : place + 8 + OFFSETS_BYTES]
        if len(head) < 8 or (common and size >= 0):
            break
        name, n_bytes = CHUNK.unpack_from(head)
        if name == b"COMM":
            common = data[place + 8 : place + 8 + min(n_bytes, n_common)]
            if len(common) < n_common:
                raise Refused("damaged", f"a COMM chunk of {len(common)} bytes, expected {n_common} or more")
        elif name == b"SSND":
            if len(head) < 8 + OFFSETS_BYTES or n_bytes < OFFSETS_BYTES:
                raise Refused("truncated", "ends within the head of the samples")
            skipped = OFFSETS_BYTES + int.from_bytes(head[8:12], "big")
            size, n_there = n_bytes - skipped, max(len(data) - place - 8 - skipped, 0)
            if size < 0:
                raise Refused("damaged", f"samples that begin at byte {skipped:,} of {n_bytes:,}")
        place += 8 + n_bytes + n_bytes % 2  # chunks begin at even places
    if not common or size < 0:
        raise Refused("truncated", f"no {'SSND' if common else 'COMM'} chunk within {len(data):,} bytes")
    return common, size, n_there
