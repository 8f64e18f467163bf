"""Parts: no group in two, no second of noise in two, every class in each."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from stages.split import Params, assign
from stages.tables.labels import SILENCE, UNKNOWN
from stages.tasks import TaskError, counts, joined_groups, label_words, part_groups, part_noise

KEYWORDS = Params(
    task="keywords",
    keywords=("yes", "no"),
    unknown_share=0.25,
    silence_share=0.5,
    val_share=0.2,
    test_share=0.2,
    test_groups=(),
    seed=1,
)
WORDS = KEYWORDS.model_copy(update={"task": "words", "keywords": ()})


def speech(n_speakers: int = 30, words: Sequence[str] = ("yes", "no", "cat", "dog"), part: str = "") -> list[dict]:
    return [
        row(f"{word}/{speaker:02d}_{take}.wav", word, f"s{speaker:02d}", part=part)
        for word in words
        for speaker in range(n_speakers)
        for take in range(2)
    ]


def noise(name: str, recording_s: float, hop_s: float = 0.5) -> list[dict]:
    starts = np.arange(0, recording_s - 1 + 1e-9, hop_s)
    return [
        row(f"{name}#{i:05d}", SILENCE, name, is_noise=True, recording_s=recording_s, start_s=float(start))
        for i, start in enumerate(starts)
    ]


def row(clip_id: str, word: str, speaker: str, **more: object) -> dict:
    told = {"part": "", "is_noise": False, "recording_s": 1.0, "start_s": 0.0, "seconds": 1.0, "sha256": clip_id} | more
    return {
        "clip_id": clip_id,
        "word": word,
        "speaker": speaker,
        "group": speaker,
        "official_part": told.pop("part"),
        **told,
    }


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows)


def parts_of(labels: pa.Table, column: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, part in zip(labels[column].to_pylist(), labels["part"].to_pylist(), strict=True):
        found.setdefault(name, set()).add(part)
    return found


def test_no_speaker_is_in_two_parts() -> None:
    labels, _, _ = assign(table(speech()), WORDS)
    assert all(len(parts) == 1 for parts in parts_of(labels, "speaker").values())
    assert set(labels["part"].to_pylist()) == {"train", "val", "test"}


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = speech() + noise("hum", 60)
    assert assign(table(rows), KEYWORDS)[0].equals(assign(table(rows[::-1]), KEYWORDS)[0])


def test_a_seed_moves_the_speakers() -> None:
    first = assign(table(speech()), WORDS)[0]
    second = assign(table(speech()), WORDS.model_copy(update={"seed": 2}))[0]
    assert parts_of(first, "speaker") != parts_of(second, "speaker")


def test_official_parts_are_kept() -> None:
    rows = [row(f"{i}", "ab"[i % 2], f"s{i // 2}", part=("train", "val", "test")[i // 2 % 3]) for i in range(24)]
    labels, _, _ = assign(table(rows), WORDS)
    assert labels.num_rows == 24
    told = {r["clip_id"]: r["official_part"] for r in rows}
    assert dict(zip(labels["clip_id"].to_pylist(), labels["part"].to_pylist(), strict=True)) == told


def test_a_group_that_is_official_in_two_parts_is_refused_by_name() -> None:
    with pytest.raises(TaskError, match=r"group 's1': is in test and in train"):
        assign(table([row("a", "x", "s1", part="train"), row("b", "x", "s1", part="test")]), WORDS)


def test_noise_is_parted_by_time_and_no_second_is_in_two_parts() -> None:
    labels, _, account = assign(table(speech() + noise("hum", 60) + noise("fan", 45.3)), KEYWORDS)
    spans: dict[tuple[str, str], list[float]] = {}
    starts = {r["clip_id"]: r["start_s"] for r in noise("hum", 60) + noise("fan", 45.3)}
    for clip, speaker, part in zip(*(labels[c].to_pylist() for c in ("clip_id", "speaker", "part")), strict=True):
        if clip in starts:
            spans.setdefault((speaker, part), []).append(starts[clip])
    for recording in ("hum", "fan"):
        order = [(min(spans[recording, part]), max(spans[recording, part]) + 1) for part in ("train", "val", "test")]
        assert order[0][1] <= order[1][0]
        assert order[1][1] <= order[2][0]
    assert account["n_left_out"]["noise_across_parts"] > 0


def test_windows_of_noise_that_touch_a_border_belong_to_one_side() -> None:
    start = np.array([0.0, 5.0, 5.5, 6.0, 7.0, 8.0, 9.0], np.float32)
    parts = part_noise(start, np.ones(7, np.float32), np.full(7, 10.0, np.float32), (0.6, 0.2, 0.2))
    assert parts.tolist() == ["train", "train", "", "val", "val", "test", "test"]


def test_short_noise_recordings_go_whole_into_a_part() -> None:
    rows = speech() + [clip for i in range(9) for clip in noise(f"rain{i}", 2.0)]
    labels, _, account = assign(table(rows), KEYWORDS)
    assert account["n_left_out"]["noise_across_parts"] == 0
    assert all(len(parts) == 1 for parts in parts_of(labels, "speaker").values())


def test_val_and_test_hold_the_share_of_unknown_and_silence_and_train_all_of_them() -> None:
    rows = speech() + noise("hum", 200)
    labels, classes, _ = assign(table(rows), KEYWORDS)
    assert classes == ["yes", "no", UNKNOWN, SILENCE]
    n = {(label, part): n for label, part, n, _ in counts(labels, classes)}
    for part in ("val", "test"):
        n_said = n["yes", part] + n["no", part]
        assert n[UNKNOWN, part] == round(0.25 * n_said)
        assert n[SILENCE, part] == round(0.5 * n_said)
    train_speakers = {s for s, p in parts_of(labels, "speaker").items() if p == {"train"} and s.startswith("s")}
    assert n[UNKNOWN, "train"] == 4 * len(train_speakers)


def test_without_a_share_there_is_no_such_class() -> None:
    params = KEYWORDS.model_copy(update={"silence_share": 0.0, "unknown_share": 0.0})
    labels, classes, account = assign(table(speech() + noise("hum", 60)), params)
    assert classes == ["yes", "no"]
    assert set(labels["label"].to_pylist()) == {"yes", "no"}
    assert account["n_left_out"]["not_in_task"] == 120 + len(noise("hum", 60))


def test_tasks_differ_in_what_is_a_class() -> None:
    words, is_noise = np.array(["b", "a", SILENCE]), np.array([False, False, True])
    assert label_words(words, is_noise, "words", ())[0] == ["a", "b"]
    assert label_words(words, is_noise, "words", ())[1].tolist() == [1, 0, -1]
    assert label_words(words, is_noise, "labels", ())[0] == [SILENCE, "a", "b"]


def test_a_keyword_that_nobody_says_is_named() -> None:
    with pytest.raises(TaskError, match=r"split\.keywords: no clip says maybe; words there are cat, dog, no, yes"):
        assign(table(speech()), KEYWORDS.model_copy(update={"keywords": ("yes", "maybe")}))


def test_a_class_of_one_clip_is_refused_with_what_to_do() -> None:
    labels, classes, _ = assign(table([*speech(), row("rare/0.wav", "rare", "s99")]), WORDS)
    with pytest.raises(TaskError, match=r"class 'rare': has no clip in \w+ .*record more of it or take it out"):
        counts(labels, classes)


def test_a_task_of_one_class_is_refused() -> None:
    labels, classes, _ = assign(table(speech(words=("yes",))), WORDS)
    with pytest.raises(TaskError, match=r"the task has 1 classes \(yes\), expected at least 2"):
        counts(labels, classes)


@pytest.mark.parametrize("n_groups", [3, 4, 6, 12, 50])
def test_small_classes_reach_every_part(n_groups: int) -> None:
    groups = np.array([f"{label}-{i}" for label in range(3) for i in range(n_groups)])
    label_ids = np.repeat(np.arange(3), n_groups)
    parts = part_groups(groups, label_ids, np.full(len(groups), ""), (0.8, 0.1, 0.1), 1)
    for label in range(3):
        assert set(parts[label_ids == label]) == {"train", "val", "test"}
        assert (parts[label_ids == label] == "train").sum() >= n_groups // 3


def test_shares_are_met_within_a_group_or_two() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 30, 200)
    groups = np.repeat([f"g{i}" for i in range(200)], sizes)
    label_ids = rng.integers(0, 10, len(groups))
    parts = part_groups(groups, label_ids, np.full(len(groups), ""), (0.8, 0.1, 0.1), 1)
    assert abs(np.mean(parts == "test") - 0.1) < 60 / len(groups)
    assert abs(np.mean(parts == "val") - 0.1) < 60 / len(groups)


def test_clips_that_another_archive_stands_for_are_left_out_and_counted() -> None:
    labels, _, account = assign(table([*speech(), row("old", "yes", "s98", part="unused")]), WORDS)
    assert "old" not in labels["clip_id"].to_pylist()
    assert account["n_left_out"]["official_part_unused"] == 1


def test_unknown_and_silence_given_for_a_part_are_that_class_there() -> None:
    given = [row(f"t/{word}/{i}", word, f"t{word}{i}", part="test") for word in (UNKNOWN, SILENCE) for i in range(40)]
    rows = [{**clip, "official_part": "train"} for clip in speech(20)] + [
        {**clip, "official_part": part, "clip_id": f"{part}{clip['clip_id']}", "group": f"{part}{clip['group']}"}
        for part in ("val", "test")
        for clip in speech(5, ("yes", "no"))
    ]
    rows += [row(f"v/cat/{i}", "cat", f"v{i}", part="val") for i in range(20)]
    labels, _, account = assign(table(rows + noise("hum", 60) + given), KEYWORDS)
    test = {
        c
        for c, p, w in zip(*(labels[x].to_pylist() for x in ("clip_id", "part", "word")), strict=True)
        if p == "test" and w
    }
    assert test == {r["clip_id"] for r in rows + given if r["official_part"] == "test"}
    assert account["n_asked"]["val_unknown_"] == 5


def test_silence_that_is_not_there_is_counted() -> None:
    labels, _, account = assign(table(speech() + noise("hum", 12)), KEYWORDS)
    silent = [
        p for p, name in zip(labels["part"].to_pylist(), labels["label"].to_pylist(), strict=True) if name == SILENCE
    ]
    assert account["n_asked"]["test_silence_"] > silent.count("test") > 0


def test_copies_of_a_recording_under_two_names_are_one_group() -> None:
    rows = [row(f"{w}/{i}{c}.wav", w, f"{w}{i}{c}", sha256=f"{w}{i}") for w in "xy" for i in range(30) for c in "ab"]
    labels, _, account = assign(table(rows), WORDS)
    told = dict(zip(labels["clip_id"].to_pylist(), labels["part"].to_pylist(), strict=True))
    assert all(told[f"{w}/{i}a.wav"] == told[f"{w}/{i}b.wav"] for w in "xy" for i in range(30))
    assert account["n_copies"]["recordings_in_two_parts"] == 0


def test_a_copy_does_not_draw_a_speaker_out_of_an_official_part() -> None:
    rows = [row("x/z.wav", "x", "zoe", part="test"), row("x/z2.wav", "x", "zoe", sha256="same")]
    rows += [row("x/a.wav", "x", "ann", sha256="same"), *speech(30, ("x", "y"))]
    labels, _, _ = assign(table(rows), WORDS)
    assert parts_of(labels, "speaker")["zoe"] == {"test"}
    assert all(len(parts) == 1 for parts in parts_of(labels, "speaker").values())


def test_groups_are_joined_through_any_chain_of_copies() -> None:
    groups = np.array(["d", "c", "b", "a", "e", "c", "b"])
    contents = np.array(["1", "1", "2", "2", "3", "4", "4"])
    assert joined_groups(groups, contents).tolist() == ["a", "a", "a", "a", "e", "a", "a"]


def test_copies_in_two_official_parts_are_counted() -> None:
    rows = [
        row(f"{p}{w}{i}", w, f"{p}{w}{i}", part=p, sha256=f"{w}{i}")
        for w in "xy"
        for i in range(3)
        for p in ("train", "test")
    ]
    _, _, account = assign(table([*rows, *speech(4, ("x", "y"), "val")]), WORDS)
    assert account["n_copies"]["recordings_in_two_parts"] == 6


def test_the_order_of_groups_is_the_sha1_of_seed_and_name() -> None:
    groups = np.array(["a", "b", "c"])
    first = min(groups, key=lambda name: hashlib.sha1(f"7:{name}".encode()).digest())
    parts = part_groups(groups, np.zeros(3, np.int64), np.full(3, ""), (0.8, 0.1, 0.1), 7)
    assert parts[groups == first] == ["train"]


def test_groups_that_are_named_are_the_test_part_and_nobody_else() -> None:
    labels, _, _ = assign(table(speech(n_speakers=6)), WORDS.model_copy(update={"test_groups": ("s03",)}))
    parts = parts_of(labels, "speaker")
    assert [speaker for speaker, part in parts.items() if "test" in part] == ["s03"]
    assert set().union(*parts.values()) == {"train", "val", "test"}


def test_where_test_groups_are_named_val_gets_its_share_of_the_others() -> None:
    chosen = tuple(f"s{speaker:02d}" for speaker in range(30))
    labels, _, _ = assign(table(speech(n_speakers=100)), WORDS.model_copy(update={"test_groups": chosen}))
    parts = parts_of(labels, "speaker")
    assert sum("test" in part for part in parts.values()) == 30
    assert sum("val" in part for part in parts.values()) == pytest.approx(0.2 * 70, abs=1)


def test_a_test_group_brings_those_along_with_which_it_shares_a_recording() -> None:
    rows = speech(n_speakers=6)
    rows[-1]["sha256"] = rows[0]["sha256"]  # the last speaker's and the first one's
    for name in ("s00", "s05"):
        labels, _, _ = assign(table(rows), WORDS.model_copy(update={"test_groups": (name,)}))
        tested = {speaker for speaker, part in parts_of(labels, "speaker").items() if "test" in part}
        assert tested == {"s00", "s05"}


def test_a_test_group_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(TaskError, match=r"test_groups: 'nobody' is no group without a part; those are s00, s01"):
        assign(table(speech(n_speakers=2)), WORDS.model_copy(update={"test_groups": ("nobody",)}))


def test_a_group_whose_part_the_source_names_cannot_be_chosen() -> None:
    with pytest.raises(TaskError, match="'s00' is no group without a part; those are none"):
        assign(table(speech(n_speakers=1, part="train")), WORDS.model_copy(update={"test_groups": ("s00",)}))
