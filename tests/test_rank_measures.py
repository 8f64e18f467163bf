"""Ranks, effect, information, and the orders made of them."""

import math

import numpy as np
import pytest
import scipy.stats
from made_columns import N_CLASSES, PARAMS, causes, made_study, ranked

from stages.rankers import RANKERS, effect, information
from stages.rankers.ranks import centred_ranks, spearman

# Ranks


def test_ranks_average_ties_and_are_centred() -> None:
    values = np.random.default_rng(0).integers(5, size=(6, 50)).astype(np.float32)
    assert np.array_equal(centred_ranks(values), scipy.stats.rankdata(values, axis=1) - 51 / 2)


def test_a_missing_value_has_the_mean_rank_and_the_others_keep_their_order() -> None:
    values = np.array([[3, np.nan, 1, 2, np.nan, 9, 8], [5, 5, np.nan, 5, 1, 7, 9]], np.float32)
    filled = np.array([[3, 3, 1, 2, 3, 9, 8], [5, 5, 5, 5, 1, 7, 9]], np.float32)
    assert np.array_equal(centred_ranks(values), centred_ranks(filled))
    assert np.array_equal(centred_ranks(np.full((1, 4), np.nan, np.float32)), np.zeros((1, 4)))


def test_missing_values_alone_tell_nothing() -> None:
    label_ids = np.repeat([0, 1], 500)
    values = np.random.default_rng(0).standard_normal((1_000, 1)).astype(np.float32)
    values[:400] = np.nan  # of one class only
    seen = ranked(values, label_ids)
    assert effect.epsilon_squared(seen)[0] < 0.01


def test_spearman_is_that_of_scipy_and_zero_for_a_constant_column() -> None:
    values = np.random.default_rng(0).integers(9, size=(3, 60)).astype(np.float32)
    values[2] = 1.0
    found = spearman(centred_ranks(values))
    assert found[0, 1] == pytest.approx(scipy.stats.spearmanr(values[0], values[1]).statistic, abs=1e-6)
    assert np.array_equal(found[2], np.zeros(3))


# Effect and information


def test_epsilon_squared_is_kruskals_h_over_n_minus_one() -> None:
    random = np.random.default_rng(1)
    label_ids = random.integers(3, size=90)
    values = (random.integers(6, size=(90, 4)) + label_ids[:, np.newaxis]).astype(np.float32)
    groups = [[column[label_ids == label] for label in range(3)] for column in values.astype(np.float64).T]
    expected = [scipy.stats.kruskal(*group).statistic / 89 for group in groups]
    assert effect.epsilon_squared(ranked(values, label_ids)) == pytest.approx(expected, rel=1e-6)


def test_epsilon_squared_is_one_for_separate_classes_of_ties_and_zero_for_a_constant() -> None:
    label_ids = np.repeat([0, 1], 20)
    values = np.stack([label_ids, np.ones(40)], axis=1).astype(np.float32)
    assert effect.epsilon_squared(ranked(values, label_ids)) == pytest.approx([1.0, 0.0])


def test_information_of_a_known_joint_is_its_closed_form() -> None:
    # Two equally likely classes, a column that names the class and errs in a tenth of the clips: 1 - h(0.1) bits.
    label_ids = np.repeat([0, 1], 10_000)
    values = label_ids.copy()
    values[::10] = 1 - values[::10]
    expected = 1 + 0.1 * math.log2(0.1) + 0.9 * math.log2(0.9)
    assert information.information_bits(ranked(values[:, np.newaxis], label_ids, 2)) == pytest.approx(
        [expected], abs=1e-4
    )


def test_information_of_a_column_that_names_the_class_is_the_entropy_of_the_class() -> None:
    label_ids = np.repeat([0, 1, 2, 3], 500)
    found = information.information_bits(ranked(label_ids[:, np.newaxis], label_ids))
    assert found == pytest.approx([2.0], abs=0.01)


def test_information_of_noise_is_zero_on_average_and_seldom_above_its_floor() -> None:
    random = np.random.default_rng(2)
    seen = ranked(random.standard_normal((600, 2_000)), random.integers(5, size=600))
    bits = information.information_bits(seen)
    assert abs(bits.mean()) < 0.15 * bits.std()
    assert bits.max() < information.noise_floor_bits(seen) < 7 * bits.std()


def test_information_does_not_change_when_a_column_is_bent_monotonically() -> None:
    random = np.random.default_rng(3)
    label_ids = random.integers(N_CLASSES, size=300)
    values = causes(label_ids, [1.0], random)
    bent = np.concatenate([values, np.exp(values)], axis=1)
    bits = information.information_bits(ranked(bent, label_ids))
    assert bits[0] == bits[1]


# Orders


@pytest.mark.parametrize("name", RANKERS)
def test_every_order_names_each_column_once(name: str) -> None:
    order = RANKERS[name].order(made_study().ranked(slice(None), slice(None)))
    assert np.array_equal(np.sort(order), np.arange(24 + 1 + PARAMS["n_probes"]))


@pytest.mark.parametrize("name", RANKERS)
@pytest.mark.parametrize("seed", range(5))
def test_no_order_puts_noise_before_a_column_that_tells(name: str, seed: int) -> None:
    study = made_study(seed=seed)
    order = RANKERS[name].order(study.ranked(slice(None), slice(None)))
    assert set(order[order != study.n_real][:12]) == set(range(12))  # the planted copy may be of either kind


@pytest.mark.parametrize("seed", range(5))
def test_mrmr_takes_each_cause_once_before_it_takes_a_twin(seed: int) -> None:
    cause_of = np.append(np.arange(3), np.repeat(np.arange(3), 3))
    seen = made_study(seed=seed).ranked(slice(None), slice(24))
    assert sorted(cause_of[RANKERS["mrmr"].order(seen)[:3]]) == [0, 1, 2]
    assert len(set(cause_of[RANKERS["information"].order(seen)[:3]])) == 1


def test_mrmr_takes_an_exact_duplicate_last_of_all_that_tell() -> None:
    random = np.random.default_rng(4)
    label_ids = random.integers(N_CLASSES, size=800)
    told = causes(label_ids, [1.5, 1.0, 0.7], random)
    order = RANKERS["mrmr"].order(ranked(np.column_stack([told[:, 0], told]), label_ids))
    assert {int(order[0]), int(order[3])} == {0, 1}
