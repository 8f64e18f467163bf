"""What all folds look at: clips drawn from the training part, usable columns beside noise probes, folds by group."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from stages.params import Section
from stages.rankers import RANKERS, clusters, compact, folds, probes, trees
from stages.rankers.columns import Columns, draw
from stages.rankers.compact import Frames
from stages.rankers.ranks import Ranked, centred_ranks, spearman

PROBES, FOLDS, REPEATS, TREES, JUDGED, CHANCE = range(6)  # streams of random numbers


def _known_order(name: str) -> str:
    if name not in RANKERS:
        raise PydanticCustomError("order", "one of {known}", {"known": ", ".join(RANKERS)})
    return name


Count = Annotated[int, Field(ge=1)]
Order = Annotated[str, AfterValidator(_known_order)]


class Curve(Section):
    """Held-out accuracy and bits against the number of columns, for the selecting order and others."""

    against: tuple[Order, ...]
    sizes: tuple[Count, ...]


class Clusters(Section):
    """Which columns count as one, how often they are permuted, and how many clusters are listed."""

    max_distance: Annotated[float, Field(ge=0, lt=1)]
    n_repeats: Count
    n_listed: Count


class Plots(Section):
    """How much the plots show."""

    n_columns: Count
    n_clusters: Annotated[int, Field(ge=2)]
    clips_per_class: Count


class Params(Section):
    """How many clips, folds and probes the ranking rests on, and how many columns it selects."""

    seed: Annotated[int, Field(ge=0)]
    max_per_class: Count
    max_missing: Annotated[float, Field(ge=0, lt=1)]
    n_folds: Annotated[int, Field(ge=2)]
    n_seeds: Count
    n_bins: Annotated[int, Field(ge=2)]
    n_probes: Annotated[int, Field(ge=probes.FEWEST)]
    max_judged: Count
    n_repeats: Count
    logit_sd: Annotated[float, Field(gt=0)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    order: Order
    n_selected: Count
    clusters: Clusters
    trees: trees.Params
    curve: Curve
    compact: compact.Params
    plots: Plots


@dataclass(frozen=True)
class Study:
    """Clips and columns that the folds share, and how they are judged.

    `values` (n_clips, n_columns) float32, NaN where missing, the `n_real` real columns first, then the planted copy of
    number `original`, then the probes; `labels` (n_clips,) below `n_classes`; `folds_of` (n_seeds, n_clips), of which
    the first are judged and the others selected from; `family_of` (n_columns,) places in `families`, probes last, the
    copy in that of its original; `cluster_of` (n_columns,) and each cluster's representative (n_clusters,); `names` of
    all columns; `rows` (n_clips,) of the training part; `frames` of the same clips, where they are looked at.
    """

    values: np.ndarray
    labels: np.ndarray
    folds_of: np.ndarray
    family_of: np.ndarray
    families: tuple[str, ...]
    cluster_of: np.ndarray
    representatives: np.ndarray
    names: tuple[str, ...]
    n_real: int
    original: int
    n_classes: int
    params: Params
    rows: np.ndarray
    frames: Frames | None = None

    @property
    def fold_of(self) -> np.ndarray:
        """The fold of each clip: (n_clips,)."""
        return self.folds_of[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many of the first columns the curve tries, rising; all of them last."""
        return (*sorted({size for size in self.params.curve.sizes if size < self.n_real}), self.n_real)

    @property
    def orders(self) -> dict[str, Callable[[Ranked], np.ndarray]]:
        """Orders of columns by name, the selecting one first."""
        return {name: RANKERS[name].order for name in dict.fromkeys([self.params.order, *self.params.curve.against])}

    def ranked(self, rows: np.ndarray | slice, columns: slice) -> Ranked:
        """Return what a ranker sees of some clips and columns."""
        ranks = centred_ranks(self.values[rows, columns].T)
        return Ranked(ranks, self.labels[rows], self.n_classes, self.params.n_bins)


def study_of(columns: Columns, numbers: np.ndarray, label_ids: np.ndarray, groups: np.ndarray, params: Params) -> Study:
    """Return the study of training clips: label_ids, groups (n_clips,), `columns` of which `numbers` are usable."""
    drawn = draw(label_ids, params.max_per_class, params.seed)
    labels = label_ids[drawn]
    dealt = [
        folds.assign(groups[drawn], labels, params.n_folds, np.random.default_rng([params.seed, FOLDS, again]))
        for again in range(params.n_seeds)
    ]
    real = columns.values[np.ix_(drawn, numbers)]
    random = np.random.default_rng([params.seed, PROBES])
    noise = probes.columns(real, params.n_probes, random)
    original = int(random.integers(len(numbers)))
    values = np.concatenate([real, real[:, [original]], noise], axis=1)
    families = (*dict.fromkeys(columns.families), probes.FAMILY)
    family_of = [families.index(columns.families[number]) for number in numbers]
    correlation = spearman(centred_ranks(values.T))
    cluster_of = clusters.assign(correlation, params.clusters.max_distance)
    return Study(
        values=values,
        labels=labels,
        folds_of=np.stack(dealt),
        family_of=np.array([*family_of, family_of[original], *[len(families) - 1] * params.n_probes]),
        families=families,
        cluster_of=cluster_of,
        representatives=clusters.representatives(correlation, cluster_of, np.arange(len(cluster_of)) != len(numbers)),
        names=(*(columns.fields[number].name for number in numbers), probes.COPY, *probes.names(params.n_probes)),
        n_real=len(numbers),
        original=original,
        n_classes=int(label_ids.max()) + 1,
        params=params,
        rows=drawn,
    )
