"""`python -m benchmarks.extract` runs from end to end on very few clips, and has a row for each family and peer."""

import os
import sys

import pytest
from conftest import ROOT

from benchmarks import extract
from benchmarks.peers import PEERS
from stages.features import FAMILIES
from stages.files import read_json


@pytest.mark.filterwarnings("ignore")  # of peers, on what they use themselves
def test_every_family_and_every_peer_has_a_row_of_positive_numbers(in_folder, monkeypatch, capsys) -> None:
    for name, few in (("N_CLIPS", 2), ("N_CLIPS_PEERS", 1), ("N_WAVS", 4), ("REPEATS", 1)):
        monkeypatch.setattr(extract, name, few)
    monkeypatch.setenv("EARMARK_WORKERS", "1")
    monkeypatch.setattr(sys, "argv", ["extract", "--json", "rows.json"])
    (in_folder / "params.yaml").symlink_to(ROOT / "params.yaml")
    cores = os.sched_getaffinity(0)
    try:
        extract.main()
    finally:
        os.sched_setaffinity(0, cores)
    rows = read_json(in_folder / "rows.json")
    assert set(rows) >= {*FAMILIES, "all", "log_mel_40", "mfcc_40", "wav_to_parquet", "layout"}
    for row, peers in PEERS.items():
        for peer in peers:
            assert rows[row][f"ratio_to_{peer}"] > 0 if row in rows else rows[f"{row}_by_{peer}"]["clips_per_s"] > 0
    assert all(number["clips_per_s"] > 0 for number in rows.values())
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[-len(rows) :]] == list(rows)
