"""train: what cannot be learned from is refused in words that name the key, the clip or the class."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from in_process import run
from sharding import write_shards

from stages import train
from stages.params import ParamsError
from stages.tables import features, labels
from stages.tables.parquet import TableError, write_table

Change = Callable[[dict], object]


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("cnn", lambda model: model.update(model="cn"), r"train\.models\.cnn\.model is 'cn', expected one of dnn, cnn"),
        ("cnn", lambda model: model.update(input="selected.parquet"), "holds one vector a clip; cnn reads frames"),
        (
            "cnn",
            lambda model: model["sizes"].update(chanels=[8]),
            r"train\.models\.cnn\.sizes\.chanels is not a known key",
        ),
        (
            "cnn",
            lambda model: model["augment"].update(shft={}),
            r"augment\.shft is unknown, expected one of shift, noise",
        ),
        ("cnn", lambda model: model["augment"]["shift"].update(most_ms="far"), r"augment\.shift\.most_ms is 'far'"),
        (
            "dnn",
            lambda model: model.update(augment={"shift": {"most_ms": 50}}),
            r"augment\.shift works on log-mel frames",
        ),
        ("dnn", lambda model: model.update(centred=True), r"dnn\.centred is true, but '[^']*' holds no frames in dB"),
        ("cnn", lambda model: model.update(epochs=0), r"train\.models\.cnn\.epochs is 0, expected"),
        ("cnn", lambda model: model.update(seeds=[]), r"train\.models\.cnn\.seeds is \(\), expected"),
        ("rnn", lambda model: None, r"train\.models\.rnn is missing"),
    ],
)
def test_a_mistake_in_params_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, change: Change, message: str
) -> None:
    planted_task.write_task(in_folder)
    content = planted_task.sections()
    change(content["train"]["models"].get(key, {}))
    planted_task.write_params(in_folder, content)
    with pytest.raises(ParamsError, match=message):
        run(train, monkeypatch, key)


@pytest.mark.parametrize("share", ["unknown_share", "silence_share"])
def test_a_class_that_no_epoch_would_see_is_an_error(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    planted_task.write_task(in_folder)
    content = planted_task.sections()
    content["train"]["models"]["dnn"][share] = 0.0
    planted_task.write_params(in_folder, content)
    with pytest.raises(ParamsError, match=rf"train\.models\.dnn\.{share} is 0, but the task has such a class"):
        run(train, monkeypatch, "dnn")


def test_noise_without_noise_recordings_is_an_error(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    silent = pa.array([label != labels.SILENCE for label in rows.column("label").to_pylist()])
    write_table(in_folder / "data/labels.parquet", rows.filter(silent), labels.TABLE)
    with pytest.raises(ParamsError, match=r"augment\.noise needs _silence_ clips in part train, which has 0"):
        run(train, monkeypatch, "cnn")


def test_a_clip_without_features_is_named(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    name = rows.column("clip_id")[rows.column("part").to_pylist().index("train")].as_py()
    kept = rows.filter(pc.not_equal(rows.column("clip_id"), name))
    planted_task.write_frames(in_folder, kept.column("clip_id").to_pylist(), planted_task.frames_of(kept))
    with pytest.raises(TableError, match=f"data/features/mel: clip_id {name} is missing, and 0 more"):
        run(train, monkeypatch, "cnn")


def test_a_family_without_frames_is_named(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = planted_task.write_task(in_folder)
    table = features.table("mel", [pa.field("mel_mean", pa.float32(), False)], None, {})
    values = pa.array(np.zeros(rows.num_rows, np.float32))
    shard = pa.Table.from_arrays([rows.column("clip_id"), values], schema=table.schema)
    write_shards(in_folder / "data/features/mel", [shard], table)
    with pytest.raises(TableError, match=r"frames is missing.*set extract\.families\.mel\.keep_frames to true"):
        run(train, monkeypatch, "cnn")


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("key", ["dnn", "cnn"])
def test_a_value_that_is_no_number_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: float
) -> None:
    rows = planted_task.write_task(in_folder)
    row = rows.column("part").to_pylist().index("train")
    frames, clip_ids = planted_task.frames_of(rows), rows.column("clip_id").to_pylist()
    frames[row, 3, 4] = value
    planted_task.write_frames(in_folder, clip_ids, frames)
    planted_task.write_columns(in_folder, clip_ids, frames)
    with pytest.raises(TableError, match=f"band_04.* of clip {clip_ids[row]} is {value}, expected a finite number"):
        run(train, monkeypatch, key)


@pytest.mark.parametrize(
    ("dropped", "message"),
    [
        (lambda part, label: part == "val", "part val has 0 clips, expected at least 1"),
        (lambda part, label: part == "train" and label == "up", "class 'up' has 0 clips in part train"),
    ],
)
def test_a_part_or_class_without_clips_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, dropped: Callable[[str, str], bool], message: str
) -> None:
    rows = planted_task.write_task(in_folder)
    pairs = zip(rows.column("part").to_pylist(), rows.column("label").to_pylist(), strict=True)
    kept = rows.filter(pa.array([not dropped(*pair) for pair in pairs]))
    write_table(in_folder / "data/labels.parquet", kept, labels.TABLE)
    with pytest.raises(TableError, match=message):
        run(train, monkeypatch, "cnn")
