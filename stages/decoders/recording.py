"""The bytes of one recording -> its sound, checked on the way: nothing that is cut, broken or out of bounds gets by."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.decoders import DECODERS
from stages.decoders.contents import container_of
from stages.decoders.mono import Mono, mono_pieces
from stages.decoders.octets import Octets
from stages.decoders.sound import Refused, Stream
from stages.files import BLOCK_BYTES
from stages.structures import STRUCTURES
from stages.structures.declared import Declared, Pcm

PADDING_FRAMES = 2 * 2048  # at most: two frames of AAC at double rate
MD5_BYTES = {8: 1, 16: 2, 24: 3}  # of a sample, by its bits, where float32 holds it exactly


@dataclass(frozen=True)
class Limits:
    """What is refused before it becomes a clip."""

    max_s: float
    max_channels: int
    rates_hz: tuple[int, int]
    max_peak: float  # full scale 1; decoders of lossy sound overshoot it a little


class Recording(NamedTuple):
    """A decoded recording, one channel at one rate, and what it was."""

    mono: Mono
    container: str
    codec: str
    native_rate_hz: int
    native_channels: int
    n_declared: int  # frames, -1 where none are
    n_decoded: int


def decoded(data: Octets, target_hz: int, limits: Limits, scratch: Path) -> Recording:
    """Return the recording in `data` at `target_hz`. Raises Refused with a reason of the quarantine.

    What is too long for memory lies in a file without a name in `scratch`.
    """
    container = container_of(data)
    declared = STRUCTURES[container].declared(data)
    with _stream(data, container, declared) as stream:
        _refuse_beyond(stream, limits)
        watch = Watch(declared, stream.rate_hz, limits)
        mono = Mono(mono_pieces(watch.over(stream.blocks), stream.rate_hz, target_hz), scratch)
    return Recording(
        mono, container, stream.codec, stream.rate_hz, stream.n_channels, watch.n_declared, watch.n_decoded
    )


def _stream(data: Octets, container: str, declared: Declared) -> AbstractContextManager[Stream]:
    pcm = declared.pcm
    if pcm is None:
        return DECODERS[container].stream(data if declared.sound is None else declared.sound, container)
    return nullcontext(Stream(pcm.rate_hz, pcm.n_channels, "pcm_16", _pcm_blocks(data, pcm)))


def _pcm_blocks(data: Octets, pcm: Pcm) -> Iterator[np.ndarray]:
    """Samples that lie in the file as they are need no decoder."""
    block_bytes = BLOCK_BYTES // (2 * pcm.n_channels) * 2 * pcm.n_channels
    for start in range(pcm.offset, pcm.offset + pcm.n_bytes, block_bytes):
        block = data[start : min(start + block_bytes, pcm.offset + pcm.n_bytes)]
        yield np.frombuffer(block, "<i2").reshape(-1, pcm.n_channels)


def _refuse_beyond(stream: Stream, limits: Limits) -> None:
    if stream.n_channels > limits.max_channels:
        raise Refused("too_many_channels", f"{stream.n_channels} channels, at most {limits.max_channels}")
    low, high = limits.rates_hz
    if not low <= stream.rate_hz <= high:
        raise Refused("rate_out_of_range", f"{stream.rate_hz:,} Hz, expected {low:,} to {high:,}")


class Watch:
    """Looks at every block that a decoder gives, and at how many frames it gave in the end."""

    def __init__(self, declared: Declared, rate_hz: int, limits: Limits) -> None:
        self._declared, self._limits = declared, limits
        self._max_frames = int(limits.max_s * rate_hz)
        self._digest = hashlib.md5(usedforsecurity=False) if declared.md5 and declared.n_bits in MD5_BYTES else None
        self.n_declared = -1 if declared.n_frames is None else declared.n_frames
        self.n_decoded = 0

    def over(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield `blocks`. Raises Refused: too_long, not_finite, out_of_range, empty, truncated, damaged."""
        exact = self._declared.slack == 0
        for block in blocks if exact else self._without_padding(blocks):
            self.n_decoded += len(block)
            if self.n_decoded > self._max_frames:
                raise self._refused("too_long", f"more than {self._limits.max_s:g} s")
            if block.dtype != np.int16:
                self._refuse_values(block)
            if self._digest is not None:
                self._digest.update(_hashed(block, self._declared.n_bits))
            yield block
        if self.n_decoded == 0:
            raise self._refused("empty", "no samples")
        if self.n_decoded < self.n_declared - self._declared.slack:
            raise self._refused("truncated", f"{self.n_decoded:,} frames of {self.n_declared:,} declared")
        if self._digest is not None and self._digest.digest() != self._declared.md5:
            raise self._refused("damaged", "the samples have not the MD5 that the file declares")

    def _without_padding(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield `blocks` without what an encoder put behind the declared end to fill its last frames."""
        n_before, held = 0, []
        for block in blocks:
            n_inside = max(self.n_declared - n_before, 0) if self.n_declared > 0 else len(block)
            n_before += len(block)
            if n_inside:
                yield block[:n_inside]
            if n_inside < len(block):
                held.append(block[n_inside:])
            if n_before - self.n_declared > PADDING_FRAMES:  # that is no padding: the declaration is wrong
                yield from held
                held = []

    def _refuse_values(self, block: np.ndarray) -> None:
        peak = max(float(block.max()), -float(block.min()))
        if peak <= self._limits.max_peak:
            return
        n_bad = np.count_nonzero(~np.isfinite(block))
        if n_bad:
            raise self._refused("not_finite", f"{n_bad:,} samples are NaN or infinite")
        raise self._refused("out_of_range", f"a sample of {peak:g} times full scale, at most {self._limits.max_peak:g}")

    def _refused(self, reason: str, message: str) -> Refused:
        return Refused(reason, message, self.n_declared, self.n_decoded)


def _hashed(block: np.ndarray, n_bits: int) -> bytes:
    """The samples as FLAC hashes them: whole numbers, interleaved, little endian, in as few bytes as hold them."""
    if block.dtype == np.int16:
        return block.astype("<i2").tobytes()
    whole = np.rint(block * np.float32(1 << (n_bits - 1))).astype("<i4")
    n_bytes = MD5_BYTES[n_bits]
    return whole.view(np.uint8).reshape(-1, 4)[:, :n_bytes].tobytes()
