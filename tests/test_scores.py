"""Scores against hand-made examples, scikit-learn and closed forms."""

import numpy as np
import pytest
from scoring import TERMS, each_score, made, score
from sklearn import metrics

from stages.scores import ece
from stages.scores.checks import ScoreError
from stages.scores.confusion import confusion, precision_recall_f1, terms

PERFECT = {"accuracy": 1, "balanced_accuracy": 1, "macro_f1": 1, "log_loss_nats": 0, "brier": 0, "ece": 0}


@each_score
def test_a_score_of_nothing_is_an_error(name: str) -> None:
    with pytest.raises(ScoreError, match="labels hold 0 clips, expected at least 1"):
        TERMS[name](np.zeros(0, np.int64), np.zeros((0, 3)))


@each_score
def test_a_label_that_is_no_class_is_an_error(name: str) -> None:
    with pytest.raises(ScoreError, match=r"labels lie in 0\.\.3, expected whole numbers in 0\.\.2"):
        TERMS[name](np.array([0, 3]), np.log(np.full((2, 3), 1 / 3)))


@each_score
def test_logits_instead_of_log_probabilities_are_an_error(name: str) -> None:
    with pytest.raises(ScoreError, match="probabilities of row 1 add up to 3, expected 1"):
        TERMS[name](np.array([0, 1]), np.array([np.log([0.5, 0.25, 0.25]), [0.0, 0.0, 0.0]]))


@each_score
def test_no_number_among_probabilities_is_an_error(name: str) -> None:
    with pytest.raises(ScoreError, match="probabilities of row 0 add up to nan"):
        TERMS[name](np.array([0]), np.array([[np.nan, 0.0]]))


@each_score
def test_shapes_that_do_not_match_are_an_error(name: str) -> None:
    with pytest.raises(ScoreError, match="expected \\(n,\\) and \\(n, n_classes\\)"):
        TERMS[name](np.array([0, 1]), np.zeros((3, 1)))


@each_score
def test_sure_and_right_is_perfect(name: str) -> None:
    labels = np.array([0, 1, 2, 1])
    with np.errstate(divide="ignore"):
        nats = np.log(np.eye(3)[labels])
    assert score(name, labels, nats) == PERFECT[name]


def test_a_hand_computed_example() -> None:
    """Clips 0 0 1 1, said 0 1 1 1: F1 of class 0 is 2/3, of class 1 is 4/5; confidences .9 .6 in bins of a tenth."""
    labels = np.array([0, 0, 1, 1])
    nats = np.log([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.1, 0.9]])
    assert score("accuracy", labels, nats) == 0.75
    assert score("macro_f1", labels, nats) == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert score("log_loss_nats", labels, nats) == pytest.approx(-np.log(0.9 * 0.4 * 0.6 * 0.9) / 4)
    assert score("ece", labels, nats) == pytest.approx((abs(2 - 1.8) + abs(1 - 1.2)) / 4)
    assert score("balanced_accuracy", labels, nats) == pytest.approx((1 / 2 + 1) / 2)
    assert score("brier", labels, nats) == pytest.approx(2 * (0.01 + 0.36 + 0.16 + 0.01) / 4)


def test_knowing_nothing_costs_the_logarithm_of_the_number_of_classes() -> None:
    assert score("log_loss_nats", np.array([0, 1, 2]), np.log(np.full((3, 12), 1 / 12))) == pytest.approx(np.log(12))


def test_knowing_nothing_costs_one_minus_the_chance_in_brier_and_has_the_chance_in_balanced_accuracy() -> None:
    labels, nats = np.repeat(np.arange(12), [1, 50, *[3] * 10]), np.log(np.full((81, 12), 1 / 12))
    assert score("brier", labels, nats) == pytest.approx(1 - 1 / 12)
    assert score("balanced_accuracy", labels, nats) == pytest.approx(1 / 12)


def test_sure_and_wrong_costs_two_in_brier() -> None:
    with np.errstate(divide="ignore"):
        assert score("brier", np.array([0]), np.log(np.array([[0.0, 1.0]]))) == 2


