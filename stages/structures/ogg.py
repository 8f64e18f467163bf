"""Ogg (RFC 3533) with Vorbis or Opus (RFC 7845): pages, each with a checksum and a number, the last one marked."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.files import BLOCK_BYTES
from stages.structures.declared import Declared

PAGE = struct.Struct("<4sBBqII4sB")  # OggS, version, flags, granule, serial, number, CRC, segments
BEGINS, ENDS = 2, 4
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
OTHER_CODECS = {
    b"Speex   ": "Speex",
    b"\x7fFLAC": "FLAC in Ogg",
    b"\x80theora": "Theora video",
    b"fishead\0": "a Skeleton",
    b"OVP80": "VP8 video",
}
OPUS_HZ = 48_000
OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000)
OPUS_MAX_PACKET = 5_760  # frames at 48 kHz, 120 ms
MAX_PAGE_BYTES = 27 + 255 + 255 * 255


@dataclass(frozen=True, slots=True)
class Timing:
    """The decoder gives (last granule - `pre_skip`) // `divisor` frames; one packet `max_packet` granules at most."""

    codec: str
    pre_skip: int
    divisor: int
    max_packet: int


def declared(data: Octets) -> Declared:
    """Return what an Ogg declares. Raises Refused: truncated, damaged, codec_not_allowed."""
    pages = _pages(data)
    timing = _timing(next(pages))
    first, n_packets, last = -1, 0, -1
    for page in pages:
        granule = int.from_bytes(page[6:14], "little", signed=True)
        if granule < -1 or -1 < granule < last:
            raise Refused("damaged", f"a page at time {granule:,} follows one at {last:,}")
        if granule > 0 and first < 0:
            first, n_packets = granule, page[26]
        last = max(last, granule)
    n_granules = last - timing.pre_skip
    if first > n_packets * timing.max_packet:  # cut out of a longer stream: time does not begin at zero
        n_granules = last - first
    return Declared(max(n_granules, 0) // timing.divisor, timing.max_packet // timing.divisor, timing.codec)


def _pages(data: Octets) -> Iterator[bytes]:
    """Yield the pages of the one stream in `data`, each with the right CRC, numbered without a gap, to the last."""
    place = block_at = flags = 0
    serial_before = number_before = -1
    block = data[0:BLOCK_BYTES]
    while not flags & ENDS:
        if place + MAX_PAGE_BYTES > block_at + len(block) and block_at + len(block) < len(data):
            block, block_at = data[place : place + BLOCK_BYTES], place
        page = _page(block, place - block_at, place)
        _, _, flags, _, serial, number, _, _ = PAGE.unpack_from(page)
        if place == 0 and not flags & BEGINS:
            raise Refused("damaged", "the first page is not marked as the first of a stream")
        if place and (serial != serial_before or flags & BEGINS):
            raise Refused("codec_not_allowed", "several streams in one Ogg, of which only the first would be decoded")
        if place and number != number_before + 1:
            raise Refused("damaged", f"page {number:,} follows page {number_before:,}")
        serial_before, number_before = serial, number
        yield page
        place += len(page)
    if place < len(data):
        _refuse_more(data, place)


def _page(block: bytes, at: int, place: int) -> bytes:
    """Return the page at `at` of `block`, which is at `place` of the file."""
    head = block[at : at + PAGE.size]
    if head[:5] != b"OggS\0"[: len(head)]:
        raise Refused("damaged", f"{head[:5]!r} at byte {place:,} where a page should begin")
    lengths = block[at + PAGE.size : at + PAGE.size + head[26]] if len(head) == PAGE.size else b""
    n_bytes = PAGE.size + len(lengths) + sum(lengths)
    page = block[at : at + n_bytes]
    if len(head) < PAGE.size or len(lengths) < head[26] or len(page) < n_bytes:
        raise Refused("truncated", f"ends at byte {place + len(page):,}, before the page that is marked as the last")
    # zlib has the polynomial of Ogg but reads each byte from its other end: bits are turned around on the way in.
    turned = page.translate(REVERSED)
    crc = zlib.crc32(turned[26:], zlib.crc32(bytes(4), zlib.crc32(turned[:22], 0xFFFFFFFF))) ^ 0xFFFFFFFF
    if crc != int.from_bytes(turned[22:26], "big"):
        raise Refused("damaged", f"the CRC of the page at byte {place:,} is not what it declares")
    return page


def _timing(page: bytes) -> Timing:
    """Return what the first packet says of a stream's time."""
    packet = page[PAGE.size + page[26] :]
    if packet[:7] == b"\x01vorbis" and len(packet) >= 30:
        longest = 1 << (packet[28] >> 4)  # two blocks of this length overlap by half
        return Timing("vorbis", 0, 1, longest // 2)
    if packet[:8] == b"OpusHead" and len(packet) >= 19:
        pre_skip, asked_hz = struct.unpack_from("<HI", packet, 10)
        rate_hz = next((rate_hz for rate_hz in OPUS_RATES_HZ if 0 < asked_hz <= rate_hz), OPUS_HZ)
        return Timing("opus", pre_skip, OPUS_HZ // rate_hz, OPUS_MAX_PACKET)
    name = next((name for magic, name in OTHER_CODECS.items() if packet.startswith(magic)), f"{packet[:8]!r}")
    raise Refused("codec_not_allowed", f"{name}, expected Vorbis or Opus")


def _refuse_more(data: Octets, place: int) -> None:
    """Refuse pages behind the last one of the stream; other bytes there are no part of it."""
    for start in range(place, len(data), BLOCK_BYTES):
        if b"OggS" in data[start : start + BLOCK_BYTES + 3]:
            raise Refused("codec_not_allowed", "several streams in one Ogg, of which only the first would be decoded")
