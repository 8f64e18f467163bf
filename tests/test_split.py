"""Parts: every class in each in its share, no second of noise in two."""

import numpy as np
import pytest
from made_clips import KEYWORDS, WORDS, noise, parts_of, row, speech, table

from stages.split import assign
from stages.tables.labels import SILENCE, UNKNOWN
from stages.tasks import TaskError, counts, label_words, part_noise


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = speech() + noise("hum", 60)
    assert assign(table(rows), KEYWORDS)[0].equals(assign(table(rows[::-1]), KEYWORDS)[0])


def test_official_parts_are_kept() -> None:
    rows = [row(f"{i}", "ab"[i % 2], f"s{i // 2}", part=("train", "val", "test")[i // 2 % 3]) for i in range(24)]
    labels, _, _ = assign(table(rows), WORDS)
    assert labels.num_rows == 24
    told = {r["clip_id"]: r["official_part"] for r in rows}
    assert dict(zip(labels["clip_id"].to_pylist(), labels["part"].to_pylist(), strict=True)) == told


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
