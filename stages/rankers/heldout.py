"""One fold: all that is learned on its training groups, judged on the groups it leaves out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stages.rankers import clusters, compact, permutation, trees
from stages.rankers.columns import draw
from stages.rankers.compact import Encoded, Form
from stages.rankers.dropping import lost_bits
from stages.rankers.logistic import accuracy, fit, fit_scaler, loss_bits, place, problem
from stages.rankers.study import REPEATS, TREES, Study


@dataclass(frozen=True)
class Whole:
    """What the linear model of all columns loses on held-out clips without some of them.

    By permutation, in bits and in points of accuracy: `families` (n_families, 2), `clusters` (n_clusters, 2), `columns`
    (n_columns, 2), and `conditional` (n_clusters, 2), of each cluster's representative, given all others. `dropped`
    (n_families,) bits lost where the model learns without the family.
    """

    families: np.ndarray
    clusters: np.ndarray
    columns: np.ndarray
    conditional: np.ndarray
    dropped: np.ndarray


@dataclass(frozen=True)
class Few:
    """What the first columns of an order and other short forms of a clip tell on held-out clips.

    Of the trees: `trees` (n_families, 2) losses by permutation, `trees_shares` (n_families,) in nats of a logit, and
    `trees_reach` (2,) bits told about the class and accuracy 0..1. `curve` (n_orders, n_sizes, 2) the same two of
    linear models, and `forms` (n_types, 2) of linear models of each short form of a clip.
    """

    trees: np.ndarray
    trees_shares: np.ndarray
    trees_reach: np.ndarray
    curve: np.ndarray
    forms: dict[Form, np.ndarray]


@dataclass(frozen=True)
class Verdict(Whole, Few):
    """What one fold found on its held-out clips."""


@dataclass(frozen=True)
class Fold:
    """Standardised inputs (n_clips, n_columns + 1) and labels: `seen` by the models, and those held out."""

    seen: np.ndarray
    unseen: np.ndarray
    labels: np.ndarray
    truth: np.ndarray


def judge(study: Study, fold: int) -> Verdict:
    """Return the verdict of one fold: scaler, orders and models are learned on the other folds' clips alone."""
    return Verdict(**vars(all_columns(study, fold)), **vars(few_numbers(study, fold)))


def all_columns(study: Study, fold: int) -> Whole:
    """Return what the linear model of all columns loses without some of them: that half of a fold's verdict."""
    parts, params = _parts(study, fold), study.params
    random = np.random.default_rng([params.seed, REPEATS, fold])
    by = permutation.orders(params.n_repeats, len(parts.unseen), random)
    few = permutation.orders(params.clusters.n_repeats, len(parts.unseen), random)
    posed = problem(parts.seen, parts.labels, study.n_classes, params.logit_sd)
    found = place(posed)
    weights = posed.weights(found)
    logits, each = parts.unseen @ weights, np.arange(len(weights) - 1)
    families, groups, columns = (
        permutation.importance(logits, parts.unseen[:, :-1], weights[:-1], group_of, parts.truth, repeats)
        for group_of, repeats in ((study.family_of, by), (study.cluster_of, few), (each, few))
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
    forms = {encoded[0]: _told(study, parts, encoded) for encoded in _encoded(study, parts, orders[0], fold)}
    return Few(trees=lost, trees_shares=shares, trees_reach=reach, curve=curve, forms=forms)


HALVES: tuple[Callable[[Study, int], Whole | Few], ...] = (all_columns, few_numbers)


def _parts(study: Study, fold: int) -> Fold:
    learn, held = study.fold_of != fold, study.fold_of == fold
    scaler = fit_scaler(study.values[learn])
    seen, unseen = scaler.standardise(study.values[learn]), scaler.standardise(study.values[held])
    return Fold(seen, unseen, study.labels[learn], study.labels[held])


def _conditional(study: Study, parts: Fold, by: np.ndarray) -> np.ndarray:
    """Loss of each cluster's representative in a model of representatives alone, where it keeps what others tell."""
    columns = np.append(study.representatives, -1)
    seen, unseen = parts.seen[:, columns], parts.unseen[:, columns]
    posed = problem(seen, parts.labels, study.n_classes, study.params.logit_sd)
    weights = posed.weights(place(posed))
    apart = clusters.residuals(posed.lower, unseen)[:, :-1]
    return permutation.importance(unseen @ weights, apart, weights[:-1], np.arange(len(columns) - 1), parts.truth, by)


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
    by = permutation.orders(params.n_repeats, len(unseen), random)
    explained = unseen[np.sort(random.permutation(len(unseen))[: params.n_explained])]
    logits = trees.logits(model, unseen)
    guess = _guess_bits(parts.labels, parts.truth, study.n_classes)
    return (
        trees.importance(model, unseen, family_of, n_families, parts.truth, by),
        trees.shares_nats(model, explained, family_of, n_families),
        np.array([guess - loss_bits(logits, parts.truth), accuracy(logits, parts.truth)]),
    )


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


def _encoded(study: Study, parts: Fold, order: np.ndarray, fold: int) -> Iterator[Encoded]:
    params, columns = study.params.compact, slice(study.n_real)
    seen, unseen = parts.seen[:, columns], parts.unseen[:, columns]
    yield from compact.of_columns(seen, unseen, order, params)
    yield from compact.of_directions(seen, unseen, parts.labels, params)
    if study.frames is not None:
        held = study.fold_of == fold
        for form, numbers in compact.of_frames(study.frames, params):
            yield form, numbers[~held], numbers[held]


def _told(study: Study, parts: Fold, encoded: Encoded) -> np.ndarray:
    """Bits told about the class and accuracy, for each number of bits that a number is stored in: (n_types, 2).

    The reader learns from exact numbers once, so that types differ by what storing loses.
    """
    _, seen, unseen = encoded
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
