"""Which device computes (EARMARK_DEVICE), and how: the same bytes on every run on one machine."""

import os

import torch

from stages.executors import SettingError


def device() -> torch.device:
    """Return the device that EARMARK_DEVICE names, or cuda where there is one, or cpu; sets torch to repeat itself.

    One math thread a process: models and seeds run beside each other, and threads that wait for each other lose more
    than they win. Raises SettingError for a name torch does not know or a device this machine does not have.
    """
    name = os.environ.get("EARMARK_DEVICE", "") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SettingError(f"EARMARK_DEVICE is {name!r}, expected cpu, cuda or cuda:<n>; {reason}") from None
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be deterministic
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms(True) less 1.3 s of a compiler's import
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a tenth of a step
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(1)
    return chosen
