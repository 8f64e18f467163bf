"""From files of sound to tables of features, as the two stages do it with params.yaml, beside a loop over librosa.

Run by `python -m benchmarks.extract`, which says what the rows are.
"""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from benchmarks import librosa_loop
from benchmarks.decode import ROOT, in_project, stage_without_worker
from benchmarks.peers import SAMPLE_RATE_HZ
from benchmarks.recordings import file_bytes, with_librosa
from benchmarks.table import Rows, load, medians
from stages import extract as stage
from stages.features import mel
from stages.features.stft import Frame, Framing
from stages.params import PARAMS_FILE, read_section
from stages.tables import features
from stages.tables.parquet import read_shards, read_table, shard_paths, write_table


def of_files(n_wavs: int, repeats: int) -> Rows:
    """Return the rows from files to Parquet, and of the layout of a table."""
    before, files = load(), file_bytes("wav")[:n_wavs]
    params = read_section("extract.families.mel", mel.Params, ROOT / PARAMS_FILE)
    framing = Framing.of(read_section("extract.frame", Frame, ROOT / PARAMS_FILE), SAMPLE_RATE_HZ)
    loop = librosa_loop.log_mel(params, framing)

    def ours() -> None:
        with redirect_stdout(None), mock.patch.object(sys, "argv", ["extract", "mel"]):
            stage_without_worker()
            stage.main()

    def theirs() -> None:
        for data in files:
            librosa_loop.statistics(loop(with_librosa(data).astype(np.float32) / 32768))

    with in_project(files, n_wavs), threadpool_limits(limits=1):
        seconds = medians({"ours": ours, "librosa": theirs}, repeats)
        folder, path = stage.FEATURES / "mel", Path("layout.parquet")
        table = features.of_schema(pq.read_schema(shard_paths(folder)[0]), "mel")
        rows = read_shards(folder, table).combine_chunks()
        layout = medians(
            {
                "write": lambda: write_table(path, rows, table),
                "read": lambda: features.frames(read_table(path, table, ("clip_id", "frames"))),
            },
            repeats,
        )
    taken = seconds["ours"] / n_wavs
    measured = {"repeats": repeats, "load": before}
    return {
        "wav_to_parquet": {
            "clips_per_s": round(1 / taken, 1),
            "ratio_to_librosa": round(seconds["librosa"] / len(files) / taken, 2),
            "n_clips": n_wavs,
            **measured,
        },
        "layout": {
            "clips_per_s": round(rows.num_rows / layout["read"], 1),
            "write_mb_per_s": round(rows.nbytes / layout["write"] / 1e6, 1),
            "n_clips": rows.num_rows,
            **measured,
        },
    }
