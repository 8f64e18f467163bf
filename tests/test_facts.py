"""Facts of a task's sound are counted by hand; what lets a model cheat is planted and found."""

import json

import numpy as np
import pyarrow as pa
import pytest

from stages.facts import Sound, by_class, join, plots, sound_of, totals
from stages.leaks import between_parts, class_told_by_format, copies, leaks
from stages.tables import clips, labels

CLASSES = ["low", "high"]
PARTS = ("train", "val", "test")


def clip(name: str, label: str = "low", part: str = "train", **more: object) -> dict:
    """A clip of a recording of its own, one second of PCM at -20 dBFS, unless `more` says otherwise."""
    return {
        "clip_id": name,
        "label": label,
        "part": part,
        "speaker": name,
        "group": name,
        "source_path": name,
        "container": "wav",
        "codec": "pcm_16",
        "native_rate_hz": 16_000,
        "native_channels": 1,
        "recording_s": 1.0,
        "start_s": 0.0,
        "seconds": 1.0,
        "rms_dbfs": -20.0,
        "clipped_fraction": 0.0,
        "sha256": name,
    } | more


def joined(rows: list[dict]) -> pa.Table:
    """As split joins them: labels sorted by clip_id, the clips in another order and more of them."""
    told = sorted((row | {"word": "", "label_id": CLASSES.index(row["label"])} for row in rows), key=_clip_id)
    of_labels = pa.Table.from_pylist(told, labels.TABLE.schema)
    schema = pa.schema([field for field in clips.TABLE.schema if field.name in rows[0] and field.name != "samples"])
    return join(of_labels, pa.Table.from_pylist([clip("left out"), *reversed(rows)], schema))


def _clip_id(row: dict) -> str:
    return row["clip_id"]


def sound(rows: list[dict]) -> Sound:
    return sound_of(joined(rows))[0]


def everywhere(n: int = 10, **more: object) -> list[dict]:
    """`n` clips of each class and part."""
    return [clip(f"{part}{label}{i}", label, part, **more) for part in PARTS for label in CLASSES for i in range(n)]


def test_clips_recordings_speakers_groups_and_hours_are_counted_and_overlaps_once() -> None:
    rows = [
        clip("a#0", source_path="a", speaker="ann", group="x", recording_s=2.5),
        clip("a#2", source_path="a", speaker="ann", group="x", recording_s=2.5, start_s=1.5),
        clip("a#1", source_path="a", speaker="ann", group="x", recording_s=2.5, start_s=0.5),
        clip("b", speaker="bob", group="x", seconds=0.25, recording_s=0.25),
        *everywhere(1),
    ]
    told = totals(*sound_of(joined(rows)), 1.0)["train"]
    assert [told[f"n_{name}"] for name in ("clips", "recordings", "speakers", "groups")] == [6, 4, 4, 3]
    assert told["hours"] == pytest.approx((2.5 + 0.25 + 2.0) / 3600, abs=1e-6)
    assert told["shorter_share"] == pytest.approx(1 / 6, abs=1e-6)
    assert [told[f"recording_s{end}"] for end in ("_low", "", "_high")] == [0.25, 1.0, 2.5]


def test_loudness_and_clipping_of_a_class_and_part() -> None:
    rows = everywhere(1) + [
        clip(f"x{i:03d}", rms_dbfs=-40.0 + i / 5, clipped_fraction=0.5 * (i == 7)) for i in range(99)
    ]
    columns, lines = plots(*sound_of(joined(rows)), CLASSES, 1.0)["loudness"]
    told = dict(zip(columns, lines[0], strict=True))
    values = [-40.0 + i / 5 for i in range(99)] + [-20.0]
    assert (told["label"], told["part"], told["n_clips"]) == ("low", "train", 100)
    for name, percent in (("rms_dbfs_low", 5), ("rms_dbfs", 50), ("rms_dbfs_high", 95)):
        assert told[name] == pytest.approx(np.percentile(values, percent), abs=1e-4)
    assert (told["clipped_share"], told["clipped_fraction_max"]) == (0.01, 0.5)


def test_formats_are_counted_in_recordings_and_their_shares_add_up_in_each_part() -> None:
    rows = everywhere(2) + [
        clip(f"m#{i}", source_path="m", container="mp3", codec="mpeg_layer_iii", native_rate_hz=8000) for i in range(9)
    ]
    told = totals(*sound_of(joined(rows)), 1.0)["train"]
    assert told["n_recordings_by_codec"] == {"mp3 mpeg_layer_iii": 1, "wav pcm_16": 4}
    assert told["n_recordings_by_rate_hz"] == {"8000": 1, "16000": 4}
    columns, lines = plots(*sound_of(joined(rows)), CLASSES, 1.0)["formats"]
    shares = [dict(zip(columns, line, strict=True)) for line in lines]
    for part in PARTS:
        assert np.sum([row["share"] for row in shares if row["part"] == part]) == pytest.approx(1)
    assert shares[0] | {"container": "mp3", "native_rate_hz": 8000, "n_recordings": 1, "share": 0.2} == shares[0]


