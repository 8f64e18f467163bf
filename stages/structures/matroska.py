"""WebM and Matroska (RFC 9559): EBML elements; Segment holds Tracks, which name codecs, and Clusters of sound."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.structures.declared import Declared

EBML, SEGMENT, INFO, TRACKS, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
DURATION, TIMESTAMP_SCALE = 0x4489, 0x2AD7B1
TRACK_ENTRY, TRACK_TYPE, CODEC_ID, AUDIO, SAMPLING_HZ = 0xAE, 0x83, 0x86, 0xE1, 0xB5
TOP_LEVEL = {INFO, TRACKS, CLUSTER, 0x114D9B74, 0x1C53BB6B, 0x1043A770, 0x1941A469, 0x1254C367}  # within a Segment
SOUND = 2
OPUS_HZ = 48_000
DEFAULT_SCALE_NS, DEFAULT_HZ = 1_000_000, 8000.0
SLACK_S = 0.25  # blocks are timed, sound is not: what a codec delays and the last block's length
CODECS = {"A_OPUS": "opus", "A_VORBIS": "vorbis", "A_AAC": "aac", "A_FLAC": "flac", "A_MPEG/L3": "mp3"}
MAX_ELEMENTS = 1 << 22
MAX_VALUE_BYTES = 64


class Element(NamedTuple):
    """The body of an element, from `start` to `stop`; `is_open` where its size is unknown, as streams are written."""

    kind: int
    start: int
    stop: int
    is_open: bool


def declared(data: Octets) -> Declared:
    """Return what the first sound track declares. Raises Refused: truncated, damaged, codec_not_allowed, empty."""
    top = _elements(data, 0, len(data))
    if next(top).kind != EBML:
        raise Refused("damaged", "does not begin with an EBML head")
    segment = next((element for element in top if element.kind == SEGMENT), None)
    if segment is None:
        raise Refused("truncated", "no Segment")
    codec, rate_hz, seconds, n_clusters = "", 0.0, None, 0
    for element in _segment(data, segment):
        if element.kind == INFO:
            seconds = _seconds(data, element)
        elif element.kind == TRACKS and not codec:
            codec, rate_hz = _track(data, element)
        n_clusters += element.kind == CLUSTER
    if not codec:
        raise Refused("empty" if n_clusters else "truncated", "no sound track")
    if n_clusters == 0:
        raise Refused("truncated", "no Cluster follows the head")
    n_frames = None if seconds is None else round(seconds * rate_hz)
    return Declared(n_frames, int(SLACK_S * rate_hz), codec)


def _elements(data: Octets, place: int, stop: int) -> Iterator[Element]:
    """Yield the elements side by side between two places, all whole but open ones, which reach to `stop`."""
    for _ in range(MAX_ELEMENTS):
        if place >= stop:
            return
        head = data[place : min(place + 12, stop)]
        n_kind = 9 - head[0].bit_length()
        n_size = 9 - head[n_kind].bit_length() if n_kind < len(head) else 8
        if n_kind > 4 or (n_size > 8 and n_kind < len(head)):
            raise Refused("damaged", f"{head[:4]!r} at byte {place:,} where an element should begin")
        if n_kind + n_size > len(head):
            raise Refused("truncated", f"ends within the head of the element at byte {place:,}")
        start = place + n_kind + n_size
        size = int.from_bytes(head[n_kind : n_kind + n_size], "big") & (1 << 7 * n_size) - 1
        is_open = size == (1 << 7 * n_size) - 1
        end = stop if is_open else start + size
        if end > stop:
            reason = "truncated" if stop == len(data) else "damaged"
            raise Refused(reason, f"the element at byte {place:,} ends at {end:,}, what holds it at {stop:,}")
        yield Element(int.from_bytes(head[:n_kind], "big"), start, end, is_open)
        place = end
    raise Refused("damaged", f"more than {MAX_ELEMENTS:,} elements side by side")


def _segment(data: Octets, segment: Element) -> Iterator[Element]:
    """Yield what stands at the top of a Segment; an open Cluster ends where the next such element begins."""
    place = segment.start
    while place < segment.stop:
        for element in _elements(data, place, segment.stop):
            yield element
            if element.is_open:
                place = _end_of_open(data, element)
                break
        else:
            return


def _end_of_open(data: Octets, element: Element) -> int:
    place = element.start
    for child in _elements(data, element.start, element.stop):
        if child.kind in TOP_LEVEL:
            return place
        place = child.stop
    return place


def _seconds(data: Octets, info: Element) -> float | None:
    scale_ns, duration = DEFAULT_SCALE_NS, None
    for element in _elements(data, info.start, info.stop):
        if element.kind == TIMESTAMP_SCALE:
            scale_ns = int.from_bytes(_value(data, element), "big")
        elif element.kind == DURATION:
            duration = _float(_value(data, element))
    return None if duration is None or not 0.0 <= duration < 1e15 else duration * scale_ns / 1e9


def _track(data: Octets, tracks: Element) -> tuple[str, float]:
    """Return codec and rate of the first sound track, "" and 0 where there is none."""
    for entry in _elements(data, tracks.start, tracks.stop):
        if entry.kind != TRACK_ENTRY:
            continue
        fields = {element.kind: element for element in _elements(data, entry.start, entry.stop)}
        if TRACK_TYPE not in fields or int.from_bytes(_value(data, fields[TRACK_TYPE]), "big") != SOUND:
            continue
        name = _value(data, fields[CODEC_ID]).rstrip(b"\0").decode("latin-1") if CODEC_ID in fields else "no codec"
        codec = CODECS.get(name, "aac" if name.startswith("A_AAC/") else "")
        if not codec:
            raise Refused("codec_not_allowed", f"{name}, expected one of {', '.join(CODECS)}")
        return codec, OPUS_HZ if codec == "opus" else _rate_hz(data, fields.get(AUDIO))
    return "", 0.0


def _rate_hz(data: Octets, audio: Element | None) -> float:
    if audio is None:
        return DEFAULT_HZ
    rates = [e for e in _elements(data, audio.start, audio.stop) if e.kind == SAMPLING_HZ]
    rate_hz = _float(_value(data, rates[0])) if rates else DEFAULT_HZ
    if not 0.0 < rate_hz < 1e9:
        raise Refused("damaged", f"a rate of {rate_hz} Hz")
    return rate_hz


def _value(data: Octets, element: Element) -> bytes:
    return data[element.start : min(element.stop, element.start + MAX_VALUE_BYTES)]


def _float(value: bytes) -> float:
    kind = {4: ">f", 8: ">d"}.get(len(value))
    return 0.0 if kind is None else struct.unpack(kind, value)[0]
