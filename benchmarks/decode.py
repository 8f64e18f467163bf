"""How many one-second recordings a second the stage `decode` makes clips of, on one core, beside its peers in one run.

The rows `wav` to `m4a` are containers, at 16 kHz mono (Opus at 48 kHz). Ours is the whole stage on a tar: telling what
each member is, checking its structure, hashing, decoding in a worker process, measuring, Parquet with checksums,
quarantine. `ratio_to_librosa` is against a bare loop of `librosa.load` over the same bytes in memory,
`ratio_to_soundfile` against one of `soundfile.read`, both followed by int16 at 16 kHz; they write nothing, check
nothing, and read no m4a.
`overhead_of_workers` is the time of the stage over that of the same work without a worker process, less one.

The rows `wav_1000` and so on are `python -m stages.decode` as a user runs it, start and end included, on that many
recordings (the same 200 over and over): `peak_mb` is the largest memory of any of its processes.

Run  python -m benchmarks.decode [--json FILE]
"""

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

import av
import librosa
import numpy as np
import soundfile
import soxr

from benchmarks.table import Rows, load, medians, parse, report
from stages import decode
from stages.params import PARAMS_FILE

ROOT = Path(__file__).resolve().parent.parent
RATE_HZ = 16_000
N_SOUNDS = 200
REPEATS = 3
N_CLIPS = {"wav": 20_000, "flac": 6000, "mp3": 6000, "ogg": 3000, "opus": 1000, "m4a": 2000}
SCALES = (1000, 10_000, 100_000)
KINDS = {
    "wav": ("WAV", "PCM_16", 16_000),
    "flac": ("FLAC", "PCM_16", 16_000),
    "mp3": ("MP3", "MPEG_LAYER_III", 16_000),
    "ogg": ("OGG", "VORBIS", 16_000),
    "opus": ("OGG", "OPUS", 48_000),
}


def made_sounds(rate_hz: int) -> list[np.ndarray]:
    """Return N_SOUNDS seconds of noise under a speech-like envelope, from one seed."""
    generator = np.random.default_rng(1)
    envelope = np.hanning(rate_hz) ** 2
    return [0.1 * envelope * np.cumsum(generator.standard_normal(rate_hz)) / 50 for _ in range(N_SOUNDS)]


def file_bytes(name: str) -> list[bytes]:
    """Return the bytes of N_SOUNDS files of a kind."""
    if name == "m4a":
        return [_m4a(sound) for sound in made_sounds(RATE_HZ)]
    container, subtype, rate_hz = KINDS[name]
    files = []
    for sound in made_sounds(rate_hz):
        target = io.BytesIO()
        soundfile.write(target, sound, rate_hz, format=container, subtype=subtype)
        files.append(target.getvalue())
    return files


def _m4a(sound: np.ndarray) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    return target.getvalue()


def with_librosa(data: bytes) -> np.ndarray:
    """Return the clip as librosa gives it: its default resampler, to 16 kHz mono."""
    samples, _ = librosa.load(io.BytesIO(data), sr=RATE_HZ, mono=True)
    return (samples * 32767).astype(np.int16)


def with_soundfile(data: bytes) -> np.ndarray:
    """Return the clip as soundfile and soxr give it."""
    samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return (soxr.resample(mono, rate_hz, RATE_HZ, quality="HQ") * 32767).astype(np.int16)


def loop(decode: Callable[[bytes], object], files: Sequence[bytes]) -> Callable[[], object]:
    """Return the work of decoding all of `files`, one after the other."""
    return lambda: [decode(data) for data in files]


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


def stage() -> None:
    """Run the stage in this process, and decode in a worker."""
    with contextlib.redirect_stdout(None):
        decode.main()


def stage_without_worker() -> None:
    """Run the stage, and decode in this process too."""
    with mock.patch.object(decode, "survived", lambda work, shard, limits: work(shard, {}, lambda place: None)):
        stage()


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
            began = time.perf_counter()
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            subprocess.run([sys.executable, "-m", "stages.decode"], check=True, capture_output=True, env=environment)
            seconds = time.perf_counter() - began
        peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # grows from row to row, or stays
        rows[f"wav_{n_clips}"] = {
            "seconds": round(seconds, 2),
            "clips_per_s": round(n_clips / seconds, 1),
            "peak_mb": round(peak_kb / 1024),
            "n_clips": n_clips,
            "repeats": 1,
            "load": before,
        }
    return rows


def main() -> None:
    json_file = parse("Measure clips a second of decoding on one core.")
    os.environ["EARMARK_WORKERS"] = "1"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report({**of_scales(), **of_containers()}, json_file)


if __name__ == "__main__":
    main()
