"""Folds that no group shares, and intervals over them."""

import numpy as np
from scipy.special import stdtrit


class FoldError(ValueError):
    """The clips cannot be parted into the folds asked for."""


def assign(groups: np.ndarray, labels: np.ndarray, n_folds: int, random: np.random.Generator) -> np.ndarray:
    """Return the fold of each clip: (n_clips,), 0 .. n_folds - 1; all clips of a group lie in one fold.

    Groups are dealt out, those with most clips first and in random order among equals, each to the fold where classes
    and folds stay most even: the least sum over classes of (clips of the class in the fold)^2 / clips of the class,
    with all clips counted as one more class, so that no fold stays empty.
    """
    names, group_of = np.unique(groups, return_inverse=True)
    if len(names) < n_folds:
        shown = ", ".join(names[:3])
        raise FoldError(
            f"rank.n_folds is {n_folds}, expected at most {len(names)}, the number of groups in the training part"
            f" ({shown}{', ...' if len(names) > 3 else ''}); lower rank.n_folds or bring more groups"
        )
    classes, class_of = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (group_of, class_of), 1)
    counts = np.column_stack([counts, counts.sum(axis=1)])
    held, totals = np.zeros((n_folds, counts.shape[1])), counts.sum(axis=0)
    fold_of = np.empty(len(names), dtype=np.int64)
    for group in np.lexsort((random.random(len(names)), -counts[:, -1])):
        added = ((held + counts[group]) ** 2 - held**2) / totals
        fold_of[group] = np.argmin(added.sum(axis=1))
        held[fold_of[group]] += counts[group]
    return fold_of[group_of]


def interval(by_fold: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, lower and upper bound over folds (first axis).

    Folds share training clips, so their spread understates the error of the mean. Nadeau and Bengio (2003) widen it:
    mean +- t(n_folds - 1) * s * sqrt(1 / n_folds + held-out / training), and the last ratio is 1 / (n_folds - 1).
    """
    n_folds = len(by_fold)
    mean = by_fold.mean(axis=0)
    widened = by_fold.std(axis=0, ddof=1) * np.sqrt(1 / n_folds + 1 / (n_folds - 1))
    half = stdtrit(n_folds - 1, (1 + confidence) / 2) * widened
    return mean, mean - half, mean + half
