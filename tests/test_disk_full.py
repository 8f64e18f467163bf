"""A stage on a disk that fills up says so and leaves nothing half-written; with more room it ends as ever.

The disk is a real one, in memory and a few pages large, in a mount namespace of its own. Three cases by default;
`EARMARK_FULL_DISKS=30 pytest tests/test_disk_full.py` fills it up at many moments of each stage.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import environment_in
from ruamel.yaml import YAML
from wholeness import half_written, temporaries

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
MOUNTS = "mount -t tmpfs -o size=4k none {folder}"


def no_namespace() -> bool:
    """Whether this machine does not let us mount a disk of our own."""
    if shutil.which("unshare") is None:
        return True
    command = [*NAMESPACE, "sh", "-c", MOUNTS.format(folder="/mnt")]
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(no_namespace(), reason="no mount namespace for users here, so no small disk"),
]
N_CASES = int(os.environ.get("EARMARK_FULL_DISKS", "3"))
STAGES = ("decode", "split", "rank", "extract@level", "download", "train@dnn", "evaluate@dnn", "summarize")
STAGES += ("distill@pupil", "ensemble")
SHARES = (0.5, 0.99, 0.1, 0.9, 0.0)  # of the room that the stage needs
CASES = [(STAGES[i % len(STAGES)], SHARES[(i // len(STAGES) + i) % len(SHARES)]) for i in range(N_CASES)]
PAGE_BYTES = 4096
ENOUGH = "256m"
SCRIPT = """
mount -t tmpfs -o size=$1 none disk && cp -a inputs/. disk/ || exit 99
run() { (cd disk && "$PYTHON" -m $COMMAND) >"$1.log" 2>&1; echo $? >"$1.status"; cp -a disk "$1"; }
run first
mount -o remount,size=$2 none disk
run second
"""


@dataclass(frozen=True)
class Stage:
    """What DVC says of a stage: its command, what it reads below data/ and metrics/, what it writes."""

    command: str
    deps: list[str]
    outs: list[str]


def stage_of(folder: Path, name: str) -> Stage:
    entry = YAML(typ="safe").load(folder / "dvc.lock")["stages"][name]
    deps = [dep["path"] for dep in entry.get("deps", []) if dep["path"].startswith(("data/", "metrics/"))]
    return Stage(entry["cmd"].removeprefix("python -m "), deps, [out["path"] for out in entry["outs"]])


def files_of(folder: Path, outs: list[str]) -> dict[str, bytes]:
    """The files that a stage wrote, by path."""
    paths = [
        path for out in outs for path in ((folder / out).rglob("*") if (folder / out).is_dir() else [folder / out])
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(paths) if path.is_file()}


def run_twice(folder: Path, repository: Path, stage: Stage, n_pages: int) -> None:
    """Run a stage in `folder`/disk, of `n_pages` pages, and again with room; what it left is in first/ and second/."""
    (folder / "disk").mkdir()
    for name in ("params.yaml", *stage.deps):  # the stage reads from a large disk
        link = folder / "inputs" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(repository / name)
    own = {"PYTHON": sys.executable, "COMMAND": stage.command, "PYTHONPATH": str(repository)}
    subprocess.run(
        [*NAMESPACE, "sh", "-c", SCRIPT, "sh", str(n_pages * PAGE_BYTES), ENOUGH],
        cwd=folder,
        env=environment_in(folder) | own,
        check=True,
    )


@pytest.mark.parametrize(("name", "share"), CASES)
def test_a_full_disk_is_named_nothing_half_written_is_left_and_more_room_gives_the_same_bytes(
    name: str, share: float, done: Path, tmp_path: Path
) -> None:
    stage = stage_of(done, name)
    expected = files_of(done, stage.outs)
    n_pages = sum(-(-len(content) // PAGE_BYTES) for content in expected.values())

    run_twice(tmp_path, done, stage, max(int(share * n_pages), 1))

    said = (tmp_path / "first.log").read_text()
    assert (tmp_path / "first.status").read_text() != "0\n", said
    assert "Traceback" not in said
    assert "cannot be written (No space left on device)" in said
    assert f"on the disk {tmp_path / 'disk'}; make room there and run again" in said
    assert half_written(tmp_path / "first") == []
    assert temporaries(tmp_path / "first") == []
    left = files_of(tmp_path / "first", stage.outs)
    assert left.items() < expected.items()
    assert (tmp_path / "second.status").read_text() == "0\n", (tmp_path / "second.log").read_text()
    assert files_of(tmp_path / "second", stage.outs) == expected
    print(f"{n_pages} pages needed, {len(left)} of {len(expected)} files written: {said.strip().splitlines()[-1]}")
