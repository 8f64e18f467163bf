"""Workers that are copies of the stage's process: as shut in as fresh ones, and made only where that is safe."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
HEADER = """
import json, os, resource, sys, threading, time
from pathlib import Path
from deadly import Deeds, squares
from stages.copies import can_copy
from stages.isolation import survived
from stages.workers import WorkerLimits, copy_workers, worker_of

LIMITS = WorkerLimits(512, 1.0)

def facts(deeds, deaths, at):
    at(0)
    kinds = (resource.RLIMIT_CORE, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)
    descriptors = [int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
    return {
        "limits": [resource.getrlimit(kind) for kind in kinds],
        "files": [os.readlink(f"/proc/self/fd/{number}").partition(" ")[0] for number in sorted(descriptors)],
    }

def show(what):
    print(json.dumps(what), flush=True)

"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux alone")


def started(code: str, folder: Path, **environment: str) -> "subprocess.Popen[str]":
    """A process of its own that runs `code`, for this one has threads and much memory."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    (folder / "script.py").write_text(HEADER + code)
    return subprocess.Popen(
        [sys.executable, "script.py"],
        env=os.environ | {"PYTHONPATH": path} | environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )


def shown(code: str, folder: Path, **environment: str) -> list:
    """What `code` shows, line by line."""
    process = started(code, folder, **environment)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


def test_a_copy_has_the_limits_and_no_file_of_the_process_that_it_is_one_of(tmp_path: Path) -> None:
    (facts,) = shown(
        "held = open('held', 'w')\ncopy_workers(LIMITS, 2)\nshow(worker_of(LIMITS).run(facts, Deeds([1], Path()), {}))",
        tmp_path,
    )
    assert facts["limits"][:2] == [[0, 0], [512 << 20, 512 << 20]]
    assert facts["limits"][2][0] > 0
    kinds = Counter(name.partition(":")[0] for name in facts["files"])
    assert kinds == {"/dev/null": 1, "/memfd": 4, "socket": 1}  # output and note, twice each; the one pipe


def test_what_kills_a_copy_costs_itself_alone(tmp_path: Path) -> None:
    deeds = [1, "crash", 2, "hang", 3, "abort", "be killed", "leave", 4]
    found = shown(
        f"copy_workers(LIMITS, 1)\nshow(can_copy(1 << 30))\nshow(survived(squares, Deeds({deeds}, Path()), LIMITS))",
        tmp_path,
    )
    assert found == [True, [1, "crashed", 4, "timed_out", 9, "crashed", "out_of_memory", "crashed", 16]]


def test_what_asks_a_copy_for_too_much_memory_gets_an_error_in_python(tmp_path: Path) -> None:
    code = """
copy_workers(LIMITS, 1)
try:
    worker_of(LIMITS).run(squares, Deeds([1, "eat"], Path()), {})
except MemoryError:
    show("refused")
"""
    assert shown(code, tmp_path) == ["refused"]


def test_threads_take_a_copy_each_and_then_fresh_workers(tmp_path: Path) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from stages import workers
copy_workers(LIMITS, 2)
barrier = threading.Barrier(3)
def work(_):
    found = survived(squares, Deeds([3], Path()), LIMITS)
    barrier.wait()
    return found, type(worker_of(LIMITS)._process).__name__
with ThreadPoolExecutor(3) as executor:
    show(sorted(executor.map(work, range(3))))
"""
    assert shown(code, tmp_path) == [[[[9], "Copy"], [[9], "Copy"], [[9], "Popen"]]]


def test_a_copy_dies_with_the_process_that_it_is_one_of(tmp_path: Path) -> None:
    code = (
        "copy_workers(LIMITS, 3)\nshow('started')\nsurvived(squares, Deeds(['sleep'], Path()), WorkerLimits(512, 1.0))"
    )
    parent = started(code, tmp_path)
    assert parent.stdout is not None
    assert parent.stdout.readline() == '"started"\n'
    children = psutil.Process(parent.pid).children()
    time.sleep(0.5)  # until one of them sleeps in its work
    assert len(children) == 3
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


def test_copies_that_nobody_took_end_with_the_script(tmp_path: Path) -> None:
    code = "copy_workers(LIMITS, 3)\nfrom stages import workers\nshow([w._process._process for w in workers._copied])"
    (children,) = shown(code, tmp_path)
    assert len(children) == 3
    assert not any(psutil.pid_exists(child) for child in children)


def test_copies_watch_dvc_and_work_where_it_started_the_stage(tmp_path: Path) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
copy_workers(LIMITS, 8)
barrier = threading.Barrier(8)
def work(n):
    barrier.wait()
    copy = worker_of(LIMITS)
    found = copy.run(squares, Deeds([n], Path()), {})
    process = copy._process._process
    descriptors = [os.readlink(f"/proc/{process}/fd/{name}") for name in os.listdir(f"/proc/{process}/fd")]
    return found, sum("pidfd" in name for name in descriptors), len(os.listdir(f"/proc/{process}/task")) > 1
with ThreadPoolExecutor(8) as executor:
    show(list(executor.map(work, range(8))))
"""
    assert shown(code, tmp_path, DVC_STAGE="decode") == [[[[n * n], 1, True] for n in range(8)]]


def test_no_copy_is_made_beside_another_thread(tmp_path: Path) -> None:
    code = """
threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
show(can_copy(1 << 40))
copy_workers(LIMITS, 1)
worker_of(LIMITS)
show(type(worker_of(LIMITS)._process).__name__)
"""
    assert shown(code, tmp_path) == [False, "Popen"]


def test_no_copy_is_made_of_a_process_that_holds_much_memory(tmp_path: Path) -> None:
    code = "show(can_copy(200 << 20))\nheld = bytearray(200 << 20)\nshow(can_copy(200 << 20))"
    assert shown(code, tmp_path) == [True, False]


def test_an_error_in_a_copy_is_written_to_its_output_and_ends_it_with_status_1(tmp_path: Path) -> None:
    code = """
from stages.copies import Copy
with open("said", "w") as output:
    show(Copy(lambda: 1 // 0, output.fileno(), ()).wait())
"""
    assert shown(code, tmp_path) == [1]
    assert (tmp_path / "said").read_text().endswith("ZeroDivisionError: integer division or modulo by zero\n")
