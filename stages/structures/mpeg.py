"""MP3: MPEG-1, 2 and 2.5 audio layer III (ISO 11172-3, 13818-3): frames one after another, maybe with a count before.

The count is a first frame that holds a Xing, Info or VBRI head. libsndfile guesses the length of a file without one
from its first frames, and gives no more than it guessed; such a file gets a count here.
"""

import struct
from dataclasses import dataclass

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.files import BLOCK_BYTES
from stages.structures.declared import Declared
from stages.structures.spliced import spliced
from stages.structures.tags import ID3V1_BYTES, after_id3, before_tags

KBPS_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # for codes 1 to 14
KBPS_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
VERSIONS = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # code -> rates
DECODER_DELAY = 529  # frames that decoders cut off the front where a count stands before the sound
MAX_FILL_BYTES = 1 << 16  # zeros before the first frame
MONO = 3


@dataclass(frozen=True, slots=True)
class Family:
    """Frames that may stand in one file: one version and rate. `sizes` gives a frame's bytes by its first three."""

    version: int
    rate_hz: int
    frame_samples: int
    sizes: dict[bytes, int]

    def side_bytes(self, head: bytes) -> int:
        """Return how many bytes of side information follow the four of the head."""
        mono = head[3] >> 6 == MONO
        return (17 if mono else 32) if self.version == 3 else (9 if mono else 17)


def _families() -> dict[bytes, Family]:
    """Return the family of each first three bytes that a frame of layer III may have."""
    families = {}
    for version, rates_hz in VERSIONS.items():
        for rate_code, rate_hz in enumerate(rates_hz):
            sizes = {}
            for kbps_code, kbps in enumerate(KBPS_1 if version == 3 else KBPS_2, 1):
                for bits in range(8):  # without a checksum, padded, private
                    second = 0xE2 | version << 3 | bits >> 2
                    n_bytes = (144 if version == 3 else 72) * kbps * 1000 // rate_hz + (bits >> 1 & 1)
                    sizes[bytes((0xFF, second, kbps_code << 4 | rate_code << 2 | bits & 3))] = n_bytes
            family = Family(version, rate_hz, 1152 if version == 3 else 576, sizes)
            families.update(dict.fromkeys(sizes, family))
    return families


FAMILIES = _families()


@dataclass(frozen=True, slots=True)
class Count:
    """What a head of Xing, Info or VBRI declares: frames after it, bytes with it, frames to cut from front and end."""

    n_frames: int
    n_bytes: int | None
    n_cut: int
    is_xing: bool


def declared(data: Octets) -> Declared:
    """Return what an MP3 declares. Raises Refused: truncated, damaged."""
    tagged = after_id3(data)
    start = _after_fill(data, tagged)
    stop = before_tags(data, start)
    head = data[start : start + 192]
    family = FAMILIES.get(head[:3])
    if family is None:
        raise Refused("damaged", f"{head[:4]!r} at byte {start:,} where the first frame should begin")
    n_frames, place = _walk(data, start, stop, family.sizes)
    count = _count(head, family)
    if count is not None:
        n_frames -= 1
        _refuse_other_count(count, n_frames, stop - start)
    if place < stop:
        _refuse_rest(data, place, stop, family, is_counted=count is not None and count.n_frames == n_frames)
    n_cut = DECODER_DELAY if count is None else count.n_cut
    n_samples = max(n_frames * family.frame_samples - n_cut, 0)
    sound = None
    if count is None or not count.is_xing:
        first = start if count is None else start + family.sizes[head[:3]]
        sound = spliced(_counting_frame(head, family, n_frames, place - first), data, first, place)
    elif start > tagged:
        sound = spliced(b"", data, start, stop)
    return Declared(n_samples, 2 * family.frame_samples, "mp3", sound=sound)


