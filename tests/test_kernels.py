"""A change of a kernel is seen by those that call it from other files, and one from disk is the one compiled here."""

import ast
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PROGRAM = "import stages, os; print(os.environ['NUMBA_CACHE_DIR'])"


def cache_of(folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with the code of the features."""
    for name in ("stages/__init__.py", "stages/features"):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return tmp_path


def test_compiled_kernels_are_those_of_the_code_as_it_is(tree: Path) -> None:
    before = cache_of(tree)
    assert before.startswith(str(tree / ".scratch/kernels"))
    assert cache_of(tree) == before
    with (tree / "stages/features/pitch/lanes.py").open("a") as file:
        file.write("# another\n")
    assert cache_of(tree) != before


def test_of_kernels_of_former_code_the_newest_and_those_in_use_stay(tree: Path) -> None:
    kernels = tree / ".scratch/kernels"
    for age, name in enumerate("abcdef"):
        (kernels / name / "chroma_1").mkdir(parents=True)
        os.utime(kernels / name, (10 - age, 10 - age))
    in_use = os.open(kernels / "e", os.O_RDONLY)
    fcntl.flock(in_use, fcntl.LOCK_SH)
    own = Path(cache_of(tree)).name
    os.close(in_use)
    assert {path.name for path in kernels.iterdir()} == {own, "a", "b", "c", "e"}


def test_a_kernel_whose_sums_may_be_regrouped_is_inlined_where_another_calls_it() -> None:
    decorators, called = {}, set()
    for path in sorted((ROOT / "stages/features").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and any("njit(" in ast.unparse(d) for d in node.decorator_list):
                decorators[node.name, path] = ast.unparse(node.decorator_list[0])
                called |= {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
    regrouped = {key: text for key, text in decorators.items() if "FINITE_SUMS" in text and key[0] in called}
    assert regrouped
    assert not [key for key, text in regrouped.items() if "forceinline=True" not in text]
