"""Boosted trees beside the linear model: what columns tell in ways that no sum of them does."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from stages.boosting import grown
from stages.params import Section
from stages.rankers.permutation import bits_and_points

if TYPE_CHECKING:
    import lightgbm

Count = Annotated[int, Field(ge=1)]
LEAST_LOGIT = -10.0  # nats; LightGBM gives -34.5 to a class that was not there to learn, 50 bits for its first clip
Share = Annotated[float, Field(gt=0, le=1)]


class Params(Section):
    """How large the trees grow, and on how many clips and columns."""

    max_per_class: Count
    columns_per_family: Count
    n_rounds: Count
    n_leaves: Annotated[int, Field(ge=2)]
    min_clips: Count
    max_bin: Annotated[int, Field(ge=2, le=255)]
    learning_rate: Share
    column_share: Share
    n_repeats: Count
    n_explained: Count


def columns(order: np.ndarray, family_of: np.ndarray, most: int) -> np.ndarray:
    """Return the first `most` columns of each family in `order` (n_columns,), rising.

    Every family is heard by its best, so that one of five hundred columns does not crowd out one of thirty.
    """
    kept = [order[family_of[order] == family][:most] for family in np.unique(family_of)]
    return np.sort(np.concatenate(kept))


def fit(inputs: np.ndarray, labels: np.ndarray, n_classes: int, params: Params, seed: int) -> "lightgbm.Booster":
    """Return trees fitted to inputs (n_clips, n_columns) and labels (n_clips,), each time the same."""
    return grown(
        inputs,
        labels,
        n_classes,
        params.n_rounds,
        seed,
        num_leaves=params.n_leaves,
        min_data_in_leaf=params.min_clips,
        max_bin=params.max_bin,
        learning_rate=params.learning_rate,
        feature_fraction=params.column_share,
    )


def importance(
    model: "lightgbm.Booster",
    inputs: np.ndarray,
    family_of: np.ndarray,
    n_families: int,
    labels: np.ndarray,
    by: np.ndarray,
) -> np.ndarray:
    """Return the loss of each family in bits and points of accuracy: (n_families, 2), 0 for one without columns.

    As `permutation.importance`, but the trees are asked anew for each row order. inputs (n_clips, n_columns), family_of
    (n_columns,) below n_families, labels (n_clips,), by (n_repeats, n_clips).
    """
    present = np.unique(family_of)
    moved = np.repeat(inputs[np.newaxis], len(present) * len(by), axis=0)
    for at, family in enumerate(present):
        own = np.flatnonzero(family_of == family)
        for repeat, rows in enumerate(by):
            moved[at * len(by) + repeat][:, own] = inputs[np.ix_(rows, own)]
    known = bits_and_points(logits(model, inputs).T[np.newaxis], labels)
    raw = logits(model, moved.reshape(-1, inputs.shape[1])).reshape(len(moved), len(inputs), -1)
    lost = (bits_and_points(raw.transpose(0, 2, 1), labels) - known) * (1, -1)
    found = np.zeros((n_families, 2))
    found[present] = lost.reshape(len(present), len(by), 2).mean(axis=1)
    return found


def logits(model: "lightgbm.Booster", inputs: np.ndarray) -> np.ndarray:
    """Return what the trees say of each class: (n_clips, n_classes) float64, natural logarithms but for a constant."""
    return np.maximum(np.asarray(model.predict(inputs, raw_score=True, num_threads=1)), LEAST_LOGIT)


def shares_nats(model: "lightgbm.Booster", inputs: np.ndarray, family_of: np.ndarray, n_families: int) -> np.ndarray:
    """Return how far each family moves a logit from the mean of all classes, on average, in nats: (n_families,).

    From the trees' own Shapley values (TreeSHAP; Lundberg and others 2020), summed over the columns of a family. It
    says what the trees use, not what is lost without it.
    """
    n_clips, n_columns = inputs.shape
    values = np.asarray(model.predict(inputs, pred_contrib=True, num_threads=1)).reshape(n_clips, -1, n_columns + 1)
    values = values - values.mean(axis=1, keepdims=True)  # softmax sees differences between classes alone
    sums = [np.abs(values[:, :, np.flatnonzero(family_of == family)].sum(axis=2)) for family in range(n_families)]
    return np.array([own.mean() for own in sums])
