"""A temperature makes confidence what it says, from the clips of part val alone."""

import numpy as np
import pytest
from scipy.special import log_softmax

from stages.scores import ece, log_loss
from stages.scores.checks import ScoreError
from stages.scores.temperature import LEAST, MOST, fitted, scaled


def calibrated(n: int, n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn by the very probabilities that are given, as float64 nats."""
    generator = np.random.default_rng(seed)
    nats = log_softmax(2 * generator.normal(size=(n, n_classes)), axis=1)
    drawn = generator.random((n, 1)) > np.exp(nats).cumsum(axis=1)
    return drawn.sum(axis=1).clip(max=n_classes - 1), nats


def loss(labels: np.ndarray, nats: np.ndarray) -> float:
    return float(log_loss.value(log_loss.terms(labels, nats).sum(axis=0)))


def error(labels: np.ndarray, nats: np.ndarray) -> float:
    return float(ece.value(ece.terms(labels, nats, 15).sum(axis=0)))


@pytest.mark.parametrize("wrong", [0.25, 0.5, 1.0, 2.0, 4.0])
def test_a_known_temperature_is_found(wrong: float) -> None:
    """Logits times 1 / wrong are off by that factor; 20,000 clips tell it to about 1 %."""
    labels, nats = calibrated(20_000, 10, seed=1)
    assert fitted(labels, log_softmax(nats / wrong, axis=1)) == pytest.approx(1 / wrong, rel=0.03)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sharpness", [0.2, 1.0, 6.0])
def test_no_temperature_of_a_fine_grid_has_a_smaller_loss(seed: int, sharpness: float) -> None:
    labels, nats = calibrated(150, 4, seed)
    nats = log_softmax(sharpness * nats, axis=1)
    found = fitted(labels, nats)
    grid = np.geomspace(LEAST, MOST, 4001)
    losses = [loss(labels, log_softmax(nats / one, axis=1)) for one in grid]
    assert loss(labels, log_softmax(nats / found, axis=1)) <= min(losses) + 1e-12
    assert found == pytest.approx(grid[np.argmin(losses)], rel=0.002)


def test_what_is_fitted_on_some_speakers_mends_the_confidence_on_others() -> None:
    """Overconfident by 3: 2,000 clips to fit, 40,000 to judge, as well-sized data are; the goal is 2 %."""
    labels, nats = calibrated(42_000, 12, seed=2)
    wrong = log_softmax(3 * nats, axis=1)
    temperature = fitted(labels[:2000], wrong[:2000])
    assert error(labels[2000:], wrong[2000:]) > 0.1
    assert error(labels[2000:], scaled(wrong[2000:], temperature)) < 0.02


def test_the_most_likely_class_never_changes() -> None:
    _, nats = calibrated(500, 6, seed=3)
    for temperature in (0.3, 3.0):
        np.testing.assert_array_equal(scaled(nats, temperature).argmax(axis=1), nats.argmax(axis=1))


def test_temperature_one_changes_nothing() -> None:
    _, nats = calibrated(100, 6, seed=4)
    np.testing.assert_allclose(scaled(nats, 1.0), nats, rtol=1e-6)


def test_where_every_clip_is_right_the_temperature_stays_one() -> None:
    nats = np.log([[0.9, 0.1], [0.4, 0.6]])
    assert fitted(np.array([0, 1]), nats) == 1


def test_knowing_less_than_nothing_gets_the_highest_temperature() -> None:
    assert fitted(np.array([1, 0, 1]), np.log([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])) == MOST


def test_one_error_of_no_weight_gets_the_lowest_temperature() -> None:
    """The wrong clip is all but undecided, so sharpening helps the others more than it harms this one."""
    nats = np.log(np.array([[0.5 + 1e-9, 0.5 - 1e-9], *[[0.6, 0.4]] * 99]))
    assert fitted(np.array([1, *[0] * 99]), nats) == LEAST


def test_the_order_of_clips_does_not_matter() -> None:
    labels, nats = calibrated(300, 5, seed=5)
    order = np.random.default_rng(1).permutation(300)
    assert fitted(labels[order], nats[order]) == pytest.approx(fitted(labels, nats), rel=1e-8)


def test_minus_infinity_is_an_error() -> None:
    with pytest.raises(ScoreError, match="minus infinity, expected finite numbers"), np.errstate(divide="ignore"):
        fitted(np.array([1]), np.log(np.array([[1.0, 0.0]])))
