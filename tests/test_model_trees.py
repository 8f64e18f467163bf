"""Boosted trees as tensors: the logits are LightGBM's own, whatever tree it grew."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from stages.models import trees

PARAMS = trees.Params(n_rounds=20, n_leaves=6, min_clips=5, max_bin=31, shrinkage=0.2, column_share=0.5, leaf_decay=0.0)


def made(n: int = 400, n_classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors (n, 8), some of them exactly 0 as a missing number is, and classes that two columns' signs tell."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, 8)).astype(np.float32)
    vectors[rng.random((n, 8)) < 0.1] = 0
    labels = (vectors[:, 0] > 0).astype(np.int64) + (vectors[:, 3] > 0.2) * (n_classes - 2)
    return torch.from_numpy(vectors), torch.from_numpy(labels)


def learned(params: trees.Params, vectors: torch.Tensor, labels: torch.Tensor, n_classes: int = 3) -> trees.Trees:
    network = trees.build(params, tuple(vectors.shape[1:]), n_classes)
    trees.learn(network, vectors, labels, seed=1)
    return network.eval()


@pytest.mark.parametrize(("n_classes", "n_leaves"), [(2, 2), (3, 6), (12, 31)])
def test_logits_are_the_raw_predictions_of_lightgbm(n_classes: int, n_leaves: int) -> None:
    params = PARAMS.model_copy(update={"n_leaves": n_leaves})
    vectors, labels = made(n_classes=n_classes)
    network = learned(params, vectors, labels, n_classes)
    booster = trees.grown(params, vectors.numpy(), labels.numpy(), n_classes, seed=1)
    unseen = torch.cat([made(seed=3)[0], vectors, torch.zeros(1, 8), torch.full((1, 8), 1e30)])
    expected = np.asarray(booster.predict(unseen.numpy(), raw_score=True))
    np.testing.assert_allclose(network(unseen).numpy(), expected, rtol=1e-6, atol=1e-6)


def test_a_value_on_a_threshold_goes_where_lightgbm_sends_it() -> None:
    vectors = torch.arange(40.0)[:, None].repeat(1, 2) / 8
    labels = (vectors[:, 0] > 2).long()
    params = PARAMS.model_copy(update={"column_share": 1.0, "max_bin": 255})
    network = learned(params, vectors, labels, 2)
    places = [float(value) for value in network.threshold.unique()]
    asked = torch.tensor([[np.float32(place)] * 2 for place in places] + vectors.tolist())
    booster = trees.grown(params, vectors.numpy(), labels.numpy(), 2, seed=1)
    np.testing.assert_allclose(network(asked).numpy(), booster.predict(asked.numpy(), raw_score=True), atol=1e-6)


def test_trees_learn_the_classes() -> None:
    network, (unseen, truth) = learned(PARAMS, *made()), made(seed=3)
    assert float((network(unseen).argmax(dim=1) == truth).float().mean()) > 0.95


def test_trees_read_from_bytes_say_the_same_and_a_second_growth_too() -> None:
    vectors, labels = made()
    network = learned(PARAMS, vectors, labels)
    other = trees.build(PARAMS, (8,), 3)
    assert float(other(vectors).abs().max()) == 0  # nothing has grown
    other.load_state_dict(load(save(network.state_dict())))
    assert torch.equal(other(vectors), network(vectors))
    assert torch.equal(learned(PARAMS, vectors, labels)(vectors), network(vectors))


def test_columns_that_tell_nothing_grow_one_leaf_a_tree() -> None:
    """LightGBM stops early then: what is left of the rounds says 0."""
    vectors, labels = torch.zeros(100, 2), torch.arange(100) % 4 // 3  # a quarter is class 1
    logits = learned(PARAMS, vectors, labels, 2)(vectors)
    torch.testing.assert_close(logits.softmax(dim=1)[:, 1], torch.full((100,), 0.25), rtol=0, atol=1e-4)
