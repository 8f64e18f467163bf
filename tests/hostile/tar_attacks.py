"""Tars that lie, lead elsewhere or break, written block by block as no honest program would."""

from collections.abc import Iterator

from hostile.attack import Attack

BLOCK = 512
END = bytes(2 * BLOCK)
USTAR, GNU, V7 = b"ustar\x0000", b"ustar  \0", bytes(8)
SOUND = b"a sound" * 100
TWO_GIGABYTES = b"%011o\0" % 2**31
LINK_TO = "not_a_file"


def block(name: bytes, size: bytes | int = 0, kind: bytes = b"0", link: bytes = b"", magic: bytes = USTAR) -> bytes:
    """Return one header, its checksum right."""
    field = size if isinstance(size, bytes) else b"%011o\0" % size
    head = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + field + b"00000000000\0"
    return summed(head + b" " * 8 + kind + link.ljust(100, b"\0") + magic.ljust(8, b"\0") + bytes(247))


def summed(header: bytes, signed: bool = False) -> bytes:
    """Return a header with the checksum that belongs to it."""
    header = header[:148] + b" " * 8 + header[156:]
    total = sum(byte - 256 * (signed and byte > 127) for byte in header)
    return header[:148] + b"%06o\0 " % total + header[156:]


def filled(data: bytes) -> bytes:
    """Return `data` in whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def file(name: bytes, data: bytes = SOUND, kind: bytes = b"0", magic: bytes = USTAR) -> bytes:
    """Return a member with its bytes."""
    return block(name, len(data), kind, magic=magic) + filled(data)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """Return a header of pax records for the next member, or for all."""
    return file(b"PaxHeader", b"".join(record(*pair) for pair in records), kind)


def record(keyword: bytes, value: bytes) -> bytes:
    """Return one pax record, which begins with its own length."""
    length = len(keyword) + len(value) + 3
    total = length + len(str(length + len(str(length))))
    return b"%d %s=%s\n" % (total, keyword, value)


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    """Return GNU's header of a long name, or of a long target."""
    return file(b"././@LongLink", name + b"\0", kind, GNU)


def tar_attacks() -> Iterator[Attack]:
    """Yield them; each holds `a/1.wav` first and `a/2.wav` last, except where it cannot."""
    for name, middle, *rows in (*_names(), *_no_files(), *_headers()):
        found = (("a/1.wav", ""), *rows, ("a/2.wav", ""))
        yield Attack(f"{name}.tar", file(b"a/1.wav") + middle + file(b"a/2.wav") + END, found)
    for name, broken in (*_sizes(), *_extensions(), *_ends()):
        yield Attack(f"{name}.tar", broken, None)


def _names() -> Iterator[tuple]:
    for name, stored, shown in (
        ("absolute_path", b"/etc/earmark_was_here", None),
        ("path_upwards", b"../../earmark_was_here", None),
        ("path_upwards_in_the_middle", b"a/../../../earmark_was_here", None),
        ("name_with_a_newline", b"a/x\ny.wav", None),
        ("name_not_utf8", b"a/\xff\xfe.wav", "a/\\xff\\xfe.wav"),
        ("name_of_a_terminal_command", b"a/\x1b]0;x\x07.wav", None),
        ("name_of_nothing", b"", None),
        ("name_of_a_dot", b".", None),
    ):
        yield name, file(stored), (stored.decode() if shown is None else shown, "")
    yield "name_with_nul", file(b"a/x\0/../y.wav"), ("a/x", "")
    yield "pax_name_with_nul", pax((b"path", b"a/x\0y.wav")) + file(b"z"), ("a/x\0y.wav", "")
    yield "pax_name_of_4_kilobytes", pax((b"path", b"n" * 4096)) + file(b"z"), ("n" * 4096, "")
    yield "gnu_name_of_70_kilobytes", long_name(b"n" * 70_000) + file(b"z", magic=GNU), ("n" * 70_000, "")
    yield "pax_name_upwards", pax((b"path", b"../../x")) + file(b"z"), ("../../x", "")
    yield "same_name_twice", file(b"a/1.wav", b"another"), ("a/1.wav", "")
    yield "folders_2000_deep", pax((b"path", b"d/" * 2000 + b"x.wav")) + file(b"z"), ("d/" * 2000 + "x.wav", "")


def _no_files() -> Iterator[tuple]:
    link = block(b"way", 0, b"2", b"/tmp")
    yield "file_through_a_link", link + file(b"way/x.wav"), ("way", LINK_TO), ("way/x.wav", "")
    yield "link_to_itself", block(b"loop", 0, b"2", b"loop"), ("loop", LINK_TO)
    yield "link_with_a_size", block(b"way", 5000, b"2", b"/etc/passwd"), ("way", LINK_TO)
    yield "hard_link_outside", block(b"a/p.wav", 0, b"1", b"/etc/passwd"), ("a/p.wav", LINK_TO)
    yield "character_device", block(b"a/zero.wav", 0, b"3"), ("a/zero.wav", "not_a_file")
    yield "block_device", block(b"a/disk.wav", 0, b"4"), ("a/disk.wav", "not_a_file")
    yield "fifo", block(b"a/pipe.wav", 0, b"6"), ("a/pipe.wav", "not_a_file")
    hole = block(b"a/hole.wav", 512, b"S", magic=GNU)
    place, total = b"%011o\0%011o\0" % (2**32, 512), b"%011o\0" % (2**32 + 512)
    hole = summed(hole[:386] + place + hole[410:483] + total + hole[495:])
    yield "sparse", hole + bytes(512), ("a/hole.wav", "not_a_file")
    more = summed(hole[:482] + b"\1" + hole[483:])
    chain = (bytes(504) + b"\1" + bytes(7)) * 20 + bytes(512)
    yield "sparse_with_a_long_map", more + chain + bytes(512), ("a/hole.wav", "not_a_file")
    sparse = pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.realsize", b"%d" % 2**40))
    yield "sparse_by_pax", sparse + file(b"a/hole.wav"), ("a/hole.wav", "not_a_file")
    yield "volume_label", block(b"label", 0, b"V", magic=GNU), ("label", "not_a_file")
    yield "rest_of_another_volume", file(b"a/rest.wav", kind=b"M", magic=GNU), ("a/rest.wav", "not_a_file")


