"""Files are whole or absent, also when the disk is full or the writer is killed."""

import errno
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT

from stages.files import StorageError, sweep, whole, write_text

FULL = Path("/dev/full")


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """The kernel refuses to make a file longer than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def killed_while_writing(path: Path) -> None:
    """A process that is killed within `whole(path)`, half way through."""
    code = f"""
from pathlib import Path
from stages.files import whole
with whole(Path({str(path)!r})) as temporary:
    temporary.write_text("half of it")
    print("written", flush=True)
    input()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_in_words_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "numbers.json"
    with pytest.raises(StorageError) as caught, whole(path):
        FULL.write_text("no room for this")
    words = rf"{re.escape(str(path))}: cannot be written \(No space left on device\), [\d,]+ bytes free on the disk /"
    assert re.match(words, str(caught.value))
    assert "make room there and run again, nothing half-written is left" in str(caught.value)
    assert list(path.parent.iterdir()) == []


def test_what_stood_there_stays_when_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "numbers.txt"
    write_text(path, "old")
    with files_of_at_most(1000), pytest.raises(StorageError, match=r"File too large.*ulimit -f"):
        write_text(path, "new" * 1000)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["numbers.txt"]


def test_arrow_says_so_too(tmp_path: Path) -> None:
    table = pa.table({"x": [float(i) for i in range(10_000)]})
    with (
        files_of_at_most(1000),
        pytest.raises(StorageError, match="File too large"),
        whole(tmp_path / "x") as temporary,
    ):
        pq.write_table(table, temporary)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_another_kind_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output error") as caught, whole(tmp_path / "x"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert not isinstance(caught.value, StorageError)


def test_the_error_survives_its_way_from_a_worker() -> None:
    here, there = Pipe()
    there.send(StorageError("data/clips: cannot be written"))
    error = here.recv()
    assert (type(error), str(error)) == (StorageError, "data/clips: cannot be written")


def test_two_writers_of_one_file_do_not_meet_and_the_last_one_stands(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with whole(path) as first:
        first.write_text("first")
        with whole(path) as second:
            second.write_text("second")
            assert second != first
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_many_threads_that_write_one_file_leave_one_of_their_texts(tmp_path: Path) -> None:
    path, texts = tmp_path / "x", [str(number) * 10_000 for number in range(8)]
    threads = [threading.Thread(target=write_text, args=(path, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_a_temporary_name_is_ignored_by_dvc_and_fits_a_file_system(tmp_path: Path) -> None:
    with whole(tmp_path / ("é" * 120)) as temporary:
        assert temporary.match(".*.tmp")
        assert len(os.fsencode(temporary.name)) <= 255
        temporary.write_text("")
    assert ".*.tmp" in (ROOT / ".dvcignore").read_text().split()


def test_what_a_killed_writer_left_goes_with_the_next_one_and_what_is_being_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "numbers.txt"
    killed_while_writing(path)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".numbers.txt.")
    write_text(path, "whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["numbers.txt"]

    with whole(path) as temporary:
        killed_while_writing(tmp_path / "other.txt")
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([path, temporary])
        temporary.write_text("newer")
    assert path.read_text() == "newer"


def test_sweeping_leaves_what_a_person_made(tmp_path: Path) -> None:
    for name in (".notes.tmp", "part-00000.parquet", ".gitignore"):
        (tmp_path / name).write_text("mine")
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
