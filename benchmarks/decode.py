"""How many one-second recordings a second the stage `decode` makes clips of, on one core, beside its peers in one run.

The rows `wav` to `m4a` are containers, at 16 kHz mono (Opus at 48 kHz). Ours is the whole stage on a tar: telling what
each member is, checking its structure, hashing, decoding in a worker process, measuring, Parquet with checksums,
quarantine. `ratio_to_librosa` is against a bare loop of `librosa.load` over the same bytes in memory,
`ratio_to_soundfile` against one of `soundfile.read`, both followed by int16 at 16 kHz; they write nothing, check
nothing, and read no m4a.
Each run of the stage is a process of its own, timed after its imports. `overhead_of_workers` is the time of the stage
over that of the same work without a worker process, less one; rows `worker_1000` and so on give it for so many wavs.

The rows `wav_1000` and so on are `python -m stages.decode` as a user runs it, start and end included, on that many
recordings (the same 200 over and over): `peak_mb` is the largest resident memory of all its processes together, MiB.

The row `index` is the list of a tar's members, `ratio_to_tarfile` against Python's own.

Run  python -m benchmarks.decode [--json FILE]
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from benchmarks.recordings import N_SOUNDS, file_bytes, loop, with_librosa, with_soundfile
from benchmarks.table import Rows, load, medians, parse, report
from stages import archives, decode
from stages.params import PARAMS_FILE

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 3
N_CLIPS = {"wav": 30_000, "flac": 6000, "mp3": 6000, "ogg": 3000, "opus": 1000, "m4a": 2000}
SCALES = (1000, 10_000, 100_000)
WORKERS = (1000, 10_000, 30_000)
WORKER_REPEATS = 5


@contextlib.contextmanager
def in_project(files: Sequence[bytes], n_clips: int) -> Iterator[None]:
    """Go to a folder in which `python -m stages.decode` finds a tar of `n_clips` members, `files` over and over."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(dir=before) as name:
        raw = Path(name) / decode.RAW
        raw.mkdir(parents=True)
        with tarfile.open(raw / "a.tar", "w") as tar:
            for number in range(n_clips):
                info = tarfile.TarInfo(f"word{number % 35}/{number:06d}")
                info.size = len(files[number % len(files)])
                tar.addfile(info, io.BytesIO(files[number % len(files)]))
        facts = {"source": "archive", "archives": [{"name": "a.tar", "part": ""}]}
        (raw / "source.json").write_text(json.dumps(facts))
        (Path(name) / PARAMS_FILE).write_text((ROOT / PARAMS_FILE).read_text())
        os.chdir(name)
        try:
            yield
        finally:
            os.chdir(before)


def stage(*arguments: str) -> float:
    """Return the seconds of the stage in a process of its own, its imports left out."""
    shutil.rmtree(decode.CLIPS, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.stage", *arguments]
    there = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=there, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return float(done.stdout)


def stage_without_worker() -> float:
    """Return the seconds of the same work without a worker process."""
    return stage("without_worker")


def of_workers() -> Rows:
    """Return what the worker process adds to the time of the stage, a row a number of recordings."""
    files = file_bytes("wav")
    rows = {}
    for n_clips in WORKERS:
        before = load()
        with in_project(files, n_clips):
            seconds = medians({"with": stage, "without": stage_without_worker}, WORKER_REPEATS)
        rows[f"worker_{n_clips}"] = {
            "clips_per_s": round(n_clips / seconds["with"], 1),
            "overhead_of_workers": round(seconds["with"] / seconds["without"] - 1, 3),
            "n_clips": n_clips,
            "repeats": WORKER_REPEATS,
            "load": before,
        }
    return rows


def of_containers() -> Rows:
    """Return clips a second and the ratio to each peer, a row a container."""
    before = load()
    rows = {}
    for name, n_clips in N_CLIPS.items():
        files = file_bytes(name)
        peers = {} if name == "m4a" else {"librosa": with_librosa, "soundfile": with_soundfile}
        loops = {peer: loop(function, files) for peer, function in peers.items()}
        with in_project(files, n_clips):
            seconds = medians({"earmark": stage, "without_worker": stage_without_worker, **loops}, REPEATS)
        ours = seconds["earmark"] / n_clips
        rows[name] = {
            "clips_per_s": round(1 / ours, 1),
            **{f"ratio_to_{peer}": round(seconds[peer] / N_SOUNDS / ours, 2) for peer in peers},
            "overhead_of_workers": round(seconds["earmark"] / seconds["without_worker"] - 1, 3),
            "n_clips": n_clips,
            "repeats": REPEATS,
            "load": before,
        }
    return rows


def of_scales() -> Rows:
    """Return the seconds and the memory of the whole stage, a row a number of recordings."""
    files = file_bytes("wav")
    rows = {}
    for n_clips in SCALES:
        before = load()
        with in_project(files, n_clips):
            seconds, peak_mb = watched([sys.executable, "-m", "stages.decode"])
        rows[f"wav_{n_clips}"] = {
            "seconds": round(seconds, 2),
            "clips_per_s": round(n_clips / seconds, 1),
            "peak_mb": round(peak_mb),
            "n_clips": n_clips,
            "repeats": 1,
            "load": before,
        }
    return rows


def of_index() -> Rows:
    """Return how many members a second are listed of a tar, and the ratio to tarfile."""
    before = load()
    with in_project(file_bytes("wav"), N_CLIPS["wav"]):
        path, limits = decode.RAW / "a.tar", archives.Limits(1 << 30, 200.0)
        works = {"earmark": lambda: archives.index(path, Path(), limits), "tarfile": lambda: names_of(path)}
        seconds = medians(works, REPEATS)
    ratio = round(seconds["tarfile"] / seconds["earmark"], 2)
    n_members = N_CLIPS["wav"]
    return {
        "index": {
            "clips_per_s": round(n_members / seconds["earmark"], 1),
            "ratio_to_tarfile": ratio,
            "n_clips": n_members,
            "repeats": REPEATS,
            "load": before,
        }
    }


def names_of(path: Path) -> list[str]:
    """Return the names of a tar's members as tarfile gives them."""
    with tarfile.open(path) as tar:
        return tar.getnames()


def watched(command: Sequence[str]) -> tuple[float, float]:
    """Return how many seconds a command took, and the largest memory of it and what it starts, in MiB."""
    began = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(ROOT)})
    peak = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}")
    return time.perf_counter() - began, peak / (1 << 20)


def main() -> None:
    json_file = parse("Measure clips a second of decoding on one core.")
    os.environ["EARMARK_WORKERS"] = "1"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report({**of_scales(), **of_workers(), **of_containers(), **of_index()}, json_file)


if __name__ == "__main__":
    main()
