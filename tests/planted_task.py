"""A task on disk for train and evaluate: frames and columns in which each class has a pattern of its own, in noise."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from sharding import write_shards

from stages.tables import features, labels, selected
from stages.tables.parquet import write_table

CLASSES = ("left", "right", "up", labels.UNKNOWN, labels.SILENCE)
N_FRAMES, N_BANDS, HOP_S = 16, 10, 0.05
N_SPEAKERS = {"train": 12, "val": 4, "test": 6}

TRAIN = {
    "epochs": 12,
    "batch_size": 16,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "warmup_share": 0.1,
    "weight_decay": 0.01,
    "ema_decay": 0.0,
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "patience": 0,
    "unknown_share": 0.5,
    "silence_share": 0.3,
    "centred": False,
    "seeds": [1],
}
AUGMENT = {
    "shift": {"most_ms": 50},
    "noise": {"probability": 0.5, "gain_db": [-10, 0]},
    "masks": {"n_times": 1, "time_ms": 100, "n_bands": 1, "band_hz": 300},
}
SIZES = {
    "dnn": {"hidden": [16], "dropout": 0.1},
    "cnn": {
        "channels": [8, 8],
        "time_strides": [2, 1],
        "band_strides": [2, 1],
        "first_kernel": 3,
        "dropout": 0.1,
    },
    "cnn_trad": {
        "channels": [8, 8],
        "kernels": [[6, 4], [4, 2]],
        "strides": [[1, 1], [1, 1]],
        "pools": [[2, 2], [1, 1]],
        "linear": 16,
        "hidden": [16],
        "dropout": 0.1,
    },
    "ds_cnn": {"channels": 12, "first_kernel": [5, 4], "first_stride": [2, 1], "strides": [2, 1], "dropout": 0.1},
    "bcresnet": {"scale": 1.0, "sub_bands": 1, "dropout": 0.1},
    "lstm": {"frames_per_step": 2, "hidden": 16, "n_layers": 1, "bidirectional": False, "dropout": 0.1},
    "gru": {
        "channels": 4,
        "kernel": 3,
        "frames_per_step": 2,
        "hidden": 16,
        "n_layers": 1,
        "dense": 16,
        "dropout": 0.1,
    },
    "wavenet": {"channels": 12, "skip": 16, "kernel": 3, "dilations": [1, 2, 4], "dropout": 0.1},
    "linear": {},
    "trees": {
        "n_rounds": 8,
        "n_leaves": 4,
        "min_clips": 5,
        "max_bin": 15,
        "shrinkage": 0.3,
        "column_share": 1.0,
        "leaf_decay": 1.0,
    },
}
VECTORS = ("linear", "dnn", "trees")  # what reads columns here
EVALUATE = {"seed": 1, "n_bootstrap": 200, "confidence": 0.95, "n_ece_bins": 10, "n_listed": 5}
EVALUATE |= {"n_condition_clips": 0, "conditions": {}}  # there is no sound here
EXTRACT = {"frame": {"window_s": 0.05, "hop_s": HOP_S}, "statistics": {"names": ["mean"]}, "families": {}}

ENSEMBLE = {"members": "all", "weights": {"shrinkage": 0.0}}


def sections() -> dict:
    """The sections of params.yaml that train and all later stages read; free to change."""
    models = {
        key: {
            **TRAIN,
            "model": key,
            "input": "selected.parquet" if key in VECTORS else "features/mel",
            "sizes": SIZES[key],
            "augment": {} if key in VECTORS else AUGMENT,
        }
        for key in SIZES
    }
    sections = {
        "extract": EXTRACT,
        "train": {"models": models},
        "distill": {},
        "evaluate": EVALUATE,
        "ensemble": ENSEMBLE,
    }
    return json.loads(json.dumps(sections))


def write_params(folder: Path, content: dict) -> None:
    """Write params.yaml; JSON is YAML 1.2."""
    (folder / "params.yaml").write_text(json.dumps(content))


def label_rows(n_takes: int = 3) -> pa.Table:
    """Labels of `n_takes` clips a class and speaker, sorted by clip_id."""
    rows = sorted(
        (f"{name}/{part}{speaker:02d}_{take}", name, number, part, f"{part}{speaker:02d}", f"{part}{speaker:02d}", name)
        for part, n_speakers in N_SPEAKERS.items()
        for speaker in range(n_speakers)
        for number, name in enumerate(CLASSES)
        for take in range(n_takes)
    )
    columns = [
        pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), labels.TABLE.schema.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=labels.TABLE.schema)


def frames_of(rows: pa.Table) -> np.ndarray:
    """Frames in dB: a loud patch of time and bands for each class but silence, on noise of 3 dB."""
    frames = np.random.default_rng(1).normal(-60, 3, (rows.num_rows, N_FRAMES, N_BANDS))
    for row, number in enumerate(rows.column("label_id").to_pylist()):
        if CLASSES[number] != labels.SILENCE:
            frames[row, 4:12, 2 * number : 2 * number + 3] += 12
    return frames.astype(np.float16)


def write_frames(
    folder: Path,
    clip_ids: list[str],
    frames: np.ndarray,
    family: str = "mel",
    dims_missing: Sequence[str] = (),
) -> None:
    """Write data/features/<family> in two shards."""
    dims = [f"band_{band:02d}" for band in range(frames.shape[2])]
    dims_hz = np.linspace(100, 1000, frames.shape[2]).tolist() if family == "mel" else []
    metadata = features.metadata(16_000, 0.05, HOP_S, dims, dims_hz, dims_missing)
    table = features.table(family, [], frames.shape[1:], metadata)
    half = len(clip_ids) // 2
    shards = [
        features.rows(
            table, pa.chunked_array([clip_ids[part]]), np.zeros((len(clip_ids[part]), 0), np.float32), frames[part]
        )
        for part in (slice(0, half), slice(half, None))
    ]
    write_shards(folder / "data/features" / family, shards, table)


def write_columns(folder: Path, clip_ids: list[str], frames: np.ndarray) -> None:
    """Write data/selected.parquet: the mean of each band."""
    means = frames.astype(np.float32).mean(axis=1)
    table = selected.table(
        [pa.field(f"mel_band_{band:02d}_mean_db", pa.float32(), False) for band in range(frames.shape[2])]
    )
    rows = pa.Table.from_arrays([pa.array(clip_ids), *(pa.array(column) for column in means.T)], schema=table.schema)
    write_table(folder / "data/selected.parquet", rows, table)


def write_task(folder: Path) -> pa.Table:
    """Write labels, frames, columns and params.yaml; return the labels. Features come in another order than labels."""
    rows = label_rows()
    order = np.random.default_rng(2).permutation(rows.num_rows)
    clip_ids, frames = rows.column("clip_id").take(order).to_pylist(), frames_of(rows)[order]
    write_table(folder / "data/labels.parquet", rows, labels.TABLE)
    write_frames(folder, clip_ids, frames)
    write_columns(folder, clip_ids, frames)
    write_params(folder, sections())
    return rows
