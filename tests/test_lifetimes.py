"""What DVC starts ends with DVC; what a person starts does not end with the shell."""

import time
from pathlib import Path

import pytest
from conftest import ROOT, run
from running import END_S, SHELLS, alive, kill, said, started, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes end with DVC on Linux alone")
SLEEPERS = """
import multiprocessing, time
from concurrent.futures import ProcessPoolExecutor
import stages
if __name__ == "__main__":
    multiprocessing.set_forkserver_preload(["stages"])
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as executor:
        executor.submit(stages.os.getpid).result()
        print("asleep", flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_what_dvc_started_and_what_that_started_ends_with_dvc(shell: str, tmp_path: Path) -> None:
    folder = sleepers(tmp_path)
    (folder / "dvc.yaml").write_text("stages: {sleep: {cmd: python sleepers.py}}")
    for command in (("git", "init", "--quiet"), ("dvc", "init", "--quiet")):
        run(folder, *command)
    with started(folder, shell, "dvc", "repro") as dvc:
        until(lambda: "asleep" in said(folder), "the stage's start")
        kill(dvc)
        until(lambda: not alive(folder), f"the end of {alive(folder)}", END_S)


def test_what_a_person_started_outlives_the_shell(tmp_path: Path) -> None:
    folder = sleepers(tmp_path)
    with started(folder, SHELLS[0], "sh", "-c", "python sleepers.py & exit") as shell:
        until(lambda: "asleep" in said(folder), "the script's start")
        assert shell.wait() == 0
        time.sleep(0.1)
        assert [command for command in alive(folder).values() if "sleepers.py" in command]


def sleepers(folder: Path) -> Path:
    """A folder with a script that sleeps, as does the process that it starts."""
    repository = folder / "repository"
    repository.mkdir()
    (repository / "sleepers.py").write_text(SLEEPERS)
    (repository / "stages").symlink_to(ROOT / "stages")
    return repository


def test_a_stage_runs_where_no_process_can_be_watched(tmp_path: Path) -> None:
    folder = sleepers(tmp_path)
    (folder / "stage.py").write_text(
        "import errno, os\n"
        "def refused(process): raise OSError(errno.ENOSYS, 'no such call')\n"
        "os.pidfd_open = refused\n"
        "import stages\n"
        "print('runs')\n"
    )
    done = run(folder, "env", "DVC_STAGE=stage", "sh", "-c", "python stage.py; true")  # sh stays in between
    assert done.stdout == "runs\n"
