"""MP4 and QuickTime (ISO 14496-12) with AAC or ALAC: boxes, of which moov says where in the file each sample lies."""

import struct
from array import array
from itertools import accumulate

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.structures.boxes import TABLE_AT, Box, boxes, entries, only, refuse_many, units_hz
from stages.structures.declared import Declared

PRIMING_FRAMES = 4096  # AAC: what an encoder puts before the sound, and the rest of the last block
AAC_OBJECTS = (0x40, 0x66, 0x67, 0x68)  # MPEG-4 AAC, MPEG-2 AAC Main, LC, SSR


def declared(data: Octets) -> Declared:
    """Return what the first sound track declares. Raises Refused: truncated, damaged, codec_not_allowed, empty."""
    top = list(boxes(data, 0, len(data)))
    moov = next((box for box in top if box.kind == b"moov"), None)
    if moov is None:
        raise Refused("truncated", "no moov box: the index of the samples is not there")
    movie_hz = units_hz(data, only(data, moov, b"mvhd"))
    track = next((box for box in boxes(data, moov.start, moov.stop) if _is_sound(data, box)), None)
    if track is None:
        raise Refused("empty", "no sound track")
    media = only(data, track, b"mdia")
    table = only(data, only(data, media, b"minf"), b"stbl")
    codec, rate_hz = _codec(data, only(data, table, b"stsd"))
    media_hz = units_hz(data, only(data, media, b"mdhd"))
    slack = rate_hz // movie_hz + 1 + (PRIMING_FRAMES if codec == "aac" else 0)
    n_samples = _refuse_samples_outside(data, table)
    if n_samples == 0:  # in fragments, each with an index of its own
        return Declared(None, slack, codec)
    stored_s = _run_lengths(data, only(data, table, b"stts"), n_samples) / media_hz
    edited_s = _edited(data, track, movie_hz)
    return Declared(round((stored_s if edited_s is None else edited_s) * rate_hz), slack, codec)


def _is_sound(data: Octets, box: Box) -> bool:
    if box.kind != b"trak":
        return False
    handler = only(data, only(data, box, b"mdia"), b"hdlr")
    return data[handler.start + 8 : handler.start + 12] == b"soun"


def _codec(data: Octets, box: Box) -> tuple[str, int]:
    """Return codec and rate of the first sample description."""
    entry = next(boxes(data, box.start + TABLE_AT, box.stop), None)
    if entry is None or entry.stop - entry.start < 28:
        raise Refused("damaged", "no sample description")
    body = data[entry.start : min(entry.stop, entry.start + 4096)]
    rate_hz = int.from_bytes(body[24:26], "big")
    if entry.kind == b"mp4a":
        kind = _object_type(body)
        if kind is not None and kind not in AAC_OBJECTS:
            raise Refused("codec_not_allowed", f"MPEG-4 object type 0x{kind:02x}, expected AAC or ALAC")
        return "aac", rate_hz
    if entry.kind == b"alac":
        return "alac", _alac_rate_hz(body) or rate_hz
    raise Refused("codec_not_allowed", f"{entry.kind.decode('latin-1')}, expected AAC or ALAC")


def _object_type(body: bytes) -> int | None:
    """Return the object type in the esds box of a sample description, None where it has no such box."""
    at = body.find(b"esds")
    if at < 0:
        return None
    at += 8  # esds, version and flags
    for tag, n_fields in ((0x03, 3), (0x04, 0)):  # ES_Descriptor, then DecoderConfigDescriptor
        if body[at : at + 1] != bytes((tag,)):
            return None
        at += 1
        while body[at : at + 1] > b"\x7f":  # a length of up to four bytes
            at += 1
        at += 1 + n_fields
    return body[at] if at < len(body) else None


def _alac_rate_hz(body: bytes) -> int:
    """Return the rate in ALAC's own description, which holds rates above 65,535 Hz; 0 where it has none."""
    at = body.find(b"alac", 28)
    return int.from_bytes(body[at + 28 : at + 32], "big") if at >= 0 else 0


def _refuse_samples_outside(data: Octets, table: Box) -> int:
    """Return the number of samples; refuse an index whose chunks do not lie in the file."""
    sizes = _sizes(data, only(data, table, b"stsz"))
    wide = next((box for box in boxes(data, table.start, table.stop) if box.kind == b"co64"), None)
    offsets = entries(data, wide or only(data, table, b"stco"), "Q" if wide else "I", 1)
    runs = entries(data, only(data, table, b"stsc"), "I", 3)
    n_samples = 0
    ends = array("Q", accumulate(sizes, initial=0))
    firsts = [*runs[0::3], len(offsets) + 1]
    for first, following, n_each in zip(firsts, firsts[1:], runs[1::3], strict=False):
        if not 1 <= first <= following <= len(offsets) + 1 or n_samples + (following - first) * n_each > len(sizes):
            raise Refused("damaged", "the index (stsc) assigns chunks or samples that are not there")
        for offset in offsets[first - 1 : following - 1]:
            stop = offset + ends[n_samples + n_each] - ends[n_samples]
            if stop > len(data):
                raise Refused("truncated", f"samples end at byte {stop:,}, the file at {len(data):,}")
            n_samples += n_each
    if n_samples != len(sizes):
        raise Refused("damaged", f"{len(sizes):,} samples, of which {n_samples:,} have a place")
    return n_samples


def _sizes(data: Octets, box: Box) -> array:
    each, n_samples = struct.unpack(">II", data[box.start + 4 : box.start + 12].ljust(8, b"\0"))
    if each:
        if each * n_samples > len(data):
            raise Refused("truncated", f"{each * n_samples:,} bytes of samples declared, the file has {len(data):,}")
        refuse_many(n_samples)
        return array("I", [each]) * n_samples
    return entries(data, Box(box.kind, box.start + 4, box.stop), "I", 1)


def _edited(data: Octets, track: Box, movie_hz: int) -> float | None:
    """Return the seconds that the one edit of a track keeps; None where nothing is edited, or more is."""
    edits = next((box for box in boxes(data, track.start, track.stop) if box.kind == b"edts"), None)
    lists = [] if edits is None else [box for box in boxes(data, edits.start, edits.stop) if box.kind == b"elst"]
    if not lists or data[lists[0].start : lists[0].start + 1] != b"\0":
        return None
    fields = entries(data, lists[0], "I", 3)
    kept = [length for length, begin in zip(fields[0::3], fields[1::3], strict=True) if begin != 0xFFFFFFFF]
    return kept[0] / movie_hz if len(kept) == 1 and kept[0] else None


def _run_lengths(data: Octets, box: Box, n_samples: int) -> int:
    fields = entries(data, box, "I", 2)
    if sum(fields[0::2]) != n_samples:
        raise Refused("damaged", f"{n_samples:,} samples, of which {sum(fields[0::2]):,} have a length in time")
    return sum(count * length for count, length in zip(fields[0::2], fields[1::2], strict=True))
