"""Blocks of a tar: checked headers, the numbers in them, and the pax records that extend them (POSIX.1-2017, pax)."""

import os
import zlib
from functools import lru_cache

from stages.archives.member import Broken

BLOCK = 512
ZEROS = bytes(BLOCK)
USTAR = b"ustar\0"
MAX_EXTENSION_BYTES = 1 << 20  # of names and records before one member; a header may claim any number
MAX_DIGITS = 20  # of a number in a pax record
CHECKSUM = slice(148, 156)
OCTAL = b"01234567"


def padded(n_bytes: int) -> int:
    """Return the bytes of the blocks that `n_bytes` fill."""
    return -(-n_bytes // BLOCK) * BLOCK


def header(descriptor: int, place: int) -> bytes:
    """Return the header at byte `place`, its checksum verified, or ZEROS where the archive ends."""
    block = os.pread(descriptor, BLOCK, place)
    if block == ZEROS:
        return block
    if len(block) < BLOCK or not _is_sound(block):
        raise Broken(f"no header and no end where one must be, at byte {place:,}")
    return block


def _is_sound(block: bytes) -> bool:
    field = block[CHECKSUM]
    try:
        stored = number(field)
    except Broken:
        return False
    spaces = 8 * ord(" ") - sum(field)  # the checksum is taken with spaces in its own place
    if block.isascii():
        return (zlib.adler32(block) & 0xFFFF) - 1 + spaces == stored  # 1 + the sum of bytes modulo 65,521 > 512 * 127
    unsigned = sum(block) + spaces
    signed = unsigned - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
    return stored in (unsigned, signed)


@lru_cache(maxsize=4096)
def number(field: bytes) -> int:
    """Return the number in a field: octal digits, or base 256 where the highest bit is set."""
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if field[0] & 0x40:
            raise Broken(f"a negative number in a header: {field!r}")
        return value
    digits = field.partition(b"\0")[0].strip(b" ")
    if digits.strip(OCTAL):
        raise Broken(f"{field!r} where octal digits must be")
    return int(digits or b"0", 8)


def name_of(block: bytes) -> bytes:
    """Return the name in a header."""
    name = block[:100].partition(b"\0")[0]
    if block[345] and block[257:263] == USTAR:  # else other things than the name's beginning stand there
        return block[345:500].partition(b"\0")[0] + b"/" + name
    return name


def extension(descriptor: int, place: int, n_bytes: int) -> bytes:
    """Return what follows a header that speaks of the next one."""
    if n_bytes > MAX_EXTENSION_BYTES:
        raise Broken(f"{n_bytes:,} bytes of names and records before one member, at most {MAX_EXTENSION_BYTES:,}")
    text = os.pread(descriptor, n_bytes, place)
    if len(text) < n_bytes:
        raise Broken(f"cut within a name or record, at byte {place + len(text):,}")
    return text


def records(text: bytes) -> dict[bytes, bytes]:
    """Return keyword -> value of pax records: `<length> <keyword>=<value>\\n`; an empty value says nothing."""
    told = {}
    place = 0
    text = text.rstrip(b"\0")
    while place < len(text):
        space = text.find(b" ", place, place + MAX_DIGITS)
        digits = text[place:space]
        end = place + int(digits) if space > 0 and digits.isdigit() else 0
        keyword, equals, value = text[space + 1 : end - 1].partition(b"=")
        if not (equals and space < end <= len(text) and text[end - 1 : end] == b"\n"):
            raise Broken(f"a pax record that does not end where it says: {text[place : place + 40]!r}")
        told[keyword] = value
        place = end
    return {keyword: value for keyword, value in told.items() if value}


def decimal(value: bytes) -> int:
    """Return the number in a pax record."""
    if not value.isdigit() or len(value) > MAX_DIGITS:
        raise Broken(f"a pax record says size={value[: 2 * MAX_DIGITS]!r}, expected digits")
    return int(value)
