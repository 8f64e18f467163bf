"""A decoded recording -> its clips: where they are cut, with which gain, and what the table says of them."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from stages.decoders.clip import as_clip, level, window_starts
from stages.decoders.recording import Recording
from stages.origin import Origin


@dataclass(frozen=True)
class Cutting:
    """What a clip is. Noise becomes windows every `noise_hop` samples, each with a gain of its own."""

    sample_rate_hz: int
    n_clip: int  # samples
    longer: Literal["start", "windows"]
    hop: int  # samples
    noise_hop: int  # samples
    noise_gain_db: tuple[float, float]
    noise_seed: int


class Clip(NamedTuple):
    """One clip: `sound` (n,) int16, no longer than a clip; what is missing is padding."""

    clip_id: str
    start: int
    gain_db: float
    sound: np.ndarray
    level: tuple[float, float, float]  # as stages.decoders.clip.level gives it


def starts_of(recording: Recording, origin: Origin, cutting: Cutting) -> list[int]:
    """Return where the windows of a recording begin, in samples."""
    if not origin.is_noise and cutting.longer == "start":
        return [0]
    hop = cutting.noise_hop if origin.is_noise else cutting.hop
    return window_starts(len(recording.mono), cutting.n_clip, hop)


def clips_of(path: str, recording: Recording, origin: Origin, starts: list[int], cutting: Cutting) -> Iterator[Clip]:
    """Yield the clips that begin at `starts`, without those that come out as digital silence, every sample zero."""
    for number, start in enumerate(starts):
        sound = recording.mono[start : start + cutting.n_clip]
        clip_id = path if len(starts) == 1 else f"{path}#{number:05d}"
        gain_db = 0.0
        if origin.is_noise:
            generator = np.random.default_rng([cutting.noise_seed, zlib.crc32(clip_id.encode())])
            gain_db = float(generator.uniform(*cutting.noise_gain_db))
        clip = as_clip(sound, gain_db)
        measured = level(clip)
        if measured[0]:
            yield Clip(clip_id, start, gain_db, clip, measured)


def row_of(
    clip: Clip, path: str, digest: str, recording: Recording, origin: Origin, rate_hz: int
) -> tuple[object, ...]:
    """Return the row of a clip: the columns of stages/tables/clips.py in their order, all but the samples."""
    peak, rms_dbfs, clipped_fraction = clip.level
    return (
        clip.clip_id,
        origin.word,
        origin.speaker,
        origin.group,
        origin.part,
        origin.is_noise,
        path,
        recording.container,
        recording.codec,
        recording.native_rate_hz,
        recording.native_channels,
        len(recording.mono) / rate_hz,
        clip.start / rate_hz,
        len(clip.sound) / rate_hz,
        clip.gain_db,
        peak,
        rms_dbfs,
        clipped_fraction,
        digest,
    )
