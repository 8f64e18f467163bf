"""WAV: RIFF (Microsoft, IBM 1991) and RF64 (EBU 3306): chunks, of which `fmt ` says what `data` holds."""

import struct

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.structures.declared import Declared, Pcm
from stages.structures.spliced import spliced

CHUNK = struct.Struct("<4sI")
FORMAT = struct.Struct("<HHIIHH")  # tag, channels, rate, bytes a second, block align, bits
SIZES_64 = struct.Struct("<QQ")  # of the RIFF chunk, of the data chunk
PCM, FLOAT, ALAW, ULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of the GUIDs that stand for a format tag
CODECS = {
    (PCM, 1): "pcm_u8",
    (PCM, 2): "pcm_16",
    (PCM, 3): "pcm_24",
    (PCM, 4): "pcm_32",
    (FLOAT, 4): "float",
    (FLOAT, 8): "double",
    (ALAW, 1): "alaw",
    (ULAW, 1): "ulaw",
}
OTHER_FORMATS = {
    0x0002: "Microsoft ADPCM",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0038: "NMS ADPCM",
    0x0040: "G.721 ADPCM",
    0x0050: "MPEG layer II",
    0x0055: "MP3 in WAV",
    0x00FF: "AAC in WAV",
    0x0161: "WMA in WAV",
    0x2000: "AC-3",
    0xF1AC: "FLAC in WAV",
}
UNKNOWN_SIZE = 0xFFFFFFFF
MAX_CHUNKS = 4096


def declared(data: Octets) -> Declared:
    """Return what a WAV declares. Raises Refused: truncated, damaged, codec_not_allowed."""
    chunks, start, size = _chunks_before_data(data)
    if b"fmt " not in chunks:
        raise Refused("damaged", "no fmt chunk before the data chunk")
    codec, n_channels, rate_hz, frame_bytes = _format(chunks[b"fmt "])
    n_there = len(data) - start
    riff_size = CHUNK.unpack(data[0:8])[1]
    if data[0:4] == b"RF64":
        riff_size, size = _sizes_64(chunks.get(b"ds64", b""))
    elif size == UNKNOWN_SIZE or (size == 0 and (riff_size == UNKNOWN_SIZE or riff_size + 8 <= start)):
        return _streamed(data, chunks[b"fmt "], codec, Pcm(start, n_there, n_channels, rate_hz), frame_bytes)
    if size > n_there:
        raise Refused(
            "truncated", f"{n_there:,} bytes of {size:,} declared", size // frame_bytes, n_there // frame_bytes
        )
    _refuse_loose_bytes(data, start + size, min(riff_size + 8, len(data)))
    n_frames = size // frame_bytes
    pcm = Pcm(start, n_frames * frame_bytes, n_channels, rate_hz) if codec == "pcm_16" else None
    return Declared(n_frames, 0, codec, pcm=pcm)


def _chunks_before_data(data: Octets) -> tuple[dict[bytes, bytes], int, int]:
    """Return the head of each chunk before the samples, where the samples begin, and how many bytes are declared."""
    chunks: dict[bytes, bytes] = {}
    place = 12  # after RIFF, size, WAVE
    for _ in range(MAX_CHUNKS):
        head = data[place : place + 8]
        if len(head) < 8:
            raise Refused("truncated", f"ends at byte {len(data):,}, before the data chunk")
        name, size = CHUNK.unpack(head)
        place += 8
        if name == b"data":
            return chunks, place, size
        if name in (b"fmt ", b"ds64"):
            if name in chunks:
                raise Refused("damaged", f"a second {name.decode()} chunk")
            chunks[name] = data[place : place + min(size, 40)]
        place += size + size % 2  # chunks begin at even places
    raise Refused("damaged", f"more than {MAX_CHUNKS:,} chunks before the samples")


def _format(chunk: bytes) -> tuple[str, int, int, int]:
    """Return codec, channels, rate and bytes of a frame."""
    if len(chunk) < FORMAT.size:
        raise Refused("damaged", f"a fmt chunk of {len(chunk)} bytes, expected {FORMAT.size} or more")
    tag, n_channels, rate_hz, _, frame_bytes, n_bits = FORMAT.unpack_from(chunk)
    if tag == EXTENSIBLE:
        if len(chunk) < 40 or chunk[26:40] != SUBFORMAT_TAIL:
            raise Refused("codec_not_allowed", "WAVE_FORMAT_EXTENSIBLE with an unknown sub-format")
        tag = chunk[24] | chunk[25] << 8
    codec = CODECS.get((tag, (n_bits + 7) // 8))
    if codec is None:
        name = OTHER_FORMATS.get(tag, f"format tag 0x{tag:04x}")
        raise Refused("codec_not_allowed", f"{name} of {n_bits} bits, expected PCM, float, A-law or mu-law")
    if n_channels == 0 or frame_bytes != n_channels * ((n_bits + 7) // 8):
        raise Refused("damaged", f"{n_channels} channels of {n_bits} bits in frames of {frame_bytes} bytes")
    return codec, n_channels, rate_hz, frame_bytes


def _sizes_64(chunk: bytes) -> tuple[int, int]:
    if len(chunk) < SIZES_64.size:
        raise Refused("damaged", f"a ds64 chunk of {len(chunk)} bytes, expected {SIZES_64.size} or more")
    return SIZES_64.unpack_from(chunk)


def _streamed(data: Octets, form: bytes, codec: str, pcm: Pcm, frame_bytes: int) -> Declared:
    """Programs that write to a pipe never return to the header: the samples go on to the end of the file."""
    n_frames = pcm.n_bytes // frame_bytes
    size = n_frames * frame_bytes
    if codec == "pcm_16":
        return Declared(n_frames, 0, codec, pcm=Pcm(pcm.offset, size, pcm.n_channels, pcm.rate_hz))
    if size + len(form) + 28 > UNKNOWN_SIZE:
        raise Refused("too_large", f"{size:,} bytes of samples without a declared size, at most {UNKNOWN_SIZE:,}")
    head = CHUNK.pack(b"RIFF", size + len(form) + 20) + b"WAVE" + CHUNK.pack(b"fmt ", len(form)) + form
    return Declared(
        n_frames,
        0,
        codec,
        sound=spliced(head + CHUNK.pack(b"data", size), data, pcm.offset, pcm.offset + size),
    )


def _refuse_loose_bytes(data: Octets, place: int, stop: int) -> None:
    """Refuse bytes behind the samples that are no chunk: the data chunk then declares less sound than there is.

    `place` is where the samples end, `stop` where the RIFF chunk or the file does. Zeros fill up, and are no chunk.
    """
    n_chunks = 0
    while place + 8 <= stop:
        padded = place + place % 2
        name = data[padded : padded + 4]
        if place != padded and not _is_name(name):  # some programs leave the padding out
            padded, name = place, data[place : place + 4]
        if name == bytes(4):
            return
        n_chunks += 1
        if name == b"data" or not _is_name(name) or n_chunks > MAX_CHUNKS:
            raise Refused(
                "damaged", f"{name!r} after the samples, at byte {padded:,}, expected a chunk that is no data"
            )
        place = padded + 8 + int.from_bytes(data[padded + 4 : padded + 8], "little")


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable()
