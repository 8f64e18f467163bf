"""One channel at one rate, of a recording that may be longer than memory.

A short recording is held and resampled at once. A longer one is resampled block by block into a file without a name.
"""

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
import soxr

from stages.files import room_at
from stages.tables.clips import FULL_SCALE

HELD_FRAMES = 1 << 21  # of a recording that is held and resampled at once: 131 s at 16 kHz


class Mono:
    """Samples (n,) at one rate, of which `mono[a:b]` gives some: int16 as stored, or float32 of full scale 1.0."""

    def __init__(self, pieces: Iterator[np.ndarray], scratch: Path) -> None:
        self._held = next(pieces)
        self._n_samples = len(self._held)
        self._file = None
        for piece in pieces:
            with room_at(scratch):
                if self._file is None:
                    self._file = tempfile.TemporaryFile(dir=scratch, buffering=0)  # noqa: SIM115  # lives as long as this
                    _write(self._file, self._held)
                _write(self._file, piece)
            self._n_samples += len(piece)

    def __len__(self) -> int:
        return self._n_samples

    def __getitem__(self, place: slice) -> np.ndarray:
        if self._file is None:
            return self._held[place]
        start, stop, _ = place.indices(self._n_samples)
        self._file.seek(start * self._held.itemsize)
        return np.fromfile(self._file, self._held.dtype, max(stop - start, 0))


def _write(file: IO[bytes], piece: np.ndarray) -> None:
    left = memoryview(piece.tobytes())
    while left:
        left = left[file.write(left) :]


def mono_pieces(blocks: Iterator[np.ndarray], rate_hz: int, target_hz: int) -> Iterator[np.ndarray]:
    """Yield the mean of the channels at `target_hz`: one piece of a short recording, many of a long one, at least one.

    `blocks` give (n, n_channels). One channel of int16 at `target_hz` already stays as it is; all else becomes float32.
    Resampled by soxr at HQ, whose aliases lie 137 dB down.
    """
    held: list[np.ndarray] = []
    n_held = 0
    for block in blocks:
        held.append(_one_channel(block, same_rate=rate_hz == target_hz))
        n_held += len(block)
        if n_held > HELD_FRAMES:
            channel = chain(held, (_one_channel(later, same_rate=rate_hz == target_hz) for later in blocks))
            yield from channel if rate_hz == target_hz else _resampled(channel, rate_hz, target_hz)
            return
    mono = held[0] if len(held) == 1 else np.concatenate(held)
    if rate_hz == target_hz:
        yield mono
        return
    resampled = soxr.resample(mono, rate_hz, target_hz, quality="HQ")
    yield resampled if len(resampled) else mono[:1]  # never fewer than one sample


def _one_channel(block: np.ndarray, same_rate: bool) -> np.ndarray:
    if block.shape[1] == 1:
        mono = block[:, 0]
        return mono if same_rate or mono.dtype != np.int16 else mono.astype(np.float32) / np.float32(FULL_SCALE)
    scale = FULL_SCALE if block.dtype == np.int16 else 1.0
    return (block.mean(axis=1, dtype=np.float64) / scale).astype(np.float32)


def _resampled(channel: Iterator[np.ndarray], rate_hz: int, target_hz: int) -> Iterator[np.ndarray]:
    resampler = soxr.ResampleStream(rate_hz, target_hz, 1, dtype="float32", quality="HQ")
    for piece in channel:
        resampled = resampler.resample_chunk(piece)
        if len(resampled):
            yield resampled
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
