"""summarize: the models side by side; what branches are compared by.

Reads   metrics/evaluate/<key>.json        of every model in params.yaml
        data/predictions/<key>.parquet     likewise
Writes  metrics/summarize/scores.json      each model's scores on test; accuracy with its interval and spread over seeds
        metrics/summarize/scores.csv       a row a model, every score with its interval and spread
        metrics/summarize/pairs.json       each two models on test: difference in accuracy, McNemar's test, Holm's p
        metrics/summarize/pairs.csv        the same, a row a pair
        metrics/summarize/suspects.csv     the clips of val and test whose label all models find the least probable
Params  evaluate; train.models, its names alone
Run     python -m stages.summarize
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.comparisons import pairs, suspects
from stages.files import left_over, read_json, refuse_left_over, write_csv, write_json
from stages.params import names_of, read_section
from stages.scores.params import Params
from stages.tables import predictions
from stages.tables.parquet import TableError, read_table

EVALUATE = Path("metrics/evaluate")
TABLES = ("classes", "confusion", "coverage", "detection", "errors", "robustness")
EVALUATED = (".json", *(f"_{name}.csv" for name in TABLES))
PREDICTIONS = Path("data/predictions")
METRICS = Path("metrics/summarize")
PART = "test"
SPREAD = ("low", "high", "sd")  # of a score; `sd` over seeds where there are several
CLIP = ("clip_id", "part", "group", "label")


@dataclass(frozen=True)
class Predicted:
    """What one model says of the clips of val and test."""

    clips: pa.Table  # CLIP, in the order of clip_id
    classes: tuple[str, ...]
    probabilities: np.ndarray  # (n_seeds, n_clips, n_classes), the first seed first
    right: np.ndarray  # (n_seeds, n_clips) bool


def side_by_side(evaluated: Mapping[str, dict]) -> dict[str, dict[str, float | None]]:
    """Return each model's scores on test, flat: the mean over seeds of every score, and `_low`, `_high`, `_sd` of each.

    `_sd` is None where there is one seed. `n_clips`, `n_groups` and `n_seeds` say what they were measured on.
    """
    summary: dict[str, dict[str, float | None]] = {}
    for model, parts in evaluated.items():
        found = parts[PART]
        scores = {name: score for name, score in found.items() if isinstance(score, dict)}
        flat: dict[str, float | None] = {}
        for name, score in scores.items():
            flat |= {name: score["value"], **{f"{name}_{end}": score.get(end) for end in SPREAD}}
        flat |= {"temperature": parts["temperature"]["value"]}
        n_seeds = sum(name.startswith("seed_") for name in scores["accuracy"])
        summary[model] = {**flat, "n_clips": found["n_clips"], "n_groups": found["n_groups"], "n_seeds": n_seeds}
    return summary


def main_scores(summary: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Return the summary as people compare it: one interval, that of accuracy, is enough for a line on a terminal."""
    ends = tuple(f"_{end}" for end in SPREAD)
    return {
        model: {name: n for name, n in row.items() if name.startswith("accuracy") or not name.endswith(ends)}
        for model, row in summary.items()
    }


def predicted(rows: pa.Table, path: Path) -> Predicted:
    """Return a table of predictions by seed; raises TableError where a seed does not have the clips of the first."""
    seeds = sorted(rows.column("seed").unique().to_pylist())
    each = [rows.filter(pc.equal(rows.column("seed"), seed)) for seed in seeds]
    clips = each[0].select(CLIP)
    for seed, one in zip(seeds, each, strict=True):
        if not one.select(CLIP).equals(clips):
            raise TableError(
                f"{path}: seed {seed} has other clips than seed {seeds[0]}, expected the same; run `dvc repro`"
            )
    probabilities = np.stack([np.exp(predictions.log_probabilities(one).astype(np.float64)) for one in each])
    right = np.stack([pc.equal(one.column("label"), one.column("predicted")).to_numpy() for one in each])
    return Predicted(clips, tuple(predictions.classes(rows.schema)), probabilities, right)


def check_same_clips(models: Mapping[str, Predicted]) -> None:
    """Raise TableError where two models are not predicted on the same clips and classes."""
    first, *others = models
    for key in others:
        if not models[key].clips.equals(models[first].clips) or models[key].classes != models[first].classes:
            raise TableError(
                f"{PREDICTIONS / key}.parquet: clips or classes are not those of {first}.parquet, expected the same; "
                "run `dvc repro`, so that every model is evaluated on the same labels"
            )


def main() -> None:
    """Put the models of params.yaml side by side."""
    params = read_section("evaluate", Params)
    keys = names_of("train.models")
    paths = {key: EVALUATE / f"{key}.json" for key in keys}
    missing = [path for path in paths.values() if not path.exists()]
    if missing:
        raise TableError(f"{missing[0]}: is missing; run `dvc repro`, so that every model of params.yaml is evaluated")
    refuse_left_over(left_over(EVALUATE, {f"{key}{end}" for key in keys for end in EVALUATED}))
    refuse_left_over(left_over(PREDICTIONS, {f"{key}.parquet" for key in keys}))
    files = {key: PREDICTIONS / f"{key}.parquet" for key in keys}
    models = {key: predicted(read_table(path, predictions.TABLE), path) for key, path in files.items()}
    check_same_clips(models)

    summary = side_by_side({key: read_json(path) for key, path in paths.items()})
    first = models[keys[0]]
    test = pc.equal(first.clips.column("part"), PART).to_numpy()
    groups = first.clips.column("group").to_numpy()[test]
    apart = pairs.compared({key: model.right[:, test] for key, model in models.items()}, groups, params)
    each = [model.probabilities for model in models.values()]
    listed = suspects.most_suspicious(first.clips, each, first.classes, params.n_listed)

    write_json(METRICS / "scores.json", main_scores(summary))
    write_csv(
        METRICS / "scores.csv", ["model", *summary[keys[0]]], [(key, *row.values()) for key, row in summary.items()]
    )
    write_json(METRICS / "pairs.json", apart)
    write_csv(METRICS / "pairs.csv", ["pair", *pairs.COLUMNS], [(name, *pair.values()) for name, pair in apart.items()])
    write_csv(METRICS / "suspects.csv", suspects.COLUMNS, listed)
    print("summarize: test accuracy " + ", ".join(f"{key} {row['accuracy']:.3f}" for key, row in summary.items()))


if __name__ == "__main__":
    main()
