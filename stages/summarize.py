"""summarize: the scores of all models side by side; what branches are compared by.

Reads   metrics/evaluate/<key>.json     of every model in params.yaml
Writes  metrics/summarize/scores.json   each model's scores on test; accuracy with its interval
        metrics/summarize/scores.csv    a row a model, every score with its interval
Params  train.models                    its names alone
Run     python -m stages.summarize
"""

from collections.abc import Mapping
from pathlib import Path

from stages.files import left_over, read_json, refuse_left_over, write_csv, write_json
from stages.params import names_of
from stages.tables.parquet import TableError

EVALUATE = Path("metrics/evaluate")
EVALUATED = (".json", "_confusion.csv", "_classes.csv")  # of each model, below it
METRICS = Path("metrics/summarize")
PART = "test"
ENDS = ("low", "high")


def side_by_side(evaluated: Mapping[str, dict]) -> dict[str, dict[str, float]]:
    """Return each model's scores on test, flat: the mean over seeds of every score, and `_low` and `_high` of each.

    `n_clips`, `n_groups` and `n_seeds` say what they were measured on.
    """
    summary: dict[str, dict[str, float]] = {}
    for model, parts in evaluated.items():
        found = parts[PART]
        scores = {name: score for name, score in found.items() if isinstance(score, dict)}
        flat: dict[str, float] = {}
        for name, score in scores.items():
            flat |= {name: score["value"], **{f"{name}_{end}": score[end] for end in ENDS}}
        n_seeds = sum(name.startswith("seed_") for name in scores["accuracy"])
        summary[model] = {**flat, "n_clips": found["n_clips"], "n_groups": found["n_groups"], "n_seeds": n_seeds}
    return summary


def main_scores(summary: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return the summary as people compare it: one interval, that of accuracy, is enough for a line on a terminal."""
    ends = tuple(f"_{end}" for end in ENDS)
    return {
        model: {name: n for name, n in row.items() if name.startswith("accuracy") or not name.endswith(ends)}
        for model, row in summary.items()
    }


def main() -> None:
    """Put the scores of all models side by side."""
    paths = {key: EVALUATE / f"{key}.json" for key in names_of("train.models")}
    missing = [path for path in paths.values() if not path.exists()]
    if missing:
        raise TableError(f"{missing[0]}: is missing; run `dvc repro`, so that every model of params.yaml is evaluated")
    refuse_left_over(left_over(EVALUATE, {f"{key}{end}" for key in paths for end in EVALUATED}))
    evaluated = {key: read_json(path) for key, path in paths.items()}

    summary = side_by_side(evaluated)

    write_json(METRICS / "scores.json", main_scores(summary))
    write_csv(
        METRICS / "scores.csv",
        ["model", *next(iter(summary.values()))],
        [(key, *row.values()) for key, row in summary.items()],
    )
    print("summarize: test accuracy " + ", ".join(f"{key} {row['accuracy']:.3f}" for key, row in summary.items()))


if __name__ == "__main__":
    main()
