"""Intervals of scores, of speakers drawn anew, against closed forms and the clips they stand for."""

import numpy as np
import pytest
from scoring import TERMS, each_score, made, score

from stages.scores import SCORES, accuracy
from stages.scores.bootstrap import by_group, draws, interval, of_sums, value_of


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
