"""The rank stage on made data of which the truth is known."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.stats
from made_columns import (
    N_CLASSES,
    PARAMS,
    causes,
    damaged_columns,
    made_study,
    ranked,
    write_data,
    written,
)
from sklearn.linear_model import LogisticRegression

from stages import rank
from stages.files import LeftoverError, read_json
from stages.params import ParamsError
from stages.rankers import RANKERS, effect, findings, folds, information, logistic, permutation, probes
from stages.rankers.columns import ColumnsError, draw
from stages.rankers.groups import cluster_rows
from stages.rankers.heldout import judge
from stages.rankers.ranks import centred_ranks, spearman
from stages.rankers.study import Study
from stages.tables import labels, ranking, selected
from stages.tables.parquet import TableError, read_table, write_table


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with labels, features and params, made the working directory."""
    monkeypatch.chdir(tmp_path)
    columns, label_ids, speakers = damaged_columns()
    write_data(columns, label_ids, speakers, np.where(np.arange(400) % 40 < 30, "train", "test"))
    return tmp_path


NOTHING_ALONE = ranking.TABLE.schema.empty_table()  # where effects of single columns are not looked at


# Ranks


def test_ranks_average_ties_and_are_centred() -> None:
    values = np.random.default_rng(0).integers(5, size=(6, 50)).astype(np.float32)
    assert np.array_equal(centred_ranks(values), scipy.stats.rankdata(values, axis=1) - 51 / 2)


def test_a_missing_value_has_the_mean_rank_and_the_others_keep_their_order() -> None:
    values = np.array([[3, np.nan, 1, 2, np.nan, 9, 8], [5, 5, np.nan, 5, 1, 7, 9]], np.float32)
    filled = np.array([[3, 3, 1, 2, 3, 9, 8], [5, 5, 5, 5, 1, 7, 9]], np.float32)
    assert np.array_equal(centred_ranks(values), centred_ranks(filled))
    assert np.array_equal(centred_ranks(np.full((1, 4), np.nan, np.float32)), np.zeros((1, 4)))


def test_missing_values_alone_tell_nothing() -> None:
    label_ids = np.repeat([0, 1], 500)
    values = np.random.default_rng(0).standard_normal((1_000, 1)).astype(np.float32)
    values[:400] = np.nan  # of one class only
    seen = ranked(values, label_ids)
    assert effect.epsilon_squared(seen)[0] < 0.01


def test_spearman_is_that_of_scipy_and_zero_for_a_constant_column() -> None:
    values = np.random.default_rng(0).integers(9, size=(3, 60)).astype(np.float32)
    values[2] = 1.0
    found = spearman(centred_ranks(values))
    assert found[0, 1] == pytest.approx(scipy.stats.spearmanr(values[0], values[1]).statistic, abs=1e-6)
    assert np.array_equal(found[2], np.zeros(3))


# Effect and information


def test_epsilon_squared_is_kruskals_h_over_n_minus_one() -> None:
    random = np.random.default_rng(1)
    label_ids = random.integers(3, size=90)
    values = (random.integers(6, size=(90, 4)) + label_ids[:, np.newaxis]).astype(np.float32)
    groups = [[column[label_ids == label] for label in range(3)] for column in values.astype(np.float64).T]
    expected = [scipy.stats.kruskal(*group).statistic / 89 for group in groups]
    assert effect.epsilon_squared(ranked(values, label_ids)) == pytest.approx(expected, rel=1e-6)


def test_epsilon_squared_is_one_for_separate_classes_of_ties_and_zero_for_a_constant() -> None:
    label_ids = np.repeat([0, 1], 20)
    values = np.stack([label_ids, np.ones(40)], axis=1).astype(np.float32)
    assert effect.epsilon_squared(ranked(values, label_ids)) == pytest.approx([1.0, 0.0])


