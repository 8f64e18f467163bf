"""What it costs to rank columns, and to permute them, beside scikit-learn and hidimstat in one run on one core.

The row `rank_100k_1000` is all that the stage `rank` computes of columns (frames are not made), with the numbers of
params.yaml but every clip drawn, on made data of 100,000 clips, 1,000 columns of ten families, 12 classes and 1,000
speakers: `cpu_s` of all its processes, `wall_s`, and `peak_mb`, the largest resident memory of one of them, MiB.

The others are parts of it on 5,000 clips and 200 columns, of which each peer does the same: `fit` is multinomial
logistic regression (scikit-learn's, whose loss ends within `loss_apart_nats` of ours), `permute_columns` three row
orders a column (scikit-learn's permutation_importance), `permute_groups` the same a family (hidimstat's PFI).

Run  python -m benchmarks.rank [--json FILE]
"""

import os
import resource
import time

import numpy as np
import pyarrow as pa
from hidimstat import PFI
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from benchmarks.table import load, medians, parse, report
from stages import rank
from stages.params import read_section
from stages.rankers import logistic, permutation
from stages.rankers.columns import Columns, Condition
from stages.rankers.ranking import ranking_of
from stages.rankers.study import Params, study_of
from stages.tables.parquet import column

N_CLASSES, N_FAMILIES, N_SPEAKERS = 12, 10, 1000
REPEATS = 3


def made(n_clips: int, n_columns: int) -> tuple[Columns, np.ndarray, np.ndarray]:
    """Return columns of which a tenth tell of the class, each with others that repeat it in part; labels; speakers."""
    random = np.random.default_rng(1)
    label_ids = random.integers(N_CLASSES, size=n_clips)
    told = random.standard_normal((N_CLASSES, n_columns // 10))[label_ids] * 0.5
    told += random.standard_normal(told.shape)
    mixing = random.standard_normal((n_columns // 10, n_columns)) * (random.random((n_columns // 10, n_columns)) < 0.05)
    values = (told @ mixing + random.standard_normal((n_clips, n_columns))).astype(np.float32)
    families = tuple(f"family_{number * N_FAMILIES // n_columns}" for number in range(n_columns))
    fields = tuple(column(f"{name}_{at:04d}", pa.float32(), "", "made") for at, name in enumerate(families))
    return Columns(values, fields, families), label_ids, random.integers(N_SPEAKERS, size=n_clips).astype(str)


def cpu_s() -> float:
    """Return the CPU time of this process and of those that it waited for."""
    spent = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def whole(n_clips: int, n_columns: int) -> dict[str, float]:
    """Return what a whole ranking of every clip costs."""
    columns, label_ids, speakers = made(n_clips, n_columns)
    params = read_section("rank", Params).model_copy(update={"max_per_class": n_clips})
    before, started = cpu_s(), time.perf_counter()
    condition = Condition.of(columns.values)
    numbers = condition.usable(params.max_missing, params.n_selected)
    study = study_of(columns, numbers, label_ids, speakers, params)
    verdicts, chosen = rank.judged(study)
    table = ranking_of(columns, condition, numbers, study, verdicts, chosen)
    rank.plots_of(study, verdicts, table, columns.fields[:8], [str(number) for number in range(N_CLASSES)])
    peak = max(resource.getrusage(whose).ru_maxrss for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"cpu_s": cpu_s() - before, "wall_s": time.perf_counter() - started, "peak_mb": peak / 1024}


def parts(n_clips: int, n_columns: int) -> dict[str, dict[str, float]]:
    """Return a row for each part that a peer does as well."""
    columns, label_ids, _ = made(n_clips, n_columns)
    inputs = logistic.fit_scaler(columns.values).standardise(columns.values)
    weights = logistic.fit(inputs, label_ids, N_CLASSES, logit_sd=4.0)
    # scikit-learn minimises the sum over clips + |w|^2 / 2C: 1 / C is n_clips times our l2.
    peer = LogisticRegression(C=4.0**2 / inputs.shape[1], fit_intercept=False, max_iter=300)
    peer.fit(inputs, label_ids)
    apart = log_loss(label_ids, peer.predict_proba(inputs)) - logistic.loss_bits(inputs @ weights, label_ids) * np.log(
        2
    )
    by = permutation.orders(REPEATS, n_clips, np.random.default_rng(0))
    group_of = np.append(np.arange(n_columns) * N_FAMILIES // n_columns, N_FAMILIES)
    groups = {group: np.flatnonzero(group_of == group).tolist() for group in range(N_FAMILIES + 1)}
    settings = {"method": "predict_proba", "loss": log_loss, "n_permutations": REPEATS}
    theirs = PFI(peer, features_groups=groups, random_state=0, **settings).fit(inputs, label_ids)

    def permuted(group_of: np.ndarray) -> np.ndarray:
        return permutation.importance(inputs @ weights, inputs, weights, group_of, label_ids, by)

    works = {
        "fit": lambda: logistic.fit(inputs, label_ids, N_CLASSES, logit_sd=4.0),
        "fit_peer": lambda: peer.fit(inputs, label_ids),
        "permute_columns": lambda: permuted(np.arange(inputs.shape[1])),
        "permute_columns_peer": lambda: permutation_importance(
            peer, inputs, label_ids, scoring="neg_log_loss", n_repeats=REPEATS
        ),
        "permute_groups": lambda: permuted(group_of),
        "permute_groups_peer": lambda: theirs.importance(inputs, label_ids),
    }
    seconds = medians(works, REPEATS)
    names = [name for name in works if not name.endswith("_peer")]
    rows = {
        name: {"seconds": seconds[name], "ratio_to_peer": seconds[f"{name}_peer"] / seconds[name]} for name in names
    }
    rows["fit"]["loss_apart_nats"] = float(apart)
    return rows


def main() -> None:
    """Print the table, and write it where asked."""
    path = parse(__doc__)
    os.environ["EARMARK_WORKERS"] = "1"
    rows = parts(5000, 200)
    rows["rank_100k_1000"] = whole(100_000, 1000)
    print(f"load {load()}")
    report(rows, path)


if __name__ == "__main__":
    main()
