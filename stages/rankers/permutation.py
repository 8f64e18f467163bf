"""Importance of a family on clips the model never saw: what is lost when its columns are those of other clips."""

import numpy as np

from stages.rankers.logistic import accuracy, loss_bits


def contributions(inputs: np.ndarray, weights: np.ndarray, family_of: np.ndarray, n_families: int) -> np.ndarray:
    """Return what each family adds to the logits of a linear model: (n_families, n_clips, n_classes) float32.

    inputs (n_clips, n_columns), weights (n_columns, n_classes), family_of (n_columns,) numbers below n_families.
    """
    members = [np.flatnonzero(family_of == family) for family in range(n_families)]
    return np.stack([inputs[:, columns] @ weights[columns] for columns in members])


def importance(
    added: np.ndarray, intercept: np.ndarray, labels: np.ndarray, n_repeats: int, random: np.random.Generator
) -> np.ndarray:
    """Return the loss of each family: (n_families, 2), in bits of cross entropy and in points of accuracy (0..100).

    A whole family takes the columns of other clips in one row order, so its columns stay true to one another; singly
    shuffled ones would form sounds that do not exist, and a twin in the family would hide the loss. As the model is
    linear, moving the rows of what a family adds to the logits is exact. Means over `n_repeats` orders, which all
    families share.

    added (n_families, n_clips, n_classes) as `contributions` gives, intercept (n_classes,), labels (n_clips,).
    """
    logits = added.sum(axis=0) + intercept
    bits, right = loss_bits(logits, labels), accuracy(logits, labels)
    lost = np.zeros((len(added), 2))
    for _ in range(n_repeats):
        rows = random.permutation(len(labels))
        for family, own in enumerate(added):
            moved = logits + (own[rows] - own)
            lost[family] += loss_bits(moved, labels) - bits, 100 * (right - accuracy(moved, labels))
    return lost / n_repeats