def test_every_class_and_part_that_has_clips_has_a_row_in_each_table_to_plot() -> None:
    rows = [row for row in everywhere(3) if (row["label"], row["part"]) != ("high", "val")]
    told = plots(*sound_of(joined(rows)), CLASSES, 1.0)
    expected = [["low", "train"], ["low", "val"], ["low", "test"], ["high", "train"], ["high", "test"]]
    assert set(told) == {"counts", "loudness", "durations", "formats"}
    for columns, lines in told.values():
        assert [line[:2] for line in lines] == expected
        assert columns[:2] == ["label", "part"]
    assert [part for _, part, _ in by_class(sound(rows), CLASSES)] == [part for _, part in expected]


def test_copies_are_counted_and_those_under_two_labels_named() -> None:
    rows = [clip(f"same{i}", sha256="1") for i in range(3)]
    rows += [clip("yes", "low", sha256="2"), clip("no", "high", sha256="2")]
    rows += [clip(f"long#{i}", source_path="long", sha256="3") for i in range(4)]
    assert copies(joined(rows)) == {"n_recordings": 6, "n_copies": 3, "n_of_two_labels": 2}


def test_parts_that_are_alike_differ_in_nothing() -> None:
    told = between_parts(sound(everywhere()))
    assert list(told) == ["train_val", "train_test", "val_test"]
    assert told["train_test"] == {"louder": 0.5, "other_format": 0.0, "n_train": 20, "n_test": 20}


def test_a_louder_part_and_a_part_of_another_format_are_seen() -> None:
    rows = everywhere()
    for row in rows:
        row["rms_dbfs"] += 6.0 * (row["part"] == "test")
        row["native_rate_hz"] = 8000 if row["part"] == "val" and row["clip_id"].endswith("0") else 16_000
    told = between_parts(sound(rows))
    assert [told[pair]["louder"] for pair in told] == [0.5, 0.0, 0.0]
    assert [told[pair]["other_format"] for pair in told] == [0.1, 0.0, 0.1]


def test_a_part_with_more_of_a_soft_class_is_not_softer_for_that() -> None:
    rows = everywhere() + [clip(f"more{i}", "high", "train") for i in range(500)]
    for row in rows:
        row["rms_dbfs"] = -60.0 if row["label"] == "high" else -20.0
    assert between_parts(sound(rows))["train_test"]["louder"] == pytest.approx(0.5, abs=1e-6)


def test_louder_is_the_share_of_pairs() -> None:
    generator = np.random.default_rng(1)
    rows = everywhere(8)
    for row in rows:
        row["rms_dbfs"] = float(generator.integers(-40, -20))
    by_part = {p: [r["rms_dbfs"] for r in rows if r["part"] == p] for p in PARTS}
    pairs = [(a > b) + (a == b) / 2 for a in by_part["train"] for b in by_part["test"]]
    assert between_parts(sound(rows))["train_test"]["louder"] == pytest.approx(np.mean(pairs), abs=1e-6)


def test_a_format_that_gives_the_class_away_is_seen_and_one_that_does_not_is_chance() -> None:
    given_away, even = everywhere(), everywhere()
    for row in given_away:
        row["container"] = "mp3" if row["label"] == "high" else "wav"
    for row in even:
        row["container"] = "mp3" if row["clip_id"].endswith(("1", "3", "5")) else "wav"
    assert class_told_by_format(sound(given_away), 2) == {"recall": 1.0, "chance": 0.5, "n_clips": 20}
    assert class_told_by_format(sound(even), 2)["recall"] == 0.5


def test_a_format_never_heard_in_training_tells_nothing() -> None:
    rows = everywhere()
    for row in rows:
        row["codec"] = "opus" if row["part"] == "test" else "pcm_16"
    assert class_told_by_format(sound(rows), 2)["recall"] == 0.0


def test_facts_can_be_written_as_json() -> None:
    table = joined(everywhere())
    told, formats = sound_of(table)
    text = json.dumps(totals(told, formats, 1.0) | leaks(table, told), allow_nan=False)
    assert set(json.loads(text)) == {*PARTS, "copies", "between_parts", "class_told_by_format"}
