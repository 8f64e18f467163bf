"""What tests share: sounds made on the spot, and a copy of the repository to run the DAG in."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ruamel.yaml import YAML
from serving import Server, put_archive, serving

import stages

ROOT = Path(__file__).resolve().parent.parent
# Kernels of tests are kept apart: compiled in another order than a stage compiles its own, one may group the terms of a
# sum otherwise, and what a stage then loaded from disk would give other last bits. For the same reason, of processes
# that test side by side each has its own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
os.environ["NUMBA_CACHE_DIR"] = os.environ["NUMBA_CACHE_DIR"].removesuffix("-tests") + "-tests" + WORKER
stages._hold(Path(os.environ["NUMBA_CACHE_DIR"]))


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, put first and together what needs the finished repository; else each file's tests stay together.

    librosa compiles for seconds where it is first used, so its files stay together too.
    """
    if WORKER:
        items.sort(key=_needs_dag, reverse=True)
        for item in items:
            rest = "librosa" if hasattr(item.module, "librosa") else item.path.name  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.xdist_group("dag" if _needs_dag(item) else rest))


def _needs_dag(item: pytest.Item) -> bool:
    return "done" in item.fixturenames  # type: ignore[attr-defined]


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def archive_there(in_folder: Path) -> Path:
    """A folder, the current one, that holds there/words.tar."""
    put_archive()
    return in_folder


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that gives that archive."""
    with serving() as running:
        yield running


def tone(seconds: float, rate_hz: int = 16_000, hz: float = 440.0, amplitude: float = 0.5) -> np.ndarray:
    """A sine: (n,) float64."""
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def encoded(samples: np.ndarray, rate_hz: int = 16_000, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    """The bytes of a file of sound."""
    target = io.BytesIO()
    soundfile.write(target, samples, rate_hz, format=kind, subtype=subtype)
    return target.getvalue()


def copy_repository(folder: Path) -> Path:
    """Copy what the DAG needs into `folder`, as a git repository of its own."""
    kept = ("stages", "dvc.yaml", "params.yaml", "requirements.lock", ".dvcignore", ".gitignore", "data/own/README.md")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in (*kept, ".dvc/config", ".dvc/.gitignore"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignore)
        else:
            shutil.copy(source, target)
    share_kernels(folder)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "copy"]):
        subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *command], cwd=folder, check=True
        )
    return folder


def share_kernels(folder: Path) -> None:
    """Let the copy of the code in `folder` find the kernels compiled here, which numba keeps by the code's place."""
    from numba.core.caching import _CacheLocator  # later than NUMBA_CACHE_DIR is set

    kernels = Path(os.environ["NUMBA_CACHE_DIR"])
    packages = [path.parent.relative_to(ROOT) for path in sorted((ROOT / "stages/features").rglob("__init__.py"))]
    for package in packages:
        here, there = (
            kernels / _CacheLocator.get_suitable_cache_subpath(str(root / package / "__init__.py"))
            for root in (ROOT, folder.resolve())
        )
        here.mkdir(parents=True, exist_ok=True)
        there.symlink_to(here)


KEYWORDS = ["yes", "no", "stop"]  # of the tiny data set
FAMILIES_KEPT = ("mel", "level")  # of it


def tiny(folder: Path) -> None:
    """Cut params.yaml down: three words, 24 speakers, two families and models, a student, a few epochs; all stages."""
    yaml = YAML()
    path = folder / "params.yaml"
    params = yaml.load(path)
    options = params["download"]["options"]
    options["keywords"], options["unknown_words"] = KEYWORDS, ["bed", "tree"]
    options["voices"]["n_speakers"], options["voices"]["n_takes"] = 24, 1
    options["backgrounds"]["n_recordings"] = 4
    params["split"]["keywords"] = KEYWORDS
    families = params["extract"]["families"]
    for family in [name for name in families if name not in FAMILIES_KEPT]:
        del families[family]
    params["rank"].update(n_folds=2, n_repeats=2, n_selected=20, curve={"against": ["information"], "sizes": [5, 20]})
    params["rank"]["trees"].update(n_rounds=5, n_repeats=1, n_explained=10)
    params["evaluate"]["n_bootstrap"] = 200
    del params["train"]["models"]["lstm"]  # a model of columns and one of frames stay
    for model in params["train"]["models"].values():
        model.update(epochs=2, seeds=[1, 2])
    pupil = {**params["train"]["models"]["cnn"], "teachers": ["dnn", "cnn"], "teacher_share": 0.5, "temperature": 2.0}
    params["distill"] = {"pupil": pupil}
    yaml.dump(params, path)


def environment_in(folder: Path) -> dict[str, str]:
    """The environment of a user who has activated ours, with no other place of DVC's than beside the folder."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@localhost",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@localhost",
    }


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does."""
    environment = environment_in(folder)
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)
    assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which `dvc repro` has run on the tiny data set, committed to git."""
    folder = copy_repository(tmp_path_factory.mktemp("pipeline") / "repository")
    tiny(folder)
    run(folder, "dvc", "repro")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "repro")
    return folder
