"""Constants, bounds of params and one kernel that several families share."""

import math
from typing import Annotated

import numpy as np
from numba import njit
from pydantic import AfterValidator, Field

# Lets the compiler sum in vectors; what is summed is finite. A kernel with it that another kernel calls has
# forceinline too: else a call runs the code compiled for it alone in the process that compiled both, but in one that
# has loaded them from disk the code compiled with its caller, whose sums may be grouped otherwise.
FINITE_SUMS = {"reassoc", "contract", "nnan", "nsz"}
# Below it float32 has less than its precision, and is slow.
SMALLEST, GREATEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
DB_PER_NEPER = 10 / math.log(10)  # of powers


def _in_float32(power: float) -> float:
    if not SMALLEST <= power <= GREATEST:
        raise ValueError(f"{SMALLEST:.3g} to {GREATEST:.3g}, the powers that float32 holds")
    return power


# Params: the smallest power before a logarithm, and a level in dB whose power float64 holds.
Amin = Annotated[float, AfterValidator(_in_float32)]
Floor = Annotated[float, Field(ge=-1000, lt=0)]


@njit(nogil=True, cache=True)
def quantile(ascending: np.ndarray, share: float) -> float:
    """Return the quantile of at least one value, (n,) in ascending order: linear between neighbouring ranks."""
    place = share * (len(ascending) - 1)
    below = int(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (place - below) * (float(ascending[above]) - float(ascending[below]))