def test_information_of_a_known_joint_is_its_closed_form() -> None:
    # Two equally likely classes, a column that names the class and errs in a tenth of the clips: 1 - h(0.1) bits.
    label_ids = np.repeat([0, 1], 10_000)
    values = label_ids.copy()
    values[::10] = 1 - values[::10]
    expected = 1 + 0.1 * math.log2(0.1) + 0.9 * math.log2(0.9)
    assert information.information_bits(ranked(values[:, np.newaxis], label_ids, 2)) == pytest.approx(
        [expected], abs=1e-4
    )


def test_information_of_a_column_that_names_the_class_is_the_entropy_of_the_class() -> None:
    label_ids = np.repeat([0, 1, 2, 3], 500)
    found = information.information_bits(ranked(label_ids[:, np.newaxis], label_ids))
    assert found == pytest.approx([2.0], abs=0.01)


def test_information_of_noise_is_zero_on_average_and_seldom_above_its_floor() -> None:
    random = np.random.default_rng(2)
    seen = ranked(random.standard_normal((600, 2_000)), random.integers(5, size=600))
    bits = information.information_bits(seen)
    assert abs(bits.mean()) < 0.15 * bits.std()
    assert bits.max() < information.noise_floor_bits(seen) < 7 * bits.std()


def test_information_does_not_change_when_a_column_is_bent_monotonically() -> None:
    random = np.random.default_rng(3)
    label_ids = random.integers(N_CLASSES, size=300)
    values = causes(label_ids, [1.0], random)
    bent = np.concatenate([values, np.exp(values)], axis=1)
    bits = information.information_bits(ranked(bent, label_ids))
    assert bits[0] == bits[1]


# Orders


@pytest.mark.parametrize("name", RANKERS)
def test_every_order_names_each_column_once(name: str) -> None:
    order = RANKERS[name].order(made_study().ranked(slice(None), slice(None)))
    assert np.array_equal(np.sort(order), np.arange(24 + 1 + PARAMS["n_probes"]))


@pytest.mark.parametrize("name", RANKERS)
@pytest.mark.parametrize("seed", range(5))
def test_no_order_puts_noise_before_a_column_that_tells(name: str, seed: int) -> None:
    study = made_study(seed=seed)
    order = RANKERS[name].order(study.ranked(slice(None), slice(None)))
    assert set(order[order != study.n_real][:12]) == set(range(12))  # the planted copy may be of either kind


@pytest.mark.parametrize("seed", range(5))
def test_mrmr_takes_each_cause_once_before_it_takes_a_twin(seed: int) -> None:
    cause_of = np.append(np.arange(3), np.repeat(np.arange(3), 3))
    seen = made_study(seed=seed).ranked(slice(None), slice(24))
    assert sorted(cause_of[RANKERS["mrmr"].order(seen)[:3]]) == [0, 1, 2]
    assert len(set(cause_of[RANKERS["information"].order(seen)[:3]])) == 1


def test_mrmr_takes_an_exact_duplicate_last_of_all_that_tell() -> None:
    random = np.random.default_rng(4)
    label_ids = random.integers(N_CLASSES, size=800)
    told = causes(label_ids, [1.5, 1.0, 0.7], random)
    order = RANKERS["mrmr"].order(ranked(np.column_stack([told[:, 0], told]), label_ids))
    assert {int(order[0]), int(order[3])} == {0, 1}


# Folds


def test_folds_share_no_speaker_and_hold_all_classes_evenly() -> None:
    random = np.random.default_rng(5)
    speakers = np.array([f"s{number}" for number in random.integers(60, size=900)])
    label_ids = random.integers(6, size=900)
    fold_of = folds.assign(speakers, label_ids, 5, random)
    assert all(len(set(fold_of[speakers == speaker])) == 1 for speaker in set(speakers))
    counts = np.array([np.bincount(label_ids[fold_of == fold], minlength=6) for fold in range(5)])
    assert counts.min() > 0.7 * 30
    assert counts.max() < 1.3 * 30


