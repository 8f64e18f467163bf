"""Say what the task is: a class and a part for each clip that takes part in it.

Reads   data/clips/
Writes  data/labels.parquet, metrics/split/{parts,facts}.json, metrics/split/{counts,loudness,durations,formats}.csv
Params  split
Run     python -m stages.split
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from stages import facts
from stages.files import write_csv, write_json
from stages.leaks import leaks
from stages.params import Section, read_section
from stages.tables import clips, labels
from stages.tables.labels import PARTS, SILENCE, UNKNOWN
from stages.tables.parquet import read_shards, shard_paths, write_table
from stages.tasks import (
    NO_PART,
    counts,
    in_two_parts,
    joined_groups,
    label_words,
    part_groups,
    part_noise,
    with_test_groups,
)

CLIPS = Path("data/clips")
LABELS = Path("data/labels.parquet")
METRICS = Path("metrics/split")
TOLD = ("clip_id", "word", "speaker", "group", "official_part")
COLUMNS = (*TOLD, "is_noise", "recording_s", "start_s", "seconds", "sha256")
UNUSED = "unused"

Share = Annotated[float, Field(ge=0, le=1)]


class Params(Section):
    """The classes, and how clips are divided where the source does not say."""

    task: Literal["keywords", "words", "labels"]
    keywords: tuple[str, ...]
    unknown_share: Share
    silence_share: Share
    val_share: Annotated[float, Field(gt=0, lt=0.5)]
    test_share: Annotated[float, Field(gt=0, lt=0.5)]
    test_groups: tuple[str, ...]
    seed: int

    @model_validator(mode="after")
    def _keywords_fit_the_task(self) -> "Params":
        if (self.task == "keywords") != bool(self.keywords):
            raise ValueError("keywords to be named for the task 'keywords' and [] for the others")
        if len(set(self.keywords)) < len(self.keywords):
            raise ValueError("each keyword once")
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the keyword task, in order; none for the other tasks, whose classes the clips tell."""
        if self.task != "keywords":
            return ()
        unknown = (UNKNOWN,) if self.unknown_share else ()
        return (*self.keywords, *unknown, *((SILENCE,) if self.silence_share else ()))

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares of train, val and test."""
        return (1.0 - self.val_share - self.test_share, self.val_share, self.test_share)

    @property
    def shares_by_group(self) -> tuple[float, float, float]:
        """The same of groups whose part nobody names: none for test where its groups are named."""
        return (1.0 - self.val_share, self.val_share, 0.0) if self.test_groups else self.shares


def assign(rows: pa.Table, params: Params) -> tuple[pa.Table, list[str], dict[str, dict[str, int]]]:
    """Return the labels of `rows` of clips, by clip_id, the classes, and the account of what was left out and asked."""
    rows = rows.sort_by("clip_id")
    column = {name: rows.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS}
    words, groups, official = (column[name].astype(str) for name in ("word", "group", "official_part"))
    is_noise = column["is_noise"].astype(bool)
    classes, label_ids = label_words(words, is_noise, params.task, params.classes)

    unused = official == UNUSED
    outside = (label_ids < 0) & ~unused
    by_time = is_noise & _long_enough(column, params) & (official == NO_PART) & ~outside
    by_group = ~by_time & ~unused & ~outside
    free = by_group & ~np.isin(groups, groups[by_group & (official != NO_PART)])
    named, groups = groups, groups.copy()
    groups[free] = joined_groups(groups[free], column["sha256"][free].astype(str))
    official = with_test_groups(named, groups, official, free, params.test_groups)
    parts = np.full(len(rows), NO_PART, object)
    shares = params.shares_by_group
    parts[by_group] = part_groups(groups[by_group], label_ids[by_group], official[by_group], shares, params.seed)
    parts[by_time] = part_noise(
        column["start_s"][by_time], column["seconds"][by_time], column["recording_s"][by_time], params.shares
    )

    placed = parts != NO_PART
    given = ((words == UNKNOWN) | (words == SILENCE)) & (official != NO_PART) & ~is_noise
    stay, asked = drawn(parts, label_ids, given, classes, params)
    kept = placed & stay
    left_out = {
        "official_part_unused": int(unused.sum()),
        "not_in_task": int(outside.sum()),
        "noise_across_parts": int((by_time & ~placed).sum()),
        "not_drawn": int((placed & ~kept).sum()),
    }
    table = pa.Table.from_pydict(
        {
            "clip_id": column["clip_id"][kept],
            "label": np.array(classes, object)[label_ids[kept]],
            "label_id": label_ids[kept].astype(np.int16),
            "part": parts[kept],
            "speaker": column["speaker"][kept],
            "group": groups[kept],
            "word": column["word"][kept],
        },
        schema=labels.TABLE.schema,
    )
    copies = {"recordings_in_two_parts": in_two_parts(column["sha256"][kept & ~by_time], parts[kept & ~by_time])}
    return table, classes, {"n_left_out": left_out, "n_asked": asked, "n_copies": copies}


def _long_enough(column: dict[str, np.ndarray], params: Params) -> np.ndarray:
    """Noise recordings whose smallest share holds a window; a shorter one goes whole into one part, as a group."""
    return column["recording_s"] * min(params.shares) >= column["seconds"]


def drawn(
    parts: np.ndarray, label_ids: np.ndarray, given: np.ndarray, classes: list[str], params: Params
) -> tuple[np.ndarray, dict[str, int]]:
    """Return which clips stay, and how many of unknown and silence were asked for in val and test.

    All stay, but of these two the task's share in val and test, at least one, drawn once. Where the source itself gives
    clips of such a class for a part (`given`), as a canonical test archive does, they are that class there.
    """
    kept, asked = np.ones(len(parts), bool), {}
    n_keywords = len(params.keywords)
    for part_number, part in enumerate(PARTS[1:]):
        n_said = np.count_nonzero((parts == part) & (label_ids < n_keywords) & (label_ids >= 0))
        for number in range(n_keywords, len(params.classes)):
            share = params.unknown_share if classes[number] == UNKNOWN else params.silence_share
            candidates = np.flatnonzero((parts == part) & (label_ids == number))
            kept[candidates] = given[candidates]
            n_asked = max(round(share * n_said), 1)
            asked[f"{part}{classes[number]}"] = n_asked
            if not given[candidates].any():
                generator = np.random.default_rng([params.seed, part_number, number])
                kept[generator.permutation(candidates)[:n_asked]] = True
    return kept, asked


def main() -> None:
    """Divide the clips of data/clips."""
    params = read_section("split", Params)
    rows = read_shards(CLIPS, clips.TABLE, sorted({*COLUMNS, *facts.COLUMNS}))
    schema = pq.read_schema(shard_paths(CLIPS)[0])
    clip_s = schema.field("samples").type.byte_width / 2 / clips.sample_rate(schema)

    table, classes, account = assign(rows, params)
    found = counts(table, classes)
    joined = facts.join(table, rows)
    sound, formats = facts.sound_of(joined)

    write_table(LABELS, table, labels.TABLE)
    n_in = {part: sum(n for _, which, n, _ in found if which == part) for part in PARTS}
    have = {f"{which}{label}": n for label, which, n, _ in found}
    write_json(METRICS / "parts.json", {"n_classes": len(classes), "n_clips": n_in, **account})
    write_json(METRICS / "facts.json", facts.totals(sound, formats, clip_s) | leaks(joined, sound))
    for name, (columns, lines) in facts.plots(sound, formats, classes, clip_s).items():
        write_csv(METRICS / f"{name}.csv", columns, lines)
    short = [f"{n} {name} asked for, {have[name]} there" for name, n in account["n_asked"].items() if have[name] < n]
    shown = ", ".join(f"{n:,} clips in {part}" for part, n in n_in.items())
    print(f"split: {len(classes)} classes, {shown}", *short, sep="\n  ")


if __name__ == "__main__":
    main()
