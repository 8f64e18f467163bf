"""Whole files only: written to a temporary sibling, flushed to disk, renamed.

A temporary sibling `.<name>.<host>.<process>.<random>.tmp` is locked by its writer, on this machine or another. One
that nobody locks was left by a writer that died; it goes when the next one comes to the folder.
"""

import csv
import errno
import fcntl
import hashlib
import io
import json
import os
import secrets
import shlex
import socket
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

BLOCK_BYTES = 1 << 20
NAME_CHARACTERS = 40  # of a file's name, in that of its temporary sibling, which may have 255 bytes in all
RANDOM_BYTES = 4
NO_ROOM = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there or ask for a larger quota",
    errno.EFBIG: "raise the limit on the size of files (`ulimit -f`) or use a disk that takes larger ones",
}


class StorageError(RuntimeError):
    """A disk takes no more."""


class LeftoverError(ValueError):
    """A folder holds what nothing in params.yaml makes any more."""


@contextmanager
def room_at(path: Path) -> Iterator[None]:
    """Raise StorageError, in words, where the block finds the disk of `path` full."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise StorageError(no_room(path, error.errno)) from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` to write; it gets its real name when the block ends well.

    An error inside the block removes the sibling and leaves what stood at `path` untouched. Raises StorageError where
    the disk is full.
    """
    mark = f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(RANDOM_BYTES)}"
    temporary = path.with_name(f".{path.name[:NAME_CHARACTERS]}.{mark}.tmp")
    try:
        with room_at(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep_once(path.parent.absolute())
            with _own(temporary):
                yield temporary
                _flush(temporary)
                temporary.replace(path)
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _own(temporary: Path) -> io.BufferedWriter:
    """Return a new file, open and locked, that nobody takes for one left behind."""
    while True:
        ours = temporary.open("xb")
        with suppress(OSError):  # a file system without locks, where nothing is ever swept
            fcntl.flock(ours, fcntl.LOCK_EX)
        if temporary.exists():
            return ours
        ours.close()  # a sweeper saw it in the moment before it was locked


def no_room(path: Path, reason: int) -> str:
    """Return in words that the disk of `path` takes no more, how much is free there, and what to do."""
    folder = next(place for place in (path.absolute(), *path.absolute().parents) if place.is_dir()).resolve()
    disk = next(place for place in (folder, *folder.parents) if place.is_mount())
    room = os.statvfs(folder)
    free = f"{room.f_bavail * room.f_frsize:,} bytes" + ("" if room.f_favail or not room.f_files else " and no file")
    return (
        f"{path}: cannot be written ({os.strerror(reason)}), {free} free on the disk {disk}; {NO_ROOM[reason]} "
        "and run again, nothing half-written is left"
    )


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what writers that died left in `folder`: the temporary files that nobody locks."""
    for path in sorted(folder.glob(f".*.*.*.{'[0-9a-f]' * 2 * RANDOM_BYTES}.tmp")):
        try:
            with path.open("r+b") as left:
                if _lock(left):
                    path.unlink(missing_ok=True)
        except (FileNotFoundError, PermissionError):  # its writer was done meanwhile, or is another person
            continue


@cache
def _sweep_once(folder: Path) -> None:
    sweep(folder)


def _lock(file: io.BufferedIOBase) -> bool:
    """Lock an open file until it is closed; return whether that was to be had."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another's, or a file system without locks, where nothing is ever swept
        return False
    return True


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as a whole file."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: object) -> None:
    """Write JSON, indented, keys as given, one newline at the end; refuses NaN."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict:
    """Return the JSON object in a file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV with a header line and `\\n` line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def left_over(folder: Path, names: Collection[str]) -> list[Path]:
    """Return what lies in `folder`, which need not be there, under other than these `names`; hidden files aside."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in found if path.name not in names and not path.name.startswith(".")]


def refuse_left_over(paths: Sequence[Path]) -> None:
    """Raise LeftoverError that names all of `paths`, outputs of what has left params.yaml, where there are any.

    DVC removes no output of a stage that is gone, and hashes it with the folder that it lies in: another copy of the
    project, without it, would be told that its data have changed.
    """
    if paths:
        raise LeftoverError(
            f"{paths[0]}: nothing in params.yaml makes it any more ({len(paths)} such in all), and DVC would hash it "
            f"with its folder; run `rm -r {' '.join(map(shlex.quote, map(str, paths)))}`, or put its name back"
        )


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
