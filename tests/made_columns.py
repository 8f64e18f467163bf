"""Made data of which the truth is known, as columns and as a project on disk."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from sharding import write_shards

from stages.params import check_section
from stages.rankers.columns import Columns
from stages.rankers.ranks import Ranked, centred_ranks
from stages.rankers.study import Params, Study, study_of
from stages.tables import features, labels
from stages.tables.parquet import column, write_table

PARAMS = {
    "seed": 7,
    "max_per_class": 200,
    "max_missing": 0.5,
    "n_folds": 4,
    "n_seeds": 2,
    "n_bins": 8,
    "n_probes": 20,
    "max_judged": 500,
    "n_repeats": 10,
    "logit_sd": 4.0,
    "confidence": 0.95,
    "order": "mrmr",
    "n_selected": 4,
    "clusters": {"max_distance": 0.4, "n_repeats": 3, "n_listed": 8},
    "trees": {
        "max_per_class": 100,
        "columns_per_family": 6,
        "n_rounds": 8,
        "n_leaves": 4,
        "min_clips": 10,
        "max_bin": 15,
        "learning_rate": 0.3,
        "column_share": 0.5,
        "n_repeats": 4,
        "n_explained": 20,
    },
    "curve": {"against": ["information"], "sizes": [1, 2, 4]},
    "compact": {
        "n_columns": [1, 2, 4],
        "n_components": [1, 2, 4],
        "frames": "a",
        "hops_ms": [20, 40],
        "n_bands": [6, 3],
        "n_coefficients": [2],
        "number_bits": [32, 16, 8, 4],
        "keep": 0.95,
    },
    "plots": {"n_columns": 3, "n_clusters": 5, "clips_per_class": 4},
}
N_CLASSES = 4
N_FRAMES, N_BANDS, HOP_S = 5, 6, 0.02


def ranked(values: np.ndarray, label_ids: np.ndarray, n_bins: int = 8) -> Ranked:
    """Return what a ranker sees of values (n_clips, n_columns)."""
    return Ranked(centred_ranks(values.T), label_ids, int(label_ids.max()) + 1, n_bins)


def causes(label_ids: np.ndarray, strengths: list[float], random: np.random.Generator) -> np.ndarray:
    """Return columns (n_clips, n_strengths) that tell about the class independently of one another."""
    centres = np.stack([random.permutation(np.linspace(-1.3, 1.3, N_CLASSES)) for _ in strengths], axis=1)
    return centres[label_ids] * strengths + random.standard_normal((len(label_ids), len(strengths)))


def made_columns(n: int, seed: int = 0, shuffled: bool = False) -> tuple[Columns, np.ndarray, np.ndarray]:
    """Return columns, label_ids and speakers of n clips: causes in family a, noisy copies in b, noise in c."""
    random = np.random.default_rng(seed)
    label_ids = random.integers(N_CLASSES, size=n)
    told = causes(label_ids, [1.5, 1.0, 0.7], random)
    copies = np.repeat(told, 3, axis=1) + 0.1 * random.standard_normal((n, 9))
    noise = random.standard_normal((n, 12))
    values = np.concatenate([told, copies, noise], axis=1).astype(np.float32)
    families = ("a",) * 3 + ("b",) * 9 + ("c",) * 12
    fields = tuple(
        column(f"{family}_{number:02d}_mean", pa.float32(), "dB", "made").with_nullable(family == "c")
        for number, family in enumerate(families)
    )
    speakers = np.array([f"speaker_{number % 40:02d}" for number in range(n)])
    return Columns(values, fields, families), random.permutation(label_ids) if shuffled else label_ids, speakers


def log_mel(label_ids: np.ndarray) -> np.ndarray:
    """Return frames (n_clips, N_FRAMES, N_BANDS) in dB in which a band is 10 dB louder, another one in each class."""
    frames = np.random.default_rng(0).normal(-40, 5, (len(label_ids), N_FRAMES, N_BANDS))
    frames[np.arange(len(label_ids)), :, label_ids % N_BANDS] += 10
    return frames


def damaged_columns() -> tuple[Columns, np.ndarray, np.ndarray]:
    """Return made columns of which one misses most values, one is constant, and one that tells misses a tenth."""
    columns, label_ids, speakers = made_columns(400)
    random = np.random.default_rng(1)
    columns.values[random.random(400) < 0.8, 13], columns.values[:, 14] = np.nan, 3.0
    columns.values[:, 15] = np.where(random.random(400) < 0.1, np.nan, causes(label_ids, [2.5], random)[:, 0])
    return columns, label_ids, speakers


def made_study(n: int = 800, seed: int = 0, shuffled: bool = False) -> Study:
    columns, label_ids, speakers = made_columns(n, seed, shuffled)
    return study_on(columns, label_ids, speakers)


def study_on(columns: Columns, label_ids: np.ndarray, speakers: np.ndarray) -> Study:
    params = check_section(
        PARAMS | {"curve": {"against": ["information", "effect"], "sizes": [1, 2, 4, 8]}}, "rank", Params
    )
    return study_of(columns, np.arange(columns.values.shape[1]), label_ids, speakers, params)


def write_data(
    columns: Columns, label_ids: np.ndarray, speakers: np.ndarray, parts: np.ndarray, **changed: object
) -> None:
    """Write labels, features and params of a project in the working directory; features lie in another order."""
    n = len(label_ids)
    ids, names = np.array([f"clip_{number:04d}" for number in range(n)]), np.array([f"class_{i}" for i in label_ids])
    rows = {"clip_id": ids, "label": names, "label_id": label_ids.astype(np.int16), "part": parts}
    rows |= {"speaker": speakers, "group": speakers, "word": names}
    write_table(Path("data/labels.parquet"), pa.Table.from_pydict(rows, labels.TABLE.schema), labels.TABLE)
    for family in dict.fromkeys(columns.families):
        own = [number for number, name in enumerate(columns.families) if name == family]
        names = [f"band_{number}" for number in range(N_BANDS)]
        metadata = features.metadata(16_000, 0.03, HOP_S, names, 100 * np.arange(1.0, N_BANDS + 1), ())
        table = features.table(family, [columns.fields[number] for number in own], (N_FRAMES, N_BANDS), metadata)
        frames = log_mel(label_ids)[::-1].astype(np.float16)
        stored = features.rows(table, pa.chunked_array([ids[::-1]]), columns.values[::-1, own], frames)
        write_shards(Path("data/features") / family, [stored[: n // 2], stored[n // 2 :]], table)
    section = "\n".join(f"  {key}: {json.dumps(value)}" for key, value in (PARAMS | changed).items())
    families = "\n".join(f"    {family}: {{}}" for family in dict.fromkeys(columns.families))
    Path("params.yaml").write_text(f"extract:\n  families:\n{families}\nrank:\n{section}\n", encoding="utf-8")


def written() -> dict[str, bytes]:
    """Return all that the stage writes, by path."""
    paths = [Path("data/ranking.parquet"), Path("data/selected.parquet"), *sorted(Path("metrics/rank").iterdir())]
    return {str(path): path.read_bytes() for path in paths}
