"""A damaged zip loses the member that is damaged, in words, and a cut one is an error: never a shorter list."""

import io
import random
import zipfile
from pathlib import Path

from damage import told


def a_zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as zipped:
        for number, method in enumerate((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2)):
            zipped.writestr(zipfile.ZipInfo(f"a/{number}.wav"), random.Random(number).randbytes(300), method)
    return target.getvalue()


def test_one_bit_wrong_anywhere_in_a_zip_costs_one_member_or_is_an_error(tmp_path: Path) -> None:
    path, data = tmp_path / "archive", a_zip()
    right = told(path, data)
    assert right is not None
    assert [member.reason for member in right] == ["", "", ""]
    generator = random.Random(3)
    for place, byte in enumerate(data):
        damaged = bytearray(data)
        damaged[place] = byte ^ 1 << generator.randrange(8)
        found = told(path, bytes(damaged))
        if found is None:
            continue
        assert len(found) == 3
        content = (tmp_path / "scratch/archive.members").read_bytes()
        for member in found:
            if not member.reason:
                number = int(member.path[2])
                assert member.path == f"a/{number}.wav"
                assert content[member.offset : member.offset + member.n_bytes] == random.Random(number).randbytes(300)
        assert sum(bool(member.reason) for member in found) <= 2  # a wrong place may lie in another member


def test_a_wrong_byte_in_a_zip_costs_exactly_its_member(tmp_path: Path) -> None:
    data = bytearray(a_zip())
    data[data.index(b"a/1.wav") + 100] ^= 1
    found = told(tmp_path / "archive", bytes(data))
    assert found is not None
    assert [(member.path, member.reason) for member in found] == [
        ("a/0.wav", ""),
        ("a/1.wav", "damaged"),
        ("a/2.wav", ""),
    ]
    assert "its checksum is" in found[1].message


def test_a_zip_cut_anywhere_is_an_error(tmp_path: Path) -> None:
    data = a_zip()
    assert [told(tmp_path / "archive", data[:length]) for length in range(len(data))] == [None] * len(data)
