"""Columns that say the same, as clusters: what is told twice can be missed once, so importance is a cluster's."""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform


def assign(correlation: np.ndarray, max_distance: float) -> np.ndarray:
    """Return the cluster of each column, from 0 in the order of their first columns: (n_columns,) int64.

    Average linkage on 1 - |rho| with rho (n_columns, n_columns) Spearman's; two clusters join where the mean distance
    between their columns is at most max_distance. Labels play no part, so clusters may be shared by all folds.
    """
    if len(correlation) == 1:
        return np.zeros(1, dtype=np.int64)
    apart = np.maximum(0, 1 - np.abs(correlation))
    apart = (apart + apart.T) / 2
    np.fill_diagonal(apart, 0)
    numbers = fcluster(linkage(squareform(apart, checks=False), "average"), max_distance, "distance")
    _, first, cluster_of = np.unique(numbers, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[cluster_of]


def representatives(correlation: np.ndarray, cluster_of: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Return the column of each cluster that is closest to its others, by the sum of |rho|: (n_clusters,).

    Only columns that are `allowed` (n_columns,) stand for a cluster; each cluster has one.
    """
    chosen = []
    for cluster in range(int(cluster_of.max()) + 1):
        own = np.flatnonzero((cluster_of == cluster) & allowed)
        chosen.append(own[np.argmax(np.abs(correlation[np.ix_(own, own)]).sum(axis=1))])
    return np.array(chosen)


def residuals(posed_lower: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Return what no other input tells of each input: inputs (n_clips, n_inputs) -> as many float32.

    Permuting it alone keeps a column true to the others: conditional permutation importance (Chamma, Engemann and
    Thirion 2023). Each input is regressed on all others at once. With the inverse P of X'X / 2n + l2, of which
    `posed_lower` (n_inputs, n_inputs) is the Cholesky factor, the coefficients for input j are -P_ij / P_jj, and so its
    residual is (XP)_j / P_jj, a ridge regression learned where the model was.
    """
    inverse = np.linalg.inv(posed_lower.astype(np.float64))
    precision = inverse.T @ inverse
    return (inputs @ (precision / np.diag(precision))).astype(np.float32)
