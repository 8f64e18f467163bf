"""Two models on the same clips: how far apart in accuracy, and whether chance alone would part them so far.

Two answers. The difference in accuracy, means over seeds, with an interval by bootstrap over groups in which both
models get the same draw, so that what is hard for both does not count. And McNemar's exact test (McNemar, 1947,
https://doi.org/10.1007/BF02295996) on each model's first seed: of the clips that one alone has right, either model is
as likely to be that one. It takes clips for independent, which those of one speaker are not, so its p is too small
where groups are large: believe the interval then. Many pairs bring small p by chance: `p_holm` is p after Holm, 1979,
below which share all pairs together are wrongly parted. Intervals are each on its own.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from scipy.special import bdtr

from stages.scores.bootstrap import by_group, draws, interval
from stages.scores.checks import ScoreError
from stages.scores.params import Params

DIGITS = 6  # of differences; p keeps as many significant ones
COLUMNS = (
    "difference",
    "difference_low",
    "difference_high",
    "n_only_first_right",
    "n_only_second_right",
    "p",
    "p_holm",
    "n_clips",
    "n_groups",
)


def mcnemar(n_one: int, n_other: int) -> float:
    """Return the two-sided p of McNemar's exact test.

    p = 2 P(X <= smaller), X binomial over the clips that one model alone has right, 1/2 each; at most 1.

    Parameters
    n_one, n_other   clips that the one model has right and the other has not, and the reverse
    """
    n_apart = n_one + n_other
    return min(1.0, 2 * float(bdtr(min(n_one, n_other), n_apart, 0.5))) if n_apart else 1.0


def holm(p: np.ndarray) -> np.ndarray:
    """Return each p (n,) adjusted for n tests: the k-th smallest times n - k + 1, at most 1, never falling."""
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted[np.argsort(order, kind="stable")]


def compared(right: Mapping[str, np.ndarray], groups: np.ndarray, params: Params) -> dict[str, dict]:
    """Return what parts each two models, by `<model> - <other>`; `difference` above 0 speaks for the first.

    One group alone says nothing about others: the ends of its interval are None.

    Parameters
    right    model -> (n_seeds, n_clips) bool, whether a clip is right; the first row is the first seed's
    groups   (n_clips,) name of each clip's group
    """
    n_groups = len(np.unique(groups))
    counts = draws(n_groups, params.n_bootstrap, np.random.default_rng([params.seed]))
    if any(one.ndim != 2 or one.shape[1] != len(groups) for one in right.values()):
        shapes = ", ".join(f"{model} {one.shape}" for model, one in right.items())
        raise ScoreError(f"models are right on clips of shapes {shapes}, expected (n_seeds, {len(groups)})")
    names = list(combinations(right, 2))
    apart = [_apart(right[one], right[other], groups, counts, params.confidence) for one, other in names]
    only = [(_only(right[one][0], right[other][0]), _only(right[other][0], right[one][0])) for one, other in names]
    p = np.array([mcnemar(*counted) for counted in only])
    chances = [[float(f"{x:.{DIGITS}g}") for x in both] for both in zip(p, holm(p), strict=True)]
    rows = [(*a, *b, *c, len(groups), n_groups) for a, b, c in zip(apart, only, chances, strict=True)]
    return {
        f"{one} - {other}": dict(zip(COLUMNS, row, strict=True)) for (one, other), row in zip(names, rows, strict=True)
    }


def _only(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.count_nonzero(one & ~other))


def _apart(
    one: np.ndarray, other: np.ndarray, groups: np.ndarray, counts: np.ndarray, confidence: float
) -> list[float | None]:
    """The difference of the accuracies of two models, and the ends of its interval."""
    apart = one.mean(axis=0) - other.mean(axis=0)
    sums = by_group(np.stack([apart, np.ones(len(apart))], axis=1), groups)
    resampled = (counts @ sums)[:, 0] / (counts @ sums)[:, 1]
    ends = interval(resampled, confidence) if len(sums) > 1 else (None, None)
    return [None if number is None else round(number, DIGITS) for number in (float(apart.mean()), *ends)]
