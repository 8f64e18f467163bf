"""Made predictions, and each score of them."""

from functools import partial

import numpy as np
import pytest

from stages.scores import SCORES

TERMS = {name: partial(score.terms, n_bins=10) if name == "ece" else score.terms for name, score in SCORES.items()}
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
