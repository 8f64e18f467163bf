"""`kill -9` of `dvc repro`, or of stages side by side, then `dvc repro`: as if nothing had been.

And two runs do not meet.

Three kills by default; `EARMARK_KILLS=100 pytest tests/test_kills.py` kills in ten moments of each stage, and with
`-rP` prints what was seen at each.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import FAMILIES_KEPT, ROOT, run
from ruamel.yaml import YAML
from running import END_S, SHELLS, WAIT_S, alive, kill, said, started, until
from wholeness import half_written, temporaries

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes end with DVC on Linux alone"),
]
N_KILLS = int(os.environ.get("EARMARK_KILLS", "3"))
STAGES = ("decode", "split", "rank", "extract@level", "download", "train@dnn", "evaluate@dnn", "summarize")
STAGES += ("distill@pupil", "ensemble")
WRITING = -1.0
MOMENTS = (WRITING, 0.5, 1.05, 0.9, 0.7, WRITING, 0.2, 0.8, 0.0, 1.0)  # of the time that the stage takes
_TURNS = [(i % len(STAGES), i // len(STAGES) + i) for i in range(N_KILLS)]
KILLS = [(STAGES[stage], MOMENTS[turn % len(MOMENTS)], SHELLS[turn % len(SHELLS)]) for stage, turn in _TURNS]
MENDS = {  # what DVC says where it was killed while it wrote a file of its own, in place -> what a person does then
    "dvc.lock' is invalid": ("git", "checkout", "--quiet", "dvc.lock"),
    "dvc.lock' validation failed": ("git", "checkout", "--quiet", "dvc.lock"),
    "Unable to read RWLock-file": ("rm", ".dvc/tmp/rwlock"),
}
SIDE_BY_SIDE = "from apps import check, repro; check.main = lambda _: None; repro.main()"  # the check has its own tests
YAML_12 = YAML(typ="safe")


def forget(folder: Path, stage: str) -> None:
    """Make it so that `stage` has never run: nothing in dvc.lock, in the run cache, or on disk."""
    lock = YAML_12.load(folder / "dvc.lock")
    for out in lock["stages"].pop(stage)["outs"]:
        path = folder / out["path"]
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    YAML_12.dump(lock, folder / "dvc.lock")
    shutil.rmtree(folder / ".dvc/cache/runs", ignore_errors=True)


def run_again(folder: Path) -> tuple[str, list[str]]:
    """Run `dvc repro`, after what DVC demands before it runs again; return what it said, and the demands."""
    demands: list[str] = []
    while True:
        again = run(folder, "dvc", "repro", check=False)
        new = [words for words in MENDS if words in again.stderr and words not in demands]
        if again.returncode == 0 or not new:
            assert again.returncode == 0, again.stderr
            return again.stdout + again.stderr, demands
        demands += new
        for words in new:
            run(folder, *MENDS[words])


def results(folder: Path) -> dict[str, object]:
    """dvc.lock and what git tracks of the results."""
    files = sorted(path for path in (folder / "metrics").rglob("*") if path.is_file() and path.suffix != ".tmp")
    return {"dvc.lock": YAML_12.load(folder / "dvc.lock")} | {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def victim(done: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished repository, to be killed in again and again."""
    return shutil.copytree(done, tmp_path_factory.mktemp("kills") / "repository")


@pytest.fixture(scope="module")
def takes_s(victim: Path) -> dict[str, float]:
    """How long each stage that will be killed takes, alone."""
    stages, found = YAML_12.load(victim / "dvc.lock")["stages"], {}
    for stage in {stage for stage, _, _ in KILLS}:
        began = time.monotonic()
        run(victim, *stages[stage]["cmd"].split())
        found[stage] = time.monotonic() - began
    return found


@pytest.mark.parametrize(("stage", "moment", "shell"), KILLS)
def test_a_killed_run_leaves_no_process_and_no_half_file_and_the_next_one_ends_as_ever(
    stage: str, moment: float, shell: str, done: Path, victim: Path, takes_s: dict[str, float]
) -> None:
    shutil.copy(done / "dvc.lock", victim)
    forget(victim, stage)
    with started(victim, shell, "dvc", "repro", "--single-item", stage) as dvc:
        until(lambda: "\n> python -m" in said(victim), "the stage's start")
        if moment == WRITING:
            until(lambda: temporaries(victim) or " lock file" in said(victim), "a file being written", pause_s=0)
        else:
            time.sleep(moment * takes_s[stage])
        n_alive = len(alive(victim))
        kill(dvc)
        until(lambda: not alive(victim), f"the end of {alive(victim)}", END_S)

    assert half_written(victim) == []
    n_left = len(temporaries(victim))
    again, demands = run_again(victim)
    assert results(victim) == results(done)
    assert temporaries(victim) == []
    removed = "Auto removed it from the lock file" in again
    print(f"{n_alive} processes, {n_left} temporaries, stale lock removed by DVC: {removed}, asked of us: {demands}")


def test_a_kill_of_stages_side_by_side_leaves_as_little(done: Path, victim: Path) -> None:
    shutil.copytree(ROOT / "apps", victim / "apps", dirs_exist_ok=True)
    shutil.copy(done / "dvc.lock", victim)
    for family in FAMILIES_KEPT:
        forget(victim, f"extract@{family}")
    with started(victim, SHELLS[0], sys.executable, "-c", SIDE_BY_SIDE, "--lanes", "2") as repro:
        until(lambda: script(victim, "extract"), "the start of a family")
        pids = alive(victim)
        assert sum(" --wait-for-lock repro " in command for command in pids.values()) == 2
        kill(repro)
        until(lambda: not alive(victim), f"the end of {alive(victim)}", END_S)
    until(lambda: not any(map(psutil.pid_exists, pids)), f"the end of {pids}")  # DVC takes a zombie for alive
    assert half_written(victim) == []
    run_again(victim)
    assert results(victim) == results(done)
    assert temporaries(victim) == []


def test_a_cut_file_of_every_kind_that_stages_write_would_be_seen(done: Path, tmp_path: Path) -> None:
    files = [path for top in ("data", "metrics") for path in (done / top).rglob("*") if path.is_file()]
    one_of_each = {
        path.suffix: path for path in sorted(files) if not path.name.startswith(".") and path.suffix != ".md"
    }
    assert set(one_of_each) == {".csv", ".json", ".parquet", ".safetensors", ".tar"}
    for suffix, path in one_of_each.items():
        cut = tmp_path / "data" / f"cut{suffix}"
        cut.parent.mkdir(exist_ok=True)
        cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert len(half_written(tmp_path)) == len(one_of_each)


def test_a_second_run_at_once_is_refused_and_the_first_one_is_not_disturbed(done: Path, victim: Path) -> None:
    forget(victim, "split")
    with started(victim, SHELLS[0], "dvc", "repro", "split") as first:
        until(lambda: script(victim, "split"), "the stage's start")
        stage = script(victim, "split")
        os.kill(stage, signal.SIGSTOP)
        second = run(victim, "dvc", "repro", "split", check=False)
        os.kill(stage, signal.SIGCONT)
        assert first.wait(WAIT_S) == 0, said(victim)
    assert second.returncode != 0
    assert "is busy, it is being blocked by:" in second.stderr
    assert f"(PID {first.pid})" in second.stderr
    assert results(victim) == results(done)


def script(folder: Path, verb: str) -> int:
    """The process that runs `python -m stages.<verb>`, 0 where there is none."""
    return next((pid for pid, command in alive(folder).items() if command.startswith(f"python -m stages.{verb}")), 0)
