"""Which container a recording is, told by its content alone; names and extensions are never asked."""

import re

from stages.decoders.octets import Octets
from stages.decoders.sound import Refused
from stages.structures import adts, asf, mpeg, tags

HEAD_BYTES = 512
MAX_COMMENTS = 8  # before the first element of a document
MAGIC = ((b"fLaC", "flac"), (b"OggS", "ogg"), (asf.HEADER, "wma"))
EBML = b"\x1a\x45\xdf\xa3"
DOCUMENT_TYPE = re.compile(rb"\x42\x82[\x80-\xff](webm|matroska)")
FORMS = {b"WAVE": "wav", b"AIFF": "aiff", b"AIFC": "aiff"}  # within RIFF, RF64 and FORM
PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"avif", b"avis")
UTF_16_MARK = b"\xff\xfe"  # which a frame of MPEG layer I might begin with too
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8", UTF_16_MARK: "utf-16-le", b"\xfe\xff": "utf-16-be"}
BEGINNINGS = (  # of a text, in lower case, without byte-order mark and spaces before it
    ("version https://git-lfs.github.com/spec/", "lfs_pointer", "a git-lfs pointer"),
    ("#extm3u", "playlist", "an M3U or HLS playlist"),
    ("#extinf", "playlist", "an M3U playlist"),
    ("ffconcat version", "playlist", "an ffconcat playlist"),
    ("[playlist]", "playlist", "a PLS playlist"),
    ("[reference]", "playlist", "an ASX playlist"),
)
ELEMENTS = (  # of a document, once declarations and comments before the first of them are off
    ("<asx", "playlist", "an ASX playlist"),
    ("<playlist", "playlist", "an XSPF playlist"),
    ("<smil", "playlist", "a SMIL playlist"),
    ("<mpd", "playlist", "a DASH playlist"),
    ("<!doctype", "web_page", "a web page"),
    ("<html", "web_page", "a web page"),
    ("<head", "web_page", "a web page"),
    ("<body", "web_page", "a web page"),
    ("<script", "web_page", "a web page"),
)
FILE_LINE = re.compile(r"file\s+(['\"]|\S+\.\w)")  # of ffconcat
ADDRESS = re.compile(r"(https?|rtsp|rtmp|mms|ftp|file)://\S")
PATH = re.compile(r"[^<>{}\"]*\.(wav|mp3|flac|ogg|opus|m4a|aac|aiff?|ts|m3u8?)")
OTHERS = (  # what else the first bytes may say
    (b"PK\x03\x04", "a zip"),
    (b"PK\x05\x06", "an empty zip"),
    (b"\x1f\x8b", "a gzip"),
    (b"BZh", "a bzip2"),
    (b"\xfd7zXZ\0", "an xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z"),
    (b"Rar!", "a rar"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"PAR1", "a Parquet table"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"caff", "a CAF sound, which is not decoded"),
    (b".snd", "an AU sound, which is not decoded"),
    (b"RIFX", "a big-endian WAV, which is not decoded"),
    (b"riff", "a Wave64 sound, which is not decoded"),
    (b"BW64", "a BW64 sound, which is not decoded"),
    (b"wvpk", "a WavPack sound, which is not decoded"),
    (b"MThd", "a MIDI score"),
)


def container_of(data: Octets) -> str:
    """Return the container of a recording: a key of DECODERS and of STRUCTURES.

    Raises Refused: empty, web_page, lfs_pointer, playlist, not_audio, codec_not_allowed (MPEG layers I and II), and
    truncated or damaged where an ID3 tag leaves nothing behind it.
    """
    head = data[0:HEAD_BYTES]
    kind = head[:4]
    if kind in (b"RIFF", b"RF64", b"FORM"):
        container = FORMS.get(head[8:12])
        if container is None or (container == "aiff") != (kind == b"FORM"):
            raise Refused("not_audio", f"a {kind.decode()} of {head[8:12]!r}, expected WAVE in RIFF or AIFF in FORM")
        return container
    for magic, container in MAGIC:
        if head.startswith(magic):
            return container
    if kind == EBML:
        return _checked("webm", DOCUMENT_TYPE.search(head) is not None, "an EBML document that is not WebM or Matroska")
    if head[4:8] == b"ftyp":
        return _checked("m4a", head[8:12] not in PICTURE_BRANDS, "a HEIF or AVIF picture")
    return _framed(data, head) or _refuse(head)