def test_no_fold_is_empty_where_every_speaker_has_a_class_of_their_own() -> None:
    speakers = np.array(["a", "b", "c", "d"])
    assert sorted(folds.assign(speakers, np.arange(4), 4, np.random.default_rng(0))) == [0, 1, 2, 3]


def test_fewer_speakers_than_folds_are_refused_with_both_numbers() -> None:
    with pytest.raises(folds.FoldError, match=r"rank.n_folds is 3, expected at most 2, the number of groups"):
        folds.assign(np.array(["a", "b", "a"]), np.zeros(3), 3, np.random.default_rng(0))


def test_interval_of_two_folds_is_its_closed_form() -> None:
    # Deviation sqrt(2) * 1, widened by sqrt(1/2 + 1); Student's t with one degree of freedom at 0.75 is 1.
    mean, low, high = folds.interval(np.array([1.0, 3.0]), 0.5)
    assert (mean, low, high) == pytest.approx((2.0, 2 - math.sqrt(3), 2 + math.sqrt(3)))


# Linear model and permutation


def test_logistic_regression_finds_the_weights_of_scikit_learn() -> None:
    random = np.random.default_rng(6)
    label_ids = random.integers(N_CLASSES, size=500)
    values = np.column_stack([causes(label_ids, [1.5, 1.0], random), random.standard_normal((500, 3))])
    inputs = logistic.fit_scaler(values).standardise(values)
    weights = logistic.fit(inputs, label_ids, N_CLASSES, logit_sd=4.0)
    # scikit-learn minimises the sum over clips + |w|^2 / 2C: 1 / C is n_clips times our l2.
    reference = LogisticRegression(C=4.0**2 / inputs.shape[1], fit_intercept=False, tol=1e-8, max_iter=1000)
    expected = reference.fit(inputs.astype(np.float64), label_ids).predict_proba(inputs)
    assert np.exp(logistic.log_softmax(inputs @ weights)) == pytest.approx(expected, abs=5e-3)


def test_standardised_values_have_mean_zero_and_deviation_one_and_one_outlier_is_held_back() -> None:
    values = np.random.default_rng(0).normal(50, 3, size=(1_000, 2))
    scaled = logistic.fit_scaler(values).standardise(np.vstack([values, [[1e9, 50]]]))
    assert scaled[:-1, :2].mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
    assert scaled[:-1, :2].std(axis=0) == pytest.approx([1, 1], abs=1e-5)
    assert scaled[-1, 0] == logistic.FARTHEST


def test_missing_values_become_the_training_mean_and_change_no_other() -> None:
    values = np.random.default_rng(0).normal(50, 3, size=(1_000, 2))
    holed = np.vstack([values, np.full((500, 2), np.nan)])
    whole, found = logistic.fit_scaler(values), logistic.fit_scaler(holed)
    assert found.mean == pytest.approx(whole.mean)
    assert found.inverse == pytest.approx(whole.inverse)
    assert np.array_equal(found.standardise(holed)[1_000:, :2], np.zeros((500, 2)))
    assert np.array_equal(logistic.fit_scaler(np.full((9, 1), np.nan)).standardise(np.ones((1, 1))), [[0, 1]])


def test_a_class_that_is_not_in_the_training_clips_keeps_a_finite_chance() -> None:
    inputs = np.ones((60, 1), np.float32)
    weights = logistic.fit(inputs, np.repeat([0, 1], 30), 3, logit_sd=4.0)
    assert logistic.loss_bits(inputs @ weights, np.full(60, 2)) < 20


def test_permuting_a_family_equals_moving_all_its_columns_by_one_row_order() -> None:
    random = np.random.default_rng(8)
    inputs, weights = random.standard_normal((50, 5)), random.standard_normal((5, 3))
    label_ids, family_of = random.integers(3, size=50), np.array([0, 1, 0, 1, 1])
    by = permutation.orders(1, 50, random)
    found = permutation.importance(inputs @ weights, inputs, weights, family_of, label_ids, by)
    moved = inputs.copy()
    moved[:, family_of == 1] = inputs[by[0]][:, family_of == 1]
    bits = logistic.loss_bits(moved @ weights, label_ids) - logistic.loss_bits(inputs @ weights, label_ids)
    points = 100 * (logistic.accuracy(inputs @ weights, label_ids) - logistic.accuracy(moved @ weights, label_ids))
    assert found[1] == pytest.approx([bits, points], abs=1e-9)


