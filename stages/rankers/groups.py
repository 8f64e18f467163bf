"""What the folds found about clusters of columns that say the same, most important first."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.rankers.findings import bounded, greatest
from stages.rankers.folds import interval
from stages.rankers.probes import FAMILY
from stages.rankers.study import Study
from stages.rankers.verdict import Verdict

CLUSTER_HEADER = (
    *("cluster", "representative", "n_columns", "families", "eps_squared", "information_bits"),
    *("importance_bits", "importance_bits_low", "importance_bits_high"),
    *("accuracy_points", "accuracy_points_low", "accuracy_points_high"),
    *("conditional_bits", "conditional_bits_low", "conditional_bits_high", "matters"),
)


def cluster_rows(study: Study, verdicts: Sequence[Verdict], table: pa.Table) -> list[list[object]]:
    """Return the first `n_listed` rows of CLUSTER_HEADER; `table` is the ranking.

    A cluster matters where the lower bound of its bits lies above the upper bound of every noise probe's cluster.
    """
    confidence = study.params.confidence
    mean, low, high = interval(np.stack([verdict.clusters for verdict in verdicts]), confidence)
    conditional = interval(np.stack([verdict.conditional for verdict in verdicts]), confidence)
    is_real = np.bincount(study.cluster_of[: study.n_real], minlength=len(mean)) > 0
    noise = high[~is_real, 0].max(initial=-np.inf)
    rows: list[list[object]] = []
    for cluster in np.argsort(-mean[:, 0], kind="stable"):
        if is_real[cluster] and len(rows) < study.params.clusters.n_listed:
            own = table.filter(pc.field("cluster") == int(cluster) + 1)
            families = sorted(set(own.column("family").to_pylist()) - {FAMILY})
            measures = [(mean[cluster, of], low[cluster, of], high[cluster, of]) for of in (0, 1)]
            measures.append(tuple(of[cluster, 0] for of in conditional))
            bounds = [number for measure in measures for number in bounded(*measure).values()]
            first = [int(cluster) + 1, study.names[study.representatives[cluster]], own.num_rows, " ".join(families)]
            matters = "yes" if low[cluster, 0] > noise else "no"
            rows.append([*first, *greatest(own).values(), *bounds, matters])
    return rows