def _checked(container: str, is_so: bool, otherwise: str) -> str:
    if not is_so:
        raise Refused("not_audio", otherwise)
    return container


def _framed(data: Octets, head: bytes) -> str:
    """Return mp3 or aac, or what an ID3 tag stands before; "" where no frames begin."""
    if head[:3] == b"ID3":
        start = tags.after_id3(data)
        head = data[start : start + 8]
        if head[:4] == b"fLaC":
            return "flac"
        return "aac" if adts.is_head(head[: adts.HEAD_BYTES]) else "mp3"
    if head[:1] != b"\xff" or head[:2] == UTF_16_MARK:
        return ""
    if head[:3] in mpeg.FAMILIES:
        sizes = mpeg.FAMILIES[head[:3]].sizes
        following = data[sizes[head[:3]] : sizes[head[:3]] + 3]
        return "mp3" if following in sizes or _is_end(data, sizes[head[:3]], following) else ""
    if adts.is_head(head[: adts.HEAD_BYTES]):
        following = data[adts.frame_bytes(head) : adts.frame_bytes(head) + adts.HEAD_BYTES]
        return "aac" if adts.is_head(following) or _is_end(data, adts.frame_bytes(head), following) else ""
    if len(head) > 3 and head[1] & 0xE6 in (0xE4, 0xE6) and head[1] & 0x18 != 0x08 and head[2] >> 4 not in (0, 15):
        raise Refused("codec_not_allowed", "MPEG audio of layer I or II, expected layer III")
    return ""


def _is_end(data: Octets, place: int, following: bytes) -> bool:
    """Tell whether the first frame, which ends at `place`, is the only one: at the file's end, or before a tag."""
    return place == len(data) or following[:3] in (b"TAG", b"APE")


def _refuse(head: bytes) -> str:
    """Say what these bytes are instead of sound."""
    if not head:
        raise Refused("empty", "no bytes")
    shown = f"begins with {head[:16]!r}"
    for magic, name in OTHERS:
        if head.startswith(magic):
            raise Refused("not_audio", f"{name}; {shown}")
    text = _text(head)
    reason, name = _kind_of_text(text.lower())
    if reason:
        raise Refused(reason, f"{name}; {shown}")
    what = "text" if text else "all zeros" if not any(head) else "no known kind of sound"
    raise Refused("not_audio", f"{what}; {shown}")


def _kind_of_text(text: str) -> tuple[str, str]:
    """Return the reason to refuse a text, and what it is called; both "" where it is no known kind."""
    document = text
    for opening, closing in (("<?xml", "?>"), *[("<!--", "-->")] * MAX_COMMENTS):
        if document.startswith(opening):
            document = document.partition(closing)[2].lstrip()
    for begun, kinds in ((text, BEGINNINGS), (document, ELEMENTS)):
        for beginning, reason, name in kinds:
            if begun.startswith(beginning):
                return reason, name
    if text.startswith(("<?xml", "<!--")):
        return "web_page", "an XML or HTML document"
    line = next((line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")), "")
    if FILE_LINE.match(line):
        return "playlist", "an ffconcat playlist"
    if ADDRESS.match(line) or PATH.fullmatch(line):
        return "playlist", "a list of addresses or paths"
    return "", ""


def _text(head: bytes) -> str:
    """Return the head as text without a byte-order mark and leading spaces, "" where it is no text."""
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if head.startswith(mark)), "utf-8")
    text = head.decode(encoding, errors="replace").lstrip("\ufeff \t\r\n\v\f")
    n_strange = sum(not letter.isprintable() and letter not in "\t\r\n\v\f" for letter in text)
    n_strange += text.count("\ufffd")
    return text if n_strange <= len(text) // 8 else ""