def test_a_familys_columns_stay_true_to_one_another_when_it_is_permuted() -> None:
    # Only the small difference of two large twins tells the class. With one row order the difference stays small and
    # the model loses what it knew; shuffled singly, the twins would tear apart and make logits no sound can make.
    random = np.random.default_rng(10)
    label_ids = random.integers(2, size=2_000)
    common = 10 * random.standard_normal(2_000)
    inputs = np.column_stack([common + label_ids - 0.5, common])
    weights = np.array([[-2.0, 2.0], [2.0, -2.0]])
    by = permutation.orders(5, 2_000, random)
    lost, _ = permutation.importance(inputs @ weights, inputs, weights, np.array([0, 0]), label_ids, by)[0]
    torn = np.column_stack([random.permutation(inputs[:, 0]), random.permutation(inputs[:, 1])]) @ weights
    lost_singly = logistic.loss_bits(torn, label_ids) - logistic.loss_bits(inputs @ weights, label_ids)
    # A clip's logits lie 2 apart. Moved, half of the clips get the other sign, which costs them 2 nats.
    assert lost == pytest.approx(1 / math.log(2), rel=0.05)
    assert lost_singly > 5 * lost


# Probes and findings


def test_probes_are_of_four_kinds_and_a_shadow_is_a_real_column_in_another_order() -> None:
    real = np.arange(300, dtype=np.float32).reshape(100, 3)
    noise = probes.columns(real, 20, np.random.default_rng(0))
    assert noise.shape == (100, 20)
    assert probes.names(20)[:5] == [f"probes_{kind}_00" for kind in probes.KINDS] + ["probes_gaussian_01"]
    assert any(np.array_equal(np.sort(noise[:, 3]), column) for column in real.T)
    assert not any(np.array_equal(noise[:, 3], column) for column in real.T)


def matters(study: Study) -> dict[str, str]:
    """Return "yes" or "no" for each family of a study."""
    rows = findings.family_rows(study, rank.verdicts_of(study), NOTHING_ALONE)
    return {row[0]: row[findings.FAMILY_HEADER.index("matters")] for row in rows}


def test_families_that_tell_matter_and_noise_does_not() -> None:
    assert matters(made_study()) == {"a": "yes", "b": "yes", "c": "no", "probes": "no"}


@pytest.mark.parametrize("seed", range(3))
def test_with_shuffled_labels_no_family_matters_and_nothing_is_known(seed: int) -> None:
    study = made_study(seed=seed, shuffled=True)
    assert set(matters(study).values()) == {"no"}
    verdicts = rank.verdicts_of(study)
    assert not any(row[-1] == "yes" for row in cluster_rows(study, verdicts, NOTHING_ALONE))
    assert np.mean([verdict.trees_reach[0] for verdict in verdicts]) < 0
    assert np.abs(np.mean([verdict.trees[:, 0] for verdict in verdicts], axis=0)).max() < 0.05
    assert np.mean([verdict.dropped for verdict in verdicts], axis=0).max() < 0.01
    assert findings.curve_rows(study, verdicts)[3][findings.CURVE_HEADER.index("information_bits_low")] < 0


def test_few_columns_of_mrmr_tell_more_than_as_many_of_the_univariate_order() -> None:
    study = made_study()
    rows = {(row[0], row[1]): row for row in findings.curve_rows(study, rank.verdicts_of(study))}
    at = findings.CURVE_HEADER.index("information_bits")
    assert rows["mrmr", 4][at] > rows["information", 4][at] + 0.1
    assert rows["mrmr", 24][2:] == rows["information", 24][2:]


