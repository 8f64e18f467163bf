"""What stands where a sound should: lists of other files, web pages, pointers, archives, text, nothing."""

import gzip
import io
import zipfile
from collections.abc import Iterator

from hostile.case import Case

SECRET = "/etc/passwd"
SEGMENTS = f"#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{SECRET}\n#EXT-X-ENDLIST\n"
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
PLAYLISTS = {
    "hls.mp3": "#EXTM3U\n" + SEGMENTS,
    "hls_after_spaces.wav": " \r\n\t#EXTM3U\r\n" + SEGMENTS,
    "m3u.wav": "#EXTM3U\n#EXTINF:1,one\none.wav\n",
    "m3u_lower_case.wav": "#extm3u\none.wav\n",
    "m3u_of_paths.wav": "sounds/one.wav\nsounds/two.wav\n",
    "m3u_of_paths_after_a_comment.wav": "# mine\nC:\\sounds\\one.mp3\r\n",
    "m3u_of_addresses.mp3": "http://127.0.0.1/one.mp3\nhttp://127.0.0.1/two.mp3\n",
    "m3u_of_one_address.mp3": f"file://{SECRET}",
    "ffconcat.wav": f"ffconcat version 1.0\nfile '{SECRET}'\n",
    "ffconcat_without_head.wav": f"file '{SECRET}'\nduration 1\n",
    "ffconcat_after_a_comment.flac": f"# list\nfile {SECRET}.wav\n",
    "pls.wav": f"[playlist]\nFile1={SECRET}\nNumberOfEntries=1\nVersion=2\n",
    "asx.wav": f'<ASX version="3.0"><Entry><Ref href="{SECRET}"/></Entry></ASX>',
    "reference.wav": "[Reference]\nRef1=http://127.0.0.1/one.asf\n",
    "xspf.mp3": XML + '<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList/></playlist>',
    "smil.wav": '<smil><body><audio src="one.wav"/></body></smil>',
    "dash.m4a": XML + '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
}
PAGES = {
    "page.wav": "<!DOCTYPE html>\n<html><head><title>404</title></head></html>",
    "page_lower_case.wav": "<!doctype html><html></html>",
    "page_without_type.mp3": "\n\n  <HTML><BODY>Please log in</BODY></HTML>",
    "xhtml.wav": XML + '<html xmlns="http://www.w3.org/1999/xhtml"></html>',
    "error_of_a_store.flac": XML + "<Error><Code>AccessDenied</Code></Error>",
    "comment_first.wav": "<!-- cached --><html></html>",
}


def texts() -> Iterator[Case]:
    """Yield all of them."""
    for name, text in PLAYLISTS.items():
        yield _case(name, text.encode(), "playlist")
    yield _case("m3u_with_a_mark.wav", PLAYLISTS["m3u.wav"].encode("utf-8-sig"), "playlist")
    yield _case("m3u_in_utf_16.wav", PLAYLISTS["m3u.wav"].encode("utf-16"), "playlist")
    for name, text in PAGES.items():
        yield _case(name, text.encode(), "web_page")
    yield _case("page_with_a_mark.wav", PAGES["page.wav"].encode("utf-8-sig"), "web_page")
    yield _case("page_in_utf_16.wav", PAGES["page.wav"].encode("utf-16"), "web_page")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0" + "\nsize 32044\n"
    yield _case("pointer.wav", pointer.encode(), "lfs_pointer")
    yield _case("nothing.wav", b"", "empty")
    for name, data in _others():
        yield _case(name, data, "not_audio")


def _others() -> Iterator[tuple[str, bytes]]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("one.wav"), b"RIFF")
    yield "zip.wav", packed.getvalue()
    yield "gzip.wav", gzip.compress(b"RIFF", mtime=0)
    yield "text.wav", b"This recording is not available in your country.\n"
    yield "table.wav", b"path,label\none.wav,yes\n"
    yield "json.wav", b'{"error": "not found"}'
    yield "picture.mp3", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    yield "photograph.mp3", b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1" + bytes(100)
    yield "document.wav", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    yield "film.wav", b"RIFF\x24\x10\0\0AVI LIST" + bytes(100)
    yield "picture_in_riff.wav", b"RIFF\x24\x10\0\0WEBPVP8 " + bytes(100)
    yield "picture_in_form.aiff", b"FORM\0\0\x10\x24ILBMBMHD" + bytes(100)
    yield "magic_alone.wav", b"RIFF"
    yield "zeros.wav", bytes(4096)
    yield "one_byte.wav", b"\xff"
    yield "sync_alone.mp3", b"\xff\xfb"
    yield "sync_and_zeros.mp3", b"\xff\xfb\x90\x64" + bytes(4000)
    yield "sync_of_no_rate.mp3", b"\xff\xfb\x9c\x64" * 1000
    yield "random.wav", bytes(place * place * 7 % 251 for place in range(4000))


def _case(name: str, data: bytes, reason: str) -> Case:
    return Case("text", name, data, reasons=frozenset({reason}))
