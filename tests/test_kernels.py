"""A change of a kernel is seen by the kernels that call it from other files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

PROGRAM = "import stages, os; print(os.environ['NUMBA_CACHE_DIR'])"


def cache_of(folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def test_compiled_kernels_are_those_of_the_code_as_it_is(tmp_path: Path) -> None:
    for name in ("stages/__init__.py", "stages/features"):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    before = cache_of(tmp_path)
    assert before.startswith(str(tmp_path / ".scratch/kernels"))
    assert cache_of(tmp_path) == before
    with (tmp_path / "stages/features/pitch/lanes.py").open("a") as file:
        file.write("# another\n")
    assert cache_of(tmp_path) != before
