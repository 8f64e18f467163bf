"""What a download leaves on the disk: whole files, and what the next run goes on with."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import ROOT
from serving import (
    CONTENT,
    KEY,
    OTHER,
    PART,
    RAW,
    SHA256,
    Handler,
    Server,
    address,
    fetched,
    whole,
)

from stages.origin import SourceError
from stages.sources import transfer
from stages.sources.transfer import HELD, fetch

pytestmark = pytest.mark.usefixtures("archive_there")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_local_file_is_fetched_whole(archive_there: Path, scheme: str) -> None:
    archive = fetch(address(f"{scheme}{archive_there}/there/words.tar"), RAW, KEY)
    assert (RAW / "words.tar").read_bytes() == CONTENT
    assert (archive.name, archive.n_bytes, archive.sha256) == ("words.tar", len(CONTENT), SHA256)


def test_a_full_disk_is_told_before_the_first_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2_999_999))
    with pytest.raises(SourceError, match=r"needs 3,000,000 bytes more for there/words\.tar, 2,999,999 are free"):
        fetch(address("there/words.tar"), RAW, KEY)
    assert not RAW.exists()


def test_a_disk_that_fills_on_the_way_keeps_what_came(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(target: object, block: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "_write", write)
        PART.parent.mkdir(parents=True)
        PART.write_bytes(CONTENT[:5])
        with pytest.raises(SourceError, match=r"No space left on device.*of 3,000,000, [\d,]+ are free; make room"):
            fetch(address("there/words.tar"), RAW, KEY)
    assert PART.read_bytes() == CONTENT[:5]
    assert not RAW.exists()


def test_a_second_run_fetches_nothing_and_checks_what_it_holds(server: Server) -> None:
    fetched(server.url)
    assert (RAW / "words.tar").samefile(HELD / SHA256)
    shutil.rmtree(RAW)
    fetched(server.url)
    assert server.ranges == [0]
    (HELD / SHA256).write_bytes(OTHER)
    fetched(server.url)
    assert server.ranges == [0, 0]


def test_where_a_file_cannot_have_two_names_it_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)
    fetched("there/words.tar")
    assert [path.name for path in HELD.iterdir()] == [f"{SHA256}.lock"]


def test_a_local_file_goes_on_where_a_copy_broke() -> None:
    HELD.mkdir(parents=True)
    PART.write_bytes(CONTENT[:2_000_000])
    fetched("there/words.tar")


FETCH = """
import sys
from pathlib import Path
from stages.sources.transfer import Address, fetch
fetch(Address(url=sys.argv[1], sha256=sys.argv[2], n_bytes_max=10**7), Path("raw"), "key")
"""


def process(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, url, SHA256],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_download_leaves_only_scratch_and_the_next_goes_on(server: Server) -> None:
    hold = threading.Event()

    def halting(handler: Handler, start: int) -> None:
        handler.begin(200, Content_Length=len(CONTENT))
        handler.wfile.write(CONTENT[:1_000_000])
        handler.wfile.flush()
        hold.wait(20)

    server.answers = [halting, whole]
    child = process(server.url)
    deadline = time.monotonic() + 20
    while not (PART.exists() and PART.stat().st_size == 1_000_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    hold.set()
    assert not RAW.exists()
    fetched(server.url)
    assert server.ranges == [0, 1_000_000]


def test_of_two_at_once_one_waits_and_fetches_nothing(server: Server) -> None:
    HELD.mkdir(parents=True)
    with (HELD / f"{SHA256}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = process(server.url)
        assert child.stdout is not None
        assert "another process fetches it, waiting" in child.stdout.readline()
        assert server.ranges == []
        (HELD / SHA256).write_bytes(CONTENT)
    child.communicate(timeout=20)
    assert child.returncode == 0
    assert (RAW / "words.tar").read_bytes() == CONTENT
    assert server.ranges == []
