"""Scores of the order of clips: risk against coverage, areas under the ROC, false rejects against false accepts."""

import time

import numpy as np
import pytest
from sklearn import metrics

from stages.scores import aurc, auroc
from stages.scores.bootstrap import draws, of_clips, value_of
from stages.scores.checks import ScoreError
from stages.scores.detection import FALSE_ACCEPT_RATES, false_reject_rates


def made(n: int, n_classes: int, seed: int, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Labels and log-probabilities that know a little of them, with equal confidences here and there."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(n_classes, size=n)
    logits = generator.normal(size=(n, n_classes)).round(digits)
    logits[np.arange(n), labels] += 1
    logits = np.concatenate([logits[: n // 2], logits[: n - n // 2]])
    return labels, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def area(made_of: object, n: int) -> float:
    return float(made_of(np.ones((n, 1)))[0])  # type: ignore[operator]


def of_confidences(confidence: list[float], right: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of which the first is always said."""
    return np.where(right, 0, 1), np.log(np.stack([confidence, 1 - np.array(confidence)], axis=1))


def test_a_hand_computed_area_of_risk_against_coverage() -> None:
    """Right, wrong, right, wrong from the most confident on: risks 0, 1/2, 1/3, 1/2."""
    labels, nats = of_confidences([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    assert area(aurc.area(labels, nats), 4) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_the_area_is_the_error_rate_where_all_are_equally_confident() -> None:
    labels, nats = of_confidences([0.7] * 5, [True, False, True, True, False])
    assert area(aurc.area(labels, nats), 5) == pytest.approx(0.4)


def test_no_error_leaves_no_area() -> None:
    labels, nats = of_confidences([0.9, 0.8], [True, True])
    assert area(aurc.area(labels, nats), 2) == 0


def test_the_area_of_risk_is_that_of_a_loop_over_clips() -> None:
    labels, nats = made(200, 4, seed=1)
    confidence, wrong = nats.max(axis=1), nats.argmax(axis=1) != labels
    expected = np.mean([wrong[confidence >= one].mean() for one in confidence])
    assert area(aurc.area(labels, nats), 200) == pytest.approx(expected)


def test_the_curve_of_risk_ends_at_the_error_rate_and_parts_equals_evenly() -> None:
    labels, nats = of_confidences([0.9, 0.7, 0.7, 0.7, 0.7], [True, False, False, True, True])
    risk = aurc.risk_at(labels, nats, np.array([1, 3, 5]))
    np.testing.assert_allclose(risk, [0, 1 / 3, 2 / 5])


def test_areas_under_the_roc_equal_scikit_learn() -> None:
    generator = np.random.default_rng(2)
    belongs = generator.random(400) < 0.3
    scores = (generator.normal(size=400) + belongs).round(1)
    weights = generator.integers(0, 4, (400, 3)).astype(float)
    found = auroc.area(belongs, scores)(weights)
    assert area(auroc.area(belongs, scores), 400) == pytest.approx(metrics.roc_auc_score(belongs, scores))
    assert found == pytest.approx([metrics.roc_auc_score(belongs, scores, sample_weight=one) for one in weights.T])


@pytest.mark.parametrize(("sign", "expected"), [(1, 1.0), (0, 0.5), (-1, 0.0)])
def test_the_area_is_one_for_order_a_half_for_none_and_zero_for_the_reverse(sign: int, expected: float) -> None:
    belongs = np.array([True, False, True, False, False])
    assert area(auroc.area(belongs, sign * belongs.astype(float)), 5) == expected


def test_one_kind_alone_has_no_area() -> None:
    assert np.isnan(area(auroc.area(np.ones(3, bool), np.arange(3.0)), 3))


def test_a_score_that_is_no_number_is_an_error() -> None:
    with pytest.raises(ScoreError, match="hold 1 numbers that are not finite"):
        auroc.area(np.array([True, False]), np.array([0.0, np.nan]))


@pytest.mark.parametrize("name", ["aurc", "auroc"])
def test_a_resample_scores_as_the_clips_of_its_groups_would_in_any_order(name: str) -> None:
    labels, nats = made(120, 4, seed=3)
    groups = np.random.default_rng(4).integers(8, size=120)
    confidence = nats.max(axis=1)

    def score(rows: np.ndarray) -> object:
        return aurc.area(labels[rows], nats[rows]) if name == "aurc" else auroc.area(labels[rows] < 2, confidence[rows])

    counts = draws(8, 5, np.random.default_rng(5))
    resampled = of_clips(score(np.arange(120)), groups)  # type: ignore[arg-type]
    for times, value in zip(counts.astype(int), resampled(counts), strict=True):
        rows = np.concatenate([np.flatnonzero(groups == group) for group in np.repeat(np.arange(8), times)])
        assert value == pytest.approx(area(score(np.random.default_rng(6).permutation(rows)), len(rows)))
    assert value_of(resampled, 8) == pytest.approx(area(score(np.arange(120)), 120))


def test_blocks_of_resamples_do_not_change_a_score(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, nats = made(120, 4, seed=3)
    counts = draws(120, 50, np.random.default_rng(5))
    whole = of_clips(aurc.area(labels, nats), np.arange(120))(counts)
    monkeypatch.setattr("stages.scores.bootstrap.WEIGHTS_AT_ONCE", 7 * 120)
    np.testing.assert_array_equal(of_clips(aurc.area(labels, nats), np.arange(120))(counts), whole)


def test_two_thousand_resamples_of_five_thousand_clips_take_about_a_second_at_most() -> None:
    """Seconds of computing of a quarter of the draws, the best of three; an idle core takes a tenth of the limit."""
    labels, nats = made(5000, 12, seed=7, digits=12)
    groups = np.random.default_rng(1).integers(500, size=5000)
    counts = draws(500, 500, np.random.default_rng(2))
    for value in (aurc.area(labels, nats), auroc.area(labels < 10, nats.max(axis=1))):
        score, seconds = of_clips(value, groups), []
        for _ in range(3):
            started = time.process_time()
            score(counts)
            seconds.append(time.process_time() - started)
        assert min(seconds) < 0.5


def test_false_rejects_are_those_of_scikit_learn_s_curve() -> None:
    generator = np.random.default_rng(3)
    belongs = generator.random(500) < 0.2
    scores = (generator.normal(size=500) + 1.5 * belongs).round(1)
    accepts, hits, _ = metrics.roc_curve(belongs, scores, drop_intermediate=False)
    asked = np.concatenate([accepts, accepts + 0.0005])
    expected = [1 - hits[accepts <= rate].max() for rate in asked]
    np.testing.assert_allclose(false_reject_rates(belongs, scores, asked), expected, atol=1e-12)


def test_a_keyword_that_stands_above_all_else_is_never_rejected() -> None:
    belongs = np.array([True, True, False])
    np.testing.assert_array_equal(false_reject_rates(belongs, np.array([3.0, 2.0, 1.0]), FALSE_ACCEPT_RATES), 0)


def test_equal_scores_are_accepted_together() -> None:
    """Without a false accept none of them can be taken, so all keywords are rejected."""
    rates = false_reject_rates(np.array([True, False, True]), np.zeros(3), np.array([0.0, 0.99, 1.0]))
    np.testing.assert_array_equal(rates, [1, 1, 0])


def test_false_rejects_fall_as_false_accepts_are_allowed() -> None:
    generator = np.random.default_rng(4)
    belongs = generator.random(300) < 0.5
    rates = false_reject_rates(belongs, generator.normal(size=300) + belongs, FALSE_ACCEPT_RATES)
    assert (np.diff(rates) <= 0).all()
    assert rates[-1] == 0


def test_a_curve_needs_clips_on_both_sides() -> None:
    with pytest.raises(ScoreError, match="2 of 2 clips belong, expected some and not all"):
        false_reject_rates(np.ones(2, bool), np.zeros(2), FALSE_ACCEPT_RATES)
