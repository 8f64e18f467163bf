"""What a decoder gives, and how a recording is refused."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Refused(ValueError):
    """A recording cannot be used: `reason` is one of stages/tables/quarantine.py, `message` says more.

    `n_declared` and `n_decoded` are frames, -1 where nobody declared or decoded any.
    """

    def __init__(self, reason: str, message: str, n_declared: int = -1, n_decoded: int = -1) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason, self.message = reason, message
        self.n_declared, self.n_decoded = n_declared, n_decoded


class Stream(NamedTuple):
    """A recording that is being decoded.

    `blocks` gives samples (n, n_channels), int16 or float32 of full scale 1.0, at `rate_hz`, until the recording's end;
    it raises Refused where the decoder gives up.
    """

    rate_hz: int
    n_channels: int
    codec: str
    blocks: Iterator[np.ndarray]
