"""earmark: sound in, trustworthy keyword spotters out. One script a verb; see README.md.

What all scripts share, set before anything else is imported:
- One math thread a process, because numpy and torch read it when first imported: the parallel unit is the shard, and
  sums do not depend on the machine's number of cores.
- Compiled kernels are kept for the code as it is: numba does not see that one called from another file has changed, and
  would run the old one. Of former code the newest few are kept.
- A script and its copies go without two libraries that are not in requirements.lock: pyarrow would load pandas where it
  is installed, and LightGBM scikit-learn, for half a second and more of each stage.
- The project's own errors are read by people: they end a script with their words alone, not with a traceback.
- What DVC starts ends with DVC, killed or not (Linux): a stage that lived on would write where the next run writes.
  A script that a person starts is left alone.
"""

import ctypes
import fcntl
import hashlib
import os
import select
import shutil
import signal
import sys
import threading
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import NoReturn

PR_SET_PDEATHSIG = 1
NOT_OURS = ("pandas", "sklearn")
KERNELS_KEPT = 4  # folders, as of a few branches

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"


def _kernels() -> Path:
    """Return the folder for kernels compiled from the features' code as it is now."""
    stages = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted((stages / "features").rglob("*.py")):
        code = path.read_bytes()
        digest.update(code if b"numba" in code else b"")
    return stages.parent / ".scratch" / "kernels" / digest.hexdigest()[:16]


def _hold(folder: Path) -> None:
    """Make `folder`, keep it for as long as this process lives, and remove the oldest beside it that no process holds.

    A process holds its folder by a shared lock on it, which ends with the process.
    """
    try:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            held = os.open(folder, os.O_RDONLY)  # never closed: the lock goes with it
            fcntl.flock(held, fcntl.LOCK_SH)
            if _is_there(held, folder):
                break
            os.close(held)  # another process has removed it meanwhile
        os.utime(folder)
        ages = {path: path.stat().st_mtime_ns for path in sorted(folder.parent.iterdir())}
        for path in sorted(ages, key=ages.__getitem__)[:-KERNELS_KEPT]:
            _remove_unheld(path)
    except OSError:  # no locks here, no writing, or another process was faster: what is old may stay
        return


def _is_there(opened: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), folder.stat())
    except FileNotFoundError:
        return False


def _remove_unheld(folder: Path) -> None:
    seen = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(seen, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:  # held
        return
    finally:
        os.close(seen)


_folder = _kernels()
if os.environ.setdefault("NUMBA_CACHE_DIR", str(_folder)) == str(_folder):
    _hold(_folder)


class _Refusal(Loader):
    """Finds those of NOT_OURS, installed or not, and loads none; torch asks where they are and is to get an answer."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in NOT_OURS else None

    def exec_module(self, module: ModuleType) -> NoReturn:
        name = module.__name__
        raise ModuleNotFoundError(f"{name} is not in requirements.lock, so no stage loads it", name=name)


def _in_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if kind.__module__ == "__main__" or kind.__module__.startswith("stages."):
        print(f"{kind.__name__}: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def dies_with(parent: int) -> bool:
    """Let the kernel end this process with `parent`, which started it; return whether that lives still (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def _end_with_dvc() -> None:
    """See to it that this process, which DVC or a process of its stage started, dies when DVC does.

    The kernel does it for DVC's own child. Where a shell or another process of the stage stands between (bash hands its
    place over to the stage, dash does not), a thread waits for the end of DVC.
    """
    try:
        top, dvc = _line()
        if os.getpgid(top) != os.getpgid(dvc):  # not who started it, but who adopted it when DVC was dead already
            raise ProcessLookupError(dvc)
        if top == os.getpid():
            if not dies_with(dvc):
                raise ProcessLookupError(dvc)
        else:
            threading.Thread(target=_end_with, args=(os.pidfd_open(dvc),), daemon=True).start()
    except (ProcessLookupError, FileNotFoundError):  # DVC died meanwhile
        os.kill(os.getpid(), signal.SIGKILL)
    except OSError:  # a kernel before 5.3, or a sandbox, that watches no other process: no promise, and no harm
        return


def _line() -> tuple[int, int]:
    """Return the first process of this stage, which may be this one, and its parent, which is DVC."""
    mark = os.fsencode(f"DVC_STAGE={os.environ['DVC_STAGE']}")
    top, parent = os.getpid(), os.getppid()
    while mark in _environment(parent):
        top, parent = parent, int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
    return top, parent


def _environment(process: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except PermissionError:  # another user's, so none of this stage
        return []


def _end_with(process: int) -> None:
    waiting = select.poll()
    waiting.register(process, select.POLLIN)
    waiting.poll()
    os.kill(os.getpid(), signal.SIGKILL)


if sys.argv[0] == "-m":  # this process runs one of the scripts, as `python -m stages.decode`
    sys.excepthook = _in_words
    if any(word.removeprefix("-m").startswith("stages.") for word in sys.orig_argv[1:]):
        sys.meta_path.insert(0, _Refusal())
if "DVC_STAGE" in os.environ and os.getppid() and Path("/proc/self/environ").exists():
    _end_with_dvc()
    os.register_at_fork(after_in_child=_end_with_dvc)  # neither the kernel's promise nor the thread is inherited
