"""Weights of a pool in closed form: what members that know, that know nothing and that agree are given."""

import numpy as np
import pytest
from scipy.special import log_softmax

from stages import pool
from stages.scores.checks import ScoreError


def drawn(nats: np.ndarray, seed: int) -> np.ndarray:
    """Labels by the very probabilities (n, n_classes) that are given."""
    draw = np.random.default_rng(seed).random((len(nats), 1))
    return (draw > np.exp(nats).cumsum(axis=1)).sum(axis=1).clip(max=nats.shape[1] - 1)


def noise(n: int, seed: int, scale: float = 2.0) -> np.ndarray:
    return log_softmax(scale * np.random.default_rng(seed).normal(size=(n, 5)), axis=1)


def loss(labels: np.ndarray, nats: np.ndarray) -> float:
    return float(-nats[np.arange(len(labels)), labels].mean())


@pytest.mark.parametrize("shrinkage", [0.0, 0.5, 1.0])
def test_two_equal_members_have_equal_weights(shrinkage: float) -> None:
    nats = noise(400, 1)
    weights = pool.fitted(drawn(nats, 2), [nats, nats], shrinkage)
    assert weights[0] == pytest.approx(weights[1], abs=1e-9)


@pytest.mark.parametrize("planted", [0.5, 1.0, 3.0])
def test_a_single_member_s_weight_is_one_over_its_temperature(planted: float) -> None:
    nats = noise(50_000, 1)
    weights = pool.fitted(drawn(nats, 2), [log_softmax(planted * nats, axis=1)], 0.0)
    assert weights == pytest.approx([1 / planted], rel=0.03)


def test_planted_weights_of_two_members_are_found() -> None:
    one, other = noise(50_000, 1), noise(50_000, 2)
    labels = drawn(pool.pooled([one, other], np.array([0.7, 0.2])), 3)
    assert pool.fitted(labels, [one, other], 0.0) == pytest.approx([0.7, 0.2], abs=0.02)


def test_noise_gets_no_weight_beside_a_member_that_knows() -> None:
    """By chance it helps a little or hinders a little; where it hinders, its weight is 0."""
    nats = noise(5_000, 1)
    labels = drawn(nats, 2)
    found = np.array([pool.fitted(labels, [nats, noise(5_000, seed)], 0.0) for seed in range(3, 9)])
    assert found == pytest.approx(np.tile([1.0, 0.0], (6, 1)), abs=0.05)
    assert 0 < (found[:, 1] == 0).sum() < 6


@pytest.mark.parametrize("seed", range(4))
def test_without_shrinkage_no_weights_nearby_nor_any_member_has_a_smaller_loss(seed: int) -> None:
    truth = noise(600, seed)
    labels = drawn(truth, seed + 10)
    members = [log_softmax(truth + noise(600, 100 * seed + k, scale), axis=1) for k, scale in enumerate((1, 2, 3, 1))]
    weights = pool.fitted(labels, members, 0.0)
    least = loss(labels, pool.pooled(members, weights))
    assert least < min(loss(labels, member) for member in members)
    near = np.random.default_rng(seed).normal(0, 0.02, (50, 4))
    assert all(loss(labels, pool.pooled(members, (weights + step).clip(min=0))) > least for step in near)


def test_all_shrinkage_gives_equal_weights_and_some_gives_weights_between() -> None:
    truth = noise(600, 1)
    labels = drawn(truth, 2)
    members = [log_softmax(truth + noise(600, 3 + k, scale), axis=1) for k, scale in enumerate((0.5, 3))]
    free, half, equal = (pool.fitted(labels, members, shrinkage) for shrinkage in (0.0, 0.5, 1.0))
    assert equal[0] == pytest.approx(equal[1])
    shares = [weights[0] / weights.sum() for weights in (free, half, equal)]
    assert shares[0] > shares[1] > shares[2] == pytest.approx(0.5)


def test_members_that_know_nothing_together_are_all_but_silent() -> None:
    nats = noise(2_000, 1)
    wrong = log_softmax(-nats, axis=1)
    assert pool.fitted(drawn(nats, 2), [wrong, wrong], 0.0).sum() == pytest.approx(0.02)


def test_where_every_clip_is_right_weights_add_up_to_one_and_are_the_best_that_do() -> None:
    nats = noise(50, 1)
    sure = nats.argmax(axis=1)
    assert pool.fitted(sure, [nats, nats], 0.0) == pytest.approx([0.5, 0.5])
    meek = log_softmax(0.2 * nats, axis=1)
    assert pool.fitted(sure, [nats, meek], 0.0) == pytest.approx([1, 0], abs=1e-9)


def test_a_probability_of_zero_cannot_be_weighted() -> None:
    impossible = np.log(np.array([[1.0, 0.0], [0.5, 0.5]]), where=[[True, False]] * 2, out=np.full((2, 2), -np.inf))
    with pytest.raises(ScoreError, match=r"probabilities of row 1|minus infinity"):
        pool.fitted(np.array([0, 1]), [impossible], 0.0)
