"""decode and extract on a Dask cluster of this machine: the same bytes as without it, also where a worker dies."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT, encoded, tone
from decoding import stage
from ruamel.yaml import YAML

from stages import decode, extract
from stages.executors import SettingError, threads
from stages.machines import shards

EXTRACT = {
    "frame": {"window_s": 0.025, "hop_s": 0.02},
    "statistics": {"names": ["mean", "std"]},
    "families": {"level": {"floor_db": -120.0, "keep_frames": True}},
}


@contextmanager
def cluster(folder: Path, n_workers: int) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A scheduler and workers as processes of their own: its address, and the workers."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    facts = folder / "scheduler.json"

    def started(*arguments: str) -> subprocess.Popen:
        log = (folder / f"{arguments[0]}.log").open("ab")
        command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)

    place = ("--host", "127.0.0.1", "--no-dashboard")
    running = [started("scheduler", *place, "--port", "0", "--scheduler-file", str(facts))]
    try:
        while not facts.exists() or not facts.read_text():
            time.sleep(0.05)
        own = ("--scheduler-file", str(facts), "--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
        running += [started("worker", *place, *own) for _ in range(n_workers)]
        yield YAML(typ="safe").load(facts.read_text())["address"], running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def run_both(folder: Path, members: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> tuple[dict, dict]:
    """The sums of what decode and extract write."""
    stage(folder, members)
    with (folder / "params.yaml").open("a") as file:
        YAML().dump({"extract": EXTRACT}, file)
    monkeypatch.setattr(sys, "argv", ["extract", "level"])
    extract.main()
    return sums(decode.CLIPS), sums(extract.FEATURES / "level")


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_same_bytes(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.decoders.shard.MEMBERS_PER_SHARD", 20)
    members = {f"w{i % 5}/{i:04d}.ogg": encoded(tone(0.5 + 0.001 * i), kind="OGG", subtype="OPUS") for i in range(400)}
    members |= {"w0/text.wav": b"only text"}
    here = run_both(in_folder, members, monkeypatch)
    for path in decode.CLIPS.iterdir():
        path.unlink()
    with cluster(in_folder, n_workers=2) as (address, workers):
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", address)
        wait_for_workers(2)
        killer = threading.Thread(target=kill_when_some_parts_are_there, args=(workers[0],))
        killer.start()
        there = run_both(in_folder, members, monkeypatch)
        killer.join()
    assert workers[0].returncode == -signal.SIGKILL
    assert there == here
    assert len(here[0]) == 21


def wait_for_workers(n: int) -> None:
    """Return when `n` workers have come."""
    while True:
        try:
            with shards(threads) as (_, n_at_once):
                if n_at_once == n:
                    return
        except SettingError:
            time.sleep(0.1)


def kill_when_some_parts_are_there(worker: subprocess.Popen) -> None:
    """Kill a worker in the middle of decode."""
    while len(list(decode.CLIPS.glob("part-*.parquet"))) < 5:
        time.sleep(0.005)
    assert len(list(decode.CLIPS.glob("part-*.parquet"))) < 20
    worker.kill()
    worker.wait()


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    monkeypatch.setattr("stages.machines.CONNECT_S", 0.5)
    with (
        pytest.raises(SettingError, match=r"DASK_SCHEDULER_ADDRESS is 'tcp://127.0.0.1:9', where no scheduler"),
        shards(threads),
    ):
        pass
