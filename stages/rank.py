"""rank: which columns tell about the class, measured on the training part alone, and the columns a model shall read.

Reads   data/labels.parquet
        data/features/<family>/       statistic columns, not frames
Writes  data/ranking.parquet          every column and every noise probe: effect, information, order, stability
        data/selected.parquet         the selected columns of all labelled clips
        metrics/rank/families.json    held-out importance of each family beside the band of the probes
        metrics/rank/families.csv, clusters.csv, columns.csv, curve.csv
Params  rank, extract.families (their names)
Run     python -m stages.rank
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.executors import forked
from stages.files import left_over, refuse_left_over, write_csv, write_json
from stages.params import names_of, read_section
from stages.rankers import effect, findings, information, probes
from stages.rankers.columns import Columns, Condition, of_tables
from stages.rankers.groups import CLUSTER_HEADER, cluster_rows
from stages.rankers.heldout import HALVES, Verdict
from stages.rankers.study import SELECTING, Params, Study, study_of
from stages.tables import features, labels, ranking, selected
from stages.tables.parquet import Table, read_shards, read_table, shard_paths, write_table

LABELS = Path("data/labels.parquet")
FEATURES = Path("data/features")
RANKING = Path("data/ranking.parquet")
SELECTED = Path("data/selected.parquet")
METRICS = Path("metrics/rank")
TOP = (
    *("mrmr_rank", "column", "family", "cluster", "eps_squared", "information_bits", "importance_bits"),
    *("accuracy_points", "stability"),
)


def read_statistics(family: str) -> pa.Table:
    """Return clip_id and the statistic columns of a family's folder."""
    schema = pq.read_schema(shard_paths(FEATURES / family)[0])
    columns = [name for name in schema.names if name != "frames"]
    return read_shards(FEATURES / family, features.of_schema(schema, family), columns)


def verdicts_of(study: Study) -> list[Verdict]:
    """Return the verdict of each fold; its halves are worked on apart, so that no worker waits for a last fold."""
    with forked(len(HALVES) * study.params.n_folds) as executor:
        waiting = [[executor.submit(half, study, fold) for half in HALVES] for fold in range(study.params.n_folds)]
        return [Verdict(**(one.result() | other.result())) for one, other in waiting]


def ranking_of(
    columns: Columns, condition: Condition, numbers: np.ndarray, study: Study, verdicts: Sequence[Verdict]
) -> pa.Table:
    """Return the ranking, sorted by column; `numbers` are the real columns of `study`."""
    planted = study.names[study.n_real :]
    n_planted, n_columns = len(planted), len(columns.fields)
    ranked = study.ranked(slice(None), slice(None))
    order = study.orders[SELECTING](ranked)
    place = np.append(numbers, n_columns + np.arange(n_planted))
    lost = np.stack([verdict.columns for verdict in verdicts]).mean(axis=0)
    unknown = np.where(condition.measured(study.params.max_missing), 0.0, np.nan)
    unknown = np.append(unknown, np.zeros(n_planted)).astype(np.float32)
    table = {
        "column": np.array([*(field.name for field in columns.fields), *planted]),
        "family": np.array([*columns.families, probes.COPY, *[probes.FAMILY] * (n_planted - 1)]),
        "mrmr_rank": np.zeros(len(unknown), np.int32),
        "cluster": np.zeros(len(unknown), np.int32),
        "stability": np.zeros(len(unknown), np.float32),
        "is_selected": np.zeros(len(unknown), bool),
        "is_constant": np.append(condition.constant, np.zeros(n_planted, bool)),
        "missing_fraction": np.append(condition.missing, np.zeros(n_planted)).astype(np.float32),
    }
    table |= {
        name: unknown.copy() for name in ("eps_squared", "information_bits", "importance_bits", "accuracy_points")
    }
    table["eps_squared"][place] = effect.epsilon_squared(ranked)
    table["information_bits"][place] = information.information_bits(ranked)
    table["importance_bits"][place], table["accuracy_points"][place] = lost.T
    table["cluster"][place] = study.cluster_of + 1
    table["mrmr_rank"][place[order]] = np.arange(1, len(order) + 1)
    table["stability"][numbers] = findings.stability(verdicts)
    table["is_selected"][place[order[order < study.n_real][: study.params.n_selected]]] = True
    return pa.Table.from_pydict(table, schema=ranking.TABLE.schema).sort_by("column")


def n_behind_probes(table: pa.Table) -> int:
    """Return how many selected columns of a ranking come after the first noise probe, no better than noise."""
    is_probe = pc.equal(table.column("family"), probes.FAMILY)
    first = pc.min(table.filter(is_probe).column("mrmr_rank"))
    return int(pc.sum(pc.and_(table.column("is_selected"), pc.greater(table.column("mrmr_rank"), first))).as_py())


def selection_of(columns: Columns, clip_ids: pa.ChunkedArray, names: Sequence[str]) -> tuple[pa.Table, Table]:
    """Return the columns `names` of all clips, in that order, and what table they make."""
    number_of = {field.name: number for number, field in enumerate(columns.fields)}
    fields = [columns.fields[number_of[name]] for name in names]
    kind = selected.table(fields)
    values = (columns.values[:, number_of[name]] for name in names)
    arrays = (pa.array(own, from_pandas=field.nullable) for own, field in zip(values, fields, strict=True))
    return pa.Table.from_arrays([clip_ids, *arrays], schema=kind.schema), kind


def main() -> None:
    """Rank the statistic columns of data/features."""
    params, families = read_section("rank", Params), names_of("extract.families")
    refuse_left_over(left_over(FEATURES, families))
    rows = read_table(LABELS, labels.TABLE)
    columns = of_tables({name: read_statistics(name) for name in families}, rows.column("clip_id"))

    is_training = pc.equal(rows.column("part"), "train")
    training, seen = rows.filter(is_training), columns.of_clips(is_training.to_numpy())
    label_ids = training.column("label_id").to_numpy().astype(np.int64)
    groups = training.column("group").to_numpy().astype(str)
    condition = Condition.of(seen.values)
    numbers = condition.usable(params.max_missing, params.n_selected)
    study = study_of(seen, numbers, label_ids, groups, params)
    verdicts = verdicts_of(study)
    table = ranking_of(seen, condition, numbers, study, verdicts)
    top = table.filter(pc.field("is_selected")).sort_by("mrmr_rank").select(TOP)
    chosen, kind = selection_of(columns, rows.column("clip_id"), top.column("column").to_pylist())
    summary = findings.summary(study, condition, verdicts, table) | {"n_selected_behind_probes": n_behind_probes(table)}
    summary["classes"] = findings.class_counts(labels.classes(training), label_ids, groups, study.labels)

    write_table(RANKING, table, ranking.TABLE)
    write_table(SELECTED, chosen, kind)
    write_json(METRICS / "families.json", summary)
    write_csv(METRICS / "families.csv", findings.FAMILY_HEADER, findings.family_rows(study, verdicts, table))
    write_csv(METRICS / "clusters.csv", CLUSTER_HEADER, cluster_rows(study, verdicts, table))
    write_csv(METRICS / "curve.csv", findings.CURVE_HEADER, findings.curve_rows(study, verdicts))
    write_csv(METRICS / "columns.csv", TOP, findings.column_rows(top))
    chosen_in_words = (
        f"{params.n_selected} selected, {summary['n_selected_behind_probes']} of them behind a noise probe"
    )
    print(f"rank: {len(numbers):,} of {len(seen.fields):,} columns, {len(study.labels):,} clips; {chosen_in_words}")


if __name__ == "__main__":
    main()
