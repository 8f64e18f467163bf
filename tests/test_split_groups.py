"""Groups: none in two parts, copies of a recording in one, and those that are chosen for part test."""

import hashlib

import numpy as np
import pytest
from made_clips import WORDS, parts_of, row, speech, table

from stages.split import assign
from stages.tasks import TaskError, joined_groups, part_groups


def test_no_speaker_is_in_two_parts() -> None:
    labels, _, _ = assign(table(speech()), WORDS)
    assert all(len(parts) == 1 for parts in parts_of(labels, "speaker").values())
    assert set(labels["part"].to_pylist()) == {"train", "val", "test"}


def test_a_seed_moves_the_speakers() -> None:
    first = assign(table(speech()), WORDS)[0]
    second = assign(table(speech()), WORDS.model_copy(update={"seed": 2}))[0]
    assert parts_of(first, "speaker") != parts_of(second, "speaker")


def test_a_group_that_is_official_in_two_parts_is_refused_by_name() -> None:
    with pytest.raises(TaskError, match=r"group 's1': is in test and in train"):
        assign(table([row("a", "x", "s1", part="train"), row("b", "x", "s1", part="test")]), WORDS)


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
