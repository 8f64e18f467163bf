"""rank: which columns tell about the class, measured on the training part alone, and the columns a model shall read.

Reads   data/labels.parquet
        data/features/<family>/       statistic columns, and the frames of rank.compact.frames
Writes  data/ranking.parquet          every column and every noise probe: effect, information, order, stability
        data/selected.parquet         the selected columns of all labelled clips
        metrics/rank/families.json    held-out importance of each family beside the band of the probes, and all that was
                                      measured of the whole
        metrics/rank/<plot>.csv       families, clusters, columns, curve; forms: information against size; correlation
                                      of clusters; classes: top columns in each; map of clips
Params  rank, extract.families (their names)
Run     python -m stages.rank
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.executors import in_copies
from stages.files import left_over, refuse_left_over, write_csv, write_json
from stages.params import PARAMS_FILE, ParamsError, names_of, read_section
from stages.rankers import findings, pictures
from stages.rankers.columns import Columns, Condition, of_tables
from stages.rankers.compact import Frames
from stages.rankers.frontier import FORM_HEADER, form_rows
from stages.rankers.groups import CLUSTER_HEADER, cluster_rows
from stages.rankers.heldout import Few, Verdict, Whole, all_columns, few_numbers
from stages.rankers.ranking import names_selected, ranking_of
from stages.rankers.stability import selected
from stages.rankers.study import Params, Study, study_of
from stages.tables import features, labels, ranking
from stages.tables import selected as selected_table
from stages.tables.inputs import read_inputs
from stages.tables.parquet import Table, read_table, write_table

LABELS = Path("data/labels.parquet")
FEATURES = Path("data/features")
RANKING = Path("data/ranking.parquet")
SELECTED = Path("data/selected.parquet")
METRICS = Path("metrics/rank")
TOP = (
    *("order_rank", "column", "family", "cluster", "eps_squared", "information_bits", "importance_bits"),
    *("accuracy_points", "stability"),
)


def frames_of(family: str, clip_ids: pa.ChunkedArray) -> Frames:
    """Return the log-mel frames of some clips; raises ParamsError where the family's are none."""
    inputs = read_inputs(FEATURES / family, clip_ids.to_pylist())
    if not inputs.dims_hz:
        raise ParamsError(f"{PARAMS_FILE}: rank.compact.frames is {family!r}, expected a family of log-mel bands")
    return Frames(inputs.values, inputs.hop_s)


def judged(study: Study) -> tuple[list[Verdict], list[np.ndarray]]:
    """Return the verdict of each fold, and the selection of each seed and fold.

    The halves of a verdict are worked on apart, so that no worker waits for a last fold.
    """
    n_folds, n_seeds = study.params.n_folds, study.params.n_seeds
    halves: tuple[Callable[..., Whole | Few], ...] = (all_columns, few_numbers)
    tasks: list[tuple[Callable[..., object], int]] = [(half, fold) for half in halves for fold in range(n_folds)]
    tasks += [(partial(selected, seed=seed), fold) for seed in range(1, n_seeds) for fold in range(n_folds)]
    found: list = in_copies(lambda task: task[0](study, fold=task[1]), tasks)
    pairs = zip(found[:n_folds], found[n_folds : 2 * n_folds], strict=True)
    verdicts = [Verdict(**vars(whole), **vars(few)) for whole, few in pairs]
    return verdicts, [*(verdict.selected for verdict in verdicts), *found[2 * n_folds :]]


def selection_of(columns: Columns, clip_ids: pa.ChunkedArray, names: Sequence[str]) -> tuple[pa.Table, Table]:
    """Return the columns `names` of all clips, in that order, and what table they make."""
    number_of = {field.name: number for number, field in enumerate(columns.fields)}
    fields = [columns.fields[number_of[name]] for name in names]
    kind = selected_table.table(fields)
    values = (columns.values[:, number_of[name]] for name in names)
    arrays = (pa.array(own, from_pandas=field.nullable) for own, field in zip(values, fields, strict=True))
    return pa.Table.from_arrays([clip_ids, *arrays], schema=kind.schema), kind


def plots_of(
    study: Study, verdicts: Sequence[Verdict], table: pa.Table, fields: Sequence[pa.Field], classes: Sequence[str]
) -> dict[str, tuple[Sequence[str], Sequence[Sequence[object]]]]:
    """Return header and rows of each plot by name; `fields` are the selected columns, best first."""
    clusters = cluster_rows(study, verdicts, table)
    shown, most = fields[: study.params.plots.n_columns], study.params.plots.n_clusters
    numbers = np.array([study.names.index(str(row[1])) for row in clusters[:most]])
    units = [field.metadata[b"unit"].decode() for field in shown]
    top = table.filter(pc.field("is_selected")).sort_by("order_rank").select(TOP)
    return {
        "families": (findings.FAMILY_HEADER, findings.family_rows(study, verdicts, table)),
        "clusters": (CLUSTER_HEADER, clusters),
        "columns": (TOP, findings.column_rows(top)),
        "curve": (findings.CURVE_HEADER, findings.curve_rows(study, verdicts)),
        "forms": (FORM_HEADER, form_rows(study, verdicts)),
        "correlation": (pictures.CORRELATION_HEADER, pictures.correlation_rows(study, numbers)),
        "classes": (pictures.CLASSES_HEADER, pictures.class_rows(study, classes, [one.name for one in shown], units)),
        "map": (pictures.MAP_HEADER, pictures.map_rows(study, classes)),
    }


def main() -> None:
    """Rank the statistic columns of data/features."""
    params, families = read_section("rank", Params), names_of("extract.families")
    refuse_left_over(left_over(FEATURES, families))
    rows = read_table(LABELS, labels.TABLE)
    read = {name: features.read_statistics(FEATURES / name) for name in families}
    columns = of_tables(read, rows.column("clip_id"))
    is_training = pc.equal(rows.column("part"), "train")
    training, seen = rows.filter(is_training), columns.of_clips(is_training.to_numpy())

    condition = Condition.of(seen.values)
    numbers = condition.usable(params.max_missing, params.n_selected)
    label_ids = training.column("label_id").to_numpy().astype(np.int64)
    groups = training.column("group").to_numpy().astype(str)
    study = study_of(seen, numbers, label_ids, groups, params)
    study = replace(study, frames=frames_of(params.compact.frames, training.column("clip_id").take(study.rows)))
    verdicts, chosen = judged(study)
    table = ranking_of(seen, condition, numbers, study, verdicts, chosen)
    selection, kind = selection_of(columns, rows.column("clip_id"), names_selected(table))
    classes = labels.classes(training)
    summary = findings.summary(study, condition, verdicts, table) | findings.selection(study, table, chosen)
    summary["classes"] = findings.class_counts(classes, label_ids, groups, study.labels)

    write_table(RANKING, table, ranking.TABLE)
    write_table(SELECTED, selection, kind)
    write_json(METRICS / "families.json", summary)
    for name, (header, lines) in plots_of(study, verdicts, table, list(kind.schema)[1:], classes).items():
        write_csv(METRICS / f"{name}.csv", header, lines)
    behind = f"{summary['n_selected_behind_probes']} of them behind a noise probe"
    measured = f"{len(numbers):,} of {len(seen.fields):,} columns, {len(study.labels):,} clips"
    print(f"rank: {measured}; {params.n_selected} selected, {behind}")


if __name__ == "__main__":
    main()
