"""Where a killed training goes on: a file in .scratch, named after all that its weights hang on."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from stages.files import whole
from stages.scratch import SCRATCH

EVERY_S = 20.0  # at most a file in so many seconds: one costs milliseconds


@dataclass
class Checkpoint:
    """The file of one seed. `writes` is false in all processes but one."""

    path: Path
    writes: bool
    written: float = field(default_factory=time.monotonic)

    def read(self, where: torch.device) -> dict | None:
        """Return the state that was written, None where there is none."""
        return torch.load(self.path, map_location=where, weights_only=True) if self.path.exists() else None

    def write(self, state: Callable[[], Mapping[str, object]]) -> None:
        """Write the state, unless the last one is fresh."""
        if self.writes and time.monotonic() - self.written >= EVERY_S:
            with whole(self.path) as temporary:
                torch.save(dict(state()), temporary)
            self.written = time.monotonic()


def digest(settings: Mapping[str, object], tensors: Mapping[str, torch.Tensor], code: Path) -> str:
    """Return a name for one configuration: another one's checkpoint is never found by it.

    `settings` are plain values, `tensors` what is learned from, `code` the folder of the modules that learn.
    """
    hashed = hashlib.blake2b(digest_size=16)
    hashed.update(json.dumps([settings, torch.__version__], sort_keys=True, default=str).encode())
    for name, values in sorted(tensors.items()):
        hashed.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
        hashed.update(values.cpu().contiguous().numpy().data)
    for path in sorted(code.rglob("*.py")):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()


def checkpoint(name: str, seed: int, writes: bool) -> Checkpoint:
    """Return the checkpoint of one seed of the configuration `name`."""
    return Checkpoint(SCRATCH / "train" / name / f"seed-{seed}.pt", writes)


def forget(name: str) -> None:
    """Remove the checkpoints of a configuration: its weights have their own place now."""
    shutil.rmtree(SCRATCH / "train" / name, ignore_errors=True)
