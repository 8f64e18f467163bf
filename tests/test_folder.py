"""Your own sounds become one tar, whatever lies in the folder, or the error names the file."""

import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.archives import Limits, Member, index
from stages.origin import SourceError
from stages.sources import folder

OWN = Path("data/own")
RAW = Path("raw")
DEEP = 1200


@pytest.fixture(autouse=True)
def own(in_folder: Path) -> Path:
    """data/own with one file."""
    (OWN / "dog").mkdir(parents=True)
    (OWN / "dog/a.wav").write_bytes(b"a")
    return OWN


def packed() -> dict[str, Member]:
    folder.collect(folder.Params(), RAW)
    _, members = index(RAW / "own.tar", RAW, Limits(1000, 100.0))
    return {member.path: member for member in members}


def test_own_sounds_are_packed_the_same_whatever_their_age() -> None:
    (OWN / "dog/b.wav").write_bytes(b"bb")
    (OWN / "README.md").write_text("put your sounds here")
    first = folder.collect(folder.Params(), RAW)
    os.utime(OWN / "dog/a.wav", (1, 1))
    assert folder.collect(folder.Params(), RAW) == first
    content = (RAW / "own.tar").read_bytes()
    found = [(m.path, content[m.offset : m.offset + m.n_bytes]) for m in packed().values()]
    assert found == [("dog/a.wav", b"a"), ("dog/b.wav", b"bb")]


def test_what_is_no_file_is_packed_as_such_and_never_opened() -> None:
    (OWN / "dog/link.wav").symlink_to("/etc/hostname")
    (OWN / "dog/broken.wav").symlink_to("nowhere")
    (OWN / "cat").symlink_to("dog", target_is_directory=True)
    (OWN / "loop").symlink_to("..", target_is_directory=True)
    os.mkfifo(OWN / "dog/pipe.wav")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(OWN / "dog/socket.wav"))
        members = packed()
    assert {path: member.message for path, member in members.items()} == {
        "cat": "a symbolic link to dog",
        "dog/a.wav": "",
        "dog/broken.wav": "a symbolic link to nowhere",
        "dog/link.wav": "a symbolic link to /etc/hostname",
        "dog/pipe.wav": "a FIFO or socket",
        "dog/socket.wav": "a FIFO or socket",
        "loop": "a symbolic link to ..",
    }
    assert {member.reason for member in members.values()} == {"", "not_a_file"}


def test_a_device_is_packed_as_such_and_never_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    lstat = Path.lstat
    monkeypatch.setattr(Path, "lstat", lambda path: lstat(Path("/dev/zero")) if path.name == "a.wav" else lstat(path))
    assert packed()["dog/a.wav"].message == "a character device"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"\xff\xfe.wav", "dog/\\xff\\xfe.wav"),
        (b"n" * 251 + b".wav", "dog/" + "n" * 251 + ".wav"),
        ("ß\n→.wav".encode(), "dog/ß\n→.wav"),
        (b" ", "dog/ "),
    ],
    ids=["not UTF-8", "255 bytes", "a newline", "a space"],
)
def test_any_name_is_packed(name: bytes, shown: str) -> None:
    (OWN / "dog" / os.fsdecode(name)).write_bytes(b"b")
    assert [m.path for m in packed().values() if m.path != "dog/a.wav"] == [shown]


def test_folders_may_lie_deeper_than_functions_may_call() -> None:
    top = Path.cwd()
    os.chdir(OWN)
    for _ in range(DEEP):
        Path("d").mkdir()
        os.chdir("d")
    Path("b.wav").write_bytes(b"b")
    os.chdir(top)
    assert packed()["d/" * DEEP + "b.wav"].n_bytes == 1
    os.chdir(OWN / ("d/" * DEEP))
    Path("b.wav").unlink()
    for _ in range(DEEP):  # what removes the folder of a test cannot go as deep
        os.chdir("..")
        Path("d").rmdir()


def changing(change: Callable[[Path], object]) -> Callable[..., None]:
    """A `tarfile.copyfileobj` that changes the file first."""
    copy = tarfile.copyfileobj

    def changed(source: object, *arguments: object, **options: object) -> None:
        change(OWN / "dog/a.wav")
        copy(source, *arguments, **options)

    return changed


@pytest.mark.parametrize("content", [b"aaaa", b""], ids=["grows", "shrinks"])
def test_a_file_that_changes_while_it_is_packed_is_named(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(tarfile, "copyfileobj", changing(lambda path: path.write_bytes(content)))
    with pytest.raises(SourceError, match=r"data/own/dog/a\.wav: (changed while it was|cannot be) packed"):
        packed()
    assert list(RAW.iterdir()) == []


@pytest.mark.parametrize("becomes", ["nothing", "a link", "a pipe"])
def test_a_file_that_becomes_something_else_is_named(monkeypatch: pytest.MonkeyPatch, becomes: str) -> None:
    make = {"nothing": lambda path: None, "a link": lambda path: path.symlink_to("/etc/hostname"), "a pipe": os.mkfifo}
    opened = folder._opened

    def first_changed(path: Path) -> int:
        path.unlink()
        make[becomes](path)
        return opened(path)

    monkeypatch.setattr(folder, "_opened", first_changed)
    with pytest.raises(SourceError, match=r"data/own/dog/a\.wav: (changed while it was|cannot be) packed"):
        packed()
    assert list(RAW.iterdir()) == []


def test_a_file_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(path: Path) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(folder, "_opened", refusing)
    with pytest.raises(SourceError, match=r"data/own/dog/a\.wav: cannot be packed \(.*Permission denied"):
        packed()


def test_more_than_the_disk_has_room_for_is_refused_before_it_is_packed() -> None:
    with (OWN / "dog/hole.wav").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(SourceError, match=r"holds 4,398,046,511,105 bytes, [\d,]+ are free"):
        packed()


def test_an_empty_folder_of_own_sounds_says_where_to_put_them() -> None:
    (OWN / "dog/a.wav").unlink()
    with pytest.raises(SourceError, match="data/own/<label>"):
        packed()
