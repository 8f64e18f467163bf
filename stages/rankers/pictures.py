"""The numbers behind the plots: a map of clips, what top columns are in each class, how clusters hang together."""

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from stages.rankers.columns import draw
from stages.rankers.compact import discriminants, principal_axes
from stages.rankers.findings import rounded
from stages.rankers.logistic import fit_scaler
from stages.rankers.ranks import centred_ranks, spearman
from stages.rankers.study import Study

MAP_HEADER = ("method", "x", "y", "label")
CLASSES_HEADER = ("column", "label", "low", "quarter", "median", "three_quarters", "high", "unit")
CORRELATION_HEADER = ("column", "other", "correlation", "place", "other_place")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
N_AXES = 80  # principal components that discriminants are made of


def map_rows(study: Study, classes: Sequence[str]) -> list[list[object]]:
    """Return the rows of MAP_HEADER: clips that the first fold holds out, on axes learned from all others.

    `pca` are the directions of greatest variance of all columns, `lda` those that part the classes best. `classes` are
    the names of the label_ids. Coordinates in standard deviations of the clips learned from.
    """
    held = study.fold_of == 0
    real = study.values[:, : study.n_real]
    scaler = fit_scaler(real[~held])
    shown = np.flatnonzero(held)
    shown = shown[draw(study.labels[shown], study.params.plots.clips_per_class, study.params.seed)]
    seen, unseen = (scaler.standardise(real[rows])[:, :-1] for rows in (~held, shown))
    axes = principal_axes(seen.T @ seen, min(N_AXES, *seen.shape))
    parting = axes @ discriminants(seen @ axes, study.labels[~held])
    rows: list[list[object]] = []
    for method, directions in (("pca", axes[:, :2]), ("lda", parting[:, :2])):
        if directions.shape[1] < 2:  # two classes have one discriminant
            continue
        deviation = (seen @ directions).std(axis=0)
        places = unseen @ directions / deviation
        for (x, y), label in zip(places, study.labels[shown], strict=True):
            rows.append([method, rounded(x), rounded(y), classes[label]])
    return rows


def class_rows(study: Study, classes: Sequence[str], names: Sequence[str], units: Sequence[str]) -> list[list[object]]:
    """Return the rows of CLASSES_HEADER: quantiles of columns in each class that has any, over the clips ranked on."""
    rows: list[list[object]] = []
    for name, unit in zip(names, units, strict=True):
        values = study.values[:, study.names.index(name)]
        for label in np.unique(study.labels):
            own = values[study.labels == label]
            own = own[~np.isnan(own)]
            if len(own):
                rows.append([name, classes[label], *(rounded(bound) for bound in np.quantile(own, QUANTILES)), unit])
    return rows


def correlation_rows(study: Study, numbers: np.ndarray) -> list[list[object]]:
    """Return the rows of CORRELATION_HEADER: Spearman's rho of all pairs of columns `numbers`, alike ones side by side.

    Columns stand in the order of the leaves of an average linkage on 1 - |rho|, the way that clusters are made.
    """
    correlation = np.clip(spearman(centred_ranks(study.values[:, numbers].T)), -1, 1)
    apart = 1 - np.abs((correlation + correlation.T) / 2)
    np.fill_diagonal(apart, 0)
    places = leaves_list(linkage(squareform(apart, checks=False), "average", optimal_ordering=True))
    names = [study.names[number] for number in numbers[places]]
    ordered = correlation[np.ix_(places, places)]
    return [
        [name, other, rounded(ordered[at, to]), at, to]
        for at, name in enumerate(names)
        for to, other in enumerate(names)
    ]
