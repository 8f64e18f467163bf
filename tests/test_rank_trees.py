"""The trees of the ranking: what they find that no sum of columns holds, and that they are the same every time."""

import numpy as np
import pytest
from made_columns import PARAMS, made_study
from sklearn.metrics import log_loss

from stages import rank
from stages.rankers import findings, logistic, permutation, trees
from stages.rankers.heldout import judge

SIZES = trees.Params.model_validate(PARAMS["trees"] | {"n_rounds": 30, "column_share": 1.0})


def crossed(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (n, 4) and labels that the signs of the first two tell together, and none tells alone."""
    inputs = np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)
    return inputs, (inputs[:, 0] * inputs[:, 1] > 0).astype(np.int64)


def test_trees_find_what_two_columns_tell_only_together_and_a_linear_model_cannot() -> None:
    (seen, labels), (unseen, truth) = crossed(2_000, 0), crossed(1_000, 1)
    model = trees.fit(seen, labels, 2, SIZES, seed=1)
    assert logistic.accuracy(trees.logits(model, unseen), truth) > 0.9
    linear = logistic.fit(np.column_stack([seen, np.ones(2_000, np.float32)]), labels, 2, logit_sd=4.0)
    assert logistic.accuracy(np.column_stack([unseen, np.ones(1_000)]) @ linear, truth) < 0.6

    family_of = np.array([0, 2, 3, 3])
    by = permutation.orders(4, 1_000, np.random.default_rng(0))
    lost = trees.importance(model, unseen, family_of, 4, truth, by)
    assert lost[[0, 2], 1] == pytest.approx([45, 45], abs=6)  # without either, the other tells nothing
    assert lost[1].tolist() == [0, 0]  # a family without columns
    assert abs(lost[3, 0]) < 0.05

    shares = trees.shares_nats(model, unseen[:100], family_of, 4)
    assert min(shares[0], shares[2]) > 5 * shares[3]
    assert shares[1] == 0


def test_shapley_values_of_all_columns_sum_to_the_logits() -> None:
    seen, labels = crossed(500, 2)
    model = trees.fit(seen, labels, 2, SIZES, seed=1)
    raw = trees.logits(model, seen)
    apart = raw - raw.mean(axis=1, keepdims=True)
    one_family = trees.shares_nats(model, seen, np.zeros(4, int), 1)
    expected_value = np.asarray(model.predict(seen[:1], pred_contrib=True)).reshape(2, 5)[:, -1]
    apart -= expected_value - expected_value.mean()
    assert one_family[0] == pytest.approx(np.abs(apart).mean())


def test_the_loss_of_a_family_is_that_of_asking_the_trees_with_its_rows_moved() -> None:
    (seen, labels), (unseen, truth) = crossed(600, 3), crossed(300, 4)
    model = trees.fit(seen, labels, 2, SIZES, seed=1)
    by = permutation.orders(1, 300, np.random.default_rng(0))
    moved = unseen.copy()
    moved[:, [0, 2]] = unseen[by[0]][:, [0, 2]]
    lost = log_loss(truth, np.asarray(model.predict(moved))) - log_loss(truth, np.asarray(model.predict(unseen)))
    found = trees.importance(model, unseen, np.array([0, 1, 0, 1]), 2, truth, by)
    assert found[0, 0] == pytest.approx(lost / np.log(2), abs=1e-6)


def test_every_family_is_heard_by_the_first_of_its_columns() -> None:
    order, family_of = np.array([5, 0, 3, 1, 2, 4]), np.array([0, 0, 0, 1, 1, 0])
    assert trees.columns(order, family_of, 2).tolist() == [0, 3, 4, 5]


def test_a_class_that_trees_never_saw_keeps_a_finite_chance() -> None:
    seen, labels = crossed(500, 5)
    model = trees.fit(seen, labels, 3, SIZES, seed=1)
    assert logistic.loss_bits(trees.logits(model, seen), np.full(500, 2)) < 20


def test_trees_of_a_fold_are_the_same_in_a_second_run() -> None:
    study = made_study()
    first, second = judge(study, 1), judge(study, 1)
    np.testing.assert_equal(vars(first), vars(second))


def test_trees_rank_families_that_tell_before_noise() -> None:
    study = made_study()
    verdicts = rank.judged(study)[0]
    lost = np.mean([verdict.trees[:, 0] for verdict in verdicts], axis=0)
    assert study.families == ("a", "b", "c", "probes")
    assert min(lost[0], lost[1]) > 0.1
    assert max(abs(lost[2]), abs(lost[3])) < 0.05
    assert findings.family_rank_correlation([verdict.trees for verdict in verdicts]) > 0.4
