"""On how many devices a model learns, and how exactly: Lightning Fabric, told by the environment.

    EARMARK_DEVICE      cpu, cuda, cuda:1, ... (see device.py)
    EARMARK_DEVICES     processes that share each batch, one a GPU (default: 1)
    EARMARK_PRECISION   32-true, or bf16-mixed, ... as Fabric names them (default: 32-true)

One device gives the same bytes on every run; another number of devices, or another precision, gives other roundings.
"""

import os
import warnings

import torch
from lightning_fabric import Fabric
from torch import nn

from stages.executors import SettingError
from stages.models.device import device

PRECISIONS = ("32-true", "bf16-mixed", "bf16-true", "16-mixed", "64-true")


def launched() -> Fabric:
    """Return the Fabric of this process, with the others, if any, started: they run the same command.

    Raises SettingError for a setting that cannot be.
    """
    where, number, precision = device(), n_devices(), os.environ.get("EARMARK_PRECISION", "") or PRECISIONS[0]
    if precision not in PRECISIONS:
        raise SettingError(f"EARMARK_PRECISION is {precision!r}, expected one of {', '.join(PRECISIONS)}")
    if number > 1 and where.index is not None:
        raise SettingError(
            f"EARMARK_DEVICE is {str(where)!r}, expected cpu or cuda where EARMARK_DEVICES is {number}; choose GPUs by"
            " CUDA_VISIBLE_DEVICES"
        )
    if where.type == "cuda" and number > torch.cuda.device_count():
        raise SettingError(f"EARMARK_DEVICES is {number}, expected at most {torch.cuda.device_count()}, the GPUs here")
    chosen = number if number > 1 or where.type == "cpu" else [where.index or 0]
    strategy = "ddp" if number > 1 else "auto"
    fabric = Fabric(accelerator=where.type, strategy=strategy, devices=chosen, precision=precision)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*deterministic.*")
        fabric.launch()
    torch.set_num_threads(1)  # Fabric shares out the cores where it starts processes
    return fabric


def n_devices() -> int:
    """Return how many processes share a batch, from EARMARK_DEVICES."""
    text = os.environ.get("EARMARK_DEVICES", "") or "1"
    if not text.isdigit() or int(text) < 1:
        raise SettingError(f"EARMARK_DEVICES is {text!r}, expected a whole number of at least 1; unset it for one")
    return int(text)


def shared(network: nn.Module, fabric: Fabric) -> nn.Module:
    """Return the network, on GPUs with norms that see the whole batch of all processes."""
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    return network
