"""Decode every member of the archives into clips of one length and rate; account for each that gives none.

Reads   data/raw/
Writes  data/clips/ (shards), data/quarantine.parquet, metrics/decode/{clips.json,formats.csv,reasons.csv}
Params  decode
Run     python -m stages.decode
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from stages.archives import Limits as ArchiveLimits
from stages.archives import Member, index
from stages.decoders.recording import Limits
from stages.decoders.shard import Shard, decode_shard, in_shards
from stages.decoders.tally import Tally
from stages.decoders.windows import Cutting
from stages.executors import map_in_order, threads
from stages.files import read_json, write_csv, write_json
from stages.isolation import survived
from stages.machines import shards
from stages.origin import SourceError
from stages.params import Section, check_section, read_section
from stages.progress import Progress
from stages.ranges import Range, within
from stages.scratch import scratch
from stages.sources import SOURCES
from stages.tables import clips, quarantine
from stages.tables.parquet import write_manifest, write_table
from stages.workers import WorkerLimits, copy_workers

RAW = Path("data/raw")
CLIPS = Path("data/clips")
QUARANTINE = Path("data/quarantine.parquet")
METRICS = Path("metrics/decode")
TWICE = "an earlier member of the archive has this path, or a clip of another member this name"
WINDOW = re.compile(r"(?s)(.*)#\d{5,}")  # the clip_id of one of several clips
LOWEST_HZ, HIGHEST_HZ = 1000, 384_000

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[int, Field(ge=LOWEST_HZ, le=HIGHEST_HZ)]


class Noise(Section):
    """How background recordings become silence clips: windows every `hop_s`, each with its own gain."""

    hop_s: Positive
    gain_db: Range
    seed: int


class Worker(Section):
    """What the process that decodes may use."""

    memory_mb: Annotated[int, Field(ge=256)]
    cpu_s: Positive

    @property
    def limits(self) -> WorkerLimits:
        """The same, as a worker takes it."""
        return WorkerLimits(self.memory_mb, self.cpu_s)


class Params(Section):
    """What a clip is, what is refused, and how much of it is too much."""

    sample_rate_hz: Rate
    clip_s: Positive
    longer: Literal["start", "windows"]
    window_hop_s: Positive
    noise: Noise
    max_s: Positive
    max_channels: Count
    rates_hz: Annotated[tuple[int, int], within(LOWEST_HZ, HIGHEST_HZ)]
    max_peak: Positive
    max_bytes: Count
    max_expansion: Positive
    worker: Worker
    max_bad_fraction: Share
    max_bad_per_class: Share
    layout: dict[str, object]

    @model_validator(mode="after")
    def _a_clip_holds_a_sample(self) -> "Params":
        if self.n_clip < 1:
            raise ValueError(f"clip_s of at least one sample, 1 / {self.sample_rate_hz} s")
        return self

    @property
    def n_clip(self) -> int:
        """Samples of a clip."""
        return round(self.clip_s * self.sample_rate_hz)

    @property
    def limits(self) -> Limits:
        """What is refused before it becomes a clip."""
        return Limits(self.max_s, self.max_channels, self.rates_hz, self.max_peak)

    @property
    def cutting(self) -> Cutting:
        """What a clip is, in samples."""
        rate_hz, noise = self.sample_rate_hz, self.noise
        hop, noise_hop = (max(round(hop_s * rate_hz), 1) for hop_s in (self.window_hop_s, noise.hop_s))
        return Cutting(rate_hz, self.n_clip, self.longer, hop, noise_hop, noise.gain_db, noise.seed)


def plan(facts: dict, params: Params, room: Path, tally: Tally) -> Iterator[Shard]:
    """Yield the shards of all archives, in their order; lists are read here and counted in `tally`.

    A clip whose official part another archive stands for is marked `unused`.
    """
    source = SOURCES[facts["source"]]
    layout = check_section(params.layout, "decode.layout", source.Layout)
    stood_for = {archive["part"] for archive in facts["archives"]} - {""}
    numbers, rules = count(), (params.cutting, params.limits)
    for archive in facts["archives"]:
        part = archive["part"]
        file, members = index(RAW / archive["name"], room, ArchiveLimits(params.max_bytes, params.max_expansion))
        texts = {m.path: _text(m, file) for m in members if not m.reason and source.INDEX.search(m.path)}
        origins = source.describe([member.path for member in members], texts, layout, part)
        if not part:
            origins = {p: o._replace(part="unused") if o.part in stood_for else o for p, o in origins.items()}
        sounds = ((m, origins.get(m.path)) for m in _first_of_each_path(members) if m.path not in texts)
        tally.n_lists += len(texts)
        prefix = f"{archive['name']}/" if part else ""
        for items in in_shards(sounds):
            yield Shard(file.resolve(), prefix, CLIPS.resolve(), room, next(numbers), items, *rules)


def _text(member: Member, file: Path) -> str:
    with file.open("rb") as opened:
        opened.seek(member.offset)
        data = opened.read(member.n_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{error.reason} at byte {error.start}"
        raise SourceError(f"{member.path}: is not UTF-8 text ({where}); save it as UTF-8") from None


def _first_of_each_path(members: Sequence[Member]) -> Iterator[Member]:
    """Yield members, those refused that have the path of an earlier one, or the name of another one's window."""
    paths, seen = {member.path for member in members}, set()
    for member in members:
        window_of = WINDOW.fullmatch(member.path) if "#" in member.path else None
        twice = member.path in seen or (window_of is not None and window_of[1] in paths)
        seen.add(member.path)
        yield member._replace(reason="same_path_twice", message=TWICE) if twice else member


def decode(facts: dict, params: Params, room: Path) -> tuple[Tally, int]:
    """Run every shard where work runs; return the sum of what they give, and how many members there are."""
    tally = Tally()
    work = partial(survived, decode_shard, limits=params.worker.limits)
    with shards(threads) as (executor, n_at_once):
        copy_workers(params.worker.limits, n_at_once)  # while no thread runs, and memory is small
        planned = list(plan(facts, params, room, tally))
        n_sounds = sum(len(shard.items) for shard in planned)
        with Progress("decode", n_sounds, "members") as progress:
            for of_shard in map_in_order(executor, work, planned, ahead=2 * n_at_once):
                tally.add(of_shard)
                progress.add(of_shard.n_members)
    return tally, tally.n_lists + n_sounds


def main() -> None:
    """Decode the archives of data/raw."""
    params = read_section("decode", Params)
    facts = read_json(RAW / "source.json")

    with scratch("decode") as room:
        tally, n_members = decode(facts, params, room)

    write_manifest(CLIPS, tally.parts, clips.TABLE)
    refusals = sorted(tally.refusals, key=lambda row: str(row["source_path"]))
    write_table(QUARANTINE, pa.Table.from_pylist(refusals, quarantine.TABLE.schema), quarantine.TABLE)
    write_json(METRICS / "clips.json", tally.metrics(params.sample_rate_hz))
    formats = [(*key, n) for key, n in sorted(tally.formats.items())]
    write_csv(METRICS / "formats.csv", [*clips.FORMAT, "recordings"], formats)
    write_csv(METRICS / "reasons.csv", ["word", "official_part", "reason", "recordings"], tally.reasons())
    tally.judge(n_members, params.max_bad_fraction, params.max_bad_per_class)
    print(
        f"decode: {tally.n_clips:,} clips from {tally.formats.total():,} recordings, {len(refusals)} in quarantine"
        f" ({len(refusals) - len(tally.bad)} of them not in the layout of {facts['source']})"
    )


if __name__ == "__main__":
    main()
