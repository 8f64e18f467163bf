"""summarize: the scores of all models side by side; what branches are compared by.

Reads   metrics/evaluate/<key>.json     of every model in params.yaml
Writes  metrics/summarize/scores.json   each model's scores on test; accuracy with its interval
        metrics/summarize/scores.csv    a row a model and score, with its interval
Params  train.models                    its names alone
Run     python -m stages.summarize
"""

from collections.abc import Mapping
from pathlib import Path

from stages.files import read_json, write_csv, write_json
from stages.params import names_of
from stages.tables.parquet import TableError

EVALUATE = Path("metrics/evaluate")
METRICS = Path("metrics/summarize")
PART = "test"
COLUMNS = ("model", "score", "value", "low", "high", "n_clips", "n_speakers")


def side_by_side(evaluated: Mapping[str, dict]) -> dict[str, dict[str, float]]:
    """Return the scores of each model on test as one flat mapping: the means, accuracy's interval, how many clips."""
    summary: dict[str, dict[str, float]] = {}
    for model, parts in evaluated.items():
        scores = {name: score["value"] for name, score in parts[PART].items() if isinstance(score, dict)}
        ends = {f"accuracy_{end}": parts[PART]["accuracy"][end] for end in ("low", "high")}
        summary[model] = {"accuracy": scores.pop("accuracy"), **ends, **scores, "n_clips": parts[PART]["n_clips"]}
    return summary


def long_rows(evaluated: Mapping[str, dict]) -> list[tuple]:
    """Return a row a model and score, in the order of COLUMNS."""
    return [
        (model, name, score["value"], score["low"], score["high"], parts[PART]["n_clips"], parts[PART]["n_speakers"])
        for model, parts in evaluated.items()
        for name, score in parts[PART].items()
        if isinstance(score, dict)
    ]


def main() -> None:
    paths = {key: EVALUATE / f"{key}.json" for key in names_of("train.models")}
    missing = [path for path in paths.values() if not path.exists()]
    if missing:
        raise TableError(f"{missing[0]}: is missing; run `dvc repro`, so that every model of params.yaml is evaluated")
    evaluated = {key: read_json(path) for key, path in paths.items()}

    summary = side_by_side(evaluated)
    best = max(summary, key=lambda model: summary[model]["accuracy"])

    write_json(METRICS / "scores.json", summary)
    write_csv(METRICS / "scores.csv", COLUMNS, long_rows(evaluated))
    print(f"summarize: {len(summary)} models, best {best} with test accuracy {summary[best]['accuracy']:.3f}")


if __name__ == "__main__":
    main()
