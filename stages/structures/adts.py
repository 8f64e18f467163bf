"""AAC in ADTS frames (ISO 13818-7): each says its own length."""

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.files import BLOCK_BYTES
from stages.structures.declared import Declared
from stages.structures.tags import after_id3, before_tags

HEAD_BYTES = 7
BLOCK_SAMPLES = 1024
FIXED_MASK = 0xFFFEFDC0  # of the first 32 bits: sync, layer, profile, rate, channels; the same in every frame
N_RATES = 13
SLACK_FRAMES = 2 * BLOCK_SAMPLES  # what a decoder may hold back at front and end


def declared(data: Octets) -> Declared:
    """Return what an ADTS stream declares. Raises Refused: truncated, damaged."""
    start = place = after_id3(data)
    stop = before_tags(data, start)
    fixed, n_blocks = -1, 0
    while place < stop:
        piece = data[place : min(place + BLOCK_BYTES, stop)]
        at = 0
        while at + HEAD_BYTES <= len(piece):
            head = int.from_bytes(piece[at : at + HEAD_BYTES], "big")
            fixed = head >> 24 & FIXED_MASK if fixed < 0 else fixed
            n_bytes = head >> 13 & 0x1FFF
            if head >> 24 & FIXED_MASK != fixed or not is_head(piece[at : at + HEAD_BYTES]):
                raise Refused("damaged", f"{piece[at : at + 4]!r} at byte {place + at:,} where a frame should begin")
            if at + n_bytes > len(piece):
                break
            at += n_bytes
            n_blocks += (head & 3) + 1
        if at == 0:
            raise Refused("truncated", f"ends within the frame at byte {place:,}")
        place += at
    return Declared(n_blocks * BLOCK_SAMPLES, SLACK_FRAMES, "aac")


def is_head(head: bytes) -> bool:
    """Tell whether seven bytes are a frame's head: sync, layer 0, a rate that exists, a length that holds the head."""
    if len(head) < HEAD_BYTES or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return False
    return head[2] >> 2 & 15 < N_RATES and frame_bytes(head) > HEAD_BYTES


def frame_bytes(head: bytes) -> int:
    """Return how many bytes the frame has that begins with `head`."""
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
