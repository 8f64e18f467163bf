"""What all folds look at: clips drawn from the training part, usable columns beside noise probes, folds by group."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from stages.params import Section
from stages.rankers import RANKERS, folds, probes
from stages.rankers.columns import Columns, draw
from stages.rankers.ranks import Ranked, centred_ranks

SELECTING = "mrmr"  # the order whose first columns are selected
PROBES, FOLDS, REPEATS = 0, 1, 2  # streams of random numbers


def _known_order(name: str) -> str:
    if name not in RANKERS:
        raise PydanticCustomError("order", "one of {known}", {"known": ", ".join(RANKERS)})
    return name


Count = Annotated[int, Field(ge=1)]


class Curve(Section):
    """Held-out accuracy and bits against the number of columns, for the selecting order and others."""

    against: tuple[Annotated[str, AfterValidator(_known_order)], ...]
    sizes: tuple[Count, ...]


class Params(Section):
    """How many clips, folds and probes the ranking rests on, and how many columns it selects."""

    seed: Annotated[int, Field(ge=0)]
    max_per_class: Count
    max_missing: Annotated[float, Field(ge=0, lt=1)]
    n_folds: Annotated[int, Field(ge=2)]
    n_bins: Annotated[int, Field(ge=2)]
    n_probes: Annotated[int, Field(ge=len(probes.KINDS))]
    n_repeats: Count
    logit_sd: Annotated[float, Field(gt=0)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    n_selected: Count
    curve: Curve


@dataclass(frozen=True)
class Study:
    """Clips and columns that the folds share, and how they are judged.

    `values` (n_clips, n_columns) float32, NaN where missing, the `n_real` real columns first, then the probes; `labels`
    (n_clips,) below `n_classes`; `fold_of` (n_clips,); `family_of` (n_columns,) places in `families`, probes last.
    """

    values: np.ndarray
    labels: np.ndarray
    fold_of: np.ndarray
    family_of: np.ndarray
    families: tuple[str, ...]
    n_real: int
    n_classes: int
    params: Params

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many of the first columns the curve tries, rising; all of them last."""
        return (*sorted({size for size in self.params.curve.sizes if size < self.n_real}), self.n_real)

    @property
    def orders(self) -> dict[str, Callable[[Ranked], np.ndarray]]:
        """Orders of columns by name, the selecting one first."""
        return {name: RANKERS[name].order for name in dict.fromkeys([SELECTING, *self.params.curve.against])}

    def ranked(self, rows: np.ndarray | slice, columns: slice) -> Ranked:
        """Return what a ranker sees of some clips and columns."""
        ranks = centred_ranks(self.values[rows, columns].T)
        return Ranked(ranks, self.labels[rows], self.n_classes, self.params.n_bins)


def study_of(columns: Columns, numbers: np.ndarray, label_ids: np.ndarray, groups: np.ndarray, params: Params) -> Study:
    """Return the study of training clips: label_ids, groups (n_clips,), `columns` of which `numbers` are usable."""
    drawn = draw(label_ids, params.max_per_class, params.seed)
    labels = label_ids[drawn]
    fold_of = folds.assign(groups[drawn], labels, params.n_folds, np.random.default_rng([params.seed, FOLDS]))
    real = columns.values[np.ix_(drawn, numbers)]
    noise = probes.columns(real, params.n_probes, np.random.default_rng([params.seed, PROBES]))
    families = (*dict.fromkeys(columns.families), probes.FAMILY)
    family_of = [families.index(columns.families[number]) for number in numbers]
    return Study(
        values=np.concatenate([real, noise], axis=1),
        labels=labels,
        fold_of=fold_of,
        family_of=np.array(family_of + [len(families) - 1] * params.n_probes),
        families=families,
        n_real=len(numbers),
        n_classes=int(label_ids.max()) + 1,
        params=params,
    )
