"""Columns that carry nothing, by construction: what they reach, anything reaches by chance."""

import numpy as np

FAMILY = "probes"
FEWEST = 20  # fewer give no band
COPY = "planted_copy"  # of a real column: whatever is made of one must be made of the other
KINDS = ("gaussian", "uniform", "heavy", "shadow")
HEAVY_DEGREES = 2  # Student's t without a finite variance: as wild as the wildest statistic


def names(n_probes: int) -> list[str]:
    """Return the names of the probes, kinds in turn: `probes_gaussian_00`, `probes_uniform_00`, ..."""
    return [f"{FAMILY}_{KINDS[index % len(KINDS)]}_{index // len(KINDS):02d}" for index in range(n_probes)]


def columns(real: np.ndarray, n_probes: int, random: np.random.Generator) -> np.ndarray:
    """Return noise for as many clips as `real` has: real (n_clips, n_columns) -> (n_clips, n_probes) float32.

    Kinds in turn: normal, uniform, Student's t, and shadows: a real column with its clips shuffled, so that its
    distribution is true and its knowledge gone.
    """
    n_clips = len(real)
    noise = np.empty((n_clips, n_probes), dtype=np.float32)
    for index in range(n_probes):
        kind = KINDS[index % len(KINDS)]
        if kind == "gaussian":
            noise[:, index] = random.standard_normal(n_clips)
        elif kind == "uniform":
            noise[:, index] = random.random(n_clips)
        elif kind == "heavy":
            noise[:, index] = random.standard_t(HEAVY_DEGREES, n_clips)
        else:
            noise[:, index] = random.permutation(real[:, random.integers(real.shape[1])])
    return noise