def _headers() -> Iterator[tuple]:
    yield "contiguous", file(b"a/x.wav", kind=b"7"), ("a/x.wav", "")
    yield "unknown_type", file(b"a/x.wav", kind=b"Z"), ("a/x.wav", "")
    yield "v7", file(b"a/x.wav", kind=b"\0", magic=V7), ("a/x.wav", "")
    yield "v7_folder", block(b"a/", 0, b"\0", magic=V7)
    yield "folder_with_a_size", block(b"a", 5000, b"5")
    signed = summed(block(b"a/\xe9.wav", len(SOUND)), signed=True)
    yield "signed_checksum", signed + filled(SOUND), ("a/\\xe9.wav", "")
    yield "pax_size_over_header", pax((b"size", b"700")) + block(b"a/x.wav", 0) + filled(SOUND), ("a/x.wav", "")
    yield "size_in_base_256", block(b"a/x.wav", b"\x80" + bytes(9) + b"\2\xbc") + filled(SOUND), ("a/x.wav", "")
    yield "too_large", file(b"a/x.wav", bytes(200_000)), ("a/x.wav", "too_large")
    yield "xattr", pax((b"SCHILY.xattr.user.x", b"\0\n=\xff 9 path=x\n")) + file(b"a/x.wav"), ("a/x.wav", "")
    yield "comment_for_all", pax((b"comment", b"c" * 40), kind=b"g") + file(b"a/x.wav"), ("a/x.wav", "")


def _sizes() -> Iterator[tuple[str, bytes]]:
    for name, size in (
        ("size_negative", b"\xff" * 11 + b"\0"),
        ("size_back_to_itself", b"\xff" * 10 + b"\xfe\0"),
        ("size_of_95_bits", b"\x80" + b"\xff" * 11),
        ("size_of_64_bits", b"\x80\0\0\0" + b"\xff" * 8),
        ("size_with_a_minus", b"-0000000777\0"),
        ("size_with_underscores", b"0_000000777\0"),
        ("size_of_nines", b"99999999999\0"),
        ("size_beyond_the_end", TWO_GIGABYTES),
        ("size_cuts_into_the_next", 100),
    ):
        yield name, file(b"a/1.wav") + block(b"x", size) + filled(SOUND) + file(b"a/2.wav") + END
    for name, value in (
        ("negative", b"-512"),
        ("of_text", b"many"),
        ("of_5000_digits", b"9" * 5000),
        ("huge", b"9" * 18),
    ):
        yield f"pax_size_{name}", pax((b"size", value)) + file(b"x") + END


def _extensions() -> Iterator[tuple[str, bytes]]:
    head = b"././@LongLink"
    for kind in (b"L", b"K", b"x", b"g"):
        yield f"{kind.decode()}_of_8_gigabytes", block(head, b"\x80" + bytes(6) + b"\2\0\0\0\0", kind) + END
        yield f"{kind.decode()}_of_2_gigabytes", block(head, TWO_GIGABYTES, kind) + END
    yield "record_of_2_megabytes", pax((b"path", b"n" * 2_000_000)) + file(b"x") + END
    yield "long_names_without_end", long_name(b"n") * 3000 + END
    yield "long_name_of_nobody", file(b"a/1.wav") + long_name(b"n") + END
    yield "long_link_of_a_long_link", long_name(b"m", b"K") * 2 + file(b"x") + END
    yield "name_for_all", pax((b"path", b"x"), kind=b"g") + file(b"a/1.wav") + file(b"a/2.wav") + END
    yield "size_for_all", pax((b"size", b"0"), kind=b"g") + file(b"a/1.wav") + END
    for name, text in (
        ("longer_than_its_header", b"99 path=x\n"),
        ("of_length_0", b"0 path=x\n"),
        ("of_length_1", b"1 path=x\n"),
        ("of_a_negative_length", b"-9 path=x\n"),
        ("without_a_line_end", b"9 path=xy"),
        ("without_an_equals_sign", b"9 pathxy\n"),
    ):
        yield f"record_{name}", file(b"PaxHeader", text, b"x") + file(b"y") + END


def _ends() -> Iterator[tuple[str, bytes]]:
    two = file(b"a/1.wav") + file(b"a/2.wav")
    wrong = block(b"a/2.wav", len(SOUND))
    yield "wrong_checksum", file(b"a/1.wav") + wrong[:148] + b"000000\0 " + wrong[156:] + filled(SOUND) + END
    yield "no_checksum", file(b"a/1.wav") + wrong[:148] + b"\0" * 8 + wrong[156:] + filled(SOUND) + END
    yield "no_end", two
    yield "half_an_end", two + bytes(BLOCK)
    yield "cut_in_a_header", two[:-1500]
    yield "cut_in_a_sound", two[:-100]
    yield "text_behind_the_end", two + END + b"more"
    yield "two_in_one", two + END + two + END
    yield "a_page_of_zeros", file(b"a/1.wav") + bytes(4096) + file(b"a/2.wav") + END
    yield "text", b"This is no archive at all. " * 100
    yield "nothing", b""