def _after_fill(data: Octets, place: int) -> int:
    """Return where the zeros end that some taggers leave behind their tag."""
    if data[place : place + 1] != b"\0":
        return place
    fill = data[place : place + MAX_FILL_BYTES]
    return place + len(fill) - len(fill.lstrip(b"\0"))


def _walk(data: Octets, start: int, stop: int, sizes: dict[bytes, int]) -> tuple[int, int]:
    """Return how many frames follow each other from `start`, all whole, and where the last one ends."""
    n_frames, place = 0, start
    while place < stop:
        block = data[place : min(place + BLOCK_BYTES, stop)]
        at, n_before = 0, n_frames
        while n_bytes := sizes.get(block[at : at + 3]):
            if at + n_bytes > len(block):
                break
            at += n_bytes
            n_frames += 1
        place += at
        if n_frames == n_before:
            break
    return n_frames, place


def _count(head: bytes, family: Family) -> Count | None:
    """Return the count in the first frame, None where it holds sound or a head without a number of frames."""
    if head[36:40] == b"VBRI" and len(head) >= 54:
        n_bytes, n_frames = struct.unpack_from(">II", head, 46)
        return Count(n_frames, n_bytes, DECODER_DELAY, is_xing=False)
    at = 4 + family.side_bytes(head) if len(head) > 4 else 0
    if head[at : at + 4] not in (b"Xing", b"Info") or len(head) < at + 16:
        return None
    flags, n_frames, n_bytes = struct.unpack_from(">III", head, at + 4)
    if not flags & 1:
        return None
    at += 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2  # its fields
    delays = int.from_bytes(head[at + 21 : at + 24], "big")  # in LAME's extension: of the encoder, and at the end
    n_cut = (delays >> 12) + (delays & 0xFFF) if delays else DECODER_DELAY
    return Count(n_frames, n_bytes if flags & 2 else None, n_cut, is_xing=True)


def _refuse_other_count(count: Count, n_frames: int, n_bytes: int) -> None:
    """Refuse a count that is not what is there. Some encoders count the frame that holds the count."""
    n_missing = count.n_frames - n_frames
    is_short = count.n_bytes is not None and count.n_bytes > n_bytes
    if n_missing > 1 or (n_missing == 1 and is_short):
        raise Refused("truncated", f"{n_frames:,} MPEG frames of {count.n_frames:,} declared")
    if n_missing < 0:
        raise Refused("damaged", f"{n_frames:,} MPEG frames, {count.n_frames:,} declared")


def _refuse_rest(data: Octets, place: int, stop: int, family: Family, is_counted: bool) -> None:
    """Refuse what lies behind the last whole frame, unless it fills up or the count says that nothing is missing."""
    rest = data[place : min(place + BLOCK_BYTES, stop)]
    if rest[:3] in family.sizes or (len(rest) < 3 and rest[:1] == b"\xff"):
        raise Refused("truncated", f"ends within the frame at byte {place:,}")
    if rest[:3] in FAMILIES:
        raise Refused("damaged", f"a frame of another rate or version at byte {place:,}")
    if is_counted or not rest.strip(b"\0") or stop - place <= ID3V1_BYTES:
        return
    raise Refused("damaged", f"{rest[:4]!r} at byte {place:,} where a frame should begin")


def _counting_frame(head: bytes, family: Family, n_frames: int, n_bytes: int) -> bytes:
    """Return a frame without sound that declares how many frames and bytes follow it."""
    side = bytes(family.side_bytes(head))
    plain = (head[1] | 1, head[2] & 0x0C)  # no checksum; the rate alone
    sized = ((bytes((0xFF, plain[0], code << 4 | plain[1])), head[3:4]) for code in range(1, 15))
    first, last = next(pair for pair in sized if family.sizes[pair[0]] >= 4 + len(side) + 16)
    size = family.sizes[first]
    frame = first + last + side + b"Info" + struct.pack(">III", 3, n_frames, n_bytes + size)
    return frame.ljust(size, b"\0")
