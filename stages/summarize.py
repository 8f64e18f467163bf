"""summarize: the models, the students they taught and their ensemble side by side; what branches are compared by.

Reads   metrics/evaluate/<key>.json        of every model and student in params.yaml
        metrics/ensemble/scores.json
        data/predictions/<key>.parquet     of every model and student
        data/ensemble.parquet
Writes  metrics/summarize/scores.json      each one's scores on test; accuracy with its interval and spread over seeds
        metrics/summarize/scores.csv       a row each, every score with its interval and spread
        metrics/summarize/pairs.json       each two on test: difference in accuracy, McNemar's test, Holm's p
        metrics/summarize/pairs.csv        the same, a row a pair
        metrics/summarize/suspects.csv     the clips of val and test whose label all find the least probable; the
                                           ensemble aside, which is of the others
Params  evaluate; train.models and distill, their names alone
Run     python -m stages.summarize
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from stages.comparisons import pairs, suspects
from stages.comparisons.predicted import check_same_clips, predicted
from stages.files import left_over, read_json, refuse_left_over, write_csv, write_json
from stages.keys import ENSEMBLE, check_keys
from stages.params import names_of, read_section
from stages.scores.params import Params
from stages.tables import predictions
from stages.tables.parquet import TableError, read_table

EVALUATE = Path("metrics/evaluate")
TABLES = ("classes", "confusion", "coverage", "detection", "errors", "robustness")
EVALUATED = (".json", *(f"_{name}.csv" for name in TABLES))
PREDICTIONS = Path("data/predictions")
ENSEMBLE_SCORES = Path("metrics/ensemble/scores.json")
ENSEMBLE_PREDICTIONS = Path("data/ensemble.parquet")
METRICS = Path("metrics/summarize")
PART = "test"
SPREAD = ("low", "high", "sd")  # of a score; `sd` over seeds where there are several


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


def check_outputs(keys: Sequence[str], scores: Iterable[Path]) -> None:
    """Raise TableError where `scores` of a model are missing, LeftoverError where those of another are there."""
    missing = [path for path in scores if not path.exists()]
    if missing:
        raise TableError(f"{missing[0]}: is missing; run `dvc repro`, so that every model of params.yaml is evaluated")
    refuse_left_over(left_over(EVALUATE, {f"{key}{end}" for key in keys for end in EVALUATED}))
    refuse_left_over(left_over(PREDICTIONS, {f"{key}.parquet" for key in keys}))


def main() -> None:
    """Put the models and students of params.yaml and their ensemble side by side."""
    params = read_section("evaluate", Params)
    models, students = names_of("train.models"), names_of("distill", may_be_empty=True)
    check_keys(models, students)
    keys = (*models, *students)
    evaluated = {key: EVALUATE / f"{key}.json" for key in keys} | {ENSEMBLE: ENSEMBLE_SCORES}
    files = {key: PREDICTIONS / f"{key}.parquet" for key in keys} | {ENSEMBLE: ENSEMBLE_PREDICTIONS}
    check_outputs(keys, evaluated.values())
    told = {key: predicted(read_table(path, predictions.TABLE), path) for key, path in files.items()}
    first = told[keys[0]]
    for key, path in files.items():
        check_same_clips(path, told[key], first.clips, first.classes, files[keys[0]].name)

    summary = side_by_side({key: read_json(path) for key, path in evaluated.items()})
    test = pc.equal(first.clips.column("part"), PART).to_numpy()
    groups = first.clips.column("group").to_numpy()[test]
    apart = pairs.compared({key: model.right[:, test] for key, model in told.items()}, groups, params)
    each = [np.exp(told[key].nats.astype(np.float64)) for key in keys]
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
