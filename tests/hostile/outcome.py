"""What becomes of a file: the samples that its decoder gives, checked against what it declares, or a refusal."""

import hashlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from hostile.case import Case
from stages.decoders import DECODERS
from stages.decoders.contents import container_of
from stages.decoders.octets import Octets
from stages.decoders.recording import Limits, Watch
from stages.decoders.sound import Refused, Stream
from stages.structures import STRUCTURES
from stages.structures.declared import Declared

LIMITS = Limits(max_s=20.0, max_channels=8, rates_hz=(4_000, 192_000), max_peak=8.0)


@dataclass(frozen=True)
class Native:
    """Frames, rate and a digest of all samples, at the rate and in the channels of the file."""

    n_frames: int
    rate_hz: int
    digest: str


def native(data: Octets) -> Native:
    """Return what `data` decodes to. Raises Refused."""
    container = container_of(data)
    declared = STRUCTURES[container].declared(data)
    with _stream(data, container, declared) as stream:
        if stream.n_channels > LIMITS.max_channels:
            raise Refused("too_many_channels", f"{stream.n_channels} channels")
        if not LIMITS.rates_hz[0] <= stream.rate_hz <= LIMITS.rates_hz[1]:
            raise Refused("rate_out_of_range", f"{stream.rate_hz} Hz")
        watch = Watch(declared, stream.rate_hz, LIMITS)
        digest = hashlib.sha256()
        for block in watch.over(stream.blocks):
            digest.update(block.tobytes())
    return Native(watch.n_decoded, stream.rate_hz, digest.hexdigest())


def _stream(data: Octets, container: str, declared: Declared) -> AbstractContextManager[Stream]:
    if declared.pcm is None:
        return DECODERS[container].stream(data if declared.sound is None else declared.sound, container)
    pcm = declared.pcm
    samples = np.frombuffer(data[pcm.offset : pcm.offset + pcm.n_bytes], "<i2").reshape(-1, pcm.n_channels)
    return nullcontext(Stream(pcm.rate_hz, pcm.n_channels, declared.codec, iter([samples])))


def wrong(case: Case) -> str:
    """Return what became of a case where that may not happen, "" where it may."""
    try:
        sound = native(case.data)
    except Refused as refused:
        return "" if refused.reason in case.reasons else f"{case.group} {case.name}: {refused}"
    right = case.right
    if right is not None and sound.rate_hz == right.rate_hz and abs(sound.n_frames - right.n_frames) <= right.tolerance:
        return ""
    if case.original and native(case.original) == sound:
        return ""
    return f"{case.group} {case.name}: {sound.n_frames} frames at {sound.rate_hz} Hz, expected {right or case.reasons}"
