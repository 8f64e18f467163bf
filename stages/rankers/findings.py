"""What the folds found, as the numbers that people compare: each with its interval over folds."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.rankers.columns import Condition
from stages.rankers.folds import interval
from stages.rankers.heldout import Verdict
from stages.rankers.probes import COPY, FAMILY
from stages.rankers.ranking import n_behind_probes
from stages.rankers.ranks import centred_ranks, spearman
from stages.rankers.stability import clusters_of, stability
from stages.rankers.study import Study

DIGITS = 6  # more would be noise of the arithmetic, and a line in every diff
NEAR_BEST = 0.99  # of the best accuracy on a curve
FAMILY_HEADER = (
    *("family", "importance_bits", "importance_bits_low", "importance_bits_high"),
    *("accuracy_points", "accuracy_points_low", "accuracy_points_high", "n_columns", "matters"),
    *("eps_squared", "information_bits", "dropped_bits", "dropped_bits_low", "dropped_bits_high"),
    *("trees_bits", "trees_bits_low", "trees_bits_high", "trees_points", "trees_shares_nats"),
    *("probes_low", "probes_high"),
)
CURVE_HEADER = (
    *("order", "n_columns", "accuracy", "accuracy_low", "accuracy_high"),
    *("information_bits", "information_bits_low", "information_bits_high"),
)


def summary(study: Study, condition: Condition, verdicts: Sequence[Verdict], table: pa.Table) -> dict[str, object]:
    """Return what was measured, on what, and the columns that could not be; `table` is the ranking."""
    found = families(study, verdicts, table)
    return {
        "measured_on": "held-out groups of the training part: speakers, or voices that sound alike",
        "n": len(study.labels),
        "max_per_class": study.params.max_per_class,
        "n_folds": len(verdicts),
        "confidence": study.params.confidence,
        "n_columns": len(condition.missing),
        "n_constant": int(condition.constant.sum()),
        "n_with_missing_values": int((condition.missing > 0).sum()),
        "n_unmeasured": int((~condition.measured(study.params.max_missing)).sum()),
        "n_clusters": len(set(study.cluster_of[: study.n_real].tolist())),
        "planted_copy": planted_copy(study, table),
        "probes": found.pop(FAMILY),
        "families": found,
        "family_rank_correlation_between_folds": family_rank_correlation([of.families for of in verdicts]),
        "family_rank_correlation_between_folds_of_trees": family_rank_correlation([of.trees for of in verdicts]),
        "all_columns": _reached(study, [verdict.curve[0, -1] for verdict in verdicts]),
        "trees": _reached(study, [verdict.trees_reach for verdict in verdicts]),
        "fewest_columns_within_1_percent": fewest_columns(study, verdicts),
    }


def selection(study: Study, table: pa.Table, chosen: Sequence[np.ndarray]) -> dict[str, object]:
    """Return how far the selection can be trusted; `chosen` (n_real,) are those of each seed and fold."""
    touched = [clusters_of(study, own) for own in chosen]
    return {
        "n_selected": study.params.n_selected,
        "n_selected_behind_probes": n_behind_probes(table),
        "selection_stability": {
            "n_seeds": study.params.n_seeds,
            "of_columns": rounded(stability(chosen)),
            "of_clusters": rounded(stability(touched)),
        },
    }


def families(study: Study, verdicts: Sequence[Verdict], table: pa.Table) -> dict[str, dict]:
    """Return each family's importance, in bits and points of accuracy, and whether it matters; `table` is the ranking.

    It matters where the lower bound of its bits by permutation lies above the upper bound of the probes'. Its
    `dropped_bits` are lost where the model learns again without it; effect and information are its columns' greatest.
    """
    by_fold = np.stack([verdict.families for verdict in verdicts])
    mean, low, high = interval(by_fold, study.params.confidence)
    dropped = interval(np.stack([verdict.dropped for verdict in verdicts]), study.params.confidence)
    trees = interval(np.stack([verdict.trees for verdict in verdicts]), study.params.confidence)
    shares = np.mean([verdict.trees_shares for verdict in verdicts], axis=0)
    found = {}
    for family, name in enumerate(study.families):
        found[name] = {
            "n_usable_columns": int(np.count_nonzero(study.family_of[: study.n_real] == family)),
            "importance_bits": bounded(mean[family, 0], low[family, 0], high[family, 0]),
            "accuracy_points": bounded(mean[family, 1], low[family, 1], high[family, 1]),
            "importance_bits_by_fold": [rounded(bits) for bits in by_fold[:, family, 0]],
            "dropped_bits": bounded(*(of[family] for of in dropped)),
            "trees_bits": bounded(*(of[family, 0] for of in trees)),
            "trees_points": bounded(*(of[family, 1] for of in trees)),
            "trees_shares_nats": rounded(shares[family]),
            **greatest(table.filter(pc.field("family") == name)),
        }
        if name != FAMILY:
            found[name]["matters"] = bool(low[family, 0] > high[-1, 0])
    found[FAMILY]["n_usable_columns"] = study.params.n_probes
    return found


def greatest(rows: pa.Table) -> dict[str, float]:
    """Return the greatest effect size and information in bits of some rows of the ranking; 0 where none is measured."""
    names = ("eps_squared", "information_bits")
    return {name: rounded(np.fmax.reduce(rows.column(name).to_numpy(), initial=0.0)) for name in names}


def family_rows(study: Study, verdicts: Sequence[Verdict], table: pa.Table) -> list[list[object]]:
    """Return the rows of FAMILY_HEADER, most important family first."""
    found = families(study, verdicts, table)
    band = found[FAMILY]["importance_bits"]
    rows = []
    for name in sorted(found, key=lambda name: -found[name]["importance_bits"]["value"]):
        entry = found[name]
        bounds = [*entry["importance_bits"].values(), *entry["accuracy_points"].values()]
        more = [entry["eps_squared"], entry["information_bits"], *entry["dropped_bits"].values()]
        more += [*entry["trees_bits"].values(), entry["trees_points"]["value"], entry["trees_shares_nats"]]
        more += [band["low"], band["high"]]
        rows.append([name, *bounds, entry["n_usable_columns"], "yes" if entry.get("matters") else "no", *more])
    return rows


def curve_rows(study: Study, verdicts: Sequence[Verdict]) -> list[list[object]]:
    """Return the rows of CURVE_HEADER: accuracy 0..1 and bits against the number of columns, for each order."""
    mean, low, high = interval(np.stack([verdict.curve for verdict in verdicts]), study.params.confidence)
    rows = []
    for which, name in enumerate(study.orders):
        for at, size in enumerate(study.sizes):
            bits, accuracy = ([bound[which, at, of] for bound in (mean, low, high)] for of in (0, 1))
            rows.append([name, size, *share(*accuracy).values(), *bounded(*bits).values()])
    return rows


def planted_copy(study: Study, table: pa.Table) -> dict[str, object]:
    """Return how the copy of a real column fared beside its original, which is in its cluster and takes its place."""
    rows = {row["column"]: row for row in table.to_pylist()}
    original = study.names[study.original]
    measures = ("cluster", "order_rank", "importance_bits")
    return {
        "of": original,
        "original": {name: _plain(rows[original][name]) for name in measures},
        "copy": {name: _plain(rows[COPY][name]) for name in measures},
    }


def class_counts(
    names: Sequence[str], label_ids: np.ndarray, groups: np.ndarray, drawn: np.ndarray
) -> dict[str, dict[str, int]]:
    """Return, for each class, the clips drawn to rank on, and the clips and groups of the training part.

    `names` are those of the label_ids at hand, rising; label_ids, groups (n_training_clips,); drawn (n,) label_ids.
    """
    counts = {}
    for name, label_id in zip(names, np.unique(label_ids), strict=True):
        own = label_ids == label_id
        counts[name] = {
            "n": int(np.count_nonzero(drawn == label_id)),
            "n_training_clips": int(np.count_nonzero(own)),
            "n_training_groups": len(np.unique(groups[own])),
        }
    return counts


def family_rank_correlation(by_fold: Sequence[np.ndarray]) -> float:
    """Return how alike the folds order the real families: Spearman's correlation, mean over pairs of folds.

    by_fold holds each fold's losses (n_families, 2), bits first, those of the probes last.

    0 where there is one family, and nothing to order.
    """
    between = spearman(centred_ranks(np.stack([lost[:-1, 0] for lost in by_fold])))
    return rounded(between[np.triu_indices(len(by_fold), k=1)].mean(dtype=np.float64))


def column_rows(top: pa.Table) -> list[list[object]]:
    """Return rows of the ranking as they stand, numbers rounded."""
    return [[_plain(cell) for cell in row.values()] for row in top.to_pylist()]


def fewest_columns(study: Study, verdicts: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    """Return for each order the fewest columns of the curve whose mean accuracy is NEAR_BEST of its highest."""
    mean = np.mean([verdict.curve[:, :, 1] for verdict in verdicts], axis=0)
    places = {name: int(np.argmax(own >= NEAR_BEST * own.max())) for name, own in zip(study.orders, mean, strict=True)}
    return {
        name: {"n_columns": study.sizes[at], "accuracy": rounded(own[at]), "best_accuracy": rounded(own.max())}
        for (name, at), own in zip(places.items(), mean, strict=True)
    }


def _reached(study: Study, by_fold: Sequence[np.ndarray]) -> dict[str, dict[str, float]]:
    """What a model reaches, from its bits and accuracy in each fold."""
    mean, low, high = interval(np.stack(by_fold), study.params.confidence)
    return {
        "information_bits": bounded(mean[0], low[0], high[0]),
        "accuracy": share(mean[1], low[1], high[1]),
    }


def bounded(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": rounded(value), "low": rounded(low), "high": rounded(high)}


def share(value: float, low: float, high: float) -> dict[str, float]:
    """Return a share with its bounds, none beyond 0 and 1."""
    return bounded(value, max(low, 0.0), min(high, 1.0))


def _plain(cell: float | str) -> float | str:
    return rounded(cell) if isinstance(cell, float) else cell


def rounded(value: float) -> float:
    return round(float(value), DIGITS)
