"""The ranking: one row a column, with all that was measured of it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.rankers import effect, information, probes
from stages.rankers.columns import Columns, Condition
from stages.rankers.study import Study
from stages.rankers.verdict import Verdict
from stages.tables import ranking

MEASURES = ("eps_squared", "information_bits", "importance_bits", "accuracy_points")


def ranking_of(
    columns: Columns,
    condition: Condition,
    numbers: np.ndarray,
    study: Study,
    verdicts: Sequence[Verdict],
    chosen: Sequence[np.ndarray],
) -> pa.Table:
    """Return the ranking, sorted by column; `numbers` are the real columns of `study`, `chosen` its selections."""
    planted = study.names[study.n_real :]
    n_planted, n_columns = len(planted), len(columns.fields)
    ranked = study.ranked(slice(None), slice(None))
    order = study.orders[study.params.order](ranked)
    place = np.append(numbers, n_columns + np.arange(n_planted))
    lost = np.stack([verdict.columns for verdict in verdicts]).mean(axis=0)
    unknown = np.where(condition.measured(study.params.max_missing), 0.0, np.nan)
    unknown = np.append(unknown, np.zeros(n_planted)).astype(np.float32)
    table = {
        "column": np.array([*(field.name for field in columns.fields), *planted]),
        "family": np.array([*columns.families, probes.COPY, *[probes.FAMILY] * (n_planted - 1)]),
        "order_rank": np.zeros(len(unknown), np.int32),
        "cluster": np.zeros(len(unknown), np.int32),
        "stability": np.zeros(len(unknown), np.float32),
        "is_selected": np.zeros(len(unknown), bool),
        "is_constant": np.append(condition.constant, np.zeros(n_planted, bool)),
        "missing_fraction": np.append(condition.missing, np.zeros(n_planted)).astype(np.float32),
    }
    table |= {name: unknown.copy() for name in MEASURES}
    table["eps_squared"][place] = effect.epsilon_squared(ranked)
    table["information_bits"][place] = information.information_bits(ranked)
    table["importance_bits"][place], table["accuracy_points"][place] = lost.T
    table["cluster"][place] = study.cluster_of + 1
    table["order_rank"][place[order]] = np.arange(1, len(order) + 1)
    table["stability"][numbers] = np.mean(chosen, axis=0)
    table["is_selected"][place[order[order < study.n_real][: study.params.n_selected]]] = True
    return pa.Table.from_pydict(table, schema=ranking.TABLE.schema).sort_by("column")


def n_behind_probes(table: pa.Table) -> int:
    """Return how many selected columns of a ranking come after the first noise probe, no better than noise."""
    is_probe = pc.equal(table.column("family"), probes.FAMILY)
    first = pc.min(table.filter(is_probe).column("order_rank"))
    return int(pc.sum(pc.and_(table.column("is_selected"), pc.greater(table.column("order_rank"), first))).as_py())


def names_selected(table: pa.Table) -> list[str]:
    """Return the selected columns of a ranking, best first."""
    return table.filter(pc.field("is_selected")).sort_by("order_rank").column("column").to_pylist()
