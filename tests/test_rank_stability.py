"""How stable a selection is, and the numbers behind the plots of the ranking."""

import numpy as np
import pytest
from made_columns import N_CLASSES, PARAMS, made_study

from stages import rank
from stages.rankers import pictures
from stages.rankers.ranks import centred_ranks, spearman
from stages.rankers.stability import clusters_of, stability, trust

NAMES = [f"class_{number}" for number in range(N_CLASSES)]


def test_equal_selections_have_stability_one_and_random_ones_none() -> None:
    random = np.random.default_rng(0)
    one = np.arange(100) < 20
    assert stability([one, one, one]) == 1
    assert stability([random.permutation(one) for _ in range(300)]) == pytest.approx(0, abs=0.01)
    assert stability([np.ones(4, bool)] * 2) == 1


def test_stability_of_two_selections_that_share_half_is_its_closed_form() -> None:
    # Shares 1, .5, .5, 0: variances (M / (M - 1)) p (1 - p) = 0, .5, .5, 0, their mean .25; by chance .5 * .5 = .25.
    assert stability([np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)]) == pytest.approx(0)


def test_a_twin_for_a_twin_is_another_column_and_the_same_cluster() -> None:
    study = made_study()
    one, other = np.zeros(study.n_real, bool), np.zeros(study.n_real, bool)
    one[0] = other[3] = True  # a cause and its noisy copy
    assert stability([one, other]) < 0
    assert stability([clusters_of(study, one), clusters_of(study, other)]) == 1


def test_random_columns_touch_clusters_more_alike_than_they_are_themselves() -> None:
    study = made_study()
    chosen = rank.judged(study)[1]
    found = trust(study, chosen)
    assert found["of_columns"] == pytest.approx(stability(chosen), abs=1e-6)
    assert 0 < found["of_clusters_by_chance"] < found["of_clusters"]


def test_folds_are_drawn_anew_for_each_seed_and_each_fold_selects() -> None:
    study = made_study()
    assert len(study.folds_of) == PARAMS["n_seeds"]
    assert not np.array_equal(*study.folds_of)
    chosen = rank.judged(study)[1]
    assert len(chosen) == PARAMS["n_seeds"] * PARAMS["n_folds"]
    assert {int(own.sum()) for own in chosen} == {PARAMS["n_selected"]}
    # A cause is found each time, by one of its twins.
    assert stability([clusters_of(study, own) for own in chosen]) > stability(chosen) + 0.1


def test_the_map_shows_held_out_clips_alone_and_its_discriminants_part_the_classes() -> None:
    study = made_study()
    rows = pictures.map_rows(study, NAMES)
    n_held = sum(min(4, n) for n in np.bincount(study.labels[study.fold_of == 0]))
    assert [sum(row[0] == method for row in rows) for method in ("pca", "lda")] == [n_held] * 2
    places = np.array([row[1:3] for row in rows if row[0] == "lda"])
    own = np.array([row[3] for row in rows if row[0] == "lda"])
    within = np.mean([places[own == name].std(axis=0) for name in NAMES], axis=0)
    assert np.all(np.std([places[own == name].mean(axis=0) for name in NAMES], axis=0) > within)


def test_quantiles_of_a_column_in_a_class_are_those_of_its_values_that_are_there() -> None:
    study = made_study()
    study.values[study.labels == 1, 0] = np.nan
    rows = pictures.class_rows(study, NAMES, [study.names[0]], ["dB"])
    assert [row[1] for row in rows] == ["class_0", "class_2", "class_3"]
    own = study.values[study.labels == 0, 0]
    assert rows[0][2:] == [*np.quantile(own, pictures.QUANTILES).round(6).tolist(), "dB"]


def test_correlated_columns_stand_side_by_side_in_the_heat_map() -> None:
    study = made_study()
    numbers = np.array([0, 1, 2, 3, 6, 9])  # three causes, a copy of each
    rows = pictures.correlation_rows(study, numbers)
    assert len(rows) == 36
    place = {row[0]: row[3] for row in rows}
    assert all(abs(place[study.names[at]] - place[study.names[3 + 3 * at]]) == 1 for at in range(3))
    rho = spearman(centred_ranks(study.values[:, numbers].T))
    found = {(row[0], row[1]): row[2] for row in rows}
    assert found[study.names[0], study.names[9]] == pytest.approx(rho[0, 5], abs=1e-6)
