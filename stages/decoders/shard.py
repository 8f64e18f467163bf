"""One shard of an archive: its members become clips in Parquet files of their own, or rows of quarantine.

The unit of work, run in a worker (stages/isolation.py), here or on a cluster. It is a pure function of the archive's
bytes and of the shard itself, so that it may run twice and anywhere.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stages.archives import Member
from stages.decoders.octets import IN_MEMORY_BYTES, Octets, octets
from stages.decoders.parts import Parts
from stages.decoders.recording import Limits, Recording, decoded
from stages.decoders.sound import Refused
from stages.decoders.tally import Tally
from stages.decoders.windows import Cutting, clips_of, row_of, starts_of
from stages.files import StorageError
from stages.origin import Origin
from stages.service import At
from stages.workers import Death

Item = tuple[Member, Origin | None]

MEMBERS_PER_SHARD = 1024
BYTES_PER_SHARD = 64 << 20  # so that few large recordings too are spread over all workers


@dataclass(frozen=True)
class Shard:
    """Members of the archive at `file`, whose clips go to `folder` as part `number`.

    `items` are members with their origin; one whose origin is None is not in the source's layout.
    """

    file: Path
    prefix: str  # of the members' paths
    folder: Path
    scratch: Path
    number: int
    items: Sequence[Item]
    cutting: Cutting
    limits: Limits

    def of(self, places: Sequence[int]) -> "Shard":
        """Return the shard of the items at `places` alone."""
        return replace(self, items=[self.items[place] for place in places])


def in_shards(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield items in lists that make a shard each."""
    held: list[Item] = []
    n_bytes = 0
    for item in items:
        held.append(item)
        n_bytes += item[0].n_bytes
        if len(held) == MEMBERS_PER_SHARD or n_bytes >= BYTES_PER_SHARD:
            yield held
            held, n_bytes = [], 0
    if held:
        yield held


def decode_shard(shard: Shard, deaths: Mapping[int, Death], at: At) -> Tally:
    """Write the clips of a shard; return what became of its members. Items in `deaths` are refused unseen."""
    tally = Tally()
    descriptor = os.open(shard.file, os.O_RDONLY)
    try:
        with Parts(shard.folder, shard.number, shard.cutting.sample_rate_hz, shard.cutting.n_clip) as parts:
            for place in range(len(shard.items)):
                at(place)
                _enter(shard, descriptor, place, deaths.get(place), parts, tally)
        tally.parts = parts.entries
    finally:
        os.close(descriptor)
    return tally


def _enter(
    shard: Shard,
    descriptor: int,
    place: int,
    death: Death | None,
    parts: Parts,
    tally: Tally,
) -> None:
    """Decode one item, or say why not."""
    member, origin = shard.items[place]
    path = shard.prefix + member.path
    digest = ""
    try:
        if death is not None:
            raise Refused(death.reason, death.message)
        if origin is None:
            raise Refused("not_in_layout", "no recording by the source's layout")
        if member.reason:
            raise Refused(member.reason, member.message)
        data = octets(descriptor, member.offset, member.n_bytes)
        digest = sha256(data)
        if origin.sha256 not in ("", digest):
            raise Refused("wrong_sha256", f"metadata.csv gives {origin.sha256}")
        recording = _decoded(data, shard)
        _write(path, digest, recording, origin, shard.cutting, parts, tally)
    except Refused as refused:
        tally.refusals.append(
            {
                "source_path": path,
                "reason": refused.reason,
                "message": refused.message,
                "word": "" if origin is None else origin.word,
                "official_part": "" if origin is None else origin.part,
                "n_bytes": member.n_bytes,
                "sha256": digest,
                "n_declared": refused.n_declared,
                "n_decoded": refused.n_decoded,
            }
        )


def _decoded(data: Octets, shard: Shard) -> Recording:
    try:
        return decoded(data, shard.cutting.sample_rate_hz, shard.limits, shard.scratch)
    except MemoryError as error:
        raise Refused("out_of_memory", str(error) or "no more memory to be had") from None
    except (Refused, OSError, StorageError):
        raise
    except Exception as error:  # noqa: BLE001  # libraries over hostile bytes raise what they like; it costs one file
        raise Refused("decoder_error", f"{type(error).__name__}: {error}") from None


def _write(
    path: str, digest: str, recording: Recording, origin: Origin, cutting: Cutting, parts: Parts, tally: Tally
) -> None:
    starts = starts_of(recording, origin, cutting)
    n_samples, n_clips, end = 0, 0, 0
    for clip in clips_of(path, recording, origin, starts, cutting):
        parts.add(row_of(clip, path, digest, recording, origin, cutting.sample_rate_hz), clip.sound)
        n_clips += 1
        n_samples += len(clip.sound)
        end = clip.start + len(clip.sound)
    if not n_clips:
        end = min(starts[-1] + cutting.n_clip, len(recording.mono))
        mixed = ", the mean of its channels" if recording.native_channels > 1 else ""
        raise Refused(
            "silent",
            f"all of the first {end:,} samples at {cutting.sample_rate_hz:,} Hz are zero{mixed}",
            recording.n_declared,
            recording.n_decoded,
        )
    tally.formats[recording.container, recording.codec, recording.native_rate_hz, recording.native_channels] += 1
    tally.words[origin.word] += 1
    tally.n_clips += n_clips
    tally.n_samples += n_samples
    tally.n_silent_windows += len(starts) - n_clips
    if n_clips == len(starts):  # else the end may be silence, not cut off
        tally.n_cropped += end < len(recording.mono)


def sha256(data: Octets) -> str:
    """Return the hexadecimal SHA-256 of a recording's bytes."""
    digest = hashlib.sha256()
    for start in range(0, len(data), IN_MEMORY_BYTES):
        digest.update(data[start : start + IN_MEMORY_BYTES])
    return digest.hexdigest()
