"""Commands that a test starts, watches and kills, with all that they start."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import environment_in

MARK = "EARMARK_TEST_RUN"
SHELLS = [shell for shell in ("/bin/sh", "/bin/bash") if Path(shell).exists()]  # dash stays between DVC and the stage
WAIT_S = 60.0
END_S = 1.0  # more than the kernel needs, less than most stages


def until(true: Callable[[], object], what: str, most_s: float = WAIT_S, pause_s: float = 0.005) -> None:
    end = time.monotonic() + most_s
    while not true():
        assert time.monotonic() < end, f"{what}: not within {most_s:g} s"
        time.sleep(pause_s)


@contextmanager
def started(folder: Path, shell: str, *command: str) -> Iterator[subprocess.Popen]:
    """Run a command whose processes can be told by a mark in their environment; it writes to `folder`.log."""
    environment = environment_in(folder) | {MARK: str(folder), "SHELL": shell}
    with folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal, wherever tests run
        )
    try:
        yield process
    finally:
        for pid in {process.pid, *alive(folder)} if process.poll() is None else alive(folder):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def said(folder: Path) -> str:
    return folder.with_suffix(".log").read_text(errors="replace")


def alive(folder: Path) -> dict[int, str]:
    """Processes of the runs in `folder`: number -> command."""
    mark = f"{MARK}={folder}".encode()
    found = {}
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found


def kill(dvc: subprocess.Popen) -> None:
    dvc.send_signal(signal.SIGKILL)
    dvc.wait()
