"""Two models on the same clips: McNemar's test, Holm's correction, paired intervals; labels that no model believes."""

import numpy as np
import pyarrow as pa
import pytest
from planted_task import EVALUATE
from scipy.stats import binomtest

from stages.comparisons import pairs
from stages.comparisons.pairs import compared, holm, mcnemar
from stages.comparisons.suspects import COLUMNS, most_suspicious
from stages.scores.bootstrap import by_group, draws, interval
from stages.scores.checks import ScoreError
from stages.scores.params import Params

PARAMS = Params(**{**EVALUATE, "n_bootstrap": 2000})


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 9), (9, 3), (5, 5), (0, 20), (400, 350), (48, 247)])
def test_mcnemar_s_p_is_that_of_a_binomial_test(one: int, other: int) -> None:
    assert mcnemar(one, other) == pytest.approx(binomtest(one, one + other).pvalue)


def test_models_that_err_on_the_same_clips_are_not_parted() -> None:
    assert mcnemar(0, 0) == 1


def test_holm_s_correction_of_a_known_example() -> None:
    """Four p: .005 x 4, .01 x 3, .03 x 2, .04 x 1, the last raised to the one before."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_array_equal(holm(np.array([0.9, 0.8])), [1, 1])


def test_one_pair_needs_no_correction_and_no_pair_gives_none() -> None:
    groups = np.arange(20)
    right = np.arange(20) < 15
    one = compared({"a": right[None], "b": ~right[None]}, groups, PARAMS)["a - b"]
    assert one["p"] == one["p_holm"] == pytest.approx(mcnemar(15, 5), rel=1e-5)
    assert compared({"a": right[None]}, groups, PARAMS) == {}


def made(seed: int = 1) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Models on 600 clips of 60 speakers who differ much in how hard they are; `good` is right on 5 % more."""
    generator = np.random.default_rng(seed)
    ease = np.repeat(generator.beta(2, 1, 60), 10)
    luck = generator.random(600)
    right = {"poor": (luck < 0.9 * ease)[None], "good": (luck < 0.9 * ease + 0.05)[None]}
    return right, np.repeat(np.arange(60), 10)


def test_the_same_speakers_drawn_for_both_make_the_interval_narrower() -> None:
    """Drawn apart, the difference would have to fight the spread of speakers twice."""
    right, groups = made()
    pair = compared(right, groups, PARAMS)["poor - good"]
    ends = []
    for seed, one in enumerate(right.values()):
        sums = by_group(np.stack([one[0], np.ones(600)], axis=1), groups)
        resampled = draws(60, 2000, np.random.default_rng(seed)) @ sums
        ends.append(resampled[:, 0] / resampled[:, 1])
    low, high = interval(ends[0] - ends[1], 0.95)
    assert pair["difference_high"] - pair["difference_low"] < 0.5 * (high - low)
    assert pair["difference_low"] <= pair["difference"] <= pair["difference_high"] < 0
    assert pair["n_only_first_right"] == 0


def test_turned_round_a_pair_has_the_opposite_difference() -> None:
    right, groups = made()
    there = compared(right, groups, PARAMS)["poor - good"]
    back = compared(dict(reversed(right.items())), groups, PARAMS)["good - poor"]
    assert back["difference"] == -there["difference"]
    assert back["difference_low"] == pytest.approx(-there["difference_high"], abs=1e-6)
    assert (back["p"], back["n_only_second_right"]) == (there["p"], there["n_only_first_right"])


def test_the_order_of_clips_and_a_seed_that_comes_twice_change_nothing() -> None:
    right, groups = made()
    expected = compared(right, groups, PARAMS)
    order = np.random.default_rng(3).permutation(600)
    assert compared({key: one[:, order] for key, one in right.items()}, groups[order], PARAMS) == expected
    assert compared({key: np.repeat(one, 2, axis=0) for key, one in right.items()}, groups, PARAMS) == expected


def test_the_difference_is_of_means_over_seeds_and_mcnemar_of_first_seeds() -> None:
    one = np.array([[True, True, False, False], [True, True, True, True]])
    other = np.array([[False, False, False, True]])
    pair = compared({"one": one, "other": other}, np.arange(4), PARAMS)["one - other"]
    assert pair["difference"] == 0.75 - 0.25
    assert (pair["n_only_first_right"], pair["n_only_second_right"]) == (2, 1)
    assert (pair["n_clips"], pair["n_groups"]) == (4, 4)


def test_one_speaker_gives_a_difference_and_no_interval() -> None:
    right = {"a": np.array([[True, False]]), "b": np.array([[True, True]])}
    pair = compared(right, np.array(["ann", "ann"]), PARAMS)["a - b"]
    assert [pair[f"difference{end}"] for end in ("", "_low", "_high")] == [-0.5, None, None]


def test_models_on_different_clips_are_an_error() -> None:
    with pytest.raises(ScoreError, match=r"a \(1, 3\), b \(1, 2\), expected \(n_seeds, 3\)"):
        compared({"a": np.ones((1, 3), bool), "b": np.ones((1, 2), bool)}, np.arange(3), PARAMS)


def test_equal_models_are_parted_by_chance_as_seldom_as_p_says() -> None:
    """Clips on their own, 400 trials: p below .05 in at most 5 % of them, as the exact test is on the safe side."""
    generator = np.random.default_rng(4)
    right = generator.random((400, 2, 300)) < 0.8
    p = [mcnemar(int((a & ~b).sum()), int((b & ~a).sum())) for a, b in right]
    assert 0.005 < np.mean(np.array(p) < 0.05) < 0.065


def suspects(probabilities: list[list], n_listed: int = 9) -> list[dict]:
    names = ["c", "a", "b"]
    clips = pa.table({"clip_id": names, "part": ["val", "test", "test"], "label": ["no", "yes", "no"]})
    rows = most_suspicious(clips, [np.array(one) for one in probabilities], ("yes", "no"), n_listed)
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def test_the_label_with_the_least_probability_comes_first() -> None:
    found = suspects([[[[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]]])
    assert [row["clip_id"] for row in found] == ["c", "a", "b"]
    assert (found[0]["label"], found[0]["predicted"]) == ("no", "yes")
    assert (found[0]["label_probability"], found[0]["confidence"], found[0]["part"]) == (0.1, 0.9, "val")
    assert len(suspects([[[[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]]], n_listed=2)) == 2


def test_a_model_of_many_seeds_counts_once() -> None:
    sure, torn = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5]] * 3
    assert suspects([[sure] * 3, [torn]]) == suspects([[sure], [torn]])
    assert suspects([[sure], [torn]])[0]["label_probability"] == 0.25
    assert suspects([[sure], [torn]])[0]["n_models"] == 2


def test_equally_suspicious_labels_come_in_the_order_of_their_clips() -> None:
    assert [row["clip_id"] for row in suspects([[[[0.5, 0.5]] * 3]])] == ["a", "b", "c"]


def test_columns_of_a_pair_are_those_written() -> None:
    right, groups = made()
    assert tuple(compared(right, groups, PARAMS)["poor - good"]) == pairs.COLUMNS
