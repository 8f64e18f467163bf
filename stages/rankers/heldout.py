"""One fold: all that is learned on its training groups, judged on the groups it leaves out."""

from dataclasses import dataclass

import numpy as np

from stages.rankers import permutation
from stages.rankers.logistic import accuracy, fit, fit_scaler, loss_bits
from stages.rankers.study import REPEATS, Study


@dataclass(frozen=True)
class Verdict:
    """What one fold found on its held-out clips.

    `families` (n_families, 2) loss by permutation, in bits and in points of accuracy; `curve` (n_orders, n_sizes, 2)
    bits told about the class and accuracy 0..1; `selected` (n_real,) whether the fold's own selection holds the column.
    """

    families: np.ndarray
    curve: np.ndarray
    selected: np.ndarray


def judge(study: Study, fold: int) -> Verdict:
    """Return the verdict of one fold: scaler, orders and models are learned on the other folds' clips alone."""
    params, learn, held = study.params, study.fold_of != fold, study.fold_of == fold
    scaler = fit_scaler(study.values[learn])
    seen, unseen = scaler.standardise(study.values[learn]), scaler.standardise(study.values[held])
    labels, truth = study.labels[learn], study.labels[held]

    weights = fit(seen, labels, study.n_classes, params.logit_sd)
    added = permutation.contributions(unseen[:, :-1], weights[:-1], study.family_of, len(study.families))
    random = np.random.default_rng([params.seed, REPEATS, fold])
    families = permutation.importance(added, weights[-1], truth, params.n_repeats, random)

    ranked = study.ranked(learn, slice(study.n_real))
    orders = [order(ranked) for order in study.orders.values()]
    selected = np.zeros(study.n_real, dtype=bool)
    selected[orders[0][: params.n_selected]] = True

    guess = _guess_bits(labels, truth, study.n_classes)
    curve = np.empty((len(orders), len(study.sizes), 2))
    for at, size in enumerate(study.sizes):
        for which, order in enumerate(orders):
            if size == study.n_real and which > 0:  # the same columns in any order
                curve[which, at] = curve[0, at]
                continue
            columns = np.append(order[:size], -1)
            logits = unseen[:, columns] @ fit(seen[:, columns], labels, study.n_classes, params.logit_sd)
            curve[which, at] = guess - loss_bits(logits, truth), accuracy(logits, truth)
    return Verdict(families, curve, selected)


def _guess_bits(labels: np.ndarray, truth: np.ndarray, n_classes: int) -> float:
    """Mean cross entropy in bits of who knows the classes' frequencies alone, each class counted once more."""
    counts = np.bincount(labels, minlength=n_classes) + 1
    return float(-np.log2(counts / counts.sum())[truth].mean())
