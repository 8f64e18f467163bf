"""One fold: all that is learned on its training groups, judged on the groups it leaves out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stages.rankers import clusters, compact, permutation, trees
from stages.rankers.columns import draw
from stages.rankers.compact import Encoded
from stages.rankers.dropping import lost_bits
from stages.rankers.logistic import accuracy, fit, fit_scaler, loss_bits, place, problem
from stages.rankers.stability import first
from stages.rankers.study import JUDGED, REPEATS, TREES, Study
from stages.rankers.verdict import Few, Verdict, Whole


@dataclass(frozen=True)
class Fold:
    """Standardised inputs (n_clips, n_columns + 1), ones last, and labels: `seen` by the models, and those held out.

    Of the clips held out, `judged` (n_judged,) take the columns of others where importance is measured.
    """

    seen: np.ndarray
    unseen: np.ndarray
    labels: np.ndarray
    truth: np.ndarray
    judged: np.ndarray

    @cached_property
    def products(self) -> np.ndarray:
        """Sums over clips seen of the products of inputs: (n_columns + 1, n_columns + 1)."""
        return self.seen.T @ self.seen


def judge(study: Study, fold: int) -> Verdict:
    """Return the verdict of one fold: scaler, orders and models are learned on the other folds' clips alone."""
    return Verdict(**vars(all_columns(study, fold)), **vars(few_numbers(study, fold)))


def all_columns(study: Study, fold: int) -> Whole:
    """Return what the linear model of all columns loses without some of them: that half of a fold's verdict."""
    parts, params = _parts(study, fold), study.params
    random = np.random.default_rng([params.seed, REPEATS, fold])
    by = permutation.orders(params.n_repeats, len(parts.judged), random)
    few = permutation.orders(params.clusters.n_repeats, len(parts.judged), random)
    posed = problem(parts.seen, parts.labels, study.n_classes, params.logit_sd, parts.products)
    found = place(posed)
    weights, known, truth = posed.weights(found), parts.unseen[parts.judged], parts.truth[parts.judged]
    families, groups, columns = (
        permutation.importance(known @ weights, known[:, :-1], weights[:-1], group_of, truth, repeats)
        for group_of, repeats in ((study.family_of, by), (study.cluster_of, few), (np.arange(len(weights) - 1), few))
    )
    return Whole(
        families=families,
        clusters=groups,
        columns=columns,
        conditional=_conditional(study, parts, few),
        dropped=lost_bits(posed, found, parts.unseen, parts.truth, study.family_of),
    )


def few_numbers(study: Study, fold: int) -> Few:
    """Return what the first columns of an order and other short forms of a clip tell: the other half of a verdict."""
    parts = _parts(study, fold)
    ranked = study.ranked(study.fold_of != fold, slice(study.n_real))
    orders = [order(ranked) for order in study.orders.values()]
    lost, shares, reach = _trees(study, parts, orders[0], fold)
    curve = _curve(study, parts, orders)
    forms = {form: _told(study, parts, seen, unseen) for form, seen, unseen in _encoded(study, parts, orders[0], fold)}
    chosen = first(orders[0], study.params.n_selected)
    return Few(trees=lost, trees_shares=shares, trees_reach=reach, curve=curve, forms=forms, selected=chosen)


def _parts(study: Study, fold: int) -> Fold:
    learn, held = study.fold_of != fold, study.fold_of == fold
    scaler = fit_scaler(study.values[learn])
    seen, unseen = scaler.standardise(study.values[learn]), scaler.standardise(study.values[held])
    labels, truth = study.labels[learn], study.labels[held]
    random = np.random.default_rng([study.params.seed, JUDGED, fold])
    judged = np.sort(random.permutation(len(truth))[: study.params.max_judged])
    return Fold(seen, unseen, labels, truth, judged)


def _conditional(study: Study, parts: Fold, by: np.ndarray) -> np.ndarray:
    """Loss of each cluster's representative in a model of representatives alone, where it keeps what others tell."""
    columns = np.append(study.representatives, -1)
    seen, unseen = parts.seen[:, columns], parts.unseen[np.ix_(parts.judged, columns)]
    products = parts.products[np.ix_(columns, columns)]
    posed = problem(seen, parts.labels, study.n_classes, study.params.logit_sd, products)
    weights = posed.weights(place(posed))
    apart = clusters.residuals(posed.lower, unseen)[:, :-1]
    each, truth = np.arange(len(columns) - 1), parts.truth[parts.judged]
    return permutation.importance(unseen @ weights, apart, weights[:-1], each, truth, by)


