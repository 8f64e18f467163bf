"""Scores against hand-made examples, scikit-learn and closed forms; intervals against theirs."""

from functools import partial

import numpy as np
import pytest
from sklearn import metrics

from stages.scores import SCORES, accuracy, ece
from stages.scores.bootstrap import by_group, draws, interval, of_sums, value_of
from stages.scores.checks import ScoreError
from stages.scores.confusion import confusion, precision_recall_f1, terms

TERMS = {name: partial(score.terms, n_bins=10) if name == "ece" else score.terms for name, score in SCORES.items()}
PERFECT = {"accuracy": 1, "balanced_accuracy": 1, "macro_f1": 1, "log_loss_nats": 0, "brier": 0, "ece": 0}
each_score = pytest.mark.parametrize("name", SCORES)


def score(name: str, labels: np.ndarray, nats: np.ndarray) -> float:
    return float(SCORES[name].value(TERMS[name](labels, nats).sum(axis=0)))


def made(n: int, n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and log-probabilities that know a little of them."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(n_classes, size=n)
    logits = generator.normal(size=(n, n_classes))
    logits[np.arange(n), labels] += 1
    return labels, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


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


@each_score
def test_sums_by_group_add_up_to_the_score_of_all(name: str) -> None:
    labels, nats = made(100, 4, seed=5)
    speakers = np.array([f"s{number % 7}" for number in range(100)])
    sums = by_group(TERMS[name](labels, nats), speakers)
    assert sums.shape[0] == 7
    assert float(SCORES[name].value(sums.sum(axis=0))) == pytest.approx(score(name, labels, nats))


@each_score
def test_a_resample_scores_as_the_clips_of_its_speakers_would(name: str) -> None:
    labels, nats = made(60, 4, seed=6)
    speakers = np.repeat(np.arange(6), 10)
    counts = draws(6, 3, np.random.default_rng(1))
    values = SCORES[name].value(counts @ by_group(TERMS[name](labels, nats), speakers))
    for times, value in zip(counts.astype(int), values, strict=True):
        rows = np.concatenate([np.flatnonzero(speakers == speaker) for speaker in np.repeat(np.arange(6), times)])
        assert value == pytest.approx(score(name, labels[rows], nats[rows]))


def ends(right: np.ndarray, speakers: np.ndarray, seed: int, n_bootstrap: int = 2000) -> tuple[float, float]:
    """The 95 % interval of accuracy for clips that are right or not."""
    terms = np.stack([right, np.ones(len(right))], axis=1)
    sums = by_group(terms, speakers)
    counts = draws(len(sums), n_bootstrap, np.random.default_rng(seed))
    return interval(accuracy.value(counts @ sums), 0.95)


def test_with_a_clip_a_speaker_the_interval_is_that_of_a_proportion() -> None:
    """Half the width is 1.96 sqrt(p (1 - p) / n)."""
    right = np.arange(1000) < 800
    low, high = ends(right, np.arange(1000), seed=1, n_bootstrap=20_000)
    expected = 1.96 * np.sqrt(0.8 * 0.2 / 1000)
    assert (low, high) == pytest.approx((0.8 - expected, 0.8 + expected), abs=0.0015)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Speakers differ in how often they are understood: Beta(8, 2), mean 0.8. 300 trials of 95 %: 0.95 +- 0.025."""
    generator = np.random.default_rng(7)
    covered = 0
    for trial in range(300):
        skill = np.repeat(generator.beta(8, 2, 80), 10)
        low, high = ends(generator.random(800) < skill, np.repeat(np.arange(80), 10), seed=trial, n_bootstrap=500)
        covered += low <= 0.8 <= high
    assert 0.905 <= covered / 300 <= 0.985


def test_clips_that_hang_together_widen_the_interval() -> None:
    """Ten equal clips a speaker are worth one: the interval is sqrt(10) times as wide as of clips on their own."""
    right = np.repeat(np.arange(100) < 80, 10)
    low, high = ends(right, np.repeat(np.arange(100), 10), seed=1)
    alone_low, alone_high = ends(right, np.arange(1000), seed=1)
    assert (high - low) / (alone_high - alone_low) == pytest.approx(np.sqrt(10), rel=0.1)


def test_an_interval_is_the_same_on_every_run() -> None:
    right, speakers = np.arange(1000) % 3 > 0, np.arange(1000) ** 2 % 97
    assert ends(right, speakers, seed=1) == ends(right, speakers, seed=1) != ends(right, speakers, seed=2)


def test_a_resample_without_a_score_is_left_out_of_the_interval() -> None:
    assert interval(np.array([0.5, np.nan, 0.5]), 0.95) == (0.5, 0.5)
    assert np.isnan(interval(np.array([np.nan, np.nan]), 0.95)).all()


@each_score
def test_the_value_of_a_score_is_that_of_all_groups_once(name: str) -> None:
    labels, nats = made(60, 4, seed=6)
    made_of_sums = of_sums(TERMS[name](labels, nats), SCORES[name].value, np.arange(60) % 7)
    assert float(value_of(made_of_sums, 7)) == pytest.approx(score(name, labels, nats))
