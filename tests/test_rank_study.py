"""What a study finds on made data of which the truth is known: probes, families, curves, clips drawn."""

from dataclasses import replace

import numpy as np
import pytest
from made_columns import HOP_S, log_mel, made_study

from stages import rank
from stages.rankers import findings, heldout, probes
from stages.rankers.columns import draw
from stages.rankers.compact import Frames
from stages.rankers.groups import cluster_rows
from stages.rankers.heldout import few_numbers
from stages.rankers.stability import selected
from stages.rankers.study import Study
from stages.tables import ranking

NOTHING_ALONE = ranking.TABLE.schema.empty_table()  # where effects of single columns are not looked at


def test_probes_are_of_four_kinds_and_a_shadow_is_a_real_column_in_another_order() -> None:
    real = np.arange(300, dtype=np.float32).reshape(100, 3)
    noise = probes.columns(real, 20, np.random.default_rng(0))
    assert noise.shape == (100, 20)
    assert probes.names(20)[:5] == [f"probes_{kind}_00" for kind in probes.KINDS] + ["probes_gaussian_01"]
    assert any(np.array_equal(np.sort(noise[:, 3]), column) for column in real.T)
    assert not any(np.array_equal(noise[:, 3], column) for column in real.T)


def matters(study: Study) -> dict[str, str]:
    """Return "yes" or "no" for each family of a study."""
    rows = findings.family_rows(study, rank.judged(study)[0], NOTHING_ALONE)
    return {row[0]: row[findings.FAMILY_HEADER.index("matters")] for row in rows}


def test_families_that_tell_matter_and_noise_does_not() -> None:
    assert matters(made_study()) == {"a": "yes", "b": "yes", "c": "no", "probes": "no"}


@pytest.mark.parametrize("seed", range(3))
def test_with_shuffled_labels_no_family_matters_and_nothing_is_known(seed: int) -> None:
    study = made_study(seed=seed, shuffled=True)
    assert set(matters(study).values()) == {"no"}
    verdicts = rank.judged(study)[0]
    assert not any(row[-1] == "yes" for row in cluster_rows(study, verdicts, NOTHING_ALONE))
    assert np.mean([verdict.trees_reach[0] for verdict in verdicts]) < 0
    assert np.abs(np.mean([verdict.trees[:, 0] for verdict in verdicts], axis=0)).max() < 0.05
    assert np.mean([verdict.dropped for verdict in verdicts], axis=0).max() < 0.01
    assert findings.curve_rows(study, verdicts)[3][findings.CURVE_HEADER.index("information_bits_low")] < 0


def test_few_columns_of_mrmr_tell_more_than_as_many_of_the_univariate_order() -> None:
    study = made_study()
    rows = {(row[0], row[1]): row for row in findings.curve_rows(study, rank.judged(study)[0])}
    at = findings.CURVE_HEADER.index("information_bits")
    assert rows["mrmr", 4][at] > rows["information", 4][at] + 0.1
    assert rows["mrmr", 24][2:] == rows["information", 24][2:]


def test_a_fold_learns_nothing_from_the_clips_it_holds_out() -> None:
    study = made_study()
    study = replace(study, frames=Frames(log_mel(study.labels), HOP_S))
    held, random = np.flatnonzero(study.fold_of == 0), np.random.default_rng(0)
    values, labels = study.values.copy(), study.labels.copy()
    values[held], labels[held] = values[random.permutation(held)] * 3, random.permutation(labels[held])
    spoiled = replace(study, values=values, labels=labels)
    assert np.array_equal(selected(study, 0, 0), selected(spoiled, 0, 0))
    order, learned = np.arange(study.n_real), []
    for each in (study, spoiled):
        parts = heldout._parts(each, 0)
        learned.append([parts.seen, parts.labels, *(seen for _, seen, _ in heldout._encoded(each, parts, order, 0))])
        learned[-1].append(few_numbers(each, 0).selected)
    assert len(learned[0]) > 10
    assert all(np.array_equal(one, other) for one, other in zip(*learned, strict=True))


def test_a_class_is_drawn_up_to_its_limit_and_whole_below_it() -> None:
    label_ids = np.repeat([0, 1, 2], [1_000, 50, 100])
    rows = draw(label_ids, 100, seed=1)
    assert np.bincount(label_ids[rows]).tolist() == [100, 50, 100]
    assert np.array_equal(rows, np.unique(rows))
    assert 300 < rows[:100].mean() < 700
