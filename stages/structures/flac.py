"""FLAC (RFC 9639): metadata blocks, then frames. Its MD5 is compared with the decoded samples by the caller."""

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.structures.declared import Declared
from stages.structures.tags import after_id3

STREAMINFO_BYTES = 34
INVALID_TYPE = 127
MAX_BLOCKS = 4096
MAX_FRAME_HEAD_BYTES = 16
RATES_HZ = (0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
RATE_UNITS_HZ = {12: (1, 1000), 13: (2, 1), 14: (2, 10)}  # code -> bytes at the end of the head, unit
BITS = (0, 8, 12, 0, 16, 20, 24, 32)
STEREO_CODES = (8, 9, 10)  # left/side, side/right, mid/side
CRC_POLYNOMIAL = 0x07


def _crc_table() -> bytes:
    table = bytearray(256)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc << 1 ^ CRC_POLYNOMIAL if crc & 0x80 else crc << 1) & 0xFF
        table[byte] = crc
    return bytes(table)


CRC_TABLE = _crc_table()


def declared(data: Octets) -> Declared:
    """Return what a FLAC declares. Raises Refused: truncated, damaged."""
    start = after_id3(data) if data[0:3] == b"ID3" else 0
    info = data[start + 4 : start + 8 + STREAMINFO_BYTES]
    if len(info) < 4 + STREAMINFO_BYTES:
        raise Refused("truncated", "ends within STREAMINFO")
    if info[0] & 0x7F or info[1:4] != b"\0\0\x22":
        raise Refused("damaged", "the first metadata block is not STREAMINFO")
    packed = int.from_bytes(info[14:22], "big")  # rate 20 bits, channels - 1 3, bits - 1 5, frames 36
    rate_hz, n_channels, n_bits = packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
    n_frames = packed & 0xFFFFFFFFF or None
    frames_at = _after_blocks(data, start + 8 + STREAMINFO_BYTES, is_last=info[0] > 0x7F)
    head = data[frames_at : frames_at + MAX_FRAME_HEAD_BYTES]
    if head:
        _refuse_other_head(head, rate_hz, n_channels, n_bits)
    elif n_frames:
        raise Refused("truncated", "no frame follows the metadata", n_frames, 0)
    md5 = info[22:38]
    return Declared(n_frames, 0, "flac", md5=md5 if any(md5) else b"", n_bits=n_bits)


def _after_blocks(data: Octets, place: int, is_last: bool) -> int:
    for _ in range(MAX_BLOCKS):
        if is_last:
            if place > len(data):
                raise Refused("truncated", f"the metadata ends at byte {place:,}, the file at {len(data):,}")
            return place
        head = data[place : place + 4]
        if len(head) < 4:
            raise Refused("truncated", "ends within the metadata")
        if head[0] & 0x7F in (0, INVALID_TYPE):
            raise Refused("damaged", f"a metadata block of type {head[0] & 0x7F} at byte {place:,}")
        is_last = head[0] > 0x7F
        place += 4 + int.from_bytes(head[1:4], "big")
    raise Refused("damaged", f"more than {MAX_BLOCKS:,} metadata blocks")


def _refuse_other_head(head: bytes, rate_hz: int, n_channels: int, n_bits: int) -> None:
    """Refuse a first frame that is broken, or that contradicts STREAMINFO, which no checksum guards."""
    if len(head) < MAX_FRAME_HEAD_BYTES and len(head) < 6:
        raise Refused("truncated", "ends within the head of the first frame")
    if head[0] != 0xFF or head[1] & 0xFE != 0xF8:
        raise Refused("damaged", f"{head[:2]!r} where the first frame should begin")
    size_code, rate_code, channel_code, bits_code = head[2] >> 4, head[2] & 15, head[3] >> 4, head[3] >> 1 & 7
    place = 4 + max(1, 8 - (head[4] ^ 0xFF).bit_length())  # the number of the frame, as long as UTF-8 has it
    place += {6: 1, 7: 2}.get(size_code, 0)
    n_rate_bytes, unit_hz = RATE_UNITS_HZ.get(rate_code, (0, 0))
    named_hz = int.from_bytes(head[place : place + n_rate_bytes], "big") * unit_hz
    place += n_rate_bytes
    crc = 0
    for byte in head[: place + 1]:  # over its own CRC-8 too, the remainder is zero
        crc = CRC_TABLE[crc ^ byte]
    if crc:
        raise Refused("damaged", "the CRC of the first frame's head is not what it declares")
    named_hz = named_hz or (RATES_HZ[rate_code] if rate_code < len(RATES_HZ) else 0)
    named_channels = 2 if channel_code in STEREO_CODES else channel_code + 1
    named_bits = BITS[bits_code]
    if named_hz not in (0, rate_hz) or named_channels != n_channels or named_bits not in (0, n_bits):
        raise Refused(
            "damaged",
            f"STREAMINFO declares {rate_hz} Hz, {n_channels} channels, {n_bits} bits; "
            f"the first frame {named_hz} Hz, {named_channels} channels, {named_bits} bits",
        )
