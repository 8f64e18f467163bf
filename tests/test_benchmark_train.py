"""`python -m benchmarks.train` runs from end to end on very few clips, with a row a network of positive numbers."""

import os

import pytest
import torch
from conftest import ROOT

from benchmarks import train
from benchmarks.cases import cases
from benchmarks.files_loop import Files, write_files
from stages.params import PARAMS_FILE, names_of

RATIOS = ("clips_per_s", "ratio_to_files_loop", "ratio_to_floor", "share_of_steps", "seconds_an_epoch", "two_cores")


def test_every_network_has_a_row_of_positive_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, few in (("N_CLIPS", 24), ("N_FILES", 12), ("N_STEPS", 1), ("REPEATS", 1)):
        monkeypatch.setattr(train, name, few)
    monkeypatch.setenv("EARMARK_WORKERS", "2")
    cores = os.sched_getaffinity(0)
    try:
        rows = train.measured(ROOT / PARAMS_FILE)
    finally:
        os.sched_setaffinity(0, cores)
    assert set(rows) == {*names_of("train.models", ROOT / PARAMS_FILE), "bcresnet_1"}
    assert all(row[ratio] > 0 for row in rows.values() for ratio in RATIOS)
    assert rows["bcresnet_1"]["ratio_to_plain_loop"] > 0
    assert all(row["n_files"] == 12 for row in rows.values())


def test_a_file_becomes_what_the_model_reads_and_is_augmented_anew_each_time(tmp_path) -> None:
    (path,) = write_files(tmp_path, 1)
    for name, case in cases(ROOT / PARAMS_FILE).items():
        heard, changed = Files([path], case, augments=False), Files([path], case, augments=True)
        assert heard[0][0].shape == case.shape
        assert torch.equal(heard[0][0], heard[0][0])
        shifts = "shift" in case.params.augment
        assert torch.equal(changed[0][0], changed[0][0]) is not shifts, name
