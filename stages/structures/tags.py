"""Tags that programs put before and after the sound of MP3, AAC and FLAC files: ID3 (id3.org), APE, Lyrics3."""

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused

ID3V2_BYTES = 10
ID3V1_BYTES = 128
MAX_TAGS = 64  # one behind the other
APE_FOOTER_BYTES = 32
LYRICS_END_BYTES = 15  # six digits and LYRICS200


def after_id3(data: Octets) -> int:
    """Return where the ID3v2 tags at the beginning of `data` end; 0 where there is none."""
    place = 0
    for _ in range(MAX_TAGS):
        if data[place : place + 3] != b"ID3":
            break
        head = data[place : place + ID3V2_BYTES]
        if len(head) < ID3V2_BYTES:
            raise Refused("truncated", "ends within the head of an ID3 tag")
        if max(head[6:10]) > 0x7F:
            raise Refused("damaged", f"the size of the ID3 tag at byte {place:,} is no size")
        place += ID3V2_BYTES + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
        place += ID3V2_BYTES if head[5] & 0x10 else 0  # the flag of a footer
    if place > len(data):
        raise Refused("truncated", f"the ID3 tag ends at byte {place:,}, the file at {len(data):,}")
    return place


def before_tags(data: Octets, start: int) -> int:
    """Return where the tags at the end of `data` begin, not before `start`; the end of `data` where there are none."""
    stop = len(data)
    while True:
        tail = data[max(stop - ID3V1_BYTES, start) : stop]
        if len(tail) == ID3V1_BYTES and tail[:3] == b"TAG":
            stop -= ID3V1_BYTES
        elif tail[-APE_FOOTER_BYTES:-24] == b"APETAGEX":
            n_bytes = int.from_bytes(tail[-20:-16], "little")
            if n_bytes < APE_FOOTER_BYTES:
                raise Refused("damaged", f"an APE tag of {n_bytes} bytes, expected {APE_FOOTER_BYTES} or more")
            stop -= n_bytes + (APE_FOOTER_BYTES if tail[-9] & 0x80 else 0)  # the flag of a head
        elif tail[-9:] == b"LYRICS200" and tail[-LYRICS_END_BYTES:-9].isdigit():
            stop -= int(tail[-LYRICS_END_BYTES:-9]) + LYRICS_END_BYTES
        else:
            return stop
        if stop < start:
            raise Refused("damaged", "a tag at the end declares more bytes than the file has")