def test_a_class_without_a_clip_is_left_out_of_balanced_accuracy() -> None:
    labels, nats = made(200, 3, seed=2)
    wider = np.concatenate([nats, np.full((200, 1), -50.0)], axis=1)
    assert score("balanced_accuracy", labels, wider) == pytest.approx(score("balanced_accuracy", labels, nats))


@each_score
def test_the_order_of_clips_does_not_matter(name: str) -> None:
    labels, nats = made(300, 4, seed=8)
    order = np.random.default_rng(1).permutation(300)
    assert score(name, labels[order], nats[order]) == pytest.approx(score(name, labels, nats))


def test_the_calibration_error_is_that_of_a_loop_over_bins() -> None:
    labels, nats = made(400, 5, seed=9)
    confidence, right = np.exp(nats.max(axis=1)), nats.argmax(axis=1) == labels
    expected = 0.0
    for low in np.arange(10) / 10:
        inside = (confidence > low) & (confidence <= low + 0.1)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert score("ece", labels, nats) == pytest.approx(expected)


def test_what_chance_makes_of_the_calibration_error_is_what_calibrated_clips_show() -> None:
    """500 times 300 clips, each right with the chance that its confidence says: the means agree within 3 %."""
    generator = np.random.default_rng(10)
    probabilities = generator.dirichlet(np.full(4, 0.5), 300)
    nats, found = np.log(probabilities.clip(1e-300)), []
    for _ in range(500):
        labels = (generator.random((300, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=3)
        found.append(score("ece", labels, nats))
    assert ece.by_chance(nats, 10) == pytest.approx(np.mean(found), rel=0.03)


def test_scores_equal_scikit_learn() -> None:
    labels, nats = made(500, 6, seed=1)
    said = nats.argmax(axis=1)
    assert score("accuracy", labels, nats) == pytest.approx(metrics.accuracy_score(labels, said))
    assert score("macro_f1", labels, nats) == pytest.approx(metrics.f1_score(labels, said, average="macro"))
    assert score("log_loss_nats", labels, nats) == pytest.approx(metrics.log_loss(labels, np.exp(nats)))
    assert score("balanced_accuracy", labels, nats) == pytest.approx(metrics.balanced_accuracy_score(labels, said))
    brier = metrics.brier_score_loss(labels, np.exp(nats), labels=np.arange(6), scale_by_half=False)
    assert score("brier", labels, nats) == pytest.approx(brier)


def test_a_class_never_true_and_never_said_is_left_out_of_macro_f1() -> None:
    labels, nats = made(200, 3, seed=2)
    wider = np.concatenate([nats, np.full((200, 1), -50.0)], axis=1)
    assert score("macro_f1", labels, wider) == pytest.approx(score("macro_f1", labels, nats))


def test_the_calibration_error_of_calibrated_predictions_goes_to_zero() -> None:
    generator = np.random.default_rng(3)
    probabilities = generator.dirichlet(np.ones(4), 40_000)
    labels = (generator.random((40_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=3)
    assert score("ece", labels, np.log(probabilities)) < 0.01


def test_confusion_and_rates_equal_scikit_learn() -> None:
    labels, nats = made(300, 5, seed=4)
    counts = confusion(labels, nats)
    expected = metrics.precision_recall_fscore_support(labels, nats.argmax(axis=1))
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(labels, nats.argmax(axis=1)))
    np.testing.assert_allclose(precision_recall_f1(terms(labels, nats).sum(axis=0)), expected[:3])


def test_a_rate_of_nothing_is_no_number() -> None:
    precision, recall, f1 = precision_recall_f1(np.array([2, 0, 0, 2, 1, 0, 3, 0, 0]))  # found, true, said
    np.testing.assert_allclose(precision, [2 / 3, np.nan, np.nan])
    np.testing.assert_allclose(recall, [1, 0, np.nan])
    np.testing.assert_allclose(f1, [0.8, 0, np.nan])
