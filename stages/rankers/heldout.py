"""One fold: all that is learned on its training groups, judged on the groups it leaves out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.rankers import clusters, permutation
from stages.rankers.dropping import lost_bits
from stages.rankers.logistic import accuracy, fit, fit_scaler, loss_bits, place, problem
from stages.rankers.study import REPEATS, Study


@dataclass(frozen=True)
class Verdict:
    """What one fold found on its held-out clips.

    Losses by permutation, in bits and in points of accuracy: `families` (n_families, 2), `clusters` (n_clusters, 2),
    `columns` (n_columns, 2), and `conditional` (n_clusters, 2), of each cluster's representative, given all others.
    `dropped` (n_families,) bits lost where the model learns without the family. `curve` (n_orders, n_sizes, 2) bits
    told about the class and accuracy 0..1; `selected` (n_real,) whether the fold's own selection holds the column.
    """

    families: np.ndarray
    clusters: np.ndarray
    columns: np.ndarray
    conditional: np.ndarray
    dropped: np.ndarray
    curve: np.ndarray
    selected: np.ndarray


@dataclass(frozen=True)
class Fold:
    """Standardised inputs (n_clips, n_columns + 1) and labels: `seen` by the models, and those held out."""

    seen: np.ndarray
    unseen: np.ndarray
    labels: np.ndarray
    truth: np.ndarray


def judge(study: Study, fold: int) -> Verdict:
    """Return the verdict of one fold: scaler, orders and models are learned on the other folds' clips alone."""
    learn, held = study.fold_of != fold, study.fold_of == fold
    scaler = fit_scaler(study.values[learn])
    seen, unseen = scaler.standardise(study.values[learn]), scaler.standardise(study.values[held])
    parts = Fold(seen, unseen, study.labels[learn], study.labels[held])
    random = np.random.default_rng([study.params.seed, REPEATS, fold])
    by = permutation.orders(study.params.n_repeats, len(unseen), random)
    few = permutation.orders(study.params.clusters.n_repeats, len(unseen), random)

    ranked = study.ranked(learn, slice(study.n_real))
    orders = [order(ranked) for order in study.orders.values()]
    selected = np.zeros(study.n_real, dtype=bool)
    selected[orders[0][: study.params.n_selected]] = True

    posed = problem(seen, parts.labels, study.n_classes, study.params.logit_sd)
    found = place(posed)
    weights = posed.weights(found)
    logits = unseen @ weights
    families, groups, columns = (
        permutation.importance(logits, unseen[:, :-1], weights[:-1], group_of, parts.truth, repeats)
        for group_of, repeats in ((study.family_of, by), (study.cluster_of, few), (np.arange(len(weights) - 1), few))
    )
    return Verdict(
        families=families,
        clusters=groups,
        columns=columns,
        conditional=_conditional(study, parts, few),
        dropped=lost_bits(posed, found, unseen, parts.truth, study.family_of),
        curve=_curve(study, parts, orders),
        selected=selected,
    )


def _conditional(study: Study, parts: Fold, by: np.ndarray) -> np.ndarray:
    """Loss of each cluster's representative in a model of representatives alone, where it keeps what others tell."""
    columns = np.append(study.representatives, -1)
    seen, unseen = parts.seen[:, columns], parts.unseen[:, columns]
    posed = problem(seen, parts.labels, study.n_classes, study.params.logit_sd)
    weights = posed.weights(place(posed))
    apart = clusters.residuals(posed.lower, unseen)[:, :-1]
    return permutation.importance(unseen @ weights, apart, weights[:-1], np.arange(len(columns) - 1), parts.truth, by)


def _curve(study: Study, parts: Fold, orders: Sequence[np.ndarray]) -> np.ndarray:
    """Bits told about the class and accuracy of models of the first columns of each order: (n_orders, n_sizes, 2)."""
    guess = _guess_bits(parts.labels, parts.truth, study.n_classes)
    curve = np.empty((len(orders), len(study.sizes), 2))
    for at, size in enumerate(study.sizes):
        for which, order in enumerate(orders):
            if size == study.n_real and which > 0:  # the same columns in any order
                curve[which, at] = curve[0, at]
                continue
            columns = np.append(order[:size], -1)
            weights = fit(parts.seen[:, columns], parts.labels, study.n_classes, study.params.logit_sd)
            logits = parts.unseen[:, columns] @ weights
            curve[which, at] = guess - loss_bits(logits, parts.truth), accuracy(logits, parts.truth)
    return curve


def _guess_bits(labels: np.ndarray, truth: np.ndarray, n_classes: int) -> float:
    """Mean cross entropy in bits of who knows the classes' frequencies alone, each class counted once more."""
    counts = np.bincount(labels, minlength=n_classes) + 1
    return float(-np.log2(counts / counts.sum())[truth].mean())