def test_a_fold_learns_nothing_from_the_clips_it_holds_out() -> None:
    study = made_study()
    poisoned = study.values.copy()
    poisoned[study.fold_of == 0] = 1e9
    spoiled = Study(**{**study.__dict__, "values": poisoned})
    assert np.array_equal(judge(study, 0).selected, judge(spoiled, 0).selected)


def test_a_class_is_drawn_up_to_its_limit_and_whole_below_it() -> None:
    label_ids = np.repeat([0, 1, 2], [1_000, 50, 100])
    rows = draw(label_ids, 100, seed=1)
    assert np.bincount(label_ids[rows]).tolist() == [100, 50, 100]
    assert np.array_equal(rows, np.unique(rows))
    assert 300 < rows[:100].mean() < 700


# The stage


def test_unusable_columns_are_reported_and_never_selected(project: Path) -> None:
    rank.main()
    rows = {row["column"]: row for row in read_table(Path("data/ranking.parquet"), ranking.TABLE).to_pylist()}
    missing, constant = rows["c_13_mean"], rows["c_14_mean"]
    assert missing["missing_fraction"] == pytest.approx(0.8, abs=0.05)
    assert math.isnan(missing["information_bits"])
    assert constant["is_constant"]
    assert constant["information_bits"] == 0
    assert {missing["mrmr_rank"], constant["mrmr_rank"]} == {0}
    assert not missing["is_selected"] | constant["is_selected"]
    metrics = read_json(Path("metrics/rank/families.json"))
    counts = [metrics[f"n_{name}"] for name in ("columns", "constant", "with_missing_values", "unmeasured")]
    assert counts == [24, 1, 2, 1]


def test_a_column_that_tells_and_misses_a_tenth_of_its_values_is_selected_with_its_nulls(project: Path) -> None:
    rank.main()
    rows = read_table(Path("data/ranking.parquet"), ranking.TABLE).to_pylist()
    found = next(row for row in rows if row["column"] == "c_15_mean")
    assert (found["mrmr_rank"], found["stability"]) == (1, 1.0)
    stored = pq.read_table("data/selected.parquet").column("c_15_mean")
    assert stored.null_count == np.isnan(damaged_columns()[0].values[:, 15]).sum()


def test_nothing_that_val_and_test_hold_changes_the_ranking(project: Path) -> None:
    rank.main()
    before, chosen = written(), pq.read_table("data/selected.parquet")
    columns, label_ids, speakers = damaged_columns()
    outside = np.arange(400) % 40 >= 30
    random = np.random.default_rng(99)
    columns.values[outside] = random.choice(
        np.array([np.nan, 1e9, -1e9, np.inf], np.float32), columns.values[outside].shape
    )
    label_ids[outside] = random.integers(50, size=outside.sum())
    write_data(columns, label_ids, speakers, np.where(outside, random.choice(["val", "test"], 400), "train"))
    rank.main()
    after = written()
    assert [path for path in before if before[path] != after[path]] == ["data/selected.parquet"]
    assert chosen.filter(pa.array(~outside)).equals(pq.read_table("data/selected.parquet").filter(pa.array(~outside)))


def test_a_family_that_has_left_params_is_named_with_the_command_that_removes_it(project: Path) -> None:
    (project / "data/features/gone").mkdir()
    with pytest.raises(LeftoverError, match=r"^data/features/gone: nothing .*run `rm -r data/features/gone`"):
        rank.main()


