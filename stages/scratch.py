"""Room for files that nobody keeps: `.scratch/<name>`, which git and DVC ignore."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRATCH = Path(".scratch")


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Yield an empty folder, whatever an earlier run left there, and remove it in the end."""
    folder = SCRATCH / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
