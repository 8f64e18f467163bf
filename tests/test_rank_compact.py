"""Information against size: the forms of a clip, how numbers are stored, the front and the chosen point."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from made_columns import HOP_S, N_BANDS, N_FRAMES, PARAMS, log_mel, made_study
from scipy.fft import dct
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from stages import rank
from stages.params import check_section
from stages.rankers import compact
from stages.rankers.compact import Frames
from stages.rankers.frontier import FORM_HEADER, chosen, form_rows, on_front

SIZES = check_section(PARAMS["compact"], "rank.compact", compact.Params)


def rows_of(seed: int = 0, shuffled: bool = False) -> list[dict]:
    """Return the forms of a made study as rows by name."""
    study = made_study(seed=seed, shuffled=shuffled)
    study = replace(study, frames=Frames(log_mel(study.labels), HOP_S))
    return [dict(zip(FORM_HEADER, row, strict=True)) for row in form_rows(study, rank.judged(study)[0])]


# Numbers of few bits


def test_eight_and_four_bits_lose_of_a_normal_variable_what_max_found() -> None:
    values = np.random.default_rng(0).standard_normal(1_000_000).astype(np.float32)
    lost = {bits: np.mean((compact.stored(values, bits) - values) ** 2) for bits in (32, 16, 8, 4)}
    assert lost[4] == pytest.approx(0.01154, rel=0.02)  # Max (1960), table II, N = 16
    assert lost[8] < 1.1e-4
    assert lost[16] < 1e-6
    assert lost[32] == 0


@pytest.mark.parametrize("bits", [8, 4])
def test_there_are_no_more_values_than_the_bits_can_name(bits: int) -> None:
    back = compact.stored(np.linspace(-20, 20, 10_001, dtype=np.float32), bits)
    assert len(np.unique(back)) == 2**bits
    assert np.array_equal(np.unique(back), -np.unique(back)[::-1])
    assert np.array_equal(compact.stored(back, bits), back)


def test_bytes_are_those_of_all_bits_rounded_up() -> None:
    assert [compact.n_bytes(*case) for case in ((11, 4), (10, 4), (3, 32), (5, 16), (7, 8))] == [6, 5, 12, 10, 7]


# Directions


def test_principal_components_and_discriminants_are_those_of_scikit_learn() -> None:
    study = made_study()
    inputs = study.values[:, : study.n_real] - study.values[:, : study.n_real].mean(axis=0)
    axes = compact.principal_axes(inputs.T @ inputs, 6)
    expected = PCA(6, svd_solver="full").fit(inputs).components_
    assert np.abs(np.sum(axes.T * expected, axis=1)) == pytest.approx(np.ones(6), abs=1e-3)

    near = inputs @ axes
    found = near @ compact.discriminants(near, study.labels)
    peer = LinearDiscriminantAnalysis(solver="eigen", shrinkage=compact.SHRINKAGE).fit_transform(near, study.labels)
    for own, theirs in zip(found.T, peer.T, strict=False):
        assert abs(np.corrcoef(own, theirs)[0, 1]) > 0.999


def test_there_are_as_many_discriminants_as_classes_less_one() -> None:
    study = made_study()
    near, labels = study.values[:, :24], study.labels
    found = compact.of_directions(near, near, near.T @ near, labels, SIZES)
    kinds = {form.setting: seen.shape[1] for form, seen, _ in found}
    assert kinds["3 discriminants"] == 3
    assert "4 discriminants" not in kinds


# Frames


def test_pooled_frames_are_mean_powers_and_the_last_run_may_be_short() -> None:
    frames = Frames(np.random.default_rng(0).normal(-40, 10, (2, N_FRAMES, N_BANDS)), HOP_S)
    found = {form.setting: (form, numbers) for form, numbers in compact.of_frames(frames, SIZES)}
    powers = 10 ** (frames.values / 10)
    by_time = np.stack([powers[:, 0:2].mean(1), powers[:, 2:4].mean(1), powers[:, 4]], axis=1)
    expected = 10 * np.log10(by_time.reshape(2, 3, 3, 2).mean(axis=3))
    form, numbers = found["3 bands every 40 ms"]
    assert (form.kind, form.n_numbers) == ("mel", 9)
    assert numbers == pytest.approx(expected.reshape(2, -1), abs=1e-4)
    assert found["6 bands every 20 ms"][1] == pytest.approx(frames.values.reshape(2, -1), abs=1e-4)


def test_cepstra_are_the_orthonormal_cosine_transform_of_all_bands() -> None:
    frames = Frames(np.random.default_rng(0).normal(-40, 10, (2, N_FRAMES, N_BANDS)), HOP_S)
    found = {form.setting: numbers for form, numbers in compact.of_frames(frames, SIZES) if form.kind == "mfcc"}
    expected = dct(frames.values, norm="ortho", axis=2)[:, :, :2].reshape(2, -1)
    assert found["2 coefficients every 20 ms"] == pytest.approx(expected, abs=1e-3)


def test_settings_finer_than_the_frames_are_left_out() -> None:
    frames = Frames(log_mel(np.arange(8) % 4), 0.05)
    finer = SIZES.model_copy(update={"hops_ms": (10.0, 40.0, 50.0), "n_bands": (99, 6)})
    assert [form.setting for form, _ in compact.of_frames(frames, finer)] == [
        "6 bands every 50 ms",
        "2 coefficients every 50 ms",
    ]


# The front


def test_the_front_holds_what_no_smaller_form_beats_and_the_choice_is_the_smallest_that_keeps_enough() -> None:
    values = [0.5, 0.4, 0.9, 0.9, 1.0]
    assert on_front(values) == [True, False, True, False, True]
    assert [chosen(values, keep) for keep in (1.0, 0.9, 0.5)] == [4, 2, 0]
    assert chosen([-0.3, -0.1, 0.0], 0.95) is None


def test_every_kind_is_there_smallest_first_and_one_point_of_the_front_is_chosen() -> None:
    rows = rows_of()
    assert {row["kind"] for row in rows} == {"columns", "pca", "lda", "mel", "mfcc"}
    assert all(one["bytes"] <= other["bytes"] for one, other in pairwise(rows))
    best = max(row["information_bits"] for row in rows)
    taken = [row for row in rows if row["chosen"] == "yes"]
    assert len(taken) == 1
    assert taken[0]["on_front"] == "yes"
    assert taken[0]["information_bits"] >= SIZES.keep * best
    assert all(row["information_bits"] < SIZES.keep * best for row in rows[: rows.index(taken[0])])


def test_frames_that_tell_the_class_are_read_and_fewer_bits_never_tell_much_more() -> None:
    rows = {(row["setting"], row["number_bits"]): row for row in rows_of()}
    full = rows["6 bands every 20 ms", 32]
    assert full["information_bits"] > 1.0
    for (setting, bits), row in rows.items():
        assert row["information_bits"] < rows[setting, 32]["information_bits"] + 0.05, (setting, bits)


def test_of_shuffled_labels_no_form_of_columns_knows_anything() -> None:
    told = [row for row in rows_of(shuffled=True) if row["kind"] in ("columns", "pca", "lda")]
    assert max(row["information_bits_low"] for row in told) < 0