def test_each_cause_is_selected_once_and_neither_its_twins_nor_noise(project: Path) -> None:
    rank.main()
    names = pq.read_schema("data/selected.parquet").names[1:]
    cause_of = {f"a_{at:02d}_mean": at for at in range(3)} | {f"b_{at:02d}_mean": (at - 3) // 3 for at in range(3, 12)}
    assert names[0] == "c_15_mean"
    assert sorted(cause_of[name] for name in names[1:]) == [0, 1, 2]


def test_fewer_than_twenty_probes_are_refused(project: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8").replace("n_probes: 20", "n_probes: 19")
    Path("params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"rank.n_probes is 19, expected .*20"):
        rank.main()


def test_the_planted_copy_stands_in_the_ranking_beside_its_original_and_is_not_selected(project: Path) -> None:
    rank.main()
    rows = {row["column"]: row for row in read_table(Path("data/ranking.parquet"), ranking.TABLE).to_pylist()}
    found, copy = read_json(Path("metrics/rank/families.json"))["planted_copy"], rows[probes.COPY]
    assert copy["cluster"] == rows[found["of"]]["cluster"] > 0
    assert copy["mrmr_rank"] > rows[found["of"]]["mrmr_rank"]
    assert not copy["is_selected"]
    assert {row["cluster"] > 0 for row in rows.values()} == {True, False}
    assert all((row["cluster"] > 0) == (row["mrmr_rank"] > 0) for row in rows.values())


def test_a_second_run_and_another_number_of_workers_give_the_same_bytes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    for workers in ("1", "1", "2"):
        monkeypatch.setenv("EARMARK_WORKERS", workers)
        rank.main()
        runs.append(written())
    assert runs[0] == runs[1] == runs[2]


def test_selected_columns_behind_the_first_probe_are_counted() -> None:
    names = ["a", "probe", "b", "c", "probe_2"]
    families = ["mel", "probes", "mel", "mel", "probes"]
    chosen = [True, False, True, False, False]
    table = pa.table({"column": names, "family": families, "mrmr_rank": [1, 2, 3, 4, 5], "is_selected": chosen})
    assert rank.n_behind_probes(table) == 1


def test_selected_holds_the_columns_of_every_labelled_clip_in_the_order_of_the_ranking(project: Path) -> None:
    rank.main()
    ranks = read_table(Path("data/ranking.parquet"), ranking.TABLE).to_pylist()
    chosen = sorted((row for row in ranks if row["is_selected"]), key=lambda row: row["mrmr_rank"])
    columns = damaged_columns()[0]
    table = selected.table(columns.fields)
    rows = pq.read_table("data/selected.parquet")
    assert rows.schema.names == ["clip_id", *(row["column"] for row in chosen)]
    assert all(field.equals(table.schema.field(field.name), check_metadata=True) for field in rows.schema)
    assert rows.column("clip_id").to_pylist() == [f"clip_{number:04d}" for number in range(400)]
    made = {field.name: values for field, values in zip(columns.fields, columns.values.T, strict=True)}
    for name in rows.schema.names[1:]:
        assert np.array_equal(rows.column(name).to_numpy(), made[name], equal_nan=True)


def test_a_family_without_a_folder_is_named(project: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8").replace("    c: {}", "    pitch: {}")
    Path("params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=r"data/features/pitch/manifest\.json: is missing"):
        rank.main()


def test_clips_that_features_lack_are_counted_and_the_first_three_named(project: Path) -> None:
    rows = read_table(Path("data/labels.parquet"), labels.TABLE).to_pylist()
    for number in range(5):
        rows[number]["clip_id"] = f"absent_{number}"
    write_table(Path("data/labels.parquet"), pa.Table.from_pylist(rows, labels.TABLE.schema), labels.TABLE)
    with pytest.raises(ColumnsError, match=r"5 of the 400 clips .* \(absent_0, absent_1, absent_2, \.\.\.\)"):
        rank.main()


def test_more_selected_columns_than_there_are_is_refused_with_the_numbers(project: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8").replace("n_selected: 4", "n_selected: 23")
    Path("params.yaml").write_text(text, encoding="utf-8")
    expected = "rank.n_selected is 23, expected at most 22, .* of 24 in data/features 1 are constant and 1 miss more"
    with pytest.raises(ColumnsError, match=expected):
        rank.main()


def test_an_unknown_order_is_refused_by_name(project: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8").replace("[information]", "[gini]")
    Path("params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=r"rank.curve.against.0 is 'gini', expected one of effect, information, mrmr"):
        rank.main()
