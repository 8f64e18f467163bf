"""Importance of groups of columns on clips the model never saw: what is lost when they are those of other clips."""

import numpy as np

BLOCK = 32  # groups at once; memory for n_clips * n_classes numbers each


def orders(n_repeats: int, n_clips: int, random: np.random.Generator) -> np.ndarray:
    """Return row orders (n_repeats, n_clips), which all groups share."""
    return np.stack([random.permutation(n_clips) for _ in range(n_repeats)])


def importance(
    logits: np.ndarray,
    moving: np.ndarray,
    weights: np.ndarray,
    group_of: np.ndarray,
    labels: np.ndarray,
    by: np.ndarray,
) -> np.ndarray:
    """Return the loss of each group: (n_groups, 2), in bits of cross entropy and in points of accuracy (0..100).

    A whole group takes the columns of other clips in one row order, so its columns stay true to one another; singly
    shuffled ones would form sounds that do not exist, and a twin in the group would hide the loss. As the model is
    linear, moving the rows of what a group adds to the logits is exact. Means over the row orders `by`.

    logits (n_clips, n_classes) of the model on the clips as they are; `moving` (n_clips, n_columns) what takes other
    rows: the inputs, or their residuals where the loss is conditional on other columns; weights (n_columns, n_classes);
    group_of (n_columns,) from 0, each number taken; labels (n_clips,); by (n_repeats, n_clips).
    """
    members = [np.flatnonzero(group_of == group) for group in range(int(group_of.max()) + 1)]
    by_class = np.ascontiguousarray(logits.T)
    known = bits_and_points(by_class[np.newaxis], labels)
    lost = np.zeros((len(members), 2))
    for first in range(0, len(members), BLOCK):
        block = slice(first, first + BLOCK)
        added = np.stack([weights[own].T @ moving[:, own].T for own in members[block]])
        for rows in by:
            moved = by_class + (added[:, :, rows] - added)
            lost[block] += (bits_and_points(moved, labels) - known) * (1, -1)
    return lost / len(by)


def bits_and_points(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return cross entropy in bits and accuracy in points of logits (n_groups, n_classes, n_clips): (n_groups, 2)."""
    peak = logits.max(axis=1)
    own = logits[:, labels, np.arange(len(labels))]
    nats = np.log(np.exp(logits - peak[:, np.newaxis]).sum(axis=1)) + peak - own
    points = 100 * np.mean(own == peak, axis=1, dtype=np.float64)
    return np.stack([nats.mean(axis=1, dtype=np.float64) / np.log(2), points], axis=1)