def _trees(study: Study, parts: Fold, order: np.ndarray, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loss of each family by permutation, its share of the logits, and what the trees reach: bits and accuracy."""
    params, n_families = study.params.trees, len(study.families)
    planted = np.arange(study.n_real + 1, len(study.family_of))
    columns = trees.columns(np.append(order, planted), study.family_of, params.columns_per_family)
    family_of, unseen = study.family_of[columns], parts.unseen[:, columns]
    rows = draw(parts.labels, params.max_per_class, study.params.seed)
    seen = parts.seen[np.ix_(rows, columns)]
    model = trees.fit(seen, parts.labels[rows], study.n_classes, params, study.params.seed)
    random = np.random.default_rng([study.params.seed, TREES, fold])
    by = permutation.orders(params.n_repeats, len(parts.judged), random)
    explained = unseen[np.sort(random.permutation(len(unseen))[: params.n_explained])]
    logits = trees.logits(model, unseen)
    guess = _guess_bits(parts.labels, parts.truth, study.n_classes)
    return (
        trees.importance(model, unseen[parts.judged], family_of, n_families, parts.truth[parts.judged], by),
        trees.shares_nats(model, explained, family_of, n_families),
        np.array([guess - loss_bits(logits, parts.truth), accuracy(logits, parts.truth)]),
    )


def _curve(study: Study, parts: Fold, orders: Sequence[np.ndarray]) -> np.ndarray:
    """Bits told about the class and accuracy of models of the first columns of each order: (n_orders, n_sizes, 2)."""
    guess = _guess_bits(parts.labels, parts.truth, study.n_classes)
    curve = np.empty((len(orders), len(study.sizes), 2))
    for which, order in enumerate(orders):
        columns = np.append(-1, order if which == 0 else order[: max(study.sizes[:-1], default=0)])
        seen, unseen, products = (
            parts.seen[:, columns],
            parts.unseen[:, columns],
            parts.products[np.ix_(columns, columns)],
        )
        for at, size in enumerate(study.sizes):
            if size == study.n_real and which > 0:  # the same columns in any order
                curve[which, at] = curve[0, at]
                continue
            first = slice(size + 1)
            posed = (seen[:, first], parts.labels, study.n_classes, study.params.logit_sd, products[first, first])
            logits = unseen[:, first] @ fit(*posed)
            curve[which, at] = guess - loss_bits(logits, parts.truth), accuracy(logits, parts.truth)
    return curve


def _encoded(study: Study, parts: Fold, order: np.ndarray, fold: int) -> Iterator[Encoded]:
    params, columns = study.params.compact, slice(study.n_real)
    seen, unseen = parts.seen[:, columns], parts.unseen[:, columns]
    yield from compact.of_columns(seen, unseen, order, params)
    yield from compact.of_directions(seen, unseen, parts.products[columns, columns], parts.labels, params)
    if study.frames is not None:
        held = study.fold_of == fold
        for form, numbers in compact.of_frames(study.frames, params):
            yield form, numbers[~held], numbers[held]


def _told(study: Study, parts: Fold, seen: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Bits told about the class and accuracy, for each number of bits that a number is stored in: (n_types, 2).

    The reader learns from exact numbers once, so that types differ by what storing loses.
    """
    scaler = fit_scaler(seen)
    weights = fit(scaler.standardise(seen), parts.labels, study.n_classes, study.params.logit_sd)
    known, guess = scaler.standardise(unseen), _guess_bits(parts.labels, parts.truth, study.n_classes)
    told = []
    for bits in study.params.compact.number_bits:
        logits = compact.stored(known[:, :-1], bits) @ weights[:-1] + weights[-1]
        told.append((guess - loss_bits(logits, parts.truth), accuracy(logits, parts.truth)))
    return np.array(told)


def _guess_bits(labels: np.ndarray, truth: np.ndarray, n_classes: int) -> float:
    """Mean cross entropy in bits of who knows the classes' frequencies alone, each class counted once more."""
    counts = np.bincount(labels, minlength=n_classes) + 1
    return float(-np.log2(counts / counts.sum())[truth].mean())
