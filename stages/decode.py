"""Decode every member of the archives into clips of one length and rate; account for each that gives none.

Reads   data/raw/
Writes  data/clips/ (shards), data/quarantine.parquet, metrics/decode/clips.json, metrics/decode/formats.csv
Params  decode
Run     python -m stages.decode
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from stages.archives import read_members
from stages.decoders.members import Outcome, outcomes
from stages.decoders.recording import Cutting, Row
from stages.files import read_json, write_csv, write_json
from stages.params import check_section, read_section
from stages.sources import SOURCES
from stages.sources.origin import Origin, SourceError
from stages.tables import clips, quarantine
from stages.tables.parquet import ROWS_PER_SHARD, write_shards, write_table

RAW = Path("data/raw")
CLIPS = Path("data/clips")
QUARANTINE = Path("data/quarantine.parquet")
METRICS = Path("metrics/decode")
REASONS_SHOWN = 10
FORMAT = ("container", "codec", "native_rate_hz", "native_channels")


class DecodeError(ValueError):
    """The archives give something else than the source or params.yaml promise."""


class Params(Cutting):
    """How a clip is cut, how paths are read, and how much may go wrong."""

    max_bad_fraction: Annotated[float, Field(ge=0, le=1)]
    layout: dict[str, object]


@dataclass
class Account:
    """What became of the members: lists that the source read, recordings that gave clips, rows of quarantine."""

    n_members: int = 0
    n_lists: int = 0
    n_clips: int = 0
    n_cropped: int = 0
    n_silent_windows: int = 0
    seconds: float = 0.0
    formats: Counter[tuple[object, ...]] = field(default_factory=Counter)
    refusals: list[Row] = field(default_factory=list)

    def enter(self, outcome: Outcome) -> None:
        """Count one member that is no list."""
        if outcome.refusal is not None:
            self.refusals.append(outcome.refusal)
            return
        last = outcome.rows[-1]
        self.formats[tuple(last[name] for name in FORMAT)] += 1
        self.n_clips += len(outcome.rows)
        self.seconds += sum(row["seconds"] for row in outcome.rows)
        self.n_silent_windows += outcome.n_silent_windows
        if outcome.n_silent_windows == 0:  # else the end may be silence, not cut off
            self.n_cropped += last["start_s"] + last["seconds"] < last["recording_s"]

    def metrics(self) -> dict[str, object]:
        """Return the counts as tracked: members = lists + recordings + quarantine."""
        return {
            "n_members": self.n_members,
            "n_lists": self.n_lists,
            "n_recordings": self.formats.total(),
            "n_quarantine": len(self.refusals),
            "n_clips": self.n_clips,
            "clip_hours": round(self.seconds / 3600, 6),
            "n_recordings_cropped": self.n_cropped,
            "n_silent_windows": self.n_silent_windows,
            "quarantine": dict(sorted(Counter(str(row["reason"]) for row in self.refusals).items())),
        }


def decode(facts: dict, params: Params, account: Account) -> Iterator[Row]:
    """Yield the rows of clips of all archives in their order, and enter every member in `account`.

    A clip whose official part another archive stands for is marked `unused`.
    """
    source = SOURCES[facts["source"]]
    layout = check_section(params.layout, "decode.layout", source.Layout)
    stood_for = {archive["part"] for archive in facts["archives"]} - {""}
    for archive in facts["archives"]:
        path, part = RAW / archive["name"], archive["part"]
        members = list(read_members(path, lambda name, n_bytes: bool(source.INDEX.search(name))))
        texts = {member.path: _text(member.path, member.data) for member in members if member.data is not None}
        origins = source.describe([member.path for member in members], texts, layout, part)
        if not part:
            origins = {p: replace(o, part="unused") if o.part in stood_for else o for p, o in origins.items()}
        account.n_members += len(members)
        account.n_lists += len(texts)
        yield from _clips_of(path, set(texts), origins, f"{archive['name']}/" if part else "", params, account)


def _text(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
        ) from None


def _clips_of(
    archive: Path, lists: set[str], origins: dict[str, Origin], prefix: str, params: Params, account: Account
) -> Iterator[Row]:
    members = read_members(archive, lambda path, n_bytes: path in origins and n_bytes <= params.max_bytes)
    sounds = (member for member in members if member.path not in lists)
    for outcome in outcomes(sounds, origins, prefix, params):
        account.enter(outcome)
        yield from outcome.rows


def shards_of(rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield tables of ROWS_PER_SHARD rows, the last one shorter."""
    held: list[Row] = []
    for row in rows:
        held.append(row)
        if len(held) == ROWS_PER_SHARD:
            yield pa.Table.from_pylist(held, schema)
            held = []
    if held:
        yield pa.Table.from_pylist(held, schema)


def judge(account: Account, max_bad_fraction: float) -> None:
    """Raise DecodeError where members are unaccounted for, nothing was decoded, or too much was refused."""
    n_recordings, n_refused = account.formats.total(), len(account.refusals)
    if account.n_lists + n_recordings + n_refused != account.n_members:
        raise DecodeError(
            f"{account.n_members} members, but {n_recordings} decoded and {n_refused} refused: a clip vanished"
        )
    bad = [row for row in account.refusals if row["reason"] not in quarantine.BY_DESIGN]
    fraction = len(bad) / max(len(bad) + n_recordings, 1)
    if fraction > max_bad_fraction or n_recordings == 0:
        shown = [f"  {row['source_path']}: {row['reason']}: {row['message']}" for row in (bad or account.refusals)]
        raise DecodeError(
            f"{len(bad)} of {len(bad) + n_recordings} recordings cannot be used ({fraction:.1%}, "
            f"decode.max_bad_fraction is {max_bad_fraction:.1%}); "
            f"see {QUARANTINE}, mend or remove them, or raise the limit:\n" + "\n".join(shown[:REASONS_SHOWN])
        )


def main() -> None:
    """Decode the archives of data/raw."""
    params = read_section("decode", Params)
    facts = read_json(RAW / "source.json")

    account = Account()
    rows = decode(facts, params, account)
    write_shards(CLIPS, shards_of(rows, clips.with_shape(params.sample_rate_hz, params.n_clip)), clips.TABLE)
    refusals = sorted(account.refusals, key=lambda row: str(row["source_path"]))

    write_table(QUARANTINE, pa.Table.from_pylist(refusals, quarantine.TABLE.schema), quarantine.TABLE)
    write_json(METRICS / "clips.json", account.metrics())
    write_csv(
        METRICS / "formats.csv", [*FORMAT, "recordings"], [(*key, n) for key, n in sorted(account.formats.items())]
    )
    judge(account, params.max_bad_fraction)
    n_outside = sum(row["reason"] in quarantine.BY_DESIGN for row in refusals)
    print(
        f"decode: {account.n_clips:,} clips from {account.formats.total():,} recordings, {len(refusals)} in quarantine"
        f" ({n_outside} of them not in the layout of {facts['source']})"
    )


if __name__ == "__main__":
    main()
