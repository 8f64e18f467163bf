"""One member of an archive -> rows of clips: decode, one rate, mono, cut, measure."""

import hashlib
import zlib
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from stages.decoders import DECODERS
from stages.decoders.clip import cut, level, to_mono, window_starts
from stages.decoders.sound import Limits, Refused, container_of
from stages.decoders.structure import missing_bytes
from stages.params import Section
from stages.ranges import Range, drawn
from stages.sources.origin import Origin

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Row = dict[str, Any]  # column -> value


class Noise(Section):
    """How background recordings become silence clips: windows every `hop_s`, each with its own gain."""

    hop_s: Positive
    gain_db: Range
    seed: int


class Cutting(Section):
    """What a clip is, and what is refused before it becomes one."""

    sample_rate_hz: Annotated[int, Field(ge=1000, le=384_000)]
    clip_s: Positive
    longer: Literal["start", "windows"]
    window_hop_s: Positive
    noise: Noise
    max_s: Positive
    max_channels: Count
    max_bytes: Count

    @property
    def n_clip(self) -> int:
        """Samples of a clip."""
        return round(self.clip_s * self.sample_rate_hz)


def rows_of(path: str, data: bytes, origin: Origin, cutting: Cutting) -> tuple[list[Row], int]:
    """Return the rows of clips that one recording gives, at least one, and how many of its windows were silent.

    Windows that are digital silence, every sample zero, give no row. Raises Refused with a reason of the quarantine.
    """
    if not data:
        raise Refused("empty", "no bytes")
    container = container_of(data)
    missing = missing_bytes(data, container)
    if missing:
        raise Refused("truncated", f"the header promises {missing:,} bytes of sound more than there are")
    sound = DECODERS[container].decode(data, container, Limits(cutting.max_s, cutting.max_channels))
    if not np.isfinite(sound.samples).all():
        raise Refused("not_finite", f"{np.count_nonzero(~np.isfinite(sound.samples)):,} samples are NaN or infinite")
    rate = cutting.sample_rate_hz
    mono = to_mono(sound.samples, sound.rate_hz, rate)
    if not mono.any():
        raise Refused("silent", f"all {len(mono):,} samples are zero")
    shared = {
        "word": origin.word,
        "speaker": origin.speaker,
        "group": origin.group,
        "official_part": origin.part,
        "is_noise": origin.is_noise,
        "source_path": path,
        "container": sound.container,
        "codec": sound.codec,
        "native_rate_hz": sound.rate_hz,
        "native_channels": sound.samples.shape[1],
        "recording_s": len(mono) / rate,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    starts = _starts(len(mono), origin, cutting)
    named = [(path if len(starts) == 1 else f"{path}#{number:05d}", start) for number, start in enumerate(starts)]
    audible = [(clip_id, start) for clip_id, start in named if mono[start : start + cutting.n_clip].any()]
    if not audible:
        raise Refused("silent", f"all samples of its first {cutting.clip_s:g} s are zero")
    rows = [shared | _measured(clip_id, mono, start, origin, cutting) for clip_id, start in audible]
    return rows, len(named) - len(rows)


def _starts(n_samples: int, origin: Origin, cutting: Cutting) -> list[int]:
    if origin.is_noise:
        return window_starts(n_samples, cutting.n_clip, round(cutting.noise.hop_s * cutting.sample_rate_hz))
    if cutting.longer == "start":
        return [0]
    return window_starts(n_samples, cutting.n_clip, round(cutting.window_hop_s * cutting.sample_rate_hz))


def _measured(clip_id: str, mono: np.ndarray, start: int, origin: Origin, cutting: Cutting) -> Row:
    gain_db = 0.0
    if origin.is_noise:
        generator = np.random.default_rng([cutting.noise.seed, zlib.crc32(clip_id.encode())])
        gain_db = drawn(cutting.noise.gain_db, generator)
    clip = cut(mono, start, cutting.n_clip, gain_db)
    peak, rms_dbfs, clipped_fraction = level(clip)
    return {
        "clip_id": clip_id,
        "start_s": start / cutting.sample_rate_hz,
        "seconds": clip.n_sounding / cutting.sample_rate_hz,
        "gain_db": gain_db,
        "peak": peak,
        "rms_dbfs": rms_dbfs,
        "clipped_fraction": clipped_fraction,
        "samples": clip.samples.astype("<i2").tobytes(),
    }
