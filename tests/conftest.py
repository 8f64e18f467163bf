"""What tests share: sounds made on the spot, and a copy of the repository to run the DAG in."""

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "copy"]):
        subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *command], cwd=folder, check=True
        )
    return folder
