"""Families, clusters and columns: what each level of the ranking says, against truth and other implementations."""

import numpy as np
import pytest
from hidimstat import PFI
from made_columns import N_CLASSES, PARAMS, causes, made_columns, made_study, study_on
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss

from stages import rank
from stages.rankers import clusters, dropping, logistic, permutation
from stages.rankers.columns import Columns, Condition
from stages.rankers.ranking import ranking_of
from stages.rankers.ranks import centred_ranks, spearman

BITS = np.log(2)


def told(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (n, 7) with ones last, and labels: two causes, a near copy of the first, noise in three columns."""
    random = np.random.default_rng(seed)
    label_ids = random.integers(N_CLASSES, size=n)
    known = causes(label_ids, [1.5, 1.0], random)
    twin = known[:, :1] + 0.2 * random.standard_normal((n, 1))
    inputs = np.concatenate([known, twin, random.standard_normal((n, 3))], axis=1)
    return logistic.fit_scaler(inputs).standardise(inputs), label_ids


def linear_model(inputs: np.ndarray, weights: np.ndarray, label_ids: np.ndarray) -> LogisticRegression:
    """Return scikit-learn's model with our weights."""
    model = LogisticRegression(max_iter=1, fit_intercept=False, tol=1e9).fit(inputs, label_ids)
    model.coef_ = weights.T.astype(np.float64)
    return model


# Clusters


def test_columns_that_say_the_same_fall_into_one_cluster_and_noise_stands_alone() -> None:
    study = made_study()
    cause_of = np.append(np.arange(3), np.repeat(np.arange(3), 3))
    assert study.cluster_of[:12].tolist() == cause_of.tolist()
    assert len(set(study.cluster_of[12:24])) == 12
    assert len(set(study.cluster_of[-PARAMS["n_probes"] :])) == PARAMS["n_probes"]


def test_average_linkage_joins_up_to_the_mean_distance_whatever_the_sign() -> None:
    # The third is .5 and .7 from the others: .6 on average, and joins them at that, no earlier.
    correlation = np.array([[1, -0.9, 0.5], [-0.9, 1, 0.3], [0.5, 0.3, 1]])
    assert clusters.assign(correlation, 0.59).tolist() == [0, 0, 1]
    assert clusters.assign(correlation, 0.61).tolist() == [0, 0, 0]


def test_the_representative_is_the_column_closest_to_the_others_and_never_a_copy() -> None:
    correlation = np.array([[1, 0.9, 0.9, 0.9], [0.9, 1, 0.5, 1], [0.9, 0.5, 1, 0.5], [0.9, 1, 0.5, 1]])
    allowed = np.array([False, True, True, False])
    assert clusters.representatives(correlation, np.zeros(4, int), np.ones(4, bool)).tolist() == [0]
    assert clusters.representatives(correlation, np.zeros(4, int), allowed).tolist() == [1]


@pytest.mark.parametrize("seed", range(6))
def test_a_planted_copy_shares_the_cluster_and_the_importance_of_its_original(seed: int) -> None:
    columns, label_ids, speakers = made_columns(800, seed)
    alone = Columns(columns.values[:, [0, 1, 2]], columns.fields[:3], columns.families[:3])
    study = study_on(alone, label_ids, speakers)
    verdicts = rank.judged(study)[0]
    by_column = np.mean([verdict.columns[:, 0] for verdict in verdicts], axis=0)
    by_cluster = np.mean([verdict.clusters[:, 0] for verdict in verdicts], axis=0)
    copy, cluster = study.n_real, study.cluster_of[study.original]
    assert study.cluster_of[copy] == cluster
    assert np.isclose(by_column[copy], by_column[study.original], rtol=0.02)
    assert by_cluster[cluster] > by_column[copy] + by_column[study.original]
    order = study.orders["mrmr"](study.ranked(slice(None), slice(study.n_real + 1)))
    assert set(order[: study.n_real]) == {0, 1, 2}


def test_of_exact_duplicates_one_is_selected() -> None:
    columns, label_ids, speakers = made_columns(800)
    twice = columns.values[:, [0, 0, 1, 1, 2, 2, 12]]
    study = study_on(Columns(twice, columns.fields[:7], columns.families[:7]), label_ids, speakers)
    seven = Columns(twice, columns.fields[:7], columns.families[:7])
    table = ranking_of(seven, Condition.of(twice), np.arange(7), study, *rank.judged(study))
    rows = {row["column"]: row for row in table.to_pylist()}
    first = sorted(rows[field.name]["order_rank"] for field in columns.fields[0:6:2])
    assert first == [1, 2, 3]
    assert [rows[columns.fields[at].name]["cluster"] for at in range(7)] == [1, 1, 2, 2, 3, 3, 4]


# Permutation against other implementations


def test_permuting_single_columns_agrees_with_scikit_learn() -> None:
    inputs, label_ids = told(600, seed=1)
    weights = logistic.fit(inputs, label_ids, N_CLASSES, logit_sd=4.0)
    by = permutation.orders(100, 600, np.random.default_rng(0))
    found = permutation.importance(inputs @ weights, inputs, weights, np.arange(7), label_ids, by)
    model = linear_model(inputs, weights, label_ids)
    kinds = ["neg_log_loss", "accuracy"]
    expected = permutation_importance(model, inputs, label_ids, scoring=kinds, n_repeats=100, random_state=0)
    assert found[:, 0] == pytest.approx(expected["neg_log_loss"].importances_mean / BITS, rel=0.03, abs=3e-3)
    assert found[:, 1] == pytest.approx(100 * expected["accuracy"].importances_mean, rel=0.03, abs=0.3)


def test_permuting_groups_agrees_with_hidimstat() -> None:
    inputs, label_ids = told(600, seed=2)
    weights = logistic.fit(inputs, label_ids, N_CLASSES, logit_sd=4.0)
    group_of = np.array([0, 1, 0, 2, 1, 2, 3])
    by = permutation.orders(100, 600, np.random.default_rng(0))
    found = permutation.importance(inputs @ weights, inputs, weights, group_of, label_ids, by)
    peer = PFI(
        linear_model(inputs, weights, label_ids),
        method="predict_proba",
        loss=log_loss,
        n_permutations=100,
        features_groups={group: np.flatnonzero(group_of == group).tolist() for group in range(4)},
        random_state=0,
    )
    expected = peer.fit(inputs, label_ids).importance(inputs, label_ids)
    assert found[:, 0] == pytest.approx(expected / BITS, rel=0.03, abs=3e-3)


# Learning without a family


def test_what_a_dropped_family_costs_is_what_a_model_without_it_loses() -> None:
    inputs, label_ids = told(900, seed=3)
    learn, held = slice(600), slice(600, None)
    family_of = np.array([0, 1, 0, 2, 2, 2])
    posed = logistic.problem(inputs[learn], label_ids[learn], N_CLASSES, logit_sd=4.0)
    found = logistic.place(posed)
    lost = dropping.lost_bits(posed, found, inputs[held], label_ids[held], family_of)
    known = logistic.loss_bits(inputs[held] @ posed.weights(found), label_ids[held])
    for family in range(3):
        kept = np.append(np.flatnonzero(family_of != family), 6)
        # The same l2 per weight as with all families: 7 inputs share a variance of 16, so fewer have less of it.
        weights = logistic.fit(inputs[learn][:, kept], label_ids[learn], N_CLASSES, 4.0 * np.sqrt(len(kept) / 7))
        expected = logistic.loss_bits(inputs[held][:, kept] @ weights, label_ids[held]) - known
        assert lost[family] == pytest.approx(expected, abs=2e-3)
    assert lost[0] > 0.3
    assert abs(lost[2]) < 0.02


# Conditional importance


def test_residuals_are_those_of_a_ridge_regression_on_all_other_inputs() -> None:
    inputs, label_ids = told(400, seed=4)
    posed = logistic.problem(inputs, label_ids, N_CLASSES, logit_sd=4.0)
    found = clusters.residuals(posed.lower, inputs)
    # posed.lower is the factor of X'X / 2n + l2, so twice n times l2 is what scikit-learn calls alpha.
    alpha = 2 * 400 * 7 / (400 * 4.0**2)
    for number in range(6):
        others = np.delete(inputs, number, axis=1)
        expected = Ridge(alpha=alpha, fit_intercept=False).fit(others, inputs[:, number]).predict(others)
        assert found[:, number] == pytest.approx(inputs[:, number] - expected, abs=2e-4)


def test_a_column_that_another_tells_of_matters_when_permuted_and_not_given_the_other() -> None:
    inputs, label_ids = told(2_000, seed=5)
    posed = logistic.problem(inputs, label_ids, N_CLASSES, logit_sd=4.0)
    weights = np.zeros((7, N_CLASSES), np.float32)
    weights[[1, 2]] = posed.weights(logistic.place(posed))[[1, 0]]  # a model that reads the twin, not its cause
    by = permutation.orders(20, 2_000, np.random.default_rng(0))
    given = (inputs, clusters.residuals(posed.lower, inputs))
    plain, conditional = (
        permutation.importance(inputs @ weights, moving, weights, np.arange(7), label_ids, by)[:, 0] for moving in given
    )
    assert plain[2] > 0.3
    assert conditional[2] < 0.1 * plain[2]
    assert conditional[1] > 0.5 * plain[1]


def test_noise_is_in_no_cluster_with_a_real_column() -> None:
    study = made_study()
    correlation = np.abs(spearman(centred_ranks(study.values.T)))
    assert correlation[: study.n_real, study.n_real + 1 :].max() < 0.2
    assert not set(study.cluster_of[: study.n_real]) & set(study.cluster_of[study.n_real + 1 :])
