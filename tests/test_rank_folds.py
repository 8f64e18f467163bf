"""Folds, the linear model learned on them, and what permuting its columns costs."""

import math

import numpy as np
import pytest
from made_columns import N_CLASSES, causes
from sklearn.linear_model import LogisticRegression

from stages.rankers import folds, logistic, permutation

# Folds


def test_folds_share_no_speaker_and_hold_all_classes_evenly() -> None:
    random = np.random.default_rng(5)
    speakers = np.array([f"s{number}" for number in random.integers(60, size=900)])
    label_ids = random.integers(6, size=900)
    fold_of = folds.assign(speakers, label_ids, 5, random)
    assert all(len(set(fold_of[speakers == speaker])) == 1 for speaker in set(speakers))
    counts = np.array([np.bincount(label_ids[fold_of == fold], minlength=6) for fold in range(5)])
    assert counts.min() > 0.7 * 30
    assert counts.max() < 1.3 * 30


def test_no_fold_is_empty_where_every_speaker_has_a_class_of_their_own() -> None:
    speakers = np.array(["a", "b", "c", "d"])
    assert sorted(folds.assign(speakers, np.arange(4), 4, np.random.default_rng(0))) == [0, 1, 2, 3]


def test_fewer_speakers_than_folds_are_refused_with_both_numbers() -> None:
    with pytest.raises(folds.FoldError, match=r"rank.n_folds is 3, expected at most 2, the number of groups"):
        folds.assign(np.array(["a", "b", "a"]), np.zeros(3), 3, np.random.default_rng(0))


def test_interval_of_two_folds_is_its_closed_form() -> None:
    # Deviation sqrt(2) * 1, widened by sqrt(1/2 + 1); Student's t with one degree of freedom at 0.75 is 1.
    mean, low, high = folds.interval(np.array([1.0, 3.0]), 0.5)
    assert (mean, low, high) == pytest.approx((2.0, 2 - math.sqrt(3), 2 + math.sqrt(3)))


# Linear model and permutation


def test_logistic_regression_finds_the_weights_of_scikit_learn() -> None:
    random = np.random.default_rng(6)
    label_ids = random.integers(N_CLASSES, size=500)
    values = np.column_stack([causes(label_ids, [1.5, 1.0], random), random.standard_normal((500, 3))])
    inputs = logistic.fit_scaler(values).standardise(values)
    weights = logistic.fit(inputs, label_ids, N_CLASSES, logit_sd=4.0)
    # scikit-learn minimises the sum over clips + |w|^2 / 2C: 1 / C is n_clips times our l2.
    reference = LogisticRegression(C=4.0**2 / inputs.shape[1], fit_intercept=False, tol=1e-8, max_iter=1000)
    expected = reference.fit(inputs.astype(np.float64), label_ids).predict_proba(inputs)
    assert np.exp(logistic.log_softmax(inputs @ weights)) == pytest.approx(expected, abs=5e-3)


def test_standardised_values_have_mean_zero_and_deviation_one_and_one_outlier_is_held_back() -> None:
    values = np.random.default_rng(0).normal(50, 3, size=(1_000, 2))
    scaled = logistic.fit_scaler(values).standardise(np.vstack([values, [[1e9, 50]]]))
    assert scaled[:-1, :2].mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
    assert scaled[:-1, :2].std(axis=0) == pytest.approx([1, 1], abs=1e-5)
    assert scaled[-1, 0] == logistic.FARTHEST


def test_missing_values_become_the_training_mean_and_change_no_other() -> None:
    values = np.random.default_rng(0).normal(50, 3, size=(1_000, 2))
    holed = np.vstack([values, np.full((500, 2), np.nan)])
    whole, found = logistic.fit_scaler(values), logistic.fit_scaler(holed)
    assert found.mean == pytest.approx(whole.mean)
    assert found.inverse == pytest.approx(whole.inverse)
    assert np.array_equal(found.standardise(holed)[1_000:, :2], np.zeros((500, 2)))
    assert np.array_equal(logistic.fit_scaler(np.full((9, 1), np.nan)).standardise(np.ones((1, 1))), [[0, 1]])


def test_a_class_that_is_not_in_the_training_clips_keeps_a_finite_chance() -> None:
    inputs = np.ones((60, 1), np.float32)
    weights = logistic.fit(inputs, np.repeat([0, 1], 30), 3, logit_sd=4.0)
    assert logistic.loss_bits(inputs @ weights, np.full(60, 2)) < 20


def test_permuting_a_family_equals_moving_all_its_columns_by_one_row_order() -> None:
    random = np.random.default_rng(8)
    inputs, weights = random.standard_normal((50, 5)), random.standard_normal((5, 3))
    label_ids, family_of = random.integers(3, size=50), np.array([0, 1, 0, 1, 1])
    by = permutation.orders(1, 50, random)
    found = permutation.importance(inputs @ weights, inputs, weights, family_of, label_ids, by)
    moved = inputs.copy()
    moved[:, family_of == 1] = inputs[by[0]][:, family_of == 1]
    bits = logistic.loss_bits(moved @ weights, label_ids) - logistic.loss_bits(inputs @ weights, label_ids)
    points = 100 * (logistic.accuracy(inputs @ weights, label_ids) - logistic.accuracy(moved @ weights, label_ids))
    assert found[1] == pytest.approx([bits, points], abs=1e-9)


def test_a_familys_columns_stay_true_to_one_another_when_it_is_permuted() -> None:
    # Only the small difference of two large twins tells the class. With one row order the difference stays small and
    # the model loses what it knew; shuffled singly, the twins would tear apart and make logits no sound can make.
    random = np.random.default_rng(10)
    label_ids = random.integers(2, size=2_000)
    common = 10 * random.standard_normal(2_000)
    inputs = np.column_stack([common + label_ids - 0.5, common])
    weights = np.array([[-2.0, 2.0], [2.0, -2.0]])
    by = permutation.orders(5, 2_000, random)
    lost, _ = permutation.importance(inputs @ weights, inputs, weights, np.array([0, 0]), label_ids, by)[0]
    torn = np.column_stack([random.permutation(inputs[:, 0]), random.permutation(inputs[:, 1])]) @ weights
    lost_singly = logistic.loss_bits(torn, label_ids) - logistic.loss_bits(inputs @ weights, label_ids)
    # A clip's logits lie 2 apart. Moved, half of the clips get the other sign, which costs them 2 nats.
    assert lost == pytest.approx(1 / math.log(2), rel=0.05)
    assert lost_singly > 5 * lost
