"""What one fold found: the numbers of its held-out clips."""

from dataclasses import dataclass

import numpy as np

from stages.rankers.compact import Form


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
    linear models, and `forms` (n_types, 2) of linear models of each short form of a clip. `selected` (n_real,) whether
    the fold's own selection holds the column.
    """

    trees: np.ndarray
    trees_shares: np.ndarray
    trees_reach: np.ndarray
    curve: np.ndarray
    forms: dict[Form, np.ndarray]
    selected: np.ndarray


@dataclass(frozen=True)
class Verdict(Whole, Few):
    """What one fold found on its held-out clips."""
