"""docs/features.py: the report runs from top to bottom, and its tables hold every family and library that it shows."""

import contextlib
import io
import re
import sys
from pathlib import Path

import jupytext
import numpy as np
import pytest
import soundfile
from conftest import ROOT, tone
from test_extract import clip_rows, write_clips

from stages.features import FAMILIES

TEXT = (ROOT / "docs/features.py").read_text()
CELLS = jupytext.reads(TEXT, fmt="py:percent").cells
CODE = [cell.source for cell in CELLS if cell.cell_type == "code"]
N_CLIPS = 2
SETTINGS, CLIPS = 0, 1  # the first two cells of code
LIBRARIES = ("earmark", "librosa", "python_speech_features", "kaldi_native_fbank", "spafe", "praat-parselmouth")


@pytest.fixture
def settings(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """The names of the first cell, with few clips, in a folder that has params.yaml alone."""
    monkeypatch.delenv("EARMARK_SOUNDS", raising=False)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    names: dict = {"__name__": "report"}
    exec(compile(CODE[SETTINGS], "settings", "exec"), names)
    (in_folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    return names | {
        "PARAMS": in_folder / "params.yaml",
        "CLIPS": in_folder / "data/clips",
        "N_CLIPS": N_CLIPS,
        "REPEATS": 1,
    }


def run(cells: list[str], names: dict) -> str:
    """Run cells one after the other; return what they print."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for number, cell in enumerate(cells):
            exec(compile(cell, f"docs/features.py, cell {number} after the first", "exec"), names)
    return printed.getvalue()


def rows_of(header: str) -> list[list[str]]:
    """The Markdown table whose header begins so: its lines as cells, header first."""
    (source,) = [cell.source for cell in CELLS if cell.cell_type == "markdown" and header in cell.source]
    lines = source[source.index(header) :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]


def test_the_report_runs_and_times_each_library_on_each_family_it_has_tried(settings: dict) -> None:
    printed = run(CODE[CLIPS:], settings)
    table, works = settings["table"], settings["WORKS"]
    assert {family: set(times) for family, times in table.items()} == {name: set(of) for name, of in works.items()}
    assert all(milliseconds > 0 for times in table.values() for milliseconds in times.values())
    assert {library for times in table.values() for library in times} >= set(LIBRARIES)
    header, *lines = printed[printed.rindex("earmark  ") :].splitlines()
    assert set(header.split()) >= set(LIBRARIES)
    assert {family for family in table} == {line.split()[0] for line in lines[: len(table)]}


def test_every_family_of_params_is_timed_beside_the_libraries(settings: dict) -> None:
    run(CODE[CLIPS:3], settings)
    assert list(settings["WORKS"]) == list(settings["names_of"]("extract.families", settings["PARAMS"]))


def test_every_family_has_a_column_among_the_libraries_and_every_mark_is_one_of_two() -> None:
    header, *rows = rows_of("| library | mel |")
    assert set(header[1:]) >= set(FAMILIES)
    assert all(len(row) == len(header) and set(row[1:]) <= {"●", "○", ""} for row in rows)
    assert rows[0] == ["earmark", *["●"] * len(header[1:])]


def test_every_library_has_a_licence_and_a_row_of_marks() -> None:
    licences, marks = rows_of("| library | licence |")[1:], rows_of("| library | mel |")[1:]
    assert [re.sub(r" \(.*", "", row[0]) for row in licences] == [row[0] for row in marks]
    assert all(licence and version for _, licence, version, _ in licences)


def test_clips_come_from_the_folder_that_the_environment_names(settings: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (rate_hz, n_channels) in enumerate([(8000, 1), (44_100, 2), (16_000, 1)]):
        sound = np.tile(tone(0.5, rate_hz)[:, None], (1, n_channels))
        soundfile.write(f"{number}.flac", sound, rate_hz)
    monkeypatch.setenv("EARMARK_SOUNDS", ".")
    run(CODE[CLIPS : CLIPS + 1], settings)
    clips = settings["clips"]
    assert clips.shape == (N_CLIPS, 16_000)
    assert clips.dtype == np.float32
    inner = slice(100, 7900)  # the resampler rings at the ends
    np.testing.assert_allclose(clips[:, inner], np.tile(tone(0.5)[inner], (N_CLIPS, 1)), atol=2e-3)
    assert not clips[:, 8000:].any()


def test_clips_come_from_the_repository_where_it_has_been_run(settings: dict) -> None:
    rows = clip_rows(n_clips=5)
    write_clips(rows, rows_per_shard=5)
    run(CODE[CLIPS : CLIPS + 1], settings)
    first = np.frombuffer(rows["samples"][0].as_py(), "<i2") / 32768
    assert len(settings["clips"]) == N_CLIPS
    np.testing.assert_allclose(settings["clips"][0], first, atol=1e-6)


def test_the_report_is_the_same_text_after_a_turn_as_a_notebook() -> None:
    notebook = jupytext.writes(jupytext.reads(TEXT, fmt="py:percent"), fmt="ipynb")
    assert jupytext.writes(jupytext.reads(notebook, fmt="ipynb"), fmt="py:percent") == TEXT


def test_a_folder_of_sounds_without_a_sound_is_named(
    settings: dict, in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARMARK_SOUNDS", str(in_folder))
    with pytest.raises(SystemExit, match=f"^{in_folder}: EARMARK_SOUNDS holds 0 files, expected wav"):
        run(CODE[CLIPS : CLIPS + 1], settings)
